//! Possible actions in a world.

use catalog::ServiceName;
use order::decider::OrderState;
use shipping::decider::State as Shipment;

use crate::{schedule::Action, world::World};

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
            7 => self.repetitions(),
            _ => vec![],
        };
        let candidates = [unlikely, self.progress(), self.optional_actions()];
        let candidates = candidates.into_iter().find(|actions| !actions.is_empty())?;
        Some(candidates[which % candidates.len()])
    }

    /// Returns whether the order would request its cancellation at its deadline. Nothing is lost, so it needs no wave.
    pub(crate) fn awaits_deadline(&self, index: usize) -> bool {
        self.order(index).is_some_and(OrderState::can_expire)
    }

    /// Performs all necessary actions, lets pending deadlines pass, and checks the rules for quiescent worlds.
    pub(crate) fn run_to_quiescence(&mut self) -> Result<(), String> {
        loop {
            let orders = 0..self.config.scenarios.len();
            let mut deadlines = orders.filter(|&index| self.awaits_deadline(index)).map(Action::PassDeadline);
            let next = self.progress().first().copied().or_else(|| deadlines.next());
            match next {
                Some(action) => self.act(action)?,
                None => return self.check_quiescent().map_err(|violation| self.with_schedule(&violation)),
            }
        }
    }
}
