//! A few scripted orders on services with fault injection (`tests/verification/faults`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use contracts::OrderId;
use e2e::records::KafkaRecord;
use fastrand::Rng;
use nix::sys::resource::{Resource, setrlimit};
use xtask::wait::{Poll, wait_for};
use xtask::{Broker, ServiceName, Workspace};

use crate::check::{Violation, check};
use crate::crash::Crash;
use crate::evidence::Evidence;
use crate::faults::topic_fuzzer::POISON;
use crate::load::scripted_order::ScriptedOrder;
use crate::load::traffic::{TestProducts, TrafficLog, cancel, product, receive};
use crate::quiescence::wait_for_quiescence;
use crate::system::{SystemConfig, SystemUnderTest};

/// Maximum time until all armed crashes have happened.
const CRASH_TIMEOUT: Duration = Duration::from_secs(30);

/// A suite, and its traffic so far.
pub struct ScriptedRun {
    system: SystemUnderTest,
    products: TestProducts,
    traffic: Mutex<TrafficLog>,
    /// Folder with the `CRASH_FILE` of each service.
    crashes: PathBuf,
    /// Number of crashes requested.
    armed: AtomicUsize,
    started: Instant,
}

/// Maximum times to wait for a quiescent suite.
#[derive(Debug, Clone, Copy)]
pub struct QuiescenceTimeouts {
    /// Time for the last order, counted from the last crash.
    pub orders: Duration,
    /// Additional time for outboxes and offsets.
    pub settling: Duration,
}

/// Results of a scripted run.
pub struct ScriptedRunResult {
    pub evidence: Evidence,
    pub violations: Vec<Violation>,
    /// From the start of the suite to its end.
    pub took: Duration,
}

/// Replaces all binaries by those with fault injection. Those that are replaced already have it.
///
/// # Errors
/// A binary does not exist.
fn faulty(mut config: SystemConfig, crashes: &Path) -> Result<SystemConfig> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2).context("a program is in a folder")?;
    for service in ServiceName::all() {
        if config.binaries.iter().all(|(replaced, _)| *replaced != service) {
            config.binaries.push((service, folder.join(format!("faulty-{service}"))));
        }
        let file = crashes.join(service.name()).display().to_string();
        config.environment.push((Some(service), "CRASH_FILE".to_owned(), file));
    }
    for (_, binary) in &config.binaries {
        ensure!(binary.is_file(), "missing {}; build it with `cargo build -p planted`", binary.display());
    }
    // A gauge that is five seconds old would delay the detection of a quiescent suite.
    config.environment.push((None, "KAFKA_STATISTICS_INTERVAL_MS".to_owned(), "500".to_owned()));
    Ok(config)
}

impl ScriptedRun {
    /// Starts the suite with fault injection, and seeds the stock for this many orders.
    ///
    /// # Errors
    /// The suite does not start.
    pub fn start(broker: Broker, config: SystemConfig, orders: u32) -> Result<Self> {
        let started = Instant::now();
        // Prevents hundreds of core dumps.
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        let crashes = Workspace::find()?.run_dir("crashes")?;
        let system = SystemUnderTest::start(broker, &faulty(config, &crashes)?)?;
        let ample = product(&system, "AMPLE".to_owned(), 1_250, 2 * orders)?;
        let scarce = product(&system, "SCARCE".to_owned(), 100, 1)?;
        let products = TestProducts { ample: vec![ample], scarce: vec![scarce] };
        Ok(Self { system, products, traffic: Mutex::default(), crashes, armed: AtomicUsize::new(0), started })
    }

    pub fn system(&self) -> &SystemUnderTest {
        &self.system
    }

    pub fn products(&self) -> &TestProducts {
        &self.products
    }

