//! Lifetime of a suite: its services end with the test binary, even if the suite is in a static, like the one of `saga`.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

use catalog::ServiceName;
use e2e::{TEST_TIMEOUT, TestCluster};
use xtask::wait_until;

/// Start of the line with the services' process ids.
const PID_LINE_PREFIX: &str = "services: ";

#[test]
#[ignore = "run in its own process by the tests below"]
fn leaves_a_suite_behind() {
    static CLUSTER: OnceLock<TestCluster> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(TestCluster::launch);
    let pids: Vec<_> = ServiceName::all().map(|service| cluster.pid(service).to_string()).collect();
    println!("\n{PID_LINE_PREFIX}{}", pids.join(" "));
}

#[test]
fn services_end_when_test_binary_exits() {
    let mut left = AbandonedSuite::start();
    assert!(left.test_binary.wait().unwrap().success());
    left.assert_services_end();
}

#[test]
fn services_end_when_test_binary_is_killed() {
    let mut left = AbandonedSuite::start();
    left.test_binary.kill().unwrap();
    left.test_binary.wait().unwrap();
    left.assert_services_end();
}

/// A test binary whose suite is in a static.
struct AbandonedSuite {
    test_binary: Child,
    /// Directories in `/proc`.
    services: Vec<String>,
    /// Kept open, because a test binary that cannot print its results fails.
    _output: BufReader<ChildStdout>,
}

impl AbandonedSuite {
    /// Starts the test binary and waits until its services run.
    #[track_caller]
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("the path of the test binary is known"));
        command.args(["reaper::leaves_a_suite_behind", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        let mut test_binary = command.stdout(Stdio::piped()).spawn().expect("the test binary starts");
        let mut output = BufReader::new(test_binary.stdout.take().expect("standard output is piped"));
        let mut lines = output.by_ref().lines().map_while(Result::ok);
        let pids = lines.find_map(|line| line.strip_prefix(PID_LINE_PREFIX).map(str::to_owned));
        let pids = pids.expect("the test binary prints the process ids");
        Self { test_binary, services: pids.split(' ').map(|pid| format!("/proc/{pid}")).collect(), _output: output }
    }

    #[track_caller]
    fn assert_services_end(&self) {
        assert_eq!(self.services.len(), ServiceName::all().len());
        for process in &self.services {
            let ended = || if Path::new(process).exists() { Err("still running") } else { Ok(()) };
            wait_until(&format!("the end of {process}"), TEST_TIMEOUT, ended).expect("the service ends");
        }
    }
}
