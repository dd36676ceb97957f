//! Exploration of schedules: one, or all of them.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    fmt::{self, Write as _},
    hash::Hash,
    rc::Rc,
};

use catalog::ServiceName;
use contracts::Received;
use payment::decider::Payment;
use shipping::decider::Shipping;

use crate::{
    config::ModelConfig,
    rules::rule,
    schedule::{Action, Observed, ScheduleStep},
    services::{ForService, Participant, fingerprint, for_service},
    transport::{Mailbox, PendingCall, ProviderAnswer, lane},
    world::World,
};

/// Result of exploring every schedule.
#[derive(Debug, Default)]
pub struct Explored {
    /// Number of distinct worlds.
    pub worlds: usize,
    /// Maximum distance of a world from the initial one, in actions.
    pub depth: usize,
    /// Maximum waves in a schedule.
    pub waves: u32,
    pub observed: BTreeSet<Observed>,
}

/// A person's action on a completed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp {
    /// The customer cancels.
    Cancel,
    /// A clerk dispatches the parcel.
    Dispatch,
}

/// Follows the schedule that these numbers choose, then runs the world to quiescence.
///
/// # Errors
/// A rule is violated. The error names it and lists the schedule.
pub fn follow(config: ModelConfig, choices: &[u16]) -> Result<(), String> {
    let mut world = World::new(config);
    for choice in choices {
        let Some(action) = world.choose(*choice) else { break };
        world.act(action)?;
    }
    world.run_to_quiescence()
}

/// Explores every schedule: every delay of records, people and the clock at any moment, up to `attempts` executions of
/// each call. In every quiescent world all orders must have ended. Every world is also checked for the effect of repeated
/// records, unless records may be lost: a lost record that a wave brings is a late one, and without losses, records are
/// late in every possible way. The search is breadth-first, so an error lists the shortest schedule that violates a rule.
///
/// # Errors
/// A rule is violated. The error names it and lists the schedule.
pub fn explore(config: ModelConfig, attempts: u8) -> Result<Explored, String> {
    let mut explored = Explored::default();
    let mut open = VecDeque::from([World::new(config)]);
    let mut known = HashSet::new();
    while let Some(world) = open.pop_front() {
        explored.depth = world.schedule.len();
        explored.waves = explored.waves.max(world.waves);
        if world.config.guarantees.losses == 0 {
            world.check_repetitions()?;
        }
        let progress = world.progress();
        let mut timers = vec![];
        if progress.is_empty() {
            world.clone().run_to_quiescence()?;
            timers = world.timers();
        }
        let repeatable = |(_, call): &(usize, &PendingCall)| (1..attempts).contains(&call.attempts);
        let calls = world.calls.iter().enumerate().filter(repeatable).map(|(index, _)| Action::Perform(index));
        let possible = [world.losses(), progress, timers, world.optional_actions()].into_iter().flatten();
        for action in possible.chain(calls) {
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

/// Runs one order without delays: every necessary action happens at once, people act when the world is quiescent.
/// Returns the schedule.
///
/// # Errors
/// A rule is violated. The error names it and lists the schedule.
pub fn run(config: ModelConfig, follow_ups: &[FollowUp]) -> Result<Vec<ScheduleStep>, String> {
    let mut world = World::new(config);
    world.run_to_quiescence()?;
    for follow_up in follow_ups {
        world.act(match follow_up {
            FollowUp::Cancel => Action::Cancel(0),
            FollowUp::Dispatch => Action::Dispatch(0),
        })?;
        world.run_to_quiescence()?;
    }
    Ok(world.schedule.iter().map(|step| ScheduleStep::clone(step)).collect())
}

impl World {
    /// Hash that is equal for worlds with the same future.
    fn fingerprint(&self) -> u128 {
        let states: Vec<_> = self.services.fingerprints().collect();
        let pending: Vec<_> = self.mailboxes.values().map(|mailbox| self.pending_names(mailbox)).collect();
        let losses = (self.config.guarantees.losses > 0).then(|| (self.lost, self.published_names()));
        fingerprint(&(states, self.providers_text(), pending, losses))
    }

    /// The providers' state, and all calls.
    fn providers_text(&self) -> String {
        let mut text = String::new();
        let mut note = |value: &dyn fmt::Debug| write!(text, "{value:?};").expect("writing to a String cannot fail");
        note(&(self.accounts.values().collect::<Vec<_>>(), self.parcels.values().collect::<Vec<_>>()));
        // Sorted, because the order in which calls and records were created does not matter.
        let mut calls: Vec<_> = self.calls.iter().collect();
        calls.sort_by_key(|call| call.name());
        for call in calls {
            let results: Vec<_> = call.answers.iter().map(|answer| answer.result()).collect();
            note(&(call.name(), call.caused_by, call.attempts, call.is_answered, results));
        }
        text
    }

    fn pending_names<'a>(&self, mailbox: &'a Mailbox) -> Vec<impl Hash + use<'a>> {
        let name = |record: &'a Rc<Received>| (lane(record), record.meta.event_type.name, record.meta.replay);
        let mut pending: Vec<_> = mailbox.pending.iter().map(name).collect();
        if self.config.guarantees.order_within_topic {
            pending.sort_by_key(|(lane, ..)| *lane);
        } else {
            pending.sort_unstable();
        }
        pending
    }

    /// Facts that each service published and waves that it joined. The effects of later waves depend on them, but not on
    /// the facts that it received: a record that was processed before has no effect when it is processed again.
    fn published_names(&self) -> Vec<impl Hash> {
        let names = ServiceName::owners().map(|(service, _)| {
            let published = self.facts.iter().filter(|fact| fact.meta.event_type.owner == service.name());
            let published: Vec<_> = published.map(|fact| (lane(fact), fact.meta.event_type.name)).collect();
            (published, &self.mailboxes[service].last_wave)
        });
        names.collect()
    }

    /// Checks that a repetition of any record or response has no effect in this world.
    fn check_repetitions(&self) -> Result<(), String> {
        for (service, _) in ServiceName::owners() {
            for record in &self.mailboxes[service].arrived {
                let is_ignored = for_service(service, IgnoresRepetition { world: self, record });
                let name = record.meta.event_type.name;
                rule(is_ignored == Some(true), &format!("{service} ignores repeated {name}"))
                    .map_err(|violation| self.with_schedule(&violation))?;
            }
        }
        for answer in self.calls.iter().filter(|call| call.is_answered).flat_map(|call| &call.answers) {
            let is_ignored = match &**answer {
                ProviderAnswer::Gateway(command) => self.services.payment.decide::<Payment>(command).is_empty(),
                ProviderAnswer::Carrier(command) => self.services.shipping.decide::<Shipping>(command).is_empty(),
            };
            rule(is_ignored, "a repeated response is ignored").map_err(|violation| self.with_schedule(&violation))?;
        }
        Ok(())
    }
}

/// Returns whether a service ignores a record that it has processed before.
struct IgnoresRepetition<'a> {
    world: &'a World,
    record: &'a Received,
}

impl ForService for IgnoresRepetition<'_> {
    type Output = bool;

    fn run<P: Participant>(self) -> bool {
        let command = P::reaction(&self.record.meta, self.record.event.data());
        P::streams_in(&self.world.services).decide::<P>(&command).is_empty()
    }
}
