//! What the tests of all deciders share: one sample of every contract event, and a [`Case`] to put before a service.
//!
//! A case does what the shell does with a decision: it loads the streams that the command wants, joins their states,
//! decides, and writes each event to its own stream. At every step it also checks what must hold for every service.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    CancelReason, Contract, CorrelationId, Event as ContractEvent, EventId, Meta, Money, OrderId, Received, Sku,
    inventory::{Shortage, StockCommitted, StockLine, StockReleased, StockReservationRejected, StockReserved},
    order::{Address, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced},
    payment::{PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided},
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
    },
};
use decider::{InternalEvent, LogEvent, Reaction, Service, StreamId, Trigger};
use jiff::Timestamp;
use uuid::Uuid;

/// The order that every sample is about: two mugs and a tea.
pub(crate) const ORDER: OrderId = OrderId(Uuid::from_u128(0x0193_a5c0_0000_7000_8000_0000_0000_0001));
/// The event that brings every sample.
pub(crate) const EVENT: EventId = EventId(Uuid::from_u128(0xaa));
/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_428_000, 0);
/// When the order gives up.
pub(crate) const DEADLINE: Timestamp = Timestamp::constant(1_795_428_060, 0);
pub(crate) const CARD: &str = "tok_4242424242424242";
pub(crate) const TOTAL: Money = Money::eur(3399);

pub(crate) fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

pub(crate) fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        street: "12 Analytical Way".into(),
        city: "London".into(),
        postal_code: "N1 7AA".into(),
        country: "GB".into(),
    }
}

pub(crate) fn placed() -> OrderPlaced {
    let line = |text, quantity, minor| OrderLine { sku: sku(text), quantity, unit_price: Money::eur(minor) };
    OrderPlaced {
        order_id: ORDER,
        customer: "ada".into(),
        lines: vec![line("MUG", 2, 1250), line("TEA", 1, 899)],
        total: TOTAL,
        payment_method: CARD.into(),
        address: address(),
        placed_at: NOW,
        deadline: DEADLINE,
    }
}

pub(crate) fn order_placed() -> ContractEvent {
    ContractEvent::Order(placed().into())
}

pub(crate) fn order_cancellation_requested(reason: CancelReason) -> ContractEvent {
    ContractEvent::Order(OrderCancellationRequested { order_id: ORDER, reason }.into())
}

pub(crate) fn stock_reserved() -> ContractEvent {
    let line = |text, quantity| StockLine { sku: sku(text), quantity };
    ContractEvent::Inventory(StockReserved { order_id: ORDER, lines: vec![line("MUG", 2), line("TEA", 1)] }.into())
}

pub(crate) fn stock_committed() -> ContractEvent {
    ContractEvent::Inventory(StockCommitted { order_id: ORDER }.into())
}

pub(crate) fn payment_captured() -> ContractEvent {
    ContractEvent::Payment(PaymentCaptured { order_id: ORDER, capture_id: "cap_1".into(), amount: TOTAL }.into())
}

pub(crate) fn payment_declined() -> ContractEvent {
    ContractEvent::Payment(PaymentDeclined { order_id: ORDER, code: "card_declined".into() }.into())
}

pub(crate) fn shipment_scheduled() -> ContractEvent {
    ContractEvent::Shipping(ShipmentScheduled { order_id: ORDER, tracking: "TRACK1".into() }.into())
}

pub(crate) fn shipment_rejected() -> ContractEvent {
    ContractEvent::Shipping(ShipmentRejected { order_id: ORDER, carrier_reason: "not served".into() }.into())
}

pub(crate) fn shipment_cancelled(reason: CancelReason) -> ContractEvent {
    ContractEvent::Shipping(ShipmentCancelled { order_id: ORDER, reason }.into())
}

