//! Settings of a suite before it starts.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use catalog::{PerService, ServiceName};

use super::member::Member;
use super::services::Suite;
use crate::build::workspace::Workspace;
use crate::process::ports;

/// Maximum time until the services are ready, on a loaded machine.
const READY: Duration = Duration::from_mins(1);

/// Settings of a suite; [`Builder::start`] starts the four services.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    bootstrap_servers: String,
    binaries: Option<PathBuf>,
    others: Vec<(ServiceName, PathBuf)>,
    dir: Option<PathBuf>,
    topic_prefix: Option<String>,
    ports: PerService<Option<u16>>,
    environment: Vec<(Option<ServiceName>, String, String)>,
    ready_within: Duration,
}

impl Suite {
    /// A suite on the broker at this address.
    pub fn builder(bootstrap_servers: impl Into<String>) -> Builder {
        Builder::new(bootstrap_servers.into())
    }
}

impl Builder {
    pub(super) fn new(bootstrap_servers: String) -> Self {
        Self {
            bootstrap_servers,
            binaries: None,
            others: Vec::new(),
            dir: None,
            topic_prefix: None,
            ports: PerService::default(),
            environment: Vec::new(),
            ready_within: READY,
        }
    }

    /// The directory of the binaries. Default: the directory of this program, which is `target/debug` for a test.
    pub fn binaries(mut self, dir: impl Into<PathBuf>) -> Self {
        self.binaries = Some(dir.into());
        self
    }

    /// Another binary for one service, such as an older build of it.
    pub fn binary(mut self, service: ServiceName, binary: impl Into<PathBuf>) -> Self {
        self.others.push((service, binary.into()));
        self
    }

    /// The directory for databases, ledgers and logs; created if it is missing. Default: a new one below
    /// `target/suite`.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Prefix of topic and group names, which separates suites on one broker. Default: empty.
    pub fn topic_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.topic_prefix = Some(prefix.into());
        self
    }

    /// The HTTP port of one service. Default: a free one.
    pub fn port(mut self, service: ServiceName, port: u16) -> Self {
        self.ports[service] = Some(port);
        self
    }

    /// An environment variable for all services; it overrides the suite's own.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((None, name.into(), value.into()));
        self
    }

    /// An environment variable for one service; it overrides the suite's own.
    pub fn env_for(mut self, service: ServiceName, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((Some(service), name.into(), value.into()));
        self
    }

    /// Makes this suite a further instance of each service of another suite. `beside` is the directory of that suite,
    /// with the ledgers of the providers.
    pub fn instance(self, number: u32, beside: &Path) -> Self {
        let suite = self.env("INSTANCE_ID", number.to_string());
        let ledger = |service: ServiceName| Some((service, ledger(beside, service.provider()?.ledger)));
        let ledgers = ServiceName::all().filter_map(ledger);
        ledgers.fold(suite, |suite, (service, path)| suite.env_for(service, "SIMULATOR_DB_PATH", path))
    }

    /// Maximum time until the services are ready. Default: one minute.
    pub fn ready_within(mut self, within: Duration) -> Self {
        self.ready_within = within;
        self
    }

    /// Starts the four services and waits until all are ready.
    ///
    /// # Errors
    /// A binary is missing, or a service ends early or is not ready in time; the message has its last log lines.
    pub fn start(self) -> Result<Suite> {
        let binaries = self.binaries.clone().map_or_else(exe_dir, Ok)?;
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => Workspace::find()?.run_dir("suite")?,
        };
        std::fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let members = PerService::try_new(|service| self.member(service, &binaries, &dir))?;
        let mut suite = Suite { members, dir };
        suite.start_all()?;
        Ok(suite)
    }

    fn member(&self, service: ServiceName, binaries: &Path, dir: &Path) -> Result<Member> {
        let other = self.others.iter().rev().find(|(whose, _)| *whose == service);
        let binary = other.map_or_else(|| binaries.join(service.name()), |(_, binary)| binary.clone());
        ensure!(binary.is_file(), "{} is not there; build it with `cargo build --workspace --bins`", binary.display());
        let port = match self.ports[service] {
            Some(port) => port,
            None => ports::free()?,
        };
        let log = dir.join(format!("{service}.log"));
        Ok(Member::new(service, binary, self.variables(service, dir, port), port, log, self.ready_within))
    }

    /// The environment of one service.
    fn variables(&self, service: ServiceName, dir: &Path, port: u16) -> Vec<(String, String)> {
        let sqlite = |name: &str| format!("sqlite:{}", dir.join(name).with_extension("db").display());
        let mut variables = vec![
            ("KAFKA_BOOTSTRAP_SERVERS".to_owned(), self.bootstrap_servers.clone()),
            ("HTTP_ADDR".to_owned(), format!("127.0.0.1:{port}")),
            ("DATABASE_URL".to_owned(), sqlite(service.name())),
        ];
        if let Some(prefix) = &self.topic_prefix {
            variables.push(("KAFKA_TOPIC_PREFIX".to_owned(), prefix.clone()));
        }
        if let Some(provider) = service.provider() {
            variables.push(("SIMULATOR_DB_PATH".to_owned(), ledger(dir, provider.ledger)));
        }
        let extra = self.environment.iter().filter(|(whose, ..)| whose.is_none_or(|whose| whose == service));
        variables.extend(extra.map(|(_, name, value)| (name.clone(), value.clone())));
        variables
    }
}

