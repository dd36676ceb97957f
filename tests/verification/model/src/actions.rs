//! Possible actions in a world.

use catalog::ServiceName;
use order::decider::OrderState;
use shipping::decider::State as Shipment;

use crate::{schedule::Action, world::World};

/// Maximum steps of an order without people.
const STEPS_MAX: usize = 100;

impl World {
    /// Actions that advance the saga. A world without them is quiescent.
    pub(crate) fn progress(&self) -> Vec<Action> {
        let mut actions = vec![];
        let orders = 0..self.config.scenarios.len();
        actions.extend(orders.filter(|&index| self.order(index).is_none()).map(Action::Place));
        for (service, _) in ServiceName::owners() {
            let mailbox = &self.mailboxes[service];
            let is_ordered = self.config.guarantees.order_within_topic;
            let deliverable = (0..mailbox.pending.len()).filter(|&index| !is_ordered || mailbox.is_next(index));
            actions.extend(deliverable.map(|index| Action::Deliver(service, index)));
        }
        for (index, call) in self.calls.iter().enumerate().filter(|(_, call)| !call.is_answered && call.is_answerable())
        {
            if call.answers.is_empty() {
                actions.push(Action::Perform(index));
            }
            actions.extend((0..call.answers.len()).map(|answer| Action::Answer(index, answer)));
        }
        actions
    }

    /// Possible but not necessary actions of people and of the clock.
    pub(crate) fn optional_actions(&self) -> Vec<Action> {
        let mut actions = vec![];
        for (index, scenario) in self.config.scenarios.iter().enumerate() {
            if scenario.cancelled && self.order(index).is_some() {
                actions.push(Action::Cancel(index));
            }
            if scenario.dispatched && matches!(self.shipment(index), Some(Shipment::Scheduled { .. })) {
                actions.push(Action::Dispatch(index));
            }
            if scenario.late && self.awaits_deadline(index) {
                actions.push(Action::PassDeadline(index));
            }
        }
        actions
    }

    /// Losses of records that would be received next.
    pub(crate) fn losses(&self) -> Vec<Action> {
        if self.lost >= self.config.guarantees.losses {
            return vec![];
        }
        let lost = self.progress().into_iter().filter_map(|action| match action {
            Action::Deliver(service, index) => Some(Action::Lose(service, index)),
            _ => None,
        });
        lost.collect()
    }

    /// Timers of orders that have not ended. They pass once nothing else can happen. Only a loss can require a wave.
    pub(crate) fn timers(&self) -> Vec<Action> {
        let orders = 0..self.config.scenarios.len();
        orders
            .filter(|&index| self.awaits_deadline(index) || self.awaits_wave(index))
            .map(Action::PassDeadline)
            .collect()
    }

    fn awaits_wave(&self, index: usize) -> bool {
        self.lost > 0 && self.order(index).is_some_and(|order| order.wave_due().is_some())
    }

    /// Repetitions of records, calls and responses.
    pub(crate) fn repetitions(&self) -> Vec<Action> {
        let mut actions = vec![];
        for (service, mailbox) in self.mailboxes.iter() {
            actions.extend((0..mailbox.arrived.len()).map(|index| Action::Redeliver(service, index)));
        }
        for (index, call) in self.calls.iter().enumerate() {
            if (1..3).contains(&call.attempts) {
                actions.push(Action::Perform(index));
            }
            if call.is_answered {
                actions.extend((0..call.answers.len()).map(|answer| Action::Answer(index, answer)));
            }
        }
        actions
    }

    /// Maps a random number to an action. Returns `None` if no action is possible.
    pub(crate) fn choose(&self, choice: u16) -> Option<Action> {
        let (kind, which) = (choice % 8, usize::from(choice / 8));
        let unlikely = match kind {
            6 => self.optional_actions(),
            7 => [self.repetitions(), self.losses()].concat(),
            _ => vec![],
        };
        let timers = if self.lost > 0 { self.timers() } else { vec![] };
        let candidates = [unlikely, self.progress(), timers, self.optional_actions()];
        let candidates = candidates.into_iter().find(|actions| !actions.is_empty())?;
        Some(candidates[which % candidates.len()])
    }

    pub(crate) fn awaits_deadline(&self, index: usize) -> bool {
        self.order(index).is_some_and(OrderState::can_expire)
    }

    /// Performs all necessary actions, lets timers pass, and checks the rules for quiescent worlds.
    pub(crate) fn run_to_quiescence(&mut self) -> Result<(), String> {
        for _ in 0..STEPS_MAX * self.config.scenarios.len() {
            match self.progress().first().or(self.timers().first()) {
                Some(action) => self.act(*action)?,
                None => return self.check_quiescent().map_err(|violation| self.with_schedule(&violation)),
            }
        }
        Err(self.with_schedule(&format!("an order ends within {STEPS_MAX} steps")))
    }
}
