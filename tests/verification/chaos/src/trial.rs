//! A few orders of known fates on a suite of the test build, whose services have bugs and crashes on demand
//! (`shared/runtime/src/planted.rs`).

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
use crate::load::traffic::{TestProducts, TrafficLog, product, receive};
use crate::quiescence::wait_for_quiescence;
use crate::system::{SystemConfig, SystemUnderTest};

/// How long a crash may take to happen, and its service to be ready again.
const CRASHING: Duration = Duration::from_secs(30);

/// The suite, and what was done with it so far.
pub struct ScriptedRun {
    system: SystemUnderTest,
    products: TestProducts,
    traffic: Mutex<TrafficLog>,
    /// Where services look for crashes: a file for each.
    crashes: PathBuf,
    /// How many crashes they were told.
    armed: AtomicUsize,
    started: Instant,
}

/// How long to wait for the suite before the verdict.
#[derive(Debug, Clone, Copy)]
pub struct QuiescenceTimeouts {
    /// For the last order, counted from the last crash.
    pub orders: Duration,
    /// For outboxes and offsets after that.
    pub settling: Duration,
}

/// What came of a trial.
pub struct ScriptedRunResult {
    /// What was seen.
    pub evidence: Evidence,
    /// What is wrong with that.
    pub violations: Vec<Violation>,
    /// From the start of the suite until its end.
    pub took: Duration,
}

/// The subject, of the test build.
///
/// # Errors
/// Its binaries are not there.
fn faulty(mut subject: SystemConfig, crashes: &Path) -> Result<SystemConfig> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2).context("a program is in a folder")?;
    for service in ServiceName::all() {
        let binary = folder.join(format!("faulty-{service}"));
        ensure!(
            binary.is_file(),
            "{} is not there; build it with `cargo build -p planted --features planted-bugs`",
            binary.display()
        );
        subject.binaries.push((service, binary));
        let file = crashes.join(service.name()).display().to_string();
        subject.environment.push((Some(service), "CRASH_FILE".to_owned(), file));
    }
    // Who waits for the suite to settle need not wait for a gauge that is five seconds old.
    subject.environment.push((None, "KAFKA_STATISTICS_INTERVAL_MS".to_owned(), "500".to_owned()));
    Ok(subject)
}

impl ScriptedRun {
    /// Starts the test build of a subject's suite, and fills the stock for so many orders.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(broker: Broker, subject: SystemConfig, orders: u32) -> Result<Self> {
        let started = Instant::now();
        // Hundreds of crashes need not leave hundreds of memory images.
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        let crashes = Workspace::find()?.run_dir("crashes")?;
        let system = SystemUnderTest::start(broker, &faulty(subject, &crashes)?)?;
        let ample = product(&system, "AMPLE".to_owned(), 1_250, 2 * orders)?;
        let scarce = product(&system, "SCARCE".to_owned(), 100, 1)?;
        let products = TestProducts { ample: vec![ample], scarce: vec![scarce] };
        Ok(Self { system, products, traffic: Mutex::default(), crashes, armed: AtomicUsize::new(0), started })
    }

    /// The suite.
    pub fn system(&self) -> &SystemUnderTest {
        &self.system
    }

    /// What is for sale.
    pub fn products(&self) -> &TestProducts {
        &self.products
    }

    /// Notes what customers and clerks know.
    pub fn note(&self, noted: impl FnOnce(&mut TrafficLog)) {
        noted(&mut self.traffic.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Places the order of a scripted_order.
    ///
    /// # Errors
    /// It is not accepted.
    pub fn place_scripted(&self, scripted_order: ScriptedOrder) -> Result<OrderId> {
        let order = scripted_order.place(&self.system, &self.products)?;
        let id = order.id;
        self.note(|traffic| traffic.accepted.push(order));
        Ok(id)
    }

    /// Goods arrive, and the clerk says it twice.
    ///
    /// # Errors
    /// The inventory does not take them.
    pub fn receive(&self) -> Result<()> {
        let received = receive(&self.system, &self.products, &mut Rng::new())?;
        self.note(|traffic| traffic.received.push(received));
        Ok(())
    }

    /// Adds a record to the order service's topic that breaks its contract.
    ///
    /// # Errors
    /// The broker does not take it.
    pub fn poison(&self) -> Result<()> {
        let record = KafkaRecord::new("order.events", "somebody", b"{").with(POISON, "planted");
        self.system.topics().try_publish(&record, None).map(drop)
    }

    /// Tells a scripted_order to its end.
    ///
    /// # Errors
    /// It goes another way.
    pub fn run_scripted(&self, scripted_order: ScriptedOrder) -> Result<OrderId> {
        let order = scripted_order.run(&self.system, &self.products)?;
        let id = order.id;
        self.note(|traffic| traffic.accepted.push(order));
        Ok(id)
    }

    /// The service crashes there as soon as it comes there.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn arm(&self, crash: &Crash) -> Result<()> {
        let file = self.crashes.join(crash.service.name());
        // At once or not at all: the service may be reading.
        let written = file.with_extension("new");
        fs::write(&written, format!("{} {}", crash.point, crash.event))?;
        fs::rename(written, file)?;
        self.armed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until every crash has happened that was to happen, and been seen by the supervisor. That the service has removed its
    /// file is not enough: it removes it before it ends, and who stops looking in between never sees the end.
    ///
    /// # Errors
    /// One does not.
    pub fn wait_for_crashes(&self) -> Result<()> {
        let armed = self.armed.load(Ordering::Relaxed);
        wait_for("all crashes to happen", CRASHING, || {
            let crashes = self.system.crashes();
            let open = ServiceName::all().map(|service| fs::read_to_string(self.crashes.join(service.name())));
            let open: Vec<_> = open.flatten().collect();
            let seen = || format!("{crashes} of {armed}; due: {}", open.join(", "));
            Ok(if crashes == armed { Poll::Ready(()) } else { Poll::Pending(seen()) })
        })
    }

    /// Waits for rest, looks at everything, and kills the suite: what has a bug may not be able to end by itself.
    ///
    /// # Errors
    /// Something can't be asked.
    pub fn finish(self, patience: QuiescenceTimeouts) -> Result<ScriptedRunResult> {
        let quiescence = wait_for_quiescence(&self.system, patience.orders, patience.settling)?;
        let traffic = self.traffic.into_inner().unwrap_or_else(PoisonError::into_inner);
        let evidence = Evidence::gather(&self.system, &self.products, traffic, quiescence)?;
        for service in ServiceName::all() {
            self.system.kill(service)?;
        }
        Ok(ScriptedRunResult { violations: check(&evidence), evidence, took: self.started.elapsed() })
    }
}
