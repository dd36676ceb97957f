//! Programs that building and running the suite requires, and their installation.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

use crate::build::workspace::Workspace;
use crate::process::tool::{self, on_path};
use crate::progress::Progress;

const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
const INSTALLING: Duration = Duration::from_mins(15);

/// The oldest Java that runs the broker.
const JAVA_MIN: u32 = 17;

/// Debian packages `ensurepip`, which a virtual environment needs, separately from `venv`.
const PYTHON_IS_FIT: &str = "import sys, venv, ensurepip; assert sys.version_info >= (3, 10)";

const NODE_IS_FIT: &str = "process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)";

/// Directories outside the path in which packages install PostgreSQL: the parent of the version, and the rest below it.
const PLACES: [(&str, &str); 4] =
    [("/usr/lib/postgresql", "bin"), ("/usr/local/opt", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr", "bin")];

/// A program that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The C++ compiler, for librdkafka; it comes with the C compiler that SQLite needs.
    Compiler,
    /// For librdkafka.
    Make,
    /// For a broker without Docker.
    Java,
    /// Fetches the broker's jars.
    Maven,
    /// With `venv`; runs third-party checks of events and APIs.
    Python,
    /// Runs AsyncAPI's parser.
    Node,
    /// Installs AsyncAPI's parser.
    Npm,
    /// PostgreSQL's server, for tests without Docker.
    Postgres,
}

/// Requirements of compiling the workspace.
pub const FOR_BUILDING: [Tool; 2] = [Tool::Compiler, Tool::Make];

/// Requirements of a broker without Docker.
pub const FOR_JAVA_BROKER: [Tool; 2] = [Tool::Java, Tool::Maven];

/// Requirements of the conformance checks.
pub const FOR_CONFORMANCE: [Tool; 3] = [Tool::Python, Tool::Node, Tool::Npm];

/// A program that installs packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installer {
    AptGet,
    Dnf,
    Brew,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Compiler => "a C++ compiler (g++)",
            Self::Make => "make",
            Self::Java => "Java 17 or newer",
            Self::Maven => "Maven (mvn)",
            Self::Python => "Python 3.10 or newer with venv",
            Self::Node => "Node.js 18 or newer",
            Self::Npm => "npm",
            Self::Postgres => "PostgreSQL's server (initdb, postgres)",
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::Compiler => on_path("g++") || on_path("c++"),
            Self::Make => on_path("make"),
            Self::Java => java_version().is_some_and(|version| version >= JAVA_MIN),
            Self::Maven => on_path("mvn"),
            Self::Python => can_run("python3", "-c", PYTHON_IS_FIT),
            Self::Node => can_run("node", "-e", NODE_IS_FIT),
            Self::Npm => on_path("npm"),
            Self::Postgres => postgres_programs().is_some(),
        }
    }

    fn package(self, installer: Installer) -> &'static str {
        match (self, installer) {
            (Self::Compiler, Installer::AptGet) => "g++",
            (Self::Compiler, Installer::Dnf) => "gcc-c++",
            (Self::Compiler, Installer::Brew) => "gcc",
            (Self::Make, _) => "make",
            (Self::Java, Installer::AptGet) => "default-jre-headless",
            (Self::Java, Installer::Dnf) => "java-latest-openjdk-headless",
            (Self::Java, Installer::Brew) => "openjdk",
            (Self::Maven, _) => "maven",
            (Self::Python, Installer::AptGet) => "python3-venv",
            (Self::Python, Installer::Dnf) => "python3",
            (Self::Python, Installer::Brew) => "python",
            (Self::Node, Installer::AptGet | Installer::Dnf) => "nodejs",
            (Self::Node, Installer::Brew) => "node",
            (Self::Npm, _) => "npm",
            (Self::Postgres, Installer::AptGet | Installer::Brew) => "postgresql",
            (Self::Postgres, Installer::Dnf) => "postgresql-server",
        }
    }
}

/// The tools that are not installed.
pub fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools.iter().copied().filter(|tool| !tool.is_there()).collect()
}

/// Installs missing tools with apt-get if this program runs as root; otherwise reports them.
///
/// # Errors
/// Something is missing and cannot be installed; the message has the command that installs it.
pub fn ensure(workspace: &Workspace, tools: &[Tool], progress: Progress) -> Result<()> {
    let absent = missing(tools);
    if absent.is_empty() {
        return Ok(());
    }
    if !(geteuid().is_root() && on_path("apt-get")) {
        bail!("{}", advice(&absent, installer()));
    }
    install(workspace, &absent, progress)?;
    let absent = missing(tools);
    if !absent.is_empty() {
        bail!("installed, yet {}", advice(&absent, installer()));
    }
    Ok(())
}

