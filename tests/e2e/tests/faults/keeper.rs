//! What a test starts ends with it, however it ends: the shared suite of `saga` is in a static, which nobody drops.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

use e2e::{PATIENCE, Shop, must};
use xtask::{ServiceName, wait_until};

/// Before the line with the services' process ids.
const PIDS: &str = "services: ";

#[test]
#[ignore = "run by the tests below, in a process of its own"]
fn leaves_a_suite_behind() {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    let shop = SHOP.get_or_init(Shop::open);
    println!(
        "\n{PIDS}{}",
        ServiceName::all().map(|service| shop.pid(service).to_string()).collect::<Vec<_>>().join(" ")
    );
}

#[test]
fn a_suite_in_a_static_ends_with_its_test_binary() {
    let mut left = Left::behind();
    assert!(must(left.binary.wait()).success());
    left.services_must_end();
}

#[test]
fn a_suite_ends_with_its_test_binary_that_is_killed() {
    let mut left = Left::behind();
    must(left.binary.kill());
    must(left.binary.wait());
    left.services_must_end();
}

/// A test binary whose suite is in a static.
struct Left {
    binary: Child,
    services: Vec<String>,
    /// OwnedRecord open: a test binary that can't say how its tests ended fails.
    _output: BufReader<ChildStdout>,
}

impl Left {
    /// Starts it; its services run then.
    #[track_caller]
    fn behind() -> Self {
        let mut command = Command::new(must(std::env::current_exe()));
        command.args(["keeper::leaves_a_suite_behind", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        let mut binary = must(command.stdout(Stdio::piped()).spawn());
        let mut output = BufReader::new(binary.stdout.take().expect("piped"));
        let mut lines = output.by_ref().lines().map_while(Result::ok);
        let pids = lines.find_map(|line| line.strip_prefix(PIDS).map(str::to_owned));
        let pids = pids.expect("it says which processes are its services");
        Self { binary, services: pids.split(' ').map(|pid| format!("/proc/{pid}")).collect(), _output: output }
    }

    #[track_caller]
    fn services_must_end(&self) {
        assert_eq!(self.services.len(), 4);
        for process in &self.services {
            let ended = || if Path::new(process).exists() { Err("it is there") } else { Ok(()) };
            must(wait_until(&format!("the end of {process}"), PATIENCE, ended));
        }
    }
}
