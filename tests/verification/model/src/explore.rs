//! Following schedules: one, or all of them.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    fmt::{self, Write as _},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    rc::Rc,
};

use contracts::{Contract as _, Received};
use inventory::decider::Inventory;
use order::decider::Order;
use payment::decider::Payment;
use shipping::decider::Shipping;

use crate::{
    documents::sequence::Later,
    rules::rule,
    services::{Party, Streams},
    setting::Setting,
    world::{Action, Answer, Call, Observed, Step, World},
};

/// What was found by following every schedule.
#[derive(Debug, Default)]
pub struct Explored {
    /// Different worlds.
    pub worlds: usize,
    /// Steps to the farthest of them.
    pub depth: usize,
    /// Every reaction that was seen.
    pub observed: BTreeSet<Observed>,
}

/// Follows the schedule that these numbers choose, then lets everything come to rest.
///
/// # Errors
/// Something does not hold that must: what, and all that happened.
pub fn follow(setting: Setting, choices: &[u16]) -> Result<(), String> {
    let mut world = World::new(setting);
    for choice in choices {
        let Some(action) = world.choose(*choice) else { break };
        world.act(action)?;
    }
    world.come_to_rest()
}

/// Follows every schedule: every record early or late, people and the clock at any moment, every call made up to
/// `attempts` times. In every world it is tried whether what has arrived may come again; every world at rest must be one
/// in which all orders ended. The shortest schedules come first, so a failure tells the shortest way to it.
///
/// # Errors
/// As [`follow`].
pub fn explore(setting: Setting, attempts: u8) -> Result<Explored, String> {
    let mut explored = Explored::default();
    let mut open = VecDeque::from([World::new(setting)]);
    let mut known = HashSet::new();
    while let Some(world) = open.pop_front() {
        explored.depth = world.schedule.len();
        world.check_what_comes_again()?;
        let progress = world.progress();
        if progress.is_empty() {
            world.clone().come_to_rest()?;
        }
        let repeatable = |(_, call): &(usize, &Call)| (1..attempts).contains(&call.attempts);
        let calls = world.calls.iter().enumerate().filter(repeatable).map(|(index, _)| Action::Perform(index));
        for action in progress.into_iter().chain(world.whims()).chain(calls) {
            let mut next = world.clone();
            next.observed = Rc::default();
            next.act(action)?;
            explored.observed.extend(next.observed.iter());
            if known.insert(next.fingerprint()) {
                open.push_back(next);
            }
        }
    }
    explored.worlds = known.len();
    Ok(explored)
}

impl World {
    /// The same for worlds from which the same can follow. 128 bits: of a billion worlds two are mistaken for each other
    /// with a probability below 10⁻²⁰.
    fn fingerprint(&self) -> u128 {
        let text = self.essence();
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &text).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    fn essence(&self) -> String {
        let mut text = String::new();
        let mut note = |what: &dyn fmt::Debug| write!(text, "{what:?};").expect("a String takes all");
        for order in self.order.0.values().filter_map(|state| state.order.as_ref()) {
            note(&(order.progress, order.cancellation, order.outcome));
        }
        for state in self.inventory.0.values() {
            note(&(&state.reservation, state.stock.values().collect::<Vec<_>>()));
        }
        for state in self.payment.0.values() {
            note(state);
        }
        for state in self.shipping.0.values() {
            note(state);
        }
        note(&(self.accounts.values().collect::<Vec<_>>(), self.parcels.values().collect::<Vec<_>>()));
        // The same calls and records may have come about in another order.
        let mut calls: Vec<_> = self.calls.iter().collect();
        calls.sort_by_key(|call| call.name());
        for call in calls {
            let settled: Vec<_> = call.answers.iter().map(|answer| answer.settled()).collect();
            note(&(call.name(), call.because, call.attempts, call.is_answered, settled));
        }
        for mailbox in &self.mailboxes {
            let place = |record: &Received| (record.meta.event_type.owner, record.event.order_id());
            let mut coming: Vec<_> =
                mailbox.coming.iter().map(|record| (place(record), record.meta.event_type.name)).collect();
            coming.sort_by_key(|(place, _)| *place);
            note(&coming);
        }
        text
    }

    /// Whatever has arrived may arrive again, at any time: every service sees by itself that it is nothing new.
    fn check_what_comes_again(&self) -> Result<(), String> {
        self.check_records_again::<Order>(&self.order)?;
        self.check_records_again::<Inventory>(&self.inventory)?;
        self.check_records_again::<Payment>(&self.payment)?;
        self.check_records_again::<Shipping>(&self.shipping)?;
        for answer in self.calls.iter().filter(|call| call.is_answered).flat_map(|call| &call.answers) {
            let is_nothing = match &**answer {
                Answer::FromGateway(command) => self.payment.decide::<Payment>(command).is_empty(),
                Answer::FromCarrier(command) => self.shipping.decide::<Shipping>(command).is_empty(),
            };
            rule(is_nothing, "an answer is accepted once").map_err(|broken| self.story(&broken))?;
        }
        Ok(())
    }

    fn check_records_again<S: Party>(&self, streams: &Streams<S::State>) -> Result<(), String> {
        for record in &self.mailboxes[S::NAME as usize].arrived {
            let events = streams
                .decide::<S>(&S::react(&record.meta, record.event.data()).expect("only what it reacts to is sent"));
            let (name, service) = (record.meta.event_type.name, S::Public::OWNER);
            let broken = format!("{name} that comes again to {service} is nothing");
            rule(events.is_empty(), &broken).map_err(|broken| self.story(&broken))?;
        }
        Ok(())
    }
}

/// One run in which everything happens as soon as it can, and people act when all has come to rest. Gives its steps.
///
/// # Errors
/// As [`follow`].
pub fn run(setting: Setting, later: &[Later]) -> Result<Vec<Step>, String> {
    let mut world = World::new(setting);
    world.come_to_rest()?;
    for action in later {
        world.act(match action {
            Later::Cancel => Action::Cancel(0),
            Later::Dispatch => Action::Dispatch(0),
        })?;
        world.come_to_rest()?;
    }
    Ok(world.schedule.iter().map(|step| Step::clone(step)).collect())
}
