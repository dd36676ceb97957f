//! Fault schedules as data. The same seed always gives the same schedule.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use contracts::TOPICS;
use fastrand::Rng;
use providers::simulator::FaultProfile;
use xtask::ServiceName;

use crate::choreography::{calls, consumes};

/// Interval in which each service is killed once.
const SERVICE_SLOT: Duration = Duration::from_secs(7);
/// Interval in which the broker is killed once.
const BROKER_SLOT: Duration = Duration::from_secs(40);
/// Interval in which each provider has one outage.
const PROVIDER_SLOT: Duration = Duration::from_secs(18);
/// Fault-free time at the start.
const WARM_UP: Duration = Duration::from_secs(3);

/// Size of a run.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Minimum number of orders.
    pub orders: u32,
    pub orders_per_second: u32,
    /// Minimum number of broker kills. `None` if the broker belongs to others and must not be killed.
    pub broker_kills: Option<u32>,
    /// Instances of each service in the middle of the run. At its start and end there is one.
    pub instances: u32,
}

/// All faults of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    pub seed: u64,
    pub services: Vec<(ServiceName, Vec<ScheduledFault<ServiceFault>>)>,
    /// Kills of the broker.
    pub broker: Vec<ScheduledFault<()>>,
    /// Outages of the providers, by calling service.
    pub providers: Vec<(ServiceName, Vec<ScheduledFault<FaultProfile>>)>,
    /// Period with further instances of each service. At its end one is killed and the others are terminated.
    pub scale_out: Option<ScaleOut>,
    /// Kills one at a time after all other faults, to measure recovery times. Requires the run to have started its own broker.
    pub isolated: Vec<(KillTarget, Duration)>,
    /// Records added to the topics.
    pub topic_faults: TopicFaults,
}

/// Period with several instances of each service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleOut {
    pub from: Duration,
    pub until: Duration,
    /// Instances besides the first.
    pub others: u32,
}

/// Process to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillTarget {
    Service(ServiceName),
    Broker,
}

/// A fault with its time and duration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduledFault<K> {
    /// Start, relative to the first order.
    pub at: Duration,
    pub kind: K,
    pub lasts: Duration,
}

/// Fault of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceFault {
    /// SIGKILL, then restart.
    Kill,
    /// SIGKILL, restart, a second SIGKILL during start-up, then restart.
    KillTwice,
    /// SIGKILL, then restart with the offsets of this topic set to its beginning.
    Replay(&'static str),
    /// SIGSTOP, then SIGCONT.
    Pause,
}

impl ServiceFault {
    /// Number of kills.
    pub fn kills(self) -> usize {
        match self {
            Self::Kill | Self::Replay(_) => 1,
            Self::KillTwice => 2,
            Self::Pause => 0,
        }
    }
}

/// Records added to the topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicFaults {
    /// Percentage of events that are published a second time.
    pub duplicated_percent: u8,
    /// Events per thousand from which a poison record is made.
    pub poisoned_permille: u16,
}

impl FaultPlan {
    /// Creates the schedule of this seed.
    pub fn new(seed: u64, size: Size) -> Self {
        let mut rng = Rng::with_seed(seed);
        let length = Duration::from_secs(u64::from(size.orders.div_ceil(size.orders_per_second)));
        let services = ServiceName::all();
        let services = services.map(|service| (service, service_faults(&mut rng, service, length))).collect();
        let callers = ServiceName::all().filter(|service| !calls(*service).is_empty());
        let providers = callers.map(|service| (service, provider_faults(&mut rng, length))).collect();
        let others = size.instances.saturating_sub(1);
        Self {
            seed,
            services,
            broker: broker_faults(&mut rng, size.broker_kills, length),
            providers,
            scale_out: (others > 0).then(|| scale_out(&mut rng, length, others)),
            isolated: if size.broker_kills.is_some() { isolated(&mut rng) } else { Vec::new() },
            topic_faults: TopicFaults { duplicated_percent: 5, poisoned_permille: 2 },
        }
    }

    /// Number of service kills.
    pub fn service_kills(&self) -> usize {
        let faults = self.services.iter().flat_map(|(_, faults)| faults);
        let isolated = self.isolated.iter().filter(|(target, _)| *target != KillTarget::Broker).count();
        faults.map(|fault| fault.kind.kills()).sum::<usize>() + isolated
    }

    /// Number of broker kills.
    pub fn broker_kills(&self) -> usize {
        self.broker.len() + self.isolated.iter().filter(|(target, _)| *target == KillTarget::Broker).count()
    }
}

fn between(rng: &mut Rng, millis: Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(millis))
}

/// Start times of all slots of this length.
fn slots(length: Duration, slot: Duration) -> impl Iterator<Item = Duration> {
    let count = u32::try_from(length.saturating_sub(WARM_UP).as_millis() / slot.as_millis()).unwrap_or(u32::MAX);
    (0..count.max(1)).map(move |number| WARM_UP + slot * number)
}

/// One kill early in every slot and, in some, a pause late: faults of one service do not overlap, those of different
/// services do.
fn service_faults(rng: &mut Rng, service: ServiceName, length: Duration) -> Vec<ScheduledFault<ServiceFault>> {
    let mut faults = Vec::new();
    for slot in slots(length, SERVICE_SLOT) {
        let kind = match rng.u8(0..100) {
            0..75 => ServiceFault::Kill,
            75..90 => ServiceFault::KillTwice,
            _ => ServiceFault::Replay(rng.choice(consumes(service)).expect("every service consumes a topic")),
        };
        faults.push(ScheduledFault { at: slot + between(rng, 0..3_000), kind, lasts: between(rng, 0..1_500) });
        if rng.u8(0..100) < 35 {
            // Some exceed the session timeout of the consumer.
            let lasts = if rng.u8(0..100) < 10 { between(rng, 6_500..8_000) } else { between(rng, 50..2_000) };
            faults.push(ScheduledFault { at: slot + between(rng, 4_500..5_500), kind: ServiceFault::Pause, lasts });
        }
    }
    faults
}

