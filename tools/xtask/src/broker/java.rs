//! A broker as a Java process, from Maven artifacts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::engine::Engine;
use super::settings::{self, DATA, Ports};
use super::state::Handle;
use crate::build::requirements;
use crate::build::workspace::{Workspace, remove_dir};
use crate::process::child::Process;
use crate::process::children::Role;
use crate::process::liveness;
use crate::process::tool;
use crate::progress::Progress;

const FETCHING: Duration = Duration::from_mins(10);
const FORMATTING: Duration = Duration::from_mins(1);

/// The same for all clusters, since each has a single node.
const CLUSTER_ID: &str = "b3JkZXItc2FnYS1sb2NhbA";

/// For a fast start and little memory.
const JVM_FLAGS: [&str; 5] =
    ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"];

/// One broker with its own directory.
pub(super) struct JavaBroker {
    libs: PathBuf,
    log_config: PathBuf,
    dir: PathBuf,
    process: Option<Process>,
    detached: bool,
}

impl JavaBroker {
    /// Installs missing programs and prepares the directory of data and log; starts nothing.
    pub(super) fn prepare(workspace: &Workspace, dir: &Path, ports: Ports, progress: Progress) -> Result<Self> {
        requirements::ensure(workspace, &requirements::FOR_JAVA_BROKER, progress)?;
        let libs = fetch_libs(workspace, progress)?;
        let broker = Self {
            libs,
            log_config: workspace.root().join("deploy/kafka/log4j2.properties"),
            dir: dir.to_owned(),
            process: None,
            detached: false,
        };
        let data = broker.data().to_string_lossy().into_owned();
        let properties = settings::render(workspace, ports, "127.0.0.1", &data)?;
        fs::write(broker.properties(), properties).context("failed to write server.properties")?;
        broker.format(progress)?;
        Ok(broker)
    }

    fn data(&self) -> PathBuf {
        self.dir.join(DATA)
    }

    fn properties(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("broker.log")
    }

    /// Formats the data directory. `StorageTool` runs once; later brokers copy its result, which is the same for all.
    fn format(&self, progress: Progress) -> Result<()> {
        let formatted = self.libs.with_file_name("formatted");
        if !formatted.join("meta.properties").exists() {
            let step = progress.step("formatting Kafka's storage");
            let mut command = self.java("kafka.tools.StorageTool");
            command.args(["format", "--cluster-id", CLUSTER_ID, "--config"]).arg(self.properties());
            tool::run("Kafka's StorageTool", command, &self.log(), FORMATTING)?;
            step.done("formatted Kafka's storage");
            return keep_copy(&self.data(), &formatted);
        }
        copy_dir(&formatted, &self.data())
    }

    fn java(&self, main_class: &str) -> Command {
        let mut command = Command::new("java");
        command
            .args(JVM_FLAGS)
            .arg(format!("-Dlog4j2.configurationFile={}", self.log_config.display()))
            .arg("-cp")
            .arg(self.libs.join("*"))
            .arg(main_class)
            .current_dir(&self.dir);
        command
    }
}

impl Engine for JavaBroker {
    fn start(&mut self) -> Result<()> {
        let mut command = self.java("kafka.Kafka");
        command.arg(self.properties());
        self.process = Some(Process::spawn(Role::Broker, "the Kafka broker", command, &self.log())?);
        Ok(())
    }

    fn ensure_running(&mut self) -> Result<()> {
        self.process.as_mut().context("the broker was not started")?.ensure_running()
    }

    fn stop(&mut self) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), |process| process.terminate().map(drop))
    }

    fn kill(&mut self) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), |process| process.kill().map(drop))
    }

    fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    fn data_dir(&self) -> Option<PathBuf> {
        Some(self.data())
    }

    fn recent_output(&self) -> String {
        crate::process::tail::of_file(&self.log())
    }

    fn detach(&mut self) -> Handle {
        self.detached = true;
        if let Some(process) = &mut self.process {
            process.detach();
        }
        let pid = self.pid().unwrap_or_default();
        Handle::Java { pid, identity: liveness::identity(pid).unwrap_or_default() }
    }
}

impl Drop for JavaBroker {
    /// Keeps the log until newer runs displace it.
    fn drop(&mut self) {
        if self.detached {
            return;
        }
        self.process = None;
        remove_dir(&self.data()).ok();
    }
}

/// The directory of the broker's jars, fetched if the pom has changed since the last time.
fn fetch_libs(workspace: &Workspace, progress: Progress) -> Result<PathBuf> {
    let source = workspace.root().join("deploy/kafka");
    let home = workspace.target().join("kafka");
    let (libs, stamp) = (home.join("libs"), home.join("libs.stamp"));
    let _lock = workspace.lock("kafka-libs", FETCHING)?;
    let pom = fs::read_to_string(source.join("pom.xml")).context("failed to read deploy/kafka/pom.xml")?;
    // The stamp is a copy of the pom.
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == pom) {
        return Ok(libs);
    }
    let step = progress.step("fetching Kafka's jars with Maven, 45 MB, once");
    remove_dir(&libs)?;
    remove_dir(&home.join("formatted"))?;
    fs::create_dir_all(&libs).with_context(|| format!("failed to create {}", libs.display()))?;
    let mut command = Command::new("mvn");
    command.args(["--batch-mode", "--quiet", "dependency:copy-dependencies"]);
    command.arg(format!("-DoutputDirectory={}", libs.display())).current_dir(&source);
    let log = home.join("maven.log");
    fs::write(&log, "").with_context(|| format!("failed to write {}", log.display()))?;
    tool::run("mvn", command, &log, FETCHING)?;
    fs::write(&stamp, pom).with_context(|| format!("failed to write {}", stamp.display()))?;
    step.done("fetched Kafka's jars");
    Ok(libs)
}

/// Copies a directory atomically. If another process was first, its copy is kept.
fn keep_copy(from: &Path, to: &Path) -> Result<()> {
    let draft = to.with_extension(std::process::id().to_string());
    copy_dir(from, &draft)?;
    if fs::rename(&draft, to).is_err() {
        remove_dir(&draft)?;
    }
    Ok(())
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("failed to create {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("failed to write {}", target.display()))?;
        }
    }
    Ok(())
}
