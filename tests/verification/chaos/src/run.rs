//! One chaos run, from the first order to the list of violations.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use xtask::{Broker, Progress};

use crate::check::{Violation, check};
use crate::evidence::Evidence;
use crate::faults::injector::inject;
use crate::faults::plan::{FaultPlan, Size};
use crate::faults::topic_fuzzer::{InjectedRecords, inject_topic_faults};
use crate::load::traffic::{TestProducts, TrafficLog, generate};
use crate::quiescence::{FINAL_WITHIN, SETTLE_TIMEOUT, wait_for_quiescence};
use crate::system::{SystemConfig, SystemUnderTest};

/// Parameters of a run.
#[derive(Debug, Clone)]
pub struct ChaosRun {
    /// Seed of the fault schedule, the orders and the injected records.
    pub seed: u64,
    pub size: Size,
    /// Maximum time to wait for the last order.
    pub quiescence_timeout: Duration,
    pub config: SystemConfig,
}

/// Results of a run.
pub struct ChaosResult {
    pub evidence: Evidence,
    pub violations: Vec<Violation>,
    pub injected: InjectedRecords,
    /// Duration of the traffic and the faults.
    pub duration: Duration,
}

impl ChaosResult {
    /// Creates the result of a run that could not be completed.
    fn incomplete(system: &SystemUnderTest, error: &anyhow::Error) -> Self {
        let evidence = Evidence {
            injected_faults: system.injected_faults(),
            unexpected_exits: system.unexpected_exits(),
            refused: vec![format!("the run was incomplete: {error:#}")],
            ..Evidence::default()
        };
        let violations = check(&evidence);
        Self { evidence, violations, injected: InjectedRecords::default(), duration: Duration::ZERO }
    }
}

impl ChaosRun {
    /// Creates a run of the suite as built.
    pub fn new(seed: u64, size: Size) -> Self {
        Self { seed, size, quiescence_timeout: FINAL_WITHIN, config: SystemConfig::default() }
    }

    /// Fault schedule of this run.
    pub fn plan(&self) -> FaultPlan {
        FaultPlan::new(self.seed, self.size)
    }

    /// Executes the run on this broker.
    ///
    /// # Errors
    /// The test itself fails. Misbehaviour of the suite is a violation, not an error.
    pub fn on(&self, broker: Broker, progress: Progress) -> Result<ChaosResult> {
        let step = progress.step("starting the services");
        let system = SystemUnderTest::start(broker, &self.config)?;
        let products = TestProducts::seed_stock(&system, self.size.orders)?;
        step.done(&format!("services started; data and logs in {}", system.dir().display()));
        match self.execute(&system, &products, progress) {
            // An unexpected exit is a finding, although it prevented the run from completing.
            Err(error) if !system.unexpected_exits().is_empty() => Ok(ChaosResult::incomplete(&system, &error)),
            result => result,
        }
    }

    fn execute(&self, system: &SystemUnderTest, products: &TestProducts, progress: Progress) -> Result<ChaosResult> {
        let step = progress.step("injecting faults under traffic");
        let started = Instant::now();
        let (traffic, injected) = self.generate_traffic(system, products)?;
        let duration = started.elapsed();
        step.done(&format!("{} orders accepted in {:.0} s", traffic.accepted.len(), duration.as_secs_f64()));

        let step = progress.step("waiting for quiescence");
        let quiescence = wait_for_quiescence(system, self.quiescence_timeout, SETTLE_TIMEOUT)?;
        step.done("waited for quiescence");
        let step = progress.step("gathering evidence");
        let evidence = Evidence::gather(system, products, traffic, quiescence)?;
        let violations = check(&evidence);
        step.done(&format!("{} records read, {} orders checked", evidence.facts.len(), evidence.orders.len()));
        Ok(ChaosResult { evidence, violations, injected, duration })
    }

    /// Runs traffic, faults and record injection concurrently until all three are over.
    fn generate_traffic(
        &self,
        system: &SystemUnderTest,
        products: &TestProducts,
    ) -> Result<(TrafficLog, InjectedRecords)> {
        let plan = self.plan();
        let (faults_over, traffic_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let topic_fuzzer = scope.spawn(|| inject_topic_faults(system, plan.topic_faults, self.seed, &traffic_over));
            let traffic = scope.spawn(|| generate(system, products, self.seed, self.size, &faults_over));
            let fault_result = inject(system, &plan);
            faults_over.store(true, Ordering::Relaxed);
            let traffic = traffic.join().expect("traffic thread panicked");
            traffic_over.store(true, Ordering::Relaxed);
            let injected = topic_fuzzer.join().expect("topic fuzzer panicked");
            fault_result?;
            Ok((traffic, injected?))
        })
    }
}
