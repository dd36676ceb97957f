//! The real binaries, their broker, and what was done to them so far.

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

/// How long a service may take to be ready again, also while the broker is away and the machine busy.
const READY: Duration = Duration::from_mins(2);
/// How long one look at its readiness may take.
const PROBE: Duration = Duration::from_secs(2);
/// An address where nobody listens: services make traces only when they are told to export them, and what is exported is
/// of no interest here.
const NO_COLLECTOR: &str = "http://127.0.0.1:9";

/// What is put to the test: the suite as it is built, or with some of its parts exchanged.
#[derive(Debug, Clone, Default)]
pub struct SystemConfig {
    /// Other binaries, by service.
    pub binaries: Vec<(ServiceName, PathBuf)>,
    /// More environment variables, for one service or for all.
    pub environment: Vec<(Option<ServiceName>, String, String)>,
}

impl SystemConfig {
    /// The suite on PostgreSQL.
    #[track_caller]
    pub fn on_postgres() -> Self {
        let databases = Databases::create();
        let environment = databases.urls().map(|(service, url)| (Some(service), "DATABASE_URL".into(), url.into()));
        Self { environment: environment.collect(), ..Self::default() }
    }

    fn choose(&self, suite: Builder) -> Builder {
        let binaries = self.binaries.iter();
        let suite = binaries.fold(suite, |suite, (service, binary)| suite.binary(*service, binary));
        self.environment.iter().fold(suite, |suite, (service, name, value)| match service {
            Some(service) => suite.env_for(*service, name, value),
            None => suite.env(name, value),
        })
    }
}

/// Something that was done, with the time in which it had an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedFault {
    /// What it was.
    pub what: FaultKind,
    /// When it was done.
    pub from: Timestamp,
    /// When all was well again: a service was ready, a broker answered.
    pub until: Timestamp,
}

/// What can be done to a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A service was killed and started again.
    Killed(ServiceName),
    /// A service stood still.
    Paused(ServiceName),
    /// The broker was killed and started again.
    BrokerKilled,
    /// The provider of this service was in trouble.
    Trouble(ServiceName),
}

/// The suite under test. All threads of a run share it.
pub struct SystemUnderTest {
    suite: Mutex<Suite>,
    /// After the suite and before the broker: topics are deleted when nobody uses them any more.
    topics: TestTopics,
    broker: Mutex<Broker>,
    address: String,
    prefix: String,
    subject: SystemConfig,
    dir: PathBuf,
    clients: PerService<Client>,
    injected_faults: Mutex<Vec<InjectedFault>>,
    unexpected_exits: Mutex<Vec<(ServiceName, Timestamp)>>,
    crashes: AtomicUsize,
    isolated_since: OnceLock<Timestamp>,
}

impl SystemUnderTest {
    /// Starts the services of a subject on this broker.
    ///
    /// # Errors
    /// One of them does not start.
    pub fn start(broker: Broker, subject: &SystemConfig) -> Result<Self> {
        let prefix = format!("chaos-{}.", Uuid::now_v7().simple());
        let address = broker.bootstrap_servers().to_owned();
        let suite = builder(&address, &prefix, subject).start()?;
        Ok(Self {
            clients: PerService::new(|service| suite.client(service)),
            dir: suite.dir().to_owned(),
            topics: TestTopics::new(&address, &prefix),
            suite: Mutex::new(suite),
            broker: Mutex::new(broker),
            address,
            prefix,
            subject: subject.clone(),
            injected_faults: Mutex::default(),
            unexpected_exits: Mutex::default(),
            crashes: AtomicUsize::new(0),
            isolated_since: OnceLock::new(),
        })
    }

    /// Starts another instance of each service beside the first, whose number is 0.
    ///
    /// # Errors
    /// One of them does not start.
    pub(crate) fn start_instance(&self, instance: u32) -> Result<Suite> {
        builder(&self.address, &self.prefix, &self.subject).instance(instance, &self.dir).start()
    }

    /// The broker's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the names of topics and groups begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The topics, to write to.
    pub fn topics(&self) -> &TestTopics {
        &self.topics
    }

