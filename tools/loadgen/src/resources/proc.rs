//! Figures about processes from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};

/// Processor time of a process since its start.
///
/// # Errors
/// The system is not Linux, or the process has ended.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    time(cpu_ticks(&stat).with_context(|| format!("invalid content of {path}"))?)
}

/// Processor time of a process and its children, including children that have ended.
///
/// # Errors
/// The system is not Linux, or the process has ended.
pub(crate) fn family_cpu_time(pid: u32) -> Result<Duration> {
    let mut sum = cpu_time(pid)?;
    let mut ended = 0;
    for entry in fs::read_dir("/proc").context("failed to read /proc")?.flatten() {
        // A process may end meanwhile; then its time is part of its parent's.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if parent(&stat) == Some(pid) {
            sum += time(cpu_ticks(&stat).unwrap_or_default())?;
        } else if entry.file_name().to_string_lossy().parse() == Ok(pid) {
            ended = ended_ticks(&stat).unwrap_or_default();
        }
    }
    Ok(sum + time(ended)?)
}

/// Processor time of all processes of the machine.
///
/// # Errors
/// The system is not Linux.
pub(crate) fn busy_time() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("failed to read /proc/stat")?;
    time(busy_ticks(&stat).context("invalid content of /proc/stat")?)
}

fn time(ticks: u64) -> Result<Duration> {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK)?.context("unknown clock tick")?;
    #[expect(clippy::cast_precision_loss, reason = "a clock tick is a hundredth of a second")]
    Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second as f64))
}

/// Maximum resident memory of a process since its start, in bytes.
///
/// # Errors
/// The system is not Linux, or the process has ended.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM:")
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// The system is not Linux, or the process has ended.
pub(crate) fn memory(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS:")
}

fn status_bytes(pid: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    kilobytes(&status, name).map(|size| size * 1024).with_context(|| format!("invalid content of {path}"))
}

/// Bytes that a process has caused to be written to a disk since its start. Files in memory do not count.
///
/// # Errors
/// The system is not Linux, the process has ended, or it belongs to another user.
pub(crate) fn written_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/io");
    let io = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    write_bytes(&io).with_context(|| format!("invalid content of {path}"))
}

/// Fields 14 and 15 of `/proc/<pid>/stat`: user and kernel mode, including threads that have ended.
fn cpu_ticks(stat: &str) -> Option<u64> {
    // The second field is the name in parentheses and may contain anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(user + kernel)
}

/// Fields 16 and 17 of `/proc/<pid>/stat`: user and kernel mode of children that have ended.
fn ended_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(user + kernel)
}

/// Field 4 of `/proc/<pid>/stat`.
fn parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// Busy ticks from the first line of `/proc/stat`: user, nice, system, idle, waiting for I/O, two kinds of interrupts,
/// stolen. Time that the hypervisor gave to other machines counts as busy; waiting for I/O does not.
fn busy_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, _idle, _waiting, hard, soft, stolen, ..] = ticks[..] else { return None };
    Some(user + nice + system + hard + soft + stolen)
}

/// A size in `/proc/<pid>/status`, such as `VmHWM:     12345 kB`.
fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// `write_bytes: 12345` in `/proc/<pid>/io`.
fn write_bytes(io: &str) -> Option<u64> {
    io.lines().find_map(|line| line.strip_prefix("write_bytes:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_ticks_adds_both_modes_despite_odd_names() {
        let stat = "77 (a) b) S 1 77 77 0 -1 4194560 1 2 3 4 250 31 7 8 20 0 1 0 123456 9 9";
        assert_eq!(cpu_ticks(stat), Some(281));
        assert_eq!((ended_ticks(stat), parent(stat)), (Some(7 + 8), Some(1)));
        assert_eq!(cpu_ticks("77 (cut off) S 1 77"), None);
        assert_eq!(cpu_ticks(""), None);
    }

    #[test]
    fn busy_ticks_excludes_idle_and_waiting() {
        let stat = "cpu  100 20 3 5000 600 7 8 9 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_ticks(stat), Some(147));
        assert_eq!(busy_ticks("cpu  1 2 3\n"), None);
    }

    #[test]
    fn kilobytes_finds_the_named_size() {
        let status = "Name:\torder\nVmPeak:\t  999 kB\nVmHWM:\t   12345 kB\nVmRSS:\t  77 kB\n";
        assert_eq!((kilobytes(status, "VmHWM:"), kilobytes(status, "VmRSS:")), (Some(12_345), Some(77)));
        assert_eq!(kilobytes("Name:\tkthreadd\n", "VmHWM:"), None);
    }

    #[test]
    fn write_bytes_excludes_cancelled_writes() {
        let io = "wchar: 9\nread_bytes: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!((write_bytes(io), write_bytes("")), (Some(4096), None));
    }

    #[test]
    fn figures_of_this_process_are_available() {
        let pid = std::process::id();
        assert!(peak_memory(pid).unwrap() >= memory(pid).unwrap());
        written_bytes(pid).unwrap();
        cpu_time(pid).unwrap();
        assert!(busy_time().unwrap() > Duration::ZERO);
    }
}
