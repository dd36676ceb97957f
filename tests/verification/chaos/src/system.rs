//! The suite under test: the real binaries, their broker, and a log of the injected faults.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use e2e::{Databases, records::TestTopics};
use jiff::Timestamp;
use uuid::Uuid;
use xtask::wait::{Poll, wait_for};
use xtask::{Broker, Client, PerService, ServiceName, Suite, suite::Builder};

/// Maximum time until a restarted service is ready, including a broker outage on a busy machine.
const READY_TIMEOUT: Duration = Duration::from_mins(2);
/// Timeout of one readiness probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Address without a listener. Services create traces only if an exporter is configured; the export itself is not needed.
const NO_COLLECTOR: &str = "http://127.0.0.1:9";

/// Variant of the suite: as built, or with replaced binaries and additional settings.
#[derive(Debug, Clone, Default)]
pub struct SystemConfig {
    /// Replacement binaries.
    pub binaries: Vec<(ServiceName, PathBuf)>,
    /// Additional environment variables, for one service or (`None`) for all.
    pub environment: Vec<(Option<ServiceName>, String, String)>,
}

impl SystemConfig {
    /// Creates a configuration with new databases on PostgreSQL.
    #[track_caller]
    pub fn on_postgres() -> Self {
        let databases = Databases::create();
        let environment = databases.urls().map(|(service, url)| (Some(service), "DATABASE_URL".into(), url.into()));
        Self { environment: environment.collect(), ..Self::default() }
    }

    fn apply(&self, suite: Builder) -> Builder {
        let binaries = self.binaries.iter();
        let suite = binaries.fold(suite, |suite, (service, binary)| suite.binary(*service, binary));
        self.environment.iter().fold(suite, |suite, (service, name, value)| match service {
            Some(service) => suite.env_for(*service, name, value),
            None => suite.env(name, value),
        })
    }
}

/// A fault and the period in which it had an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedFault {
    pub kind: FaultKind,
    pub from: Timestamp,
    /// End of the recovery: the service was ready or the broker answered.
    pub until: Timestamp,
}

/// Kind of a fault and its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// SIGKILL, then restart.
    Killed(ServiceName),
    /// SIGSTOP, then SIGCONT.
    Paused(ServiceName),
    BrokerKilled,
    /// Outage of the provider that this service calls.
    ProviderOutage(ServiceName),
}

/// Running services and their broker, shared by all threads of a run.
pub struct SystemUnderTest {
    suite: Mutex<Suite>,
    /// Declared between suite and broker, because fields drop in this order and topics are deleted on drop.
    topics: TestTopics,
    broker: Mutex<Broker>,
    address: String,
    prefix: String,
    config: SystemConfig,
    dir: PathBuf,
    clients: PerService<Client>,
    injected_faults: Mutex<Vec<InjectedFault>>,
    unexpected_exits: Mutex<Vec<(ServiceName, Timestamp)>>,
    crashes: AtomicUsize,
    isolated_since: OnceLock<Timestamp>,
}

impl SystemUnderTest {
    /// Starts the services on this broker.
    ///
    /// # Errors
    /// A service does not start.
    pub fn start(broker: Broker, config: &SystemConfig) -> Result<Self> {
        let prefix = format!("chaos-{}.", Uuid::now_v7().simple());
        let address = broker.bootstrap_servers().to_owned();
        let suite = builder(&address, &prefix, config).start()?;
        Ok(Self {
            clients: PerService::new(|service| suite.client(service)),
            dir: suite.dir().to_owned(),
            topics: TestTopics::new(&address, &prefix),
            suite: Mutex::new(suite),
            broker: Mutex::new(broker),
            address,
            prefix,
            config: config.clone(),
            injected_faults: Mutex::default(),
            unexpected_exits: Mutex::default(),
            crashes: AtomicUsize::new(0),
            isolated_since: OnceLock::new(),
        })
    }

    /// Starts another instance of each service. The first instance has the number 0.
    ///
    /// # Errors
    /// A service does not start.
    pub(crate) fn start_instance(&self, instance: u32) -> Result<Suite> {
        builder(&self.address, &self.prefix, &self.config).instance(instance, &self.dir).start()
    }

    /// Bootstrap address of the broker.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Prefix of the names of topics and groups.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Client for the topics.
    pub fn topics(&self) -> &TestTopics {
        &self.topics
    }

