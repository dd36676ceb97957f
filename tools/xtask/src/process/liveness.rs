//! Liveness and identity of a process. The identity matters because process ids are reused.

use std::fs;
use std::path::Path;

use nix::sys::signal;
use nix::unistd::Pid;

/// Distinguishes processes that reuse an id: the start time in clock ticks since boot, or 0 on systems without `/proc`.
/// `None` if no process with this id runs.
pub(crate) fn identity(pid: u32) -> Option<u64> {
    if Path::new("/proc/self/stat").exists() {
        start_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    } else {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?);
        signal::kill(pid, None).ok().map(|()| 0)
    }
}

/// Field 22 of `/proc/<pid>/stat`; `None` for a zombie.
fn start_time(stat: &str) -> Option<u64> {
    // The second field is the name in parentheses and may contain anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_of_this_process_is_stable() {
        let own = identity(std::process::id());
        assert!(own.is_some());
        assert_eq!(own, identity(std::process::id()));
    }

    #[test]
    fn start_time_is_read_when_name_has_parentheses() {
        let stat = "77 (a) b) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 9 9";
        assert_eq!(start_time(stat), Some(123_456));
    }

    #[test]
    fn zombie_has_no_start_time() {
        let stat = "77 (java) Z 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 9 9";
        assert_eq!(start_time(stat), None);
    }
}