fn broker_faults(rng: &mut Rng, at_least: Option<u32>, length: Duration) -> Vec<ScheduledFault<()>> {
    let Some(at_least) = at_least else { return Vec::new() };
    let count = at_least.max(u32::try_from(length.as_secs() / BROKER_SLOT.as_secs()).unwrap_or(u32::MAX));
    let slot = length / count.max(1);
    let fault = |number| ScheduledFault {
        at: slot * number + slot / 10 + between(rng, 0..u64::try_from(slot.as_millis() / 2).unwrap_or(1)),
        kind: (),
        lasts: between(rng, 0..4_000),
    };
    (0..count).map(fault).collect()
}

fn provider_faults(rng: &mut Rng, length: Duration) -> Vec<ScheduledFault<FaultProfile>> {
    let fault = |at| ScheduledFault {
        at: at + between(rng, 0..9_000),
        kind: FaultProfile {
            latency: between(rng, 0..800),
            failing_percent: rng.u8(10..70),
            lost_percent: rng.u8(5..30),
        },
        lasts: between(rng, 2_000..6_000),
    };
    slots(length, PROVIDER_SLOT).map(fault).collect()
}

fn scale_out(rng: &mut Rng, length: Duration, others: u32) -> ScaleOut {
    let tenths = |rng: &mut Rng, tenths: Range<u32>| length * rng.u32(tenths.start * 10..tenths.end * 10) / 100;
    ScaleOut { from: tenths(rng, 1..3), until: tenths(rng, 6..8), others }
}

fn isolated(rng: &mut Rng) -> Vec<(KillTarget, Duration)> {
    let services = ServiceName::all().map(KillTarget::Service);
    services.chain([KillTarget::Broker]).map(|target| (target, between(rng, 300..1_500))).collect()
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = || self.services.iter().flat_map(|(_, faults)| faults);
        let count = |wanted: fn(&ServiceFault) -> bool| all().filter(|fault| wanted(&fault.kind)).count();
        writeln!(
            f,
            "seed {}: {} service kills ({} during start-up, {} with a replay), {} pauses, {} broker kills,",
            self.seed,
            self.service_kills(),
            count(|kind| *kind == ServiceFault::KillTwice),
            count(|kind| matches!(kind, ServiceFault::Replay(_))),
            count(|kind| *kind == ServiceFault::Pause),
            self.broker_kills(),
        )?;
        if let Some(ScaleOut { from, until, others }) = self.scale_out {
            let (from, until) = (from.as_secs(), until.as_secs());
            writeln!(f, "  {} instances of each service from {from} s to {until} s,", others + 1)?;
        }
        let outages: usize = self.providers.iter().map(|(_, faults)| faults.len()).sum();
        let TopicFaults { duplicated_percent, poisoned_permille } = self.topic_faults;
        let topics = TOPICS.len();
        write!(f, "  {outages} provider outages, {duplicated_percent} % duplicates and ")?;
        write!(f, "{poisoned_permille} poison records per 1,000 events in {topics} topics")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const SHORT: Size = Size { orders: 2_000, orders_per_second: 16, broker_kills: Some(3), instances: 1 };

    #[test]
    fn same_seed_gives_same_plan() {
        assert_eq!(FaultPlan::new(7, SHORT), FaultPlan::new(7, SHORT));
        assert_ne!(FaultPlan::new(7, SHORT).services, FaultPlan::new(8, SHORT).services);
    }

    #[test]
    fn every_seed_schedules_the_promised_number_of_kills() {
        for seed in 0..200 {
            let plan = FaultPlan::new(seed, SHORT);
            assert!(plan.service_kills() >= 60, "seed {seed}: {plan}");
            assert!(plan.broker_kills() >= 3, "seed {seed}: {plan}");
        }
    }

    #[test]
    fn faults_of_one_target_are_sorted_by_time() {
        let plan = FaultPlan::new(1, SHORT);
        for (_, faults) in &plan.services {
            assert!(faults.is_sorted_by_key(|fault| fault.at));
        }
        assert!(plan.broker.is_sorted_by_key(|fault| fault.at));
    }

    #[test]
    fn scale_out_covers_only_the_middle_of_the_run() {
        let plan = FaultPlan::new(1, Size { instances: 3, ..SHORT });
        let scale_out = plan.scale_out.expect("scale-out");
        assert_eq!(scale_out.others, 2);
        assert!(
            Duration::ZERO < scale_out.from
                && scale_out.from < scale_out.until
                && scale_out.until < Duration::from_secs(125)
        );
        assert_eq!(FaultPlan::new(1, SHORT).scale_out, None);
    }

    #[test]
    fn summary_of_a_plan_counts_all_faults() {
        let plan = FaultPlan::new(1, Size { instances: 3, ..SHORT });
        expect![[r#"
            seed 1: 85 service kills (13 during start-up, 5 with a replay), 28 pauses, 4 broker kills,
              3 instances of each service from 13 s to 75 s,
              12 provider outages, 5 % duplicates and 2 poison records per 1,000 events in 4 topics"#]]
        .assert_eq(&plan.to_string());
    }

    #[test]
    fn foreign_broker_is_never_killed() {
        assert_eq!(FaultPlan::new(1, Size { broker_kills: None, ..SHORT }).broker_kills(), 0);
    }
}
