//! Runs of `sagactl`, the operator's command.

use std::process::{Command, Output, Stdio};

use catalog::ServiceName;
use serde_json::Value;
use xtask::wait_until;

use crate::{binaries::sagactl_binary, cluster::TestCluster, timeout::TEST_TIMEOUT};

/// Exit code and output of one run.
#[derive(Debug)]
pub struct CliOutput {
    /// -1 if a signal ended the run.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl CliOutput {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Panics unless the run ended with this code.
    #[must_use]
    #[track_caller]
    pub fn expect_exit_code(self, code: i32) -> Self {
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

/// The command with an empty environment.
#[track_caller]
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(sagactl_binary());
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command until it exits.
#[track_caller]
pub fn run(command: &mut Command) -> CliOutput {
    CliOutput::of(&command.output().expect("sagactl starts"))
}

impl TestCluster {
    /// The command with environment variables that point it to this suite.
    #[track_caller]
    pub fn sagactl_command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.env("KAFKA_BOOTSTRAP_SERVERS", self.topics().broker());
        command.env("KAFKA_TOPIC_PREFIX", self.topics().full_name(""));
        for service in ServiceName::all() {
            command.env(format!("{}_URL", service.name().to_uppercase()), self.client(service).base());
        }
        command
    }

    /// Runs the command and asserts its exit code.
    #[track_caller]
    pub fn sagactl_exits_with(&self, code: i32, arguments: &[&str]) -> CliOutput {
        run(&mut self.sagactl_command(arguments)).expect_exit_code(code)
    }

    /// Runs the command with `--output json` and asserts that it succeeds.
    #[track_caller]
    pub fn sagactl_json(&self, arguments: &[&str]) -> Value {
        self.sagactl_exits_with(0, &[arguments, &["--output", "json"]].concat()).json()
    }

    /// Repeats the command until its JSON meets a condition.
    #[track_caller]
    pub fn wait_for_sagactl_json(&self, condition: &str, arguments: &[&str], is_met: impl Fn(&Value) -> bool) -> Value {
        let met = wait_until(condition, TEST_TIMEOUT, || {
            let output = run(&mut self.sagactl_command(&[arguments, &["--output", "json"]].concat()));
            match serde_json::from_str(&output.stdout) {
                Ok(json) if is_met(&json) => Ok(json),
                _ => Err(format!("{output:?}")),
            }
        });
        met.expect("sagactl reports the expected state in time")
    }
}
