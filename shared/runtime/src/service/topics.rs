//! The topics of a service.

use cloudevent::Contract as _;
use decider::Service;
use messaging::dead_letters;

/// The topics that a service owns and those that it reads.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    /// `None` for a reader, which owns no topic.
    own: Option<OwnTopics>,
    /// Topics of other services.
    consumed: Vec<&'static str>,
}

#[derive(Debug, Clone)]
struct OwnTopics {
    /// The topic of the service's public events.
    events: &'static str,
    dead_letter: String,
    /// Operators send dead letters here for another attempt.
    redrive: String,
}

impl Topics {
    pub(super) fn of<S: Service>() -> Self {
        let service = S::Public::OWNER;
        let own = S::Public::TOPIC.map(|events| OwnTopics {
            events,
            dead_letter: dead_letters::dead_letter_topic(service),
            redrive: dead_letters::redrive_topic(service),
        });
        Self { own, consumed: S::consumes() }
    }

    /// Returns true if the service is a reader.
    pub(super) fn is_reader(&self) -> bool {
        self.own.is_none()
    }

    /// The topic of the service's public events.
    pub(super) fn events(&self) -> Option<&'static str> {
        self.own.as_ref().map(|own| own.events)
    }

    pub(super) fn dead_letter(&self) -> Option<String> {
        Some(self.own.as_ref()?.dead_letter.clone())
    }

    pub(super) fn redrive(&self) -> Option<String> {
        Some(self.own.as_ref()?.redrive.clone())
    }

    pub(super) fn read(&self) -> Vec<&str> {
        self.consumed.iter().copied().chain(self.own.as_ref().map(|own| &*own.redrive)).collect()
    }

    pub(super) fn owned(&self) -> Vec<&str> {
        self.own.as_ref().map(|own| vec![own.events, &own.dead_letter]).unwrap_or_default()
    }

    pub(super) fn all(&self) -> Vec<&str> {
        [self.owned(), self.read()].concat()
    }
}
