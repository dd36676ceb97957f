//! `sagactl`, run as an operator would.

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use xtask::{ServiceName, wait_until};

use crate::{PATIENCE, Shop, must, sagactl_binary};

/// What a run of the command left.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Fails unless it ended with this code.
    #[must_use]
    #[track_caller]
    pub fn must_end_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The command with nothing of this process's environment.
#[track_caller]
pub fn sagactl(arguments: &[&str]) -> Command {
    let mut command = Command::new(sagactl_binary());
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    Ran::of(&must(command.output()))
}

impl Shop {
    /// The command, set to this suite by environment variables.
    #[track_caller]
    pub fn sagactl(&self, arguments: &[&str]) -> Command {
        let mut command = sagactl(arguments);
        command.env("KAFKA_BOOTSTRAP_SERVERS", self.topics().broker());
        command.env("KAFKA_TOPIC_PREFIX", self.topics().full_name(""));
        for service in ServiceName::all() {
            command.env(format!("{}_URL", service.name().to_uppercase()), self.client(service).base());
        }
        command
    }

    /// Runs the command, which must end with this code.
    #[track_caller]
    pub fn operate(&self, arguments: &[&str], code: i32) -> Ran {
        run(&mut self.sagactl(arguments)).must_end_with(code)
    }

    /// Runs the command with `--output json`; it must succeed.
    #[track_caller]
    pub fn ask_operator(&self, arguments: &[&str]) -> Value {
        self.operate(&[arguments, &["--output", "json"]].concat(), 0).json()
    }

    /// Runs the command again and again until its JSON is as asked.
    #[track_caller]
    pub fn wait_for_operator(&self, what: &str, arguments: &[&str], is: impl Fn(&Value) -> bool) -> Value {
        must(wait_until(what, PATIENCE, || {
            let ran = run(&mut self.sagactl(&[arguments, &["--output", "json"]].concat()));
            match serde_json::from_str(&ran.stdout) {
                Ok(json) if is(&json) => Ok(json),
                _ => Err(format!("{ran:?}")),
            }
        }))
    }
}
