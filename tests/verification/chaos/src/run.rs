//! One run, from the first order to the verdict.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use xtask::{Broker, Progress};

use crate::check::{FINAL_WITHIN, Violation, check};
use crate::evidence::Evidence;
use crate::faults::inflict;
use crate::meddler::{Added, meddle};
use crate::plan::{Plan, Size};
use crate::rest::{SETTLING, rest};
use crate::stage::{Stage, Subject};
use crate::traffic::{Assortment, Sales, flow};

/// What to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// What the schedule, the orders and the meddling are made from.
    pub seed: u64,
    /// How much of it.
    pub size: Size,
    /// How long to wait for the last order before the verdict.
    pub patience: Duration,
    /// What is put to the test.
    pub subject: Subject,
}

/// What came of it.
pub struct Outcome {
    /// What was seen.
    pub evidence: Evidence,
    /// What is wrong with that.
    pub violations: Vec<Violation>,
    /// What the meddler did.
    pub added: Added,
    /// How long orders flowed and faults came.
    pub flowed: Duration,
}

impl Outcome {
    /// Of a suite that did not come to an end at which it could be looked at.
    fn cut_short(stage: &Stage, error: &anyhow::Error) -> Self {
        let evidence = Evidence {
            deeds: stage.deeds(),
            ended_alone: stage.ended_alone(),
            refused: vec![format!("the run was cut short: {error:#}")],
            ..Evidence::default()
        };
        let violations = check(&evidence);
        Self { evidence, violations, added: Added::default(), flowed: Duration::ZERO }
    }
}

impl Run {
    /// The suite as it is built.
    pub fn new(seed: u64, size: Size) -> Self {
        Self { seed, size, patience: FINAL_WITHIN, subject: Subject::default() }
    }

    /// The faults of this run.
    pub fn plan(&self) -> Plan {
        Plan::new(self.seed, self.size)
    }

    /// Runs it on this broker.
    ///
    /// # Errors
    /// Something of the test itself can't be done. That the suite does not do what it should is no error, but a violation.
    pub fn on(&self, broker: Broker, progress: Progress) -> Result<Outcome> {
        let step = progress.step("starting the services");
        let stage = Stage::set(broker, &self.subject)?;
        let assortment = Assortment::stock_up(&stage, self.size.orders)?;
        step.done(&format!("started the services; data and logs in {}", stage.dir().display()));
        match self.judged(&stage, &assortment, progress) {
            // The suite was not able to go on, and that is what was to be found out.
            Err(error) if !stage.ended_alone().is_empty() => Ok(Outcome::cut_short(&stage, &error)),
            judged => judged,
        }
    }

    fn judged(&self, stage: &Stage, assortment: &Assortment, progress: Progress) -> Result<Outcome> {
        let step = progress.step("orders flow, and faults come");
        let started = Instant::now();
        let (sales, added) = self.flow(stage, assortment)?;
        let flowed = started.elapsed();
        step.done(&format!("{} orders accepted in {:.0} s", sales.accepted.len(), flowed.as_secs_f64()));

        let step = progress.step("waiting for rest");
        let rest = rest(stage, self.patience, SETTLING)?;
        step.done("waited for rest");
        let step = progress.step("gathering evidence");
        let evidence = Evidence::gather(stage, assortment, sales, rest)?;
        let violations = check(&evidence);
        step.done(&format!("{} records read, {} orders judged", evidence.facts.len(), evidence.orders.len()));
        Ok(Outcome { evidence, violations, added, flowed })
    }

    /// Orders, faults and meddling, until all three are over.
    fn flow(&self, stage: &Stage, assortment: &Assortment) -> Result<(Sales, Added)> {
        let plan = self.plan();
        let (faults_over, flow_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let meddler = scope.spawn(|| meddle(stage, plan.meddling, self.seed, &flow_over));
            let sales = scope.spawn(|| flow(stage, assortment, self.seed, self.size, &faults_over));
            let inflicted = inflict(stage, &plan);
            faults_over.store(true, Ordering::Relaxed);
            let sales = sales.join().expect("customers do not panic");
            flow_over.store(true, Ordering::Relaxed);
            let added = meddler.join().expect("the meddler does not panic");
            inflicted?;
            Ok((sales, added?))
        })
    }
}
