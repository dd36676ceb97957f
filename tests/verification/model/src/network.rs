//! Records between publication and reception: published once, lost, and published again in waves.

use std::rc::Rc;

use catalog::ServiceName;
use contracts::{CorrelationId, Event as ContractEvent, EventId, Meta, Received, Subject};
use decider::Trigger;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    config::WaveRule,
    services::{ForService, Participant, for_service},
    transport::lane,
    world::World,
};

impl World {
    /// Publishes a new event.
    pub(crate) fn publish(&mut self, event: ContractEvent) {
        let meta = Meta {
            id: EventId(Uuid::from_u128(self.facts.len() as u128 + 1)),
            event_type: event.event_type(),
            subject: event.subject(),
            time: Timestamp::UNIX_EPOCH,
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: None,
            hops: 0,
            sequence: None,
            replay: None,
        };
        if let Some(step) = self.schedule.last_mut().and_then(Rc::get_mut) {
            step.published.push(meta.event_type.name);
        }
        let record = Rc::new(Received { meta, event });
        Rc::make_mut(&mut self.facts).push(Rc::clone(&record));
        self.send(&record);
    }

    fn send(&mut self, record: &Rc<Received>) {
        for (service, _) in ServiceName::owners() {
            if for_service(service, HasReaction { record }) == Some(true) {
                self.mailboxes[service].pending.push(Rc::clone(record));
            }
        }
    }

    /// Starts the next wave: the service that noticed the stuck order joins it first.
    pub(crate) fn start_wave(&mut self, service: ServiceName, order: &Subject) {
        self.waves += 1;
        self.join_wave(service, order, Uuid::from_u128(self.waves.into()));
    }

    /// Publishes the facts of a service about an order again, unless it has joined this wave or a later one, or has no
    /// facts.
    fn join_wave(&mut self, service: ServiceName, order: &Subject, wave: Uuid) {
        let known = self.mailboxes[service].last_wave.get(order);
        let joins = match self.config.guarantees.waves {
            WaveRule::OncePerService => known < Some(&wave),
            WaveRule::Never => false,
            WaveRule::EveryTime => true,
        };
        if !joins {
            return;
        }
        let facts: Vec<_> =
            self.facts.iter().filter(|fact| lane(fact) == (service.name(), order.as_str())).cloned().collect();
        if facts.is_empty() {
            return;
        }
        self.mailboxes[service].last_wave.insert(order.clone(), wave);
        for fact in facts {
            let Received { meta, event } = Received::clone(&fact);
            self.send(&Rc::new(Received { meta: Meta { replay: Some(wave), ..meta }, event }));
        }
    }

    /// Processes a record that arrived at a service.
    pub(crate) fn receive(&mut self, service: ServiceName, record: &Received) {
        for_service(service, Receive { world: self, record });
    }

    /// Removes pending records that can have no effect: their event is processed and their wave is joined. It reduces the
    /// number of worlds. In a schedule that delivers such a record, nothing but the number of steps differs.
    pub(crate) fn remove_ineffective(&mut self) {
        let is_complete = self.config.guarantees.inbox && self.config.guarantees.waves == WaveRule::OncePerService;
        if self.waves == 0 || !is_complete {
            return;
        }
        for mailbox in self.mailboxes.values_mut() {
            let (inbox, last_wave) = (&mailbox.inbox, &mailbox.last_wave);
            mailbox.pending.retain(|record| {
                let has_joined =
                    record.meta.replay.is_some_and(|wave| last_wave.get(&record.meta.subject) >= Some(&wave));
                !(has_joined && inbox.contains(&record.meta.id))
            });
        }
    }
}

/// Processes a record that arrived at a service. Joins its wave first, as the runtime does: the facts that follow from the
/// record are published anyway.
struct Receive<'a> {
    world: &'a mut World,
    record: &'a Received,
}

impl ForService for Receive<'_> {
    type Output = ();

    fn run<P: Participant>(self) {
        let Received { meta, event } = self.record;
        if let Some(wave) = meta.replay {
            self.world.join_wave(P::NAME, &meta.subject, wave);
        }
        let is_new = self.world.mailboxes[P::NAME].inbox.insert(meta.id);
        if is_new || !self.world.config.guarantees.inbox {
            let command = P::reaction(meta, event.data());
            self.world.begin::<P>(Trigger::Event(meta.event_type.name), &command);
        }
    }
}

/// Returns whether a service reacts to a record. Other records are not delivered, because they have no effect.
struct HasReaction<'a> {
    record: &'a Received,
}

impl ForService for HasReaction<'_> {
    type Output = bool;

    fn run<P: Participant>(self) -> bool {
        P::react(&self.record.meta, self.record.event.data()).is_some()
    }
}
