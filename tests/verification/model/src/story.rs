//! Telling what happened.

use std::fmt::{self, Write as _};

use contracts::Received;

use crate::{
    setting::{letter, order_id},
    world::{Action, Step, World},
};

impl World {
    pub(crate) fn step(&self, action: Action) -> Step {
        let record = |record: &Received| (record.meta.event_type.name, record.event.order_id());
        let (who, does, (what, order)) = match action {
            Action::Place(index) => ("the customer", "places", ("the order", order_id(index))),
            Action::Cancel(index) => ("the customer", "cancels", ("the order", order_id(index))),
            Action::PassDeadline(index) => ("the clock", "passes", ("the deadline", order_id(index))),
            Action::Dispatch(index) => ("somebody", "dispatches", ("the parcel", order_id(index))),
            Action::Deliver(at, index) => (at.name(), "receives", record(&self.mailboxes[at as usize].coming[index])),
            Action::Redeliver(at, index) => {
                (at.name(), "receives again", record(&self.mailboxes[at as usize].arrived[index]))
            }
            Action::Perform(index) => ("the provider", "performs", self.calls[index].name()),
            Action::Answer(index, _) => ("the provider", "answers", self.calls[index].name()),
        };
        Step { who, does, what, order, published: vec![] }
    }

    /// What is broken, and the schedule that broke it.
    pub(crate) fn story(&self, broken: &str) -> String {
        let mut story = format!("broken: {broken}\n{:#?}\n", self.setting);
        for (number, step) in (1..).zip(&self.schedule) {
            writeln!(story, "{number:3}. {step}").expect("a String takes all");
        }
        story
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} of {}", self.who, self.does, self.what, letter(self.order))?;
        if self.published.is_empty() { Ok(()) } else { write!(f, " => {}", self.published.join(", ")) }
    }
}

/// A decider that panics shows the schedule, too.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.story("a panic"));
        }
    }
}
