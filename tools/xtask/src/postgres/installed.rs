//! A PostgreSQL server that runs the programs installed on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::{User, chown, geteuid};

use super::engine::{Durability, Engine, USER, settings};
use crate::build::requirements::{self, Tool, postgres_programs};
use crate::build::workspace::{Workspace, remove_dir};
use crate::process::child::Process;
use crate::process::children::Role;
use crate::process::tool;
use crate::progress::Progress;

const PREPARING: Duration = Duration::from_mins(2);
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum duration of a fast shutdown, which does not wait for clients.
const ENDING: Duration = Duration::from_secs(10);

/// A server with its own directory.
pub(super) struct InstalledServer {
    programs: PathBuf,
    owner: Option<ServerUser>,
    dir: PathBuf,
    port: u16,
    settings: Vec<String>,
    process: Option<Process>,
}

/// User that runs the server if this program runs as root, which PostgreSQL refuses.
struct ServerUser {
    name: String,
    uid: nix::unistd::Uid,
    gid: nix::unistd::Gid,
}

impl InstalledServer {
    /// Installs missing programs and creates the data directory; starts nothing.
    pub(super) fn prepare(
        workspace: &Workspace,
        port: u16,
        durability: Durability,
        progress: Progress,
    ) -> Result<Self> {
        requirements::ensure(workspace, &[Tool::Postgres], progress)?;
        let programs = postgres_programs().context("PostgreSQL's programs are not found")?;
        let owner = if geteuid().is_root() { Some(ServerUser::find()?) } else { None };
        let dir = directory(workspace, owner.as_ref())?;
        let server = Self { programs, owner, dir, port, settings: settings(durability), process: None };
        let mut command = server.command("initdb");
        command.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", USER, "--pgdata"]);
        command.arg(server.data());
        let log = server.log();
        fs::write(&log, "").with_context(|| format!("failed to write {}", log.display()))?;
        tool::run("initdb", command, &log, PREPARING)?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    fn command(&self, program: &str) -> Command {
        as_owner(self.owner.as_ref(), &self.programs.join(program), &self.dir)
    }
}

impl Engine for InstalledServer {
    fn start(&mut self) -> Result<()> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        // No Unix socket: its path may exceed the limit, and clients connect by TCP.
        command.args(["-c", "unix_socket_directories="]).args(&self.settings);
        self.process = Some(Process::spawn(Role::Broker, "PostgreSQL", command, &self.log())?);
        Ok(())
    }

    fn crash(&mut self) -> Result<()> {
        let process = self.process.as_mut().context("PostgreSQL was not started")?;
        // Not SIGKILL, after which leftover shared memory would prevent the next start. SIGQUIT aborts without a
        // checkpoint.
        process.signal(Signal::SIGQUIT)?;
        process.wait(ENDING).map(drop)
    }

    fn ensure_running(&mut self) -> Result<()> {
        self.process.as_mut().context("PostgreSQL was not started")?.ensure_running()
    }

    fn is_ready(&self) -> Command {
        let mut command = Command::new(self.programs.join("pg_isready"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command
    }

    fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    fn recent_output(&self) -> String {
        crate::process::tail::of_file(&self.log())
    }
}

impl Drop for InstalledServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // SIGTERM would wait until all clients disconnect; SIGINT disconnects them.
            process.signal(Signal::SIGINT).ok();
            process.wait(ENDING).ok();
        }
        self.process = None;
        remove_dir(&self.dir).ok();
    }
}

impl ServerUser {
    fn find() -> Result<Self> {
        for name in [USER, "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Self { name: user.name, uid: user.uid, gid: user.gid });
            }
        }
        bail!("PostgreSQL refuses to run as root, and there is neither a user 'postgres' nor 'nobody'")
    }
}

/// A command that runs as this user, or as the server's user if this user is root.
fn as_owner(owner: Option<&ServerUser>, program: &Path, dir: &Path) -> Command {
    let Some(ServerUser { uid, gid, .. }) = owner else {
        let mut command = Command::new(program);
        command.current_dir(dir);
        return command;
    };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into(), "--".into()]);
    command.arg(program).current_dir(dir);
    command
}

/// Creates a directory that the server's user can access: below `target`, or below `/var/tmp` if only root can access
/// `target`.
fn directory(workspace: &Workspace, owner: Option<&ServerUser>) -> Result<PathBuf> {
    let dir = workspace.run_dir_of("postgres", 0)?;
    let Some(ServerUser { name, uid, gid }) = owner else { return Ok(dir) };
    let elsewhere = Workspace::at(PathBuf::new(), PathBuf::from("/var/tmp/order-saga"));
    for dir in [Ok(dir), elsewhere.run_dir_of("postgres", 0)] {
        let dir = dir?;
        chown(&dir, Some(*uid), Some(*gid)).with_context(|| format!("cannot give {} to {name}", dir.display()))?;
        let mut look = as_owner(owner, Path::new("test"), Path::new("/"));
        look.arg("-w").arg(&dir);
        if tool::stdout_of("test -w", look, QUERY_TIMEOUT).is_ok() {
            return Ok(dir);
        }
        remove_dir(&dir)?;
    }
    bail!("the user {name} can use neither a directory below {} nor /var/tmp", workspace.target().display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_runs_the_server_as_another_user() {
        let owner = ServerUser { name: "nobody".into(), uid: 65534.into(), gid: 65534.into() };
        let command = as_owner(Some(&owner), Path::new("/bin/initdb"), Path::new("/"));
        assert_eq!(command.get_program(), "setpriv");
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert_eq!(arguments, ["--reuid=65534", "--regid=65534", "--clear-groups", "--", "/bin/initdb"]);
        assert_eq!(as_owner(None, Path::new("/bin/initdb"), Path::new("/")).get_program(), "/bin/initdb");
    }
}