fn install(workspace: &Workspace, absent: &[Tool], progress: Progress) -> Result<()> {
    let _lock = workspace.lock("apt", INSTALLING)?;
    let log = workspace.run_dir("requirements")?.join("apt-get.log");
    let packages: Vec<&str> = absent.iter().map(|tool| tool.package(Installer::AptGet)).collect();
    let step = progress.step(format!("installing {}", packages.join(", ")));
    // A failure is ignored: if stale lists cause a problem, the error of the installation is clearer.
    tool::run("apt-get update", apt_get(&["update"]), &log, INSTALLING).ok();
    let mut command = apt_get(&["install", "--yes", "--no-install-recommends"]);
    command.args(&packages);
    tool::run("apt-get install", command, &log, INSTALLING).with_context(|| advice(absent, Some(Installer::AptGet)))?;
    step.done(&format!("installed {}", packages.join(", ")));
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Names missing programs and the command that installs them.
fn advice(absent: &[Tool], installer: Option<Installer>) -> String {
    let names: Vec<&str> = absent.iter().map(|tool| tool.name()).collect();
    let mut text = format!("missing: {}", names.join(", "));
    if let Some(installer) = installer {
        let packages: Vec<&str> = absent.iter().map(|tool| tool.package(installer)).collect();
        let command = match installer {
            Installer::AptGet => "sudo apt-get install --yes",
            Installer::Dnf => "sudo dnf install --assumeyes",
            Installer::Brew => "brew install",
        };
        write!(text, "; install with: {command} {}", packages.join(" ")).ok();
    } else {
        text.push_str("; install them and see that they are on the PATH");
    }
    text
}

fn installer() -> Option<Installer> {
    let known = [("apt-get", Installer::AptGet), ("dnf", Installer::Dnf), ("brew", Installer::Brew)];
    known.into_iter().find(|(program, _)| on_path(program)).map(|(_, installer)| installer)
}

/// The directory of PostgreSQL's programs, if they are installed.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = env::split_paths(&path).collect();
    for (parent, below) in PLACES {
        let mut versions: Vec<PathBuf> = fs::read_dir(parent)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        versions.sort();
        found.extend(versions.into_iter().rev().map(|version| version.join(below)));
    }
    // If the path contains only links to some of them, the others are beside the targets of the links.
    let all = |dir: &PathBuf| ["initdb", "postgres", "pg_isready"].iter().all(|program| dir.join(program).is_file());
    let followed = found.iter().filter_map(|dir| Some(dir.join("postgres").canonicalize().ok()?.parent()?.to_owned()));
    followed.chain(found.clone()).find(all)
}

/// Returns true if the interpreter exists and runs this program successfully.
fn can_run(interpreter: &str, flag: &str, program: &str) -> bool {
    let mut command = Command::new(interpreter);
    command.args([flag, program]);
    on_path(interpreter) && tool::stdout_of(interpreter, command, QUERY_TIMEOUT).is_ok()
}

fn java_version() -> Option<u32> {
    if !on_path("java") {
        return None;
    }
    let mut command = Command::new("java");
    command.arg("--version");
    major_version(&tool::stdout_of("java --version", command, QUERY_TIMEOUT).ok()?)
}

/// The major version in the output of `java --version`, such as `openjdk 17.0.15 2025-04-15`.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_contains_the_install_command() {
        let text = advice(&[Tool::Java, Tool::Maven], Some(Installer::AptGet));
        assert_eq!(
            text,
            "missing: Java 17 or newer, Maven (mvn); \
             install with: sudo apt-get install --yes default-jre-headless maven"
        );
    }

    #[test]
    fn can_run_reports_the_exit_status() {
        assert!(can_run("sh", "-c", "exit 0"));
        assert!(!can_run("sh", "-c", "exit 1"));
        assert!(!can_run("no-such-program-anywhere", "-c", ""));
    }

    #[test]
    fn advice_names_missing_programs_without_a_known_installer() {
        assert!(advice(&[Tool::Make], None).starts_with("missing: make; install them"));
    }

    #[test]
    fn major_version_is_read_from_old_and_new_formats() {
        assert_eq!(major_version("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(major_version("java 26-ea 2026-03-17"), Some(26));
        assert_eq!(major_version("Unrecognized option: --version"), None);
    }
}
