//! The four services' real deciders and policies, with their streams in memory.

use std::{collections::BTreeMap, rc::Rc};

use contracts::{
    Event as ContractEvent, ServiceName, inventory::InventoryEvent, order::OrderEvent, payment::PaymentEvent,
    shipping::ShippingEvent,
};
use decider::{NoIntent, Service, StreamId};
use inventory::decider::Inventory;
use order::decider::Order;
use payment::{decider::Payment, policy::GatewayCall};
use shipping::{decider::Shipping, policy::CarrierCall};

use crate::world::{Ask, World};

/// The streams of a service, as the shell keeps and loads them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams<State>(pub(crate) Rc<BTreeMap<StreamId, Rc<State>>>);

impl<State: Clone + Default> Streams<State> {
    pub(crate) fn handle<S: Service<State = State>>(&mut self, command: &S::Command) -> Vec<S::Event> {
        let events = self.decide::<S>(command);
        for event in &events {
            let state = Rc::make_mut(&mut self.0).entry(stream_of::<S>(command, event)).or_default();
            *state = Rc::new(S::evolve(State::clone(state), event));
        }
        events
    }

    pub(crate) fn decide<S: Service<State = State>>(&self, command: &S::Command) -> Vec<S::Event> {
        let first = S::streams(command, &S::initial());
        let wanted = S::streams(command, &self.join::<S>(&first));
        let events = S::decide(&self.join::<S>(&wanted), command);
        let strays: Vec<_> = events
            .iter()
            .map(|event| stream_of::<S>(command, event))
            .filter(|stream| !wanted.contains(stream))
            .collect();
        assert!(strays.is_empty(), "{strays:?} are written to, but were not loaded");
        events
    }

    fn join<S: Service<State = State>>(&self, streams: &[StreamId]) -> State {
        let unknown = State::default();
        S::merge(streams.iter().map(|stream| self.0.get(stream).map_or(&unknown, |state| &**state)).collect())
    }
}

fn stream_of<S: Service>(command: &S::Command, event: &S::Event) -> StreamId {
    S::stream_of(event).unwrap_or_else(|| S::streams(command, &S::initial()).remove(0))
}

/// A service in this world.
pub(crate) trait Party: Service {
    const NAME: ServiceName;

    fn streams_in(world: &mut World) -> &mut Streams<Self::State>;
    fn fact(event: Self::Public) -> ContractEvent;
    fn ask(intent: Self::Intent) -> Ask;
}

impl Party for Order {
    const NAME: ServiceName = ServiceName::Order;

    fn streams_in(world: &mut World) -> &mut Streams<Self::State> {
        &mut world.order
    }
    fn fact(event: OrderEvent) -> ContractEvent {
        ContractEvent::Order(event)
    }
    fn ask(intent: NoIntent) -> Ask {
        match intent {}
    }
}

impl Party for Inventory {
    const NAME: ServiceName = ServiceName::Inventory;

    fn streams_in(world: &mut World) -> &mut Streams<Self::State> {
        &mut world.inventory
    }
    fn fact(event: InventoryEvent) -> ContractEvent {
        ContractEvent::Inventory(event)
    }
    fn ask(intent: NoIntent) -> Ask {
        match intent {}
    }
}

impl Party for Payment {
    const NAME: ServiceName = ServiceName::Payment;

    fn streams_in(world: &mut World) -> &mut Streams<Self::State> {
        &mut world.payment
    }
    fn fact(event: PaymentEvent) -> ContractEvent {
        ContractEvent::Payment(event)
    }
    fn ask(intent: GatewayCall) -> Ask {
        Ask::Gateway(intent)
    }
}

impl Party for Shipping {
    const NAME: ServiceName = ServiceName::Shipping;

    fn streams_in(world: &mut World) -> &mut Streams<Self::State> {
        &mut world.shipping
    }
    fn fact(event: ShippingEvent) -> ContractEvent {
        ContractEvent::Shipping(event)
    }
    fn ask(intent: CarrierCall) -> Ask {
        Ask::Carrier(intent)
    }
}
