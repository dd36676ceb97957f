//! The reaper: a shell that reads targets from a pipe, and stops them when the other end of the pipe closes.

use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};

use anyhow::{Context, Result};

use crate::process::group::{Target, own_group};

/// Reads lines `add <kind> <id>` and `del <kind> <id>`; at the end of input it stops the remaining targets: SIGTERM, up to ten
/// seconds, SIGKILL.
const SCRIPT: &str = r#"
left=" "
while read -r op kind id; do
  rest=" "
  for known in $left; do [ "$known" = "$kind:$id" ] || rest="$rest$known "; done
  left="$rest"
  [ "$op" = add ] && left="$left$kind:$id "
done
for known in $left; do
  case $known in
    container:*) docker rm --force --volumes "${known#*:}" ;;
    project:*) docker compose --project-name "${known#*:}" down --volumes --rmi local --timeout 1 ;;
    group:*) kill -s TERM -- "-${known#*:}"; kill -s CONT -- "-${known#*:}" ;;
  esac
done
for known in $left; do
  case $known in group:*) ;; *) continue ;; esac
  tries=0
  while [ "$tries" -lt 100 ] && kill -s 0 -- "-${known#group:}"; do tries=$((tries + 1)); sleep 0.1; done
  kill -s KILL -- "-${known#group:}"
done
"#;

/// The pipe to the shell. Children of this process do not inherit it, so it closes when this process ends.
pub(crate) struct Reaper {
    pipe: ChildStdin,
}

impl Reaper {
    /// Starts the shell.
    ///
    /// # Errors
    /// There is no shell.
    pub(crate) fn start() -> Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "reaper"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = own_group(&mut shell).spawn().context("failed to run sh")?;
        let pipe = child.stdin.take().context("sh has no standard input")?;
        Ok(Self { pipe })
    }

    pub(crate) fn remember(&mut self, target: &Target) {
        self.tell("add", target);
    }

    pub(crate) fn forget(&mut self, target: &Target) {
        self.tell("del", target);
    }

    /// A missing reaper is not an error, because only an abnormal end of this process needs it.
    fn tell(&mut self, what: &str, target: &Target) {
        match target {
            Target::Group(leader) => writeln!(self.pipe, "{what} group {leader}").ok(),
            Target::Container(name) => writeln!(self.pipe, "{what} container {name}").ok(),
            Target::Project(name) => writeln!(self.pipe, "{what} project {name}").ok(),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::process::Child;
    use std::time::Duration;

    use super::*;
    use crate::process::wait::wait_until;

    fn sleeper() -> Child {
        own_group(Command::new("sleep").arg("60")).spawn().unwrap()
    }

    #[test]
    fn reaper_stops_remembered_targets_when_the_pipe_closes() {
        let (mut left, mut forgotten) = (sleeper(), sleeper());
        let mut reaper = Reaper::start().unwrap();
        reaper.remember(&Target::Group(left.id()));
        reaper.remember(&Target::Group(forgotten.id()));
        reaper.forget(&Target::Group(forgotten.id()));
        drop(reaper);
        let ended = wait_until("the end of what is left", Duration::from_secs(20), || {
            left.try_wait().unwrap().ok_or("it runs")
        });
        let other = forgotten.try_wait().unwrap();
        forgotten.kill().unwrap();
        forgotten.wait().unwrap();
        assert!(!ended.unwrap().success());
        assert_eq!(other, None);
    }
}
