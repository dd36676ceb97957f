//! A child process with a name and a log file, stopped when dropped.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::process::children::{self, Role};
use crate::process::group::{self, GRACE, Target};
use crate::process::tail;
use crate::process::wait::{Poll, wait_for};

/// A running or ended child.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: Option<PathBuf>,
    detached: bool,
    asked_to_end: bool,
}

impl Process {
    /// Starts a child whose output goes to the end of the log file.
    ///
    /// # Errors
    /// The log cannot be opened or the program cannot be run.
    pub(crate) fn spawn(role: Role, name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("failed to open {}", log.display()))?;
        command.stdout(file.try_clone()?).stderr(file);
        let mut process = Self::spawn_plain(role, name, command)?;
        process.log = Some(log.to_owned());
        Ok(process)
    }

    /// Starts a child with the output streams that the command sets.
    ///
    /// # Errors
    /// The program cannot be run.
    pub(crate) fn spawn_plain(role: Role, name: &str, mut command: Command) -> Result<Self> {
        let child = children::spawn(role, &mut command).with_context(|| format!("failed to start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log: None, detached: false, asked_to_end: false })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of its log, for an error message.
    pub(crate) fn recent_output(&self) -> String {
        self.log.as_deref().map_or_else(|| "its output is above".into(), tail::of_file)
    }

    /// Takes the piped standard output; `None` on later calls.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Reads all piped output of an ended child.
    pub(crate) fn output(&mut self) -> Result<(String, String)> {
        let (mut said, mut complained) = (String::new(), String::new());
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut said)?;
        }
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut complained)?;
        }
        Ok((said, complained))
    }

    /// The exit status, once it has ended.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait().with_context(|| format!("failed to wait for {}", self.name))?;
        if status.is_some() {
            children::forget(&Target::Group(self.pid()));
        }
        Ok(status)
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// It has ended, whatever its status.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        match self.exited()? {
            None => Ok(()),
            Some(status) => bail!("{} ended early, {status}", self.name),
        }
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// It has not ended within the given time; it keeps running.
    pub(crate) fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        wait_for(&what, within, || Ok(self.exited()?.map_or_else(|| Poll::Pending("it runs".into()), Poll::Ready)))
    }

    /// Sends a signal to the process and its group; one that has ended gets none.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.exited()?.is_some() {
            return Ok(());
        }
        group::signal_group(self.pid(), signal)
    }

    /// Sends SIGTERM once, without waiting. A second signal would interrupt the shutdown of some programs.
    pub(crate) fn request_exit(&mut self) -> Result<()> {
        if !self.asked_to_end && self.exited()?.is_none() {
            self.asked_to_end = true;
            group::request_exit(self.pid());
        }
        Ok(())
    }

    /// SIGTERM, a bounded wait, then SIGKILL: it has ended when this returns.
    pub(crate) fn terminate(&mut self) -> Result<ExitStatus> {
        self.request_exit()?;
        match self.wait(GRACE) {
            Ok(status) => Ok(status),
            Err(_) => self.kill(),
        }
    }

    /// SIGKILL: it has ended when this returns.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGKILL)?;
        self.wait(GRACE)
    }

    /// Lets it outlive this program.
    pub(crate) fn detach(&mut self) {
        self.detached = true;
        children::forget(&Target::Group(self.pid()));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.detached
            && let Err(error) = self.terminate()
        {
            eprintln!("{} may still run: {error:#}", self.name);
        }
    }
}