    /// Where databases, ledgers and logs are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// An HTTP client of a service.
    pub fn client(&self, service: ServiceName) -> &Client {
        &self.clients[service]
    }

    /// What a service has logged so far.
    ///
    /// # Errors
    /// The log can't be read.
    pub fn log(&self, service: ServiceName) -> Result<String> {
        self.suite().log(service)
    }

    /// The ledger of the provider that this service calls.
    pub fn ledger(&self, service: ServiceName) -> PathBuf {
        self.dir.join(if service == ServiceName::Payment { "gateway.db" } else { "carrier.db" })
    }

    pub(crate) fn suite(&self) -> MutexGuard<'_, Suite> {
        locked(&self.suite)
    }

    pub(crate) fn broker(&self) -> MutexGuard<'_, Broker> {
        locked(&self.broker)
    }

    /// Writes down what was done, from then until now.
    pub(crate) fn record_fault(&self, what: FaultKind, from: Timestamp) {
        locked(&self.injected_faults).push(InjectedFault { what, from, until: Timestamp::now() });
    }

    /// What was done so far.
    pub fn injected_faults(&self) -> Vec<InjectedFault> {
        locked(&self.injected_faults).clone()
    }

    /// From now on only one thing is done at a time, and has its time.
    pub(crate) fn begin_isolated_faults(&self) {
        self.isolated_since.get_or_init(Timestamp::now);
    }

    /// Since when only one thing was done at a time.
    pub fn isolated_since(&self) -> Option<Timestamp> {
        self.isolated_since.get().copied()
    }

    /// Services that ended without being killed.
    pub fn unexpected_exits(&self) -> Vec<(ServiceName, Timestamp)> {
        locked(&self.unexpected_exits).clone()
    }

    /// A service has crashed, as it was told to.
    pub(crate) fn record_crash(&self) {
        self.crashes.fetch_add(1, Ordering::Relaxed);
    }

    /// How often services have crashed as they were told to, and had ended.
    pub fn crashes(&self) -> usize {
        self.crashes.load(Ordering::Relaxed)
    }

    /// Kills a service. One that had ended by itself is noted.
    pub(crate) fn kill(&self, service: ServiceName) -> Result<()> {
        let mut suite = self.suite();
        if !suite.is_running(service)? {
            locked(&self.unexpected_exits).push((service, Timestamp::now()));
        }
        suite.kill(service)?;
        Ok(())
    }

    /// Starts a service that has ended.
    pub(crate) fn spawn(&self, service: ServiceName) -> Result<()> {
        self.suite().spawn(service)
    }

    /// Waits until a service is ready. Others can be dealt with meanwhile.
    pub(crate) fn wait_until_ready(&self, service: ServiceName) -> Result<()> {
        let client = Client::with_timeout(self.client(service).base(), PROBE);
        wait_for(&format!("the {service} service to be ready"), READY, || {
            let seen = match client.get("/readyz") {
                Ok(reply) if reply.status == 200 => return Ok(Poll::Ready(())),
                Ok(reply) => format!("status {} {}", reply.status, reply.body),
                Err(error) => format!("{error:#}"),
            };
            let runs = self.suite().is_running(service)?;
            if !runs {
                locked(&self.unexpected_exits).push((service, Timestamp::now()));
                bail!(
                    "the {service} service ended by itself; see {}",
                    self.dir.join(format!("{service}.log")).display()
                );
            }
            Ok(Poll::Pending(seen))
        })
    }

    /// Starts what has ended by itself, as a supervisor does, and notes it.
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

fn builder(address: &str, prefix: &str, subject: &SystemConfig) -> Builder {
    let suite = Suite::builder(address)
        .topic_prefix(prefix)
        // Longer than any run: what only a deadline ends is a fault to be found.
        .env_for(ServiceName::Order, "ORDER_DEADLINE_S", "36000")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", NO_COLLECTOR)
        .env("KAFKA_SESSION_TIMEOUT_MS", "6000")
        .ready_within(READY);
    subject.choose(suite)
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