    /// Directory of databases, ledgers and logs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn client(&self, service: ServiceName) -> &Client {
        &self.clients[service]
    }

    /// Log output of a service.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn log(&self, service: ServiceName) -> Result<String> {
        self.suite().log(service)
    }

    /// Path of the ledger of the provider that this service calls.
    ///
    /// # Panics
    /// The service calls no provider.
    pub fn ledger(&self, service: ServiceName) -> PathBuf {
        self.dir.join(service.provider().unwrap_or_else(|| panic!("{service} calls no provider")).ledger)
    }

    pub(crate) fn suite(&self) -> MutexGuard<'_, Suite> {
        locked(&self.suite)
    }

    pub(crate) fn broker(&self) -> MutexGuard<'_, Broker> {
        locked(&self.broker)
    }

    /// Records a fault that lasted until now.
    pub(crate) fn record_fault(&self, kind: FaultKind, from: Timestamp) {
        locked(&self.injected_faults).push(InjectedFault { kind, from, until: Timestamp::now() });
    }

    /// All faults so far.
    pub fn injected_faults(&self) -> Vec<InjectedFault> {
        locked(&self.injected_faults).clone()
    }

    /// Marks the start of the phase in which faults do not overlap.
    pub(crate) fn begin_isolated_faults(&self) {
        self.isolated_since.get_or_init(Timestamp::now);
    }

    /// Start of the phase in which faults do not overlap.
    pub fn isolated_since(&self) -> Option<Timestamp> {
        self.isolated_since.get().copied()
    }

    /// Exits of services that were not killed.
    pub fn unexpected_exits(&self) -> Vec<(ServiceName, Timestamp)> {
        locked(&self.unexpected_exits).clone()
    }

    /// Counts a crash at an armed crash point.
    pub(crate) fn record_crash(&self) {
        self.crashes.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of crashes at armed crash points.
    pub fn crashes(&self) -> usize {
        self.crashes.load(Ordering::Relaxed)
    }

    /// Kills a service. Records an unexpected exit if it had exited before.
    pub(crate) fn kill(&self, service: ServiceName) -> Result<()> {
        let mut suite = self.suite();
        if !suite.is_running(service)? {
            locked(&self.unexpected_exits).push((service, Timestamp::now()));
        }
        suite.kill(service)?;
        Ok(())
    }

    /// Starts a service that has exited.
    pub(crate) fn spawn(&self, service: ServiceName) -> Result<()> {
        self.suite().spawn(service)
    }

    /// Waits until a service is ready, without holding the lock on the suite.
    pub(crate) fn wait_until_ready(&self, service: ServiceName) -> Result<()> {
        let client = Client::with_timeout(self.client(service).base(), PROBE_TIMEOUT);
        wait_for(&format!("the {service} service to be ready"), READY_TIMEOUT, || {
            let seen = match client.get("/readyz") {
                Ok(reply) if reply.status == 200 => return Ok(Poll::Ready(())),
                Ok(reply) => format!("status {} {}", reply.status, reply.body),
                Err(error) => format!("{error:#}"),
            };
            let runs = self.suite().is_running(service)?;
            if !runs {
                locked(&self.unexpected_exits).push((service, Timestamp::now()));
                bail!("{service} exited unexpectedly; see {}", self.dir.join(format!("{service}.log")).display());
            }
            Ok(Poll::Pending(seen))
        })
    }

    /// Restarts services that have exited, and records each as an unexpected exit.
    pub(crate) fn restart_exited(&self) -> Result<()> {
        for service in ServiceName::all() {
            let runs = self.suite().is_running(service)?;
            if !runs {
                locked(&self.unexpected_exits).push((service, Timestamp::now()));
                self.spawn(service)?;
                self.wait_until_ready(service)?;
            }
        }
        Ok(())
    }
}

fn builder(address: &str, prefix: &str, config: &SystemConfig) -> Builder {
    let suite = Suite::builder(address)
        .topic_prefix(prefix)
        // Exceeds every run, so that the deadline cannot hide a stuck order.
        .env_for(ServiceName::Order, "ORDER_DEADLINE_S", "36000")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", NO_COLLECTOR)
        .env("KAFKA_SESSION_TIMEOUT_MS", "6000")
        .ready_within(READY_TIMEOUT);
    config.apply(suite)
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