/// One event of every type, in the order of the saga table.
pub(crate) fn contract_events() -> [ContractEvent; 17] {
    let order_id = ORDER;
    let reason = CancelReason::Customer;
    let shortages = vec![Shortage { sku: sku("TEA"), requested: 1, available: 0 }];
    let (capture_id, refund_id) = ("cap_1".to_owned(), "ref_1".to_owned());
    [
        order_placed(),
        order_cancellation_requested(reason),
        ContractEvent::Order(OrderConfirmed { order_id }.into()),
        ContractEvent::Order(OrderCancelled { order_id, reason }.into()),
        stock_reserved(),
        ContractEvent::Inventory(StockReservationRejected { order_id, shortages }.into()),
        stock_committed(),
        ContractEvent::Inventory(StockReleased { order_id, lines: vec![], reason }.into()),
        payment_captured(),
        payment_declined(),
        ContractEvent::Payment(PaymentRefunded { order_id, capture_id, refund_id, amount: TOTAL, reason }.into()),
        ContractEvent::Payment(PaymentVoided { order_id, reason }.into()),
        shipment_scheduled(),
        shipment_rejected(),
        shipment_cancelled(reason),
        ContractEvent::Shipping(ShipmentCancellationRefused { order_id }.into()),
        ContractEvent::Shipping(ShipmentDispatched { order_id, tracking: "TRACK1".into() }.into()),
    ]
}

pub(crate) fn received(event: ContractEvent) -> Received {
    let meta = Meta {
        id: EVENT,
        event_type: event.event_type(),
        order_id: event.order_id(),
        time: NOW,
        correlation_id: CorrelationId(Uuid::from_u128(0xbb)),
        causation_id: Some(EventId(Uuid::from_u128(0xcc))),
        hops: 1,
    };
    Received { meta, event }
}

/// The names of all events that the service reacts to. Their topics must be those that it consumes, and the commands that
/// follow those that it declares, no more and no less.
pub(crate) fn reactions<S: Service>() -> Vec<&'static str> {
    let command = |event: &ContractEvent| S::react(&received(event.clone())).as_ref().map(S::command_name);
    let events = contract_events();
    let seen: Vec<_> = events.iter().filter_map(|event| Some((event.event_type(), command(event)?))).collect();
    let topics: BTreeSet<_> = seen.iter().map(|(event_type, _)| event_type.owner.topic()).collect();
    assert_eq!(topics, S::CONSUMES.iter().copied().collect());
    assert!(!topics.contains(S::Public::TOPIC), "nobody reacts to their own events");
    let seen: Vec<_> = seen.into_iter().map(|(event_type, command)| (event_type.name, command)).collect();
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), declared::<S>(), "what it does, and what it says");
    seen.into_iter().map(|(event, _)| event).collect()
}

/// The events that the service says it reacts to, each with the command that follows.
fn declared<S: Service>() -> BTreeSet<(&'static str, &'static str)> {
    let to_event = |reaction: &Reaction| match reaction.to {
        Trigger::Event(event) => Some((event, reaction.command)),
        Trigger::Request(_) | Trigger::Deadline => None,
    };
    S::REACTIONS.iter().filter_map(to_event).collect()
}

/// Given events, when something happens, then more events follow.
pub(crate) struct Case<S: Service> {
    log: BTreeMap<StreamId, Vec<S::Event>>,
    states: BTreeMap<StreamId, S::State>,
    /// Whether a command has an effect once at most, however often and however much later it comes again.
    once: fn(&S::Command) -> bool,
    /// Commands that had their one effect.
    spent: BTreeSet<String>,
    /// What followed from the last thing that happened.
    events: Vec<S::Event>,
}