    /// Updates the log of the traffic.
    pub fn note(&self, noted: impl FnOnce(&mut TrafficLog)) {
        noted(&mut self.traffic.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Places a scripted order.
    ///
    /// # Errors
    /// The order is not accepted.
    pub fn place_scripted(&self, scripted_order: ScriptedOrder) -> Result<OrderId> {
        let order = scripted_order.place(&self.system, &self.products)?;
        let id = order.id;
        self.note(|traffic| traffic.accepted.push(order));
        Ok(id)
    }

    /// Receives goods, with a repeated request.
    ///
    /// # Errors
    /// The inventory service rejects the request.
    pub fn receive(&self) -> Result<()> {
        let received = receive(&self.system, &self.products, &mut Rng::new())?;
        self.note(|traffic| traffic.received.push(received));
        Ok(())
    }

    /// Publishes a malformed record to the order service's topic.
    ///
    /// # Errors
    /// The broker rejects the record.
    pub fn poison(&self) -> Result<()> {
        self.publish_poison(KafkaRecord::new("order.events", "somebody", b"{"), "planted")
    }

    /// Publishes a record that breaks its contract. Other poison records have other names.
    ///
    /// # Errors
    /// The broker rejects the record.
    pub fn publish_poison(&self, record: KafkaRecord, name: &str) -> Result<()> {
        self.system.topics().try_publish(&record.with(POISON, name), None).map(drop)
    }

    /// Cancels an order.
    ///
    /// # Errors
    /// The order service rejects the cancellation.
    pub fn cancel(&self, id: OrderId) -> Result<()> {
        ensure!(cancel(&self.system, id)?, "the cancellation of order {id} was refused");
        self.note(|traffic| {
            let order = traffic.accepted.iter_mut().find(|order| order.id == id);
            order.expect("the order was accepted").cancelled = true;
        });
        Ok(())
    }

    /// Runs a scripted order to its end.
    ///
    /// # Errors
    /// The order has an unexpected outcome.
    pub fn run_scripted(&self, scripted_order: ScriptedOrder) -> Result<OrderId> {
        let order = scripted_order.run(&self.system, &self.products)?;
        let id = order.id;
        self.note(|traffic| traffic.accepted.push(order));
        Ok(id)
    }

    /// Makes the service crash when it next reaches the point with the event.
    ///
    /// # Errors
    /// The crash file cannot be written.
    pub fn arm(&self, crash: &Crash) -> Result<()> {
        let file = self.crashes.join(crash.service.name());
        // Renamed into place, because the service may be reading the file.
        let written = file.with_extension("new");
        fs::write(&written, format!("{} {}", crash.point, crash.event))?;
        fs::rename(written, file)?;
        self.armed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until the supervisor has seen every armed crash. A deleted crash file does not suffice, because the
    /// service deletes it before it ends.
    ///
    /// # Errors
    /// A crash does not happen in time.
    pub fn wait_for_crashes(&self) -> Result<()> {
        let armed = self.armed.load(Ordering::Relaxed);
        wait_for("all crashes to happen", CRASH_TIMEOUT, || {
            let crashes = self.system.crashes();
            let open = ServiceName::all().map(|service| fs::read_to_string(self.crashes.join(service.name())));
            let open: Vec<_> = open.flatten().collect();
            let seen = || format!("{crashes} of {armed}; due: {}", open.join(", "));
            Ok(if crashes == armed { Poll::Ready(()) } else { Poll::Pending(seen()) })
        })
    }

    /// Waits for a quiescent suite, checks it, and kills it, because a service with a bug may be unable to stop.
    ///
    /// # Errors
    /// The evidence cannot be gathered.
    pub fn finish(self, timeouts: QuiescenceTimeouts) -> Result<ScriptedRunResult> {
        let quiescence = wait_for_quiescence(&self.system, timeouts.orders, timeouts.settling)?;
        let traffic = self.traffic.into_inner().unwrap_or_else(PoisonError::into_inner);
        let evidence = Evidence::gather(&self.system, &self.products, traffic, quiescence)?;
        for service in ServiceName::all() {
            self.system.kill(service)?;
        }
        Ok(ScriptedRunResult { violations: check(&evidence), evidence, took: self.started.elapsed() })
    }
}
