//! A server from the programs that are installed on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::{User, chown, geteuid};

use super::{Durability, Engine, USER, settings};
use crate::children::Role;
use crate::process::Process;
use crate::progress::Progress;
use crate::requirements::{self, Tool};
use crate::tool;
use crate::workspace::{Workspace, remove_dir};

const PREPARING: Duration = Duration::from_mins(2);
const ASKING: Duration = Duration::from_secs(20);
/// How long it may take to end when it is told not to wait for its clients.
const ENDING: Duration = Duration::from_secs(10);

/// Where packages put the programs, for they are not on the path: a directory of versions, then what follows.
const PLACES: [(&str, &str); 4] =
    [("/usr/lib/postgresql", "bin"), ("/usr/local/opt", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr", "bin")];

/// A server with a directory of its own.
pub(super) struct InstalledServer {
    programs: PathBuf,
    owner: Option<ServiceName>,
    dir: PathBuf,
    port: u16,
    settings: Vec<String>,
    process: Option<Process>,
}

/// Who runs the server when this program is root's: PostgreSQL refuses to be.
struct ServiceName {
    name: String,
    uid: nix::unistd::Uid,
    gid: nix::unistd::Gid,
}

/// Where the server's programs are, if they are.
pub(crate) fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = env::split_paths(&path).collect();
    for (parent, below) in PLACES {
        let mut versions: Vec<PathBuf> = fs::read_dir(parent)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        versions.sort();
        found.extend(versions.into_iter().rev().map(|version| version.join(below)));
    }
    // Some of them may be on the path alone: then the others are where it leads.
    let all = |dir: &PathBuf| ["initdb", "postgres", "pg_isready"].iter().all(|program| dir.join(program).is_file());
    let followed = found.iter().filter_map(|dir| Some(dir.join("postgres").canonicalize().ok()?.parent()?.to_owned()));
    followed.chain(found.clone()).find(all)
}

impl InstalledServer {
    /// Gets what is missing and makes the directory of its data; nothing runs yet.
    pub(super) fn prepare(
        workspace: &Workspace,
        port: u16,
        durability: Durability,
        progress: Progress,
    ) -> Result<Self> {
        requirements::ensure(workspace, &[Tool::Postgres], progress)?;
        let programs = programs().context("PostgreSQL's programs are not found")?;
        let owner = if geteuid().is_root() { Some(ServiceName::find()?) } else { None };
        let dir = directory(workspace, owner.as_ref())?;
        let server = Self { programs, owner, dir, port, settings: settings(durability), process: None };
        let mut command = server.command("initdb");
        command.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", USER, "--pgdata"]);
        command.arg(server.data());
        let log = server.log();
        fs::write(&log, "").with_context(|| format!("cannot write {}", log.display()))?;
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
        // The path of a socket is bounded, and nobody connects by one.
        command.args(["-c", "unix_socket_directories="]).args(&self.settings);
        self.process = Some(Process::spawn(Role::Broker, "PostgreSQL", command, &self.log())?);
        Ok(())
    }

    fn crash(&mut self) -> Result<()> {
        let process = self.process.as_mut().context("PostgreSQL was not started")?;
        // Not SIGKILL, after which its shared memory would be in the way of the next start: at SIGQUIT it drops everything.
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

    fn last_words(&self) -> String {
        crate::tail::of_file(&self.log())
    }
}

impl Drop for InstalledServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // At SIGTERM it would wait for its clients; at SIGINT it sends them away.
            process.signal(Signal::SIGINT).ok();
            process.wait(ENDING).ok();
        }
        self.process = None;
        remove_dir(&self.dir).ok();
    }
}

impl ServiceName {
    fn find() -> Result<Self> {
        for name in [USER, "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Self { name: user.name, uid: user.uid, gid: user.gid });
            }
        }
        bail!("PostgreSQL refuses to run as root, and there is neither a user 'postgres' nor 'nobody'")
    }
}

/// A program, run by this user or, if this is root, by the server's own.
fn as_owner(owner: Option<&ServiceName>, program: &Path, dir: &Path) -> Command {
    let Some(ServiceName { uid, gid, .. }) = owner else {
        let mut command = Command::new(program);
        command.current_dir(dir);
        return command;
    };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into(), "--".into()]);
    command.arg(program).current_dir(dir);
    command
}

/// A new directory that the server's owner can use: below `target`, or, where root keeps that for itself, in a place
/// for everybody.
fn directory(workspace: &Workspace, owner: Option<&ServiceName>) -> Result<PathBuf> {
    let dir = workspace.run_dir_of("postgres", 0)?;
    let Some(ServiceName { name, uid, gid }) = owner else { return Ok(dir) };
    let elsewhere = Workspace::with_target(PathBuf::from("/var/tmp/order-saga"));
    for dir in [Ok(dir), elsewhere.run_dir_of("postgres", 0)] {
        let dir = dir?;
        chown(&dir, Some(*uid), Some(*gid)).with_context(|| format!("cannot give {} to {name}", dir.display()))?;
        let mut look = as_owner(owner, Path::new("test"), Path::new("/"));
        look.arg("-w").arg(&dir);
        if tool::ask("test -w", look, ASKING).is_ok() {
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
    fn root_runs_it_as_somebody_else() {
        let owner = ServiceName { name: "nobody".into(), uid: 65534.into(), gid: 65534.into() };
        let command = as_owner(Some(&owner), Path::new("/bin/initdb"), Path::new("/"));
        assert_eq!(command.get_program(), "setpriv");
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        assert_eq!(arguments, ["--reuid=65534", "--regid=65534", "--clear-groups", "--", "/bin/initdb"]);
        assert_eq!(as_owner(None, Path::new("/bin/initdb"), Path::new("/")).get_program(), "/bin/initdb");
    }
}
