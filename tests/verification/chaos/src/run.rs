//! One run, from the first order to the verdict.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use xtask::{Broker, Progress};

use crate::check::{FINAL_WITHIN, Violation, check};
use crate::evidence::Evidence;
use crate::faults::injector::inject;
use crate::faults::plan::{FaultPlan, Size};
use crate::faults::topic_fuzzer::{InjectedRecords, inject_topic_faults};
use crate::load::traffic::{TestProducts, TrafficLog, flow};
use crate::quiescence::{SETTLING, wait_for_quiescence};
use crate::system::{SystemConfig, SystemUnderTest};

/// What to run.
#[derive(Debug, Clone)]
pub struct ChaosRun {
    /// What the schedule, the orders and the topic_faults are made from.
    pub seed: u64,
    /// How much of it.
    pub size: Size,
    /// How long to wait for the last order before the verdict.
    pub patience: Duration,
    /// What is put to the test.
    pub subject: SystemConfig,
}

/// What came of it.
pub struct ChaosResult {
    /// What was seen.
    pub evidence: Evidence,
    /// What is wrong with that.
    pub violations: Vec<Violation>,
    /// What the topic_fuzzer did.
    pub added: InjectedRecords,
    /// How long orders flowed and faults came.
    pub flowed: Duration,
}

impl ChaosResult {
    /// Of a suite that did not come to an end at which it could be looked at.
    fn cut_short(system: &SystemUnderTest, error: &anyhow::Error) -> Self {
        let evidence = Evidence {
            injected_faults: system.injected_faults(),
            unexpected_exits: system.unexpected_exits(),
            refused: vec![format!("the run was cut short: {error:#}")],
            ..Evidence::default()
        };
        let violations = check(&evidence);
        Self { evidence, violations, added: InjectedRecords::default(), flowed: Duration::ZERO }
    }
}

impl ChaosRun {
    /// The suite as it is built.
    pub fn new(seed: u64, size: Size) -> Self {
        Self { seed, size, patience: FINAL_WITHIN, subject: SystemConfig::default() }
    }

    /// The faults of this run.
    pub fn plan(&self) -> FaultPlan {
        FaultPlan::new(self.seed, self.size)
    }

    /// Runs it on this broker.
    ///
    /// # Errors
    /// Something of the test itself can't be done. That the suite does not do what it should is no error, but a violation.
    pub fn on(&self, broker: Broker, progress: Progress) -> Result<ChaosResult> {
        let step = progress.step("starting the services");
        let system = SystemUnderTest::start(broker, &self.subject)?;
        let products = TestProducts::seed_stock(&system, self.size.orders)?;
        step.done(&format!("started the services; data and logs in {}", system.dir().display()));
        match self.judged(&system, &products, progress) {
            // The suite was not able to go on, and that is what was to be found out.
            Err(error) if !system.unexpected_exits().is_empty() => Ok(ChaosResult::cut_short(&system, &error)),
            judged => judged,
        }
    }

    fn judged(&self, system: &SystemUnderTest, products: &TestProducts, progress: Progress) -> Result<ChaosResult> {
        let step = progress.step("orders flow, and faults come");
        let started = Instant::now();
        let (traffic, added) = self.flow(system, products)?;
        let flowed = started.elapsed();
        step.done(&format!("{} orders accepted in {:.0} s", traffic.accepted.len(), flowed.as_secs_f64()));

        let step = progress.step("waiting for quiescence");
        let quiescence = wait_for_quiescence(system, self.patience, SETTLING)?;
        step.done("waited for quiescence");
        let step = progress.step("gathering evidence");
        let evidence = Evidence::gather(system, products, traffic, quiescence)?;
        let violations = check(&evidence);
        step.done(&format!("{} records read, {} orders judged", evidence.facts.len(), evidence.orders.len()));
        Ok(ChaosResult { evidence, violations, added, flowed })
    }

    /// Orders, faults and topic_faults, until all three are over.
    fn flow(&self, system: &SystemUnderTest, products: &TestProducts) -> Result<(TrafficLog, InjectedRecords)> {
        let plan = self.plan();
        let (faults_over, flow_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let topic_fuzzer = scope.spawn(|| inject_topic_faults(system, plan.topic_faults, self.seed, &flow_over));
            let traffic = scope.spawn(|| flow(system, products, self.seed, self.size, &faults_over));
            let inflicted = inject(system, &plan);
            faults_over.store(true, Ordering::Relaxed);
            let traffic = traffic.join().expect("customers do not panic");
            flow_over.store(true, Ordering::Relaxed);
            let added = topic_fuzzer.join().expect("the topic_fuzzer does not panic");
            inflicted?;
            Ok((traffic, added?))
        })
    }
}
