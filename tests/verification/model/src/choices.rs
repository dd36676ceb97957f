//! What can happen next.

use decider::{Service as _, StreamId};
use order::{decider::Order, policy::ORDERS};
use shipping::decider::State as Shipment;

use crate::{
    setting::order_id,
    world::{Action, SERVICES, World},
};

impl World {
    /// What brings the saga on. While there is any of it, the world is not at rest.
    pub(crate) fn progress(&self) -> Vec<Action> {
        let mut actions = vec![];
        actions.extend((0..self.setting.stories.len()).filter(|&index| self.order(index).is_none()).map(Action::Place));
        for at in SERVICES {
            let mailbox = &self.mailboxes[at as usize];
            let may_come = |&index: &usize| !self.setting.guarantees.order_within_topic || mailbox.is_next(index);
            actions.extend((0..mailbox.coming.len()).filter(may_come).map(|index| Action::Deliver(at, index)));
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

    /// What people and the clock do, when they like.
    pub(crate) fn whims(&self) -> Vec<Action> {
        let mut actions = vec![];
        for (index, story) in self.setting.stories.iter().enumerate() {
            if story.cancelled && self.order(index).is_some() {
                actions.push(Action::Cancel(index));
            }
            if story.dispatched && matches!(self.shipment(index), Some(Shipment::Scheduled { .. })) {
                actions.push(Action::Dispatch(index));
            }
            if story.late && self.awaits_deadline(index) {
                actions.push(Action::PassDeadline(index));
            }
        }
        actions
    }

    /// What happens again: records, calls and answers.
    pub(crate) fn repetitions(&self) -> Vec<Action> {
        let mut actions = vec![];
        for at in SERVICES {
            actions.extend((0..self.mailboxes[at as usize].arrived.len()).map(|index| Action::Redeliver(at, index)));
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

    /// What happens next, if anything can.
    pub(crate) fn choose(&self, choice: u16) -> Option<Action> {
        let (kind, which) = (choice % 8, usize::from(choice / 8));
        let unlikely = match kind {
            6 => self.whims(),
            7 => self.repetitions(),
            _ => vec![],
        };
        let candidates = [unlikely, self.progress(), self.whims()].into_iter().find(|actions| !actions.is_empty())?;
        Some(candidates[which % candidates.len()])
    }

    pub(crate) fn awaits_deadline(&self, index: usize) -> bool {
        self.order
            .0
            .get(&StreamId::new(ORDERS, order_id(index)))
            .is_some_and(|state| Order::next_timer(state).is_some())
    }

    /// Lets all happen that must, then everything that only waits for somebody or for its deadline.
    pub(crate) fn come_to_rest(&mut self) -> Result<(), String> {
        loop {
            let deadlines = || {
                (0..self.setting.stories.len()).filter(|&index| self.awaits_deadline(index)).map(Action::PassDeadline)
            };
            let next = self.progress().first().copied().or_else(|| deadlines().next());
            match next {
                Some(action) => self.act(action)?,
                None => return self.check_at_rest().map_err(|broken| self.story(&broken)),
            }
        }
    }
}
