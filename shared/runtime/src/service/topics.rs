//! The topics of a service.

use cloudevent::Contract as _;
use decider::Service;
use messaging::dead_letters;

/// The topics that a service owns and those that it reads.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    /// The topic of the service's public events.
    pub(super) events: &'static str,
    pub(super) dead_letter: String,
    /// Operators send dead letters here for another attempt.
    pub(super) redrive: String,
    /// Topics of other services.
    consumed: Vec<&'static str>,
}

impl Topics {
    pub(super) fn of<S: Service>() -> Self {
        let service = S::Public::OWNER;
        Self {
            events: S::Public::TOPIC,
            dead_letter: dead_letters::dead_letter_topic(service),
            redrive: dead_letters::redrive_topic(service),
            consumed: S::consumes(),
        }
    }

    pub(super) fn read(&self) -> Vec<&str> {
        self.consumed.iter().copied().chain([&*self.redrive]).collect()
    }

    pub(super) fn owned(&self) -> Vec<&str> {
        vec![self.events, &self.dead_letter]
    }

    pub(super) fn all(&self) -> Vec<&str> {
        [self.owned(), self.read()].concat()
    }
}
