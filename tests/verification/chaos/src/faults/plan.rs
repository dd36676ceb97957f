//! From a seed to a schedule of faults, as data: the same seed gives the same schedule.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use contracts::TOPICS;
use fastrand::Rng;
use providers::simulator::Trouble;
use xtask::ServiceName;

use crate::choreography::consumes;

/// How often each service is killed: once in this time.
const SERVICE_SLOT: Duration = Duration::from_secs(7);
/// How often the broker is killed.
const BROKER_SLOT: Duration = Duration::from_secs(40);
/// How often each provider gets into trouble.
const PROVIDER_SLOT: Duration = Duration::from_secs(18);
/// Orders flow for this time before the first fault.
const CALM: Duration = Duration::from_secs(3);

/// How much is done to the suite.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Orders to place at least.
    pub orders: u32,
    /// How many of them in a second.
    pub orders_per_second: u32,
    /// Times that the broker is killed at least; none at all when it is not ours.
    pub broker_kills: Option<u32>,
    /// Instances of each service in the middle of the run; one before and after it.
    pub instances: u32,
}

/// What is going to happen.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// What all of it was made from.
    pub seed: u64,
    /// To each service.
    pub services: Vec<(ServiceName, Vec<ScheduledFault<ServiceFault>>)>,
    /// To the broker: killed.
    pub broker: Vec<ScheduledFault<()>>,
    /// To the provider of payment, and to that of shipping.
    pub providers: Vec<(ServiceName, Vec<ScheduledFault<Trouble>>)>,
    /// While there are further instances of each service. At its end one of them is killed, and the others end in order.
    pub scale_out: Option<ScaleOut>,
    /// After all that, one at a time: how long orders wait for what was killed can be seen then. With our own broker only.
    pub alone: Vec<(KillTarget, Duration)>,
    /// To what is in the topics.
    pub topic_faults: TopicFaults,
}

/// A time with more instances of each service than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleOut {
    /// When they come.
    pub from: Duration,
    /// When they go.
    pub until: Duration,
    /// How many there are besides the first.
    pub others: u32,
}

/// What can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillTarget {
    /// A service.
    Service(ServiceName),
    /// The broker.
    Broker,
}

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduledFault<K> {
    /// When it begins, counted from the first order.
    pub at: Duration,
    /// What it is.
    pub kind: K,
    /// Until it is ended.
    pub lasts: Duration,
}

/// What happens to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceFault {
    /// SIGKILL; started again afterwards.
    Kill,
    /// SIGKILL, and once more while it is starting.
    KillTwice,
    /// SIGKILL; when it is started again, it reads this topic from its beginning.
    Replay(&'static str),
    /// SIGSTOP, then SIGCONT.
    Pause,
}

impl ServiceFault {
    /// How often it kills.
    pub fn kills(self) -> usize {
        match self {
            Self::Kill | Self::Replay(_) => 1,
            Self::KillTwice => 2,
            Self::Pause => 0,
        }
    }
}

/// What is added to the topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicFaults {
    /// Events out of a hundred that come again, soon or later.
    pub duplicated_percent: u8,
    /// Events out of a thousand that are followed by poison made of them.
    pub poisoned_permille: u16,
}

impl FaultPlan {
    /// The schedule of this seed.
    pub fn new(seed: u64, size: Size) -> Self {
        let mut rng = Rng::with_seed(seed);
        let length = Duration::from_secs(u64::from(size.orders.div_ceil(size.orders_per_second)));
        let services = ServiceName::all().map(|service| (service, service_faults(&mut rng, service, length))).collect();
        let providers =
            [ServiceName::Payment, ServiceName::Shipping].map(|service| (service, provider_faults(&mut rng, length)));
        Self {
            seed,
            services,
            broker: broker_faults(&mut rng, size.broker_kills, length),
            providers: providers.into(),
            scale_out: size
                .instances
                .checked_sub(1)
                .filter(|others| *others > 0)
                .map(|others| scale_out(&mut rng, length, others)),
            alone: if size.broker_kills.is_some() { alone(&mut rng) } else { Vec::new() },
            topic_faults: TopicFaults { duplicated_percent: 5, poisoned_permille: 2 },
        }
    }

    /// How often a service is killed.
    pub fn service_kills(&self) -> usize {
        let faults = self.services.iter().flat_map(|(_, faults)| faults);
        let alone = self.alone.iter().filter(|(target, _)| *target != KillTarget::Broker).count();
        faults.map(|fault| fault.kind.kills()).sum::<usize>() + alone
    }

    /// How often the broker is killed.
    pub fn broker_kills(&self) -> usize {
        self.broker.len() + self.alone.iter().filter(|(target, _)| *target == KillTarget::Broker).count()
    }
}

fn between(rng: &mut Rng, millis: Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(millis))
}

/// The beginnings of slots of this length.
fn slots(length: Duration, slot: Duration) -> impl Iterator<Item = Duration> {
    let count = u32::try_from(length.saturating_sub(CALM).as_millis() / slot.as_millis()).unwrap_or(u32::MAX);
    (0..count.max(1)).map(move |number| CALM + slot * number)
}

