//! A new service and a new reader compile and pass their tests, and the reader runs. They are created in a copy of the workspace, which is removed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use xtask::{Client, Workspace, broker_from_env, ports, scaffold, wait_until};

fn run(program: &str, arguments: &[&str], workspace: &Workspace) -> String {
    let mut command = Command::new(program);
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("RUSTC_BOOTSTRAP").env("CARGO_TARGET_DIR", workspace.target());
    // Otherwise expect-test uses the original workspace, which contains the copy.
    command.env("CARGO_WORKSPACE_DIR", workspace.root());
    let output = command.args(arguments).current_dir(workspace.root()).output().expect("the program runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {out}\n{err}");
    out.into_owned()
}

/// Gives the copied crates another version. Cargo names compiled crates after the version and the path in the workspace, so
/// the copies would otherwise replace the originals in the shared target directory.
fn change_version(dir: &Path) {
    let manifest = dir.join("Cargo.toml");
    let version = |version: &str| format!("version = \"{version}\"");
    let original = fs::read_to_string(&manifest).expect("the manifest is readable");
    let changed = original.replacen(&version(env!("CARGO_PKG_VERSION")), &version("0.0.0"), 1);
    assert_ne!(changed, original, "the workspace has a version");
    fs::write(manifest, changed).expect("the manifest is writable");
}

/// Copies all files that git tracks or would add.
fn copy(workspace: &Workspace, to: &Path) {
    let files = run("git", &["ls-files", "--cached", "--others", "--exclude-standard"], workspace);
    for file in files.lines().map(Path::new).filter(|file| workspace.root().join(file).is_file()) {
        fs::create_dir_all(to.join(file).parent().expect("a folder")).expect("created");
        fs::copy(workspace.root().join(file), to.join(file)).expect("copied");
    }
}

/// Runs a service on a broker without topics until it is not ready for this reason.
fn start_until_not_ready(binary: &Path, dir: &Path, reason: &str) {
    let port = ports::free().expect("a free port");
    let mut command = Command::new(binary);
    command
        .env("KAFKA_BOOTSTRAP_SERVERS", broker_from_env().expect("a broker is available"))
        .env("KAFKA_TOPIC_PREFIX", format!("{}.", dir.file_name().expect("a directory").display()))
        .env("DATABASE_URL", format!("sqlite:{}", dir.join("reader.db").display()))
        .env("HTTP_ADDR", format!("127.0.0.1:{port}"));
    let mut process = command.spawn().expect("the binary starts");
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    let waited = wait_until(reason, Duration::from_mins(1), || {
        let body = client.get("/readyz").map_err(|error| format!("{error:#}"))?.body.to_string();
        if body.contains(reason) { Ok(()) } else { Err(body) }
    });
    process.kill().expect("the process runs");
    process.wait().expect("the process ends");
    waited.expect("the service is not ready for this reason");
}

#[test]
fn new_service_builds_and_passes_its_tests() {
    let workspace = Workspace::find().expect("the test runs in the workspace");
    let dir = workspace.run_dir("new-service").expect("a directory");
    copy(&workspace, &dir);
    change_version(&dir);
    // Compiled dependencies are reused.
    let copied = Workspace::at(dir.clone(), workspace.target().to_owned());
    scaffold::run(&copied, "loyalty", false).expect("created");
    let tests = run("cargo", &["test", "--offline", "--package", "loyalty"], &copied);
    assert!(tests.contains("placed_order_is_recorded ... ok"), "{tests}");
    let compose = fs::read_to_string(dir.join("docker-compose.yml")).expect("read");
    assert!(compose.contains("SAGA_LOYALTY_PORT"), "{compose}");

    scaffold::run(&copied, "audit", true).expect("created");
    let tests = run("cargo", &["test", "--offline", "--package", "audit"], &copied);
    assert!(tests.contains("recorded_event_is_not_recorded_again ... ok"), "{tests}");
    run("cargo", &["build", "--offline", "--package", "audit"], &copied);
    start_until_not_ready(&workspace.target().join("debug/audit"), &dir, "no partitions assigned yet");
    fs::remove_dir_all(dir).expect("removed");
}