impl<S: Service> Case<S>
where
    S::State: PartialEq,
    S::Public: PartialEq,
    S::Internal: PartialEq,
{
    pub(crate) fn new(once: fn(&S::Command) -> bool) -> Self {
        Self { log: BTreeMap::new(), states: BTreeMap::new(), once, spent: BTreeSet::new(), events: vec![] }
    }

    /// These events have happened.
    pub(crate) fn given(mut self, events: impl IntoIterator<Item = S::Event>) -> Self {
        events.into_iter().for_each(|event| self.append(event));
        self
    }

    /// Another service's event arrives.
    pub(crate) fn when(mut self, event: ContractEvent) -> Self {
        self.events = match S::react(&received(event)) {
            Some(command) => self.tell(&command),
            None => vec![],
        };
        self
    }

    /// Somebody (a person, the outside world, the clock) wants something.
    pub(crate) fn told(mut self, command: &S::Command) -> Self {
        self.events = self.tell(command);
        self
    }

    /// What followed.
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = S::Event>) -> Self {
        assert_eq!(self.events, expected.into_iter().collect::<Vec<_>>());
        self
    }

    /// The state that a command meets, as the shell puts it together.
    pub(crate) fn state(&self, command: &S::Command) -> S::State {
        self.join(&self.streams(command))
    }

    fn streams(&self, command: &S::Command) -> BTreeSet<StreamId> {
        let mut loaded = BTreeSet::new();
        loop {
            let wanted = S::streams(command, &self.join(&loaded));
            if wanted.iter().all(|stream| loaded.contains(stream)) {
                return loaded;
            }
            loaded.extend(wanted);
        }
    }

    fn join(&self, streams: &BTreeSet<StreamId>) -> S::State {
        let unknown = S::initial();
        S::merge(streams.iter().map(|stream| self.states.get(stream).unwrap_or(&unknown)).collect())
    }

    /// Decides on a command, and checks that it has its effect once and that nothing is lost on the way to the disk.
    pub(crate) fn tell(&mut self, command: &S::Command) -> Vec<S::Event> {
        let streams = self.streams(command);
        let before = self.join(&streams);
        let events = S::decide(&before, command);
        for event in &events {
            assert!(streams.contains(&S::stream_of(event)), "{event:?} goes to a stream that was not loaded");
            self.append(event.clone());
        }
        let after = self.join(&streams);
        assert_eq!(after, S::fold(before, &events), "the streams tell another story than the decision");
        if (self.once)(command) {
            assert_eq!(S::decide(&after, command), [], "{command:?} came again");
            let unspent = events.is_empty() || self.spent.insert(format!("{command:?}"));
            assert!(unspent, "{command:?} had its effect before, and now again {events:?}");
        }
        for stream in events.iter().map(S::stream_of).collect::<BTreeSet<_>>() {
            self.check_storage(&stream);
        }
        events
    }

    fn append(&mut self, event: S::Event) {
        let stream = S::stream_of(&event);
        let state = self.states.remove(&stream).unwrap_or_else(S::initial);
        self.states.insert(stream.clone(), S::evolve(state, &event));
        self.log.entry(stream).or_default().push(event);
    }

    /// A stream read back from its stored events, or from a snapshot, is what it was.
    fn check_storage(&self, stream: &StreamId) {
        let state = &self.states[stream];
        let read_back: Vec<_> = self.log[stream].iter().map(through_the_log).collect();
        assert_eq!(read_back, self.log[stream]);
        assert_eq!(&S::fold(S::initial(), &read_back), state, "{stream} rebuilt from its events");
        let snapshot = serde_json::to_string(state).expect("a state is JSON");
        assert_eq!(&serde_json::from_str::<S::State>(&snapshot).expect("reads"), state, "{stream} from {snapshot}");
    }
}

fn through_the_log<Public: Contract, Internal: InternalEvent>(
    event: &LogEvent<Public, Internal>,
) -> LogEvent<Public, Internal> {
    let (name, version, data) = event.encode();
    if let LogEvent::Internal(event) = event {
        let told = format!("{event:?}");
        assert_eq!(told.split([' ', '(']).next(), Some(name), "a private event is stored under its variant's name");
    }
    LogEvent::decode(name, version, &data).expect("what was written can be read")
}