/// In every slot a kill early, and in some a pause late: faults of one service don't meet, those of different ones do.
fn service_faults(rng: &mut Rng, service: ServiceName, length: Duration) -> Vec<ScheduledFault<ServiceFault>> {
    let mut faults = Vec::new();
    for slot in slots(length, SERVICE_SLOT) {
        let kind = match rng.u8(0..100) {
            0..75 => ServiceFault::Kill,
            75..90 => ServiceFault::KillTwice,
            _ => ServiceFault::Replay(rng.choice(consumes(service)).expect("it reads some topic")),
        };
        faults.push(ScheduledFault { at: slot + between(rng, 0..3_000), kind, lasts: between(rng, 0..1_500) });
        if rng.u8(0..100) < 35 {
            // Some are longer than the session of a consumer.
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

fn provider_faults(rng: &mut Rng, length: Duration) -> Vec<ScheduledFault<Trouble>> {
    let fault = |at| ScheduledFault {
        at: at + between(rng, 0..9_000),
        kind: Trouble { latency: between(rng, 0..800), failing_percent: rng.u8(10..70), lost_percent: rng.u8(5..30) },
        lasts: between(rng, 2_000..6_000),
    };
    slots(length, PROVIDER_SLOT).map(fault).collect()
}

fn scale_out(rng: &mut Rng, length: Duration, others: u32) -> ScaleOut {
    let tenths = |rng: &mut Rng, tenths: Range<u32>| length * rng.u32(tenths.start * 10..tenths.end * 10) / 100;
    ScaleOut { from: tenths(rng, 1..3), until: tenths(rng, 6..8), others }
}

fn alone(rng: &mut Rng) -> Vec<(KillTarget, Duration)> {
    let services = ServiceName::all().map(KillTarget::Service);
    services.chain([KillTarget::Broker]).map(|target| (target, between(rng, 300..1_500))).collect()
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = || self.services.iter().flat_map(|(_, faults)| faults);
        let count = |wanted: fn(&ServiceFault) -> bool| all().filter(|fault| wanted(&fault.kind)).count();
        writeln!(
            f,
            "seed {}: {} kills of services ({} as they start, {} followed by a replay), {} pauses, {} kills of the broker,",
            self.seed,
            self.service_kills(),
            count(|kind| *kind == ServiceFault::KillTwice),
            count(|kind| matches!(kind, ServiceFault::Replay(_))),
            count(|kind| *kind == ServiceFault::Pause),
            self.broker_kills(),
        )?;
        if let Some(ScaleOut { from, until, others }) = self.scale_out {
            let (from, until) = (from.as_secs(), until.as_secs());
            writeln!(f, "  {} instances of each service from second {from} to second {until},", others + 1)?;
        }
        let troubles: usize = self.providers.iter().map(|(_, faults)| faults.len()).sum();
        write!(
            f,
            "  {troubles} times trouble at the providers, {} % of the events in {} topics doubled, {} ‰ poisoned",
            self.topic_faults.duplicated_percent,
            TOPICS.len(),
            self.topic_faults.poisoned_permille
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Size = Size { orders: 2_000, orders_per_second: 16, broker_kills: Some(3), instances: 1 };

    #[test]
    fn a_seed_always_gives_the_same_plan_and_another_seed_another() {
        assert_eq!(FaultPlan::new(7, SHORT), FaultPlan::new(7, SHORT));
        assert_ne!(FaultPlan::new(7, SHORT).services, FaultPlan::new(8, SHORT).services);
    }

    #[test]
    fn the_short_form_has_the_faults_that_it_promises_whatever_the_seed() {
        for seed in 0..200 {
            let plan = FaultPlan::new(seed, SHORT);
            assert!(plan.service_kills() >= 60, "seed {seed}: {plan}");
            assert!(plan.broker_kills() >= 3, "seed {seed}: {plan}");
        }
    }

    #[test]
    fn faults_of_one_kind_come_in_the_order_of_time() {
        let plan = FaultPlan::new(1, SHORT);
        for (_, faults) in &plan.services {
            assert!(faults.is_sorted_by_key(|fault| fault.at));
        }
        assert!(plan.broker.is_sorted_by_key(|fault| fault.at));
    }

    #[test]
    fn there_are_more_instances_in_the_middle_of_the_run_and_one_at_its_ends() {
        let plan = FaultPlan::new(1, Size { instances: 3, ..SHORT });
        let scale_out = plan.scale_out.expect("there is one");
        assert_eq!(scale_out.others, 2);
        assert!(
            Duration::ZERO < scale_out.from
                && scale_out.from < scale_out.until
                && scale_out.until < Duration::from_secs(125)
        );
        assert_eq!(FaultPlan::new(1, SHORT).scale_out, None);
    }

    #[test]
    fn a_broker_of_others_is_left_alone() {
        assert_eq!(FaultPlan::new(1, Size { broker_kills: None, ..SHORT }).broker_kills(), 0);
    }
}