fn ledger(dir: &Path, file: &str) -> String {
    dir.join(file).display().to_string()
}

/// The directory of this workspace's programs. Tests are one directory deeper.
fn exe_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("failed to find this program's own path")?;
    let dir = program.parent().context("this program is in no directory")?;
    let dir = if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir };
    Ok(dir.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
        variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn services_and_providers_have_their_own_databases() {
        let builder = Builder::new("127.0.0.1:9092".into()).topic_prefix("t1.");
        let of = |service| builder.variables(service, Path::new("/data"), 8080);
        assert_eq!(value(&of(ServiceName::Order), "DATABASE_URL"), Some("sqlite:/data/order.db"));
        assert_eq!(value(&of(ServiceName::Order), "SIMULATOR_DB_PATH"), None);
        assert_eq!(value(&of(ServiceName::Payment), "SIMULATOR_DB_PATH"), Some("/data/gateway.db"));
        assert_eq!(value(&of(ServiceName::Shipping), "SIMULATOR_DB_PATH"), Some("/data/carrier.db"));
        assert_eq!(value(&of(ServiceName::Shipping), "KAFKA_TOPIC_PREFIX"), Some("t1."));
    }

    #[test]
    fn extra_variables_override_those_of_the_suite() {
        let builder = Builder::new("127.0.0.1:9092".into()).env("RUST_LOG", "debug").env_for(
            ServiceName::Payment,
            "DATABASE_URL",
            "sqlite:/other.db",
        );
        let of = |service| builder.variables(service, Path::new("/data"), 8080);
        assert_eq!(value(&of(ServiceName::Order), "RUST_LOG"), Some("debug"));
        assert_eq!(value(&of(ServiceName::Payment), "DATABASE_URL"), Some("sqlite:/other.db"));
        assert_eq!(value(&of(ServiceName::Order), "DATABASE_URL"), Some("sqlite:/data/order.db"));
    }

    #[test]
    fn error_of_a_missing_binary_names_the_build_command() {
        let workspace = Workspace::find().expect("this is a workspace");
        let dir = workspace.run_dir("test-missing-binary").expect("a directory");
        let error = Builder::new(String::new()).binaries(&dir).data_dir(&dir).start().expect_err("nothing there");
        assert!(error.to_string().contains("cargo build --workspace --bins"), "{error}");
        crate::build::workspace::remove_dir(&workspace.target().join("test-missing-binary")).expect("removed");
    }
}
