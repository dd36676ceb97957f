//! The whole saga at one moment, and what happens to it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    rc::Rc,
    sync::Mutex,
};

use contracts::{
    Contract as _, CorrelationId, Event as ContractEvent, EventId, Meta, Money, OrderId, Received, ServiceName,
    order::Address,
};
use decider::{LogEvent, Named as _, Service, StreamId, Trigger};
use inventory::decider::Inventory;
use jiff::Timestamp;
use order::{
    decider::{Order, PlaceOrder, Product},
    policy::ORDERS,
};
use payment::{decider::Payment, policy::GatewayCall};
use runtime::{CallError, ProviderClient as _};
use shipping::{decider::Shipping, policy::CarrierCall};
use uuid::Uuid;

use crate::{
    providers::{Account, ModelCarrier, ModelGateway, Parcel, at_once},
    services::{Party, Streams},
    setting::{Setting, Story, TEA, order_id, sku},
};

pub(crate) const SERVICES: [ServiceName; 4] =
    [ServiceName::Order, ServiceName::Inventory, ServiceName::Payment, ServiceName::Shipping];

/// What is on the way to a service, and what has arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mailbox {
    pub(crate) coming: Vec<Rc<Received>>,
    pub(crate) arrived: Vec<Rc<Received>>,
    pub(crate) inbox: HashSet<EventId>,
}

impl Mailbox {
    /// Whether nothing must arrive before this.
    pub(crate) fn is_next(&self, index: usize) -> bool {
        let place = |record: &Received| (record.meta.event_type.owner, record.event.order_id());
        let this = place(&self.coming[index]);
        self.coming[..index].iter().all(|earlier| place(earlier) != this)
    }
}

/// A call to the outside world, from the intent to the answer.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// What it was made because of.
    pub(crate) because: Because,
    pub(crate) ask: Rc<Ask>,
    pub(crate) attempts: u8,
    pub(crate) answers: Vec<Rc<Answer>>,
    pub(crate) is_answered: bool,
}

#[derive(Debug)]
pub(crate) enum Ask {
    Gateway(GatewayCall),
    Carrier(CarrierCall),
}

#[derive(Debug)]
pub(crate) enum Answer {
    FromGateway(payment::decider::Command),
    FromCarrier(shipping::decider::Command),
}

impl Answer {
    /// What it says became of the call.
    pub(crate) fn settled(&self) -> String {
        match self {
            Self::FromGateway(payment::decider::Command::RecordCharge { result, .. }) => format!("{result:?}"),
            Self::FromCarrier(shipping::decider::Command::RecordBooking { result, .. }) => format!("{result:?}"),
            Self::FromGateway(_) | Self::FromCarrier(_) => "done".to_owned(),
        }
    }
}

impl Call {
    pub(crate) fn name(&self) -> (&'static str, OrderId) {
        match &*self.ask {
            Ask::Gateway(GatewayCall::Charge(due)) => ("charge", due.order_id),
            Ask::Gateway(GatewayCall::Void(order_id)) => ("void", *order_id),
            Ask::Gateway(GatewayCall::Refund { order_id, .. }) => ("refund", *order_id),
            Ask::Carrier(CarrierCall::Book(destination)) => ("book", destination.order_id),
            Ask::Carrier(CarrierCall::Cancel(order_id)) => ("cancel", *order_id),
        }
    }

    /// Whether the provider will ever answer.
    pub(crate) fn is_answerable(&self) -> bool {
        match &*self.ask {
            Ask::Gateway(GatewayCall::Charge(due)) => due.card != "Silent",
            Ask::Carrier(CarrierCall::Book(destination)) => destination.address.country != "Silent",
            _ => true,
        }
    }
}

// The world

/// One thing that can happen. Orders, calls and records go by their index.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Place(usize),
    Cancel(usize),
    PassDeadline(usize),
    Dispatch(usize),
    Deliver(ServiceName, usize),
    Redeliver(ServiceName, usize),
    Perform(usize),
    Answer(usize, usize),
}

/// Why something is done: what came from outside of the service, and the command that it led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Because {
    pub(crate) trigger: Trigger,
    pub(crate) command: &'static str,
}

/// A reaction that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observed {
    /// Who reacted.
    pub service: &'static str,
    /// To what.
    pub trigger: Trigger,
    /// The command's name.
    pub command: &'static str,
    /// An event that came of it, at once or after a provider's answer; `None` for the command itself.
    pub emits: Option<&'static str>,
}

/// An action, and what was published because of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// A service, or somebody outside.
    pub who: &'static str,
    /// A verb.
    pub does: &'static str,
    /// An event, a call, or what else it is about.
    pub what: &'static str,
    pub(crate) order: OrderId,
    /// The events that the service published.
    pub published: Vec<&'static str>,
}

/// Everything, at one moment.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) setting: Rc<Setting>,
    pub(crate) order: Streams<<Order as decider::Decider>::State>,
    pub(crate) inventory: Streams<<Inventory as decider::Decider>::State>,
    pub(crate) payment: Streams<<Payment as decider::Decider>::State>,
    pub(crate) shipping: Streams<<Shipping as decider::Decider>::State>,
    pub(crate) accounts: BTreeMap<OrderId, Account>,
    pub(crate) parcels: BTreeMap<OrderId, Parcel>,
    pub(crate) calls: Vec<Call>,
    pub(crate) mailboxes: [Mailbox; 4],
    records: u128,
    /// What happens now happens because of this.
    because: Because,
    /// Every reaction so far.
    pub(crate) observed: Rc<BTreeSet<Observed>>,
    pub(crate) schedule: Vec<Rc<Step>>,
}

impl World {
    pub(crate) fn new(setting: Setting) -> Self {
        let mut world = Self {
            order: Streams::default(),
            inventory: Streams::default(),
            payment: Streams::default(),
            shipping: Streams::default(),
            accounts: BTreeMap::new(),
            parcels: BTreeMap::new(),
            calls: vec![],
            mailboxes: Default::default(),
            records: 0,
            because: Because { trigger: Trigger::Request("the shop"), command: "" },
            observed: Rc::default(),
            schedule: vec![],
            setting: Rc::new(setting),
        };
        let mugs = world.setting.mugs;
        for (text, price, quantity) in [("MUG", 1250, mugs), ("TEA", 899, 2 * TEA)] {
            let product = Product { sku: sku(text), name: text.to_owned(), price: Money::eur(price) };
            world.tell::<Order>(&order::decider::Command::ListProduct(product));
            if quantity > 0 {
                world.tell::<Inventory>(&inventory::decider::Command::Receive { sku: sku(text), quantity });
            }
        }
        world
    }

    /// Has a service decide, and sends what it decided on its way.
    fn tell<S: Party>(&mut self, command: &S::Command) {
        for event in S::streams_in(self).handle::<S>(command) {
            if let Some(intent) = S::intent(&event) {
                self.calls.push(Call {
                    because: self.because,
                    ask: Rc::new(S::ask(intent)),
                    attempts: 0,
                    answers: vec![],
                    is_answered: false,
                });
            }
            if let LogEvent::Public(event) = event {
                self.observe(S::NAME, Some(event.event_type().name));
                self.publish(S::fact(event));
            }
        }
    }

    fn observe(&mut self, service: ServiceName, emits: Option<&'static str>) {
        let Because { trigger, command } = self.because;
        let observed = Observed { service: service.name(), trigger, command, emits };
        if !self.observed.contains(&observed) {
            Rc::make_mut(&mut self.observed).insert(observed);
        }
    }

    /// Has a service decide on a command that follows from something new.
    fn begin<S: Party>(&mut self, trigger: Trigger, command: &S::Command) {
        self.because = Because { trigger, command: command.name() };
        self.observe(S::NAME, None);
        self.tell::<S>(command);
    }

    fn publish(&mut self, event: ContractEvent) {
        self.records += 1;
        let meta = Meta {
            id: EventId(Uuid::from_u128(self.records)),
            event_type: event.event_type(),
            subject: event.subject(),
            time: Timestamp::UNIX_EPOCH,
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: None,
            hops: 0,
        };
        if let Some(step) = self.schedule.last_mut().and_then(Rc::get_mut) {
            step.published.push(meta.event_type.name);
        }
        let record = Rc::new(Received { meta, event });
        self.send::<Order>(&record, ServiceName::Order);
        self.send::<Inventory>(&record, ServiceName::Inventory);
        self.send::<Payment>(&record, ServiceName::Payment);
        self.send::<Shipping>(&record, ServiceName::Shipping);
    }

    /// To a service that does something about it; the others need not be bothered.
    fn send<S: Party>(&mut self, record: &Rc<Received>, to: ServiceName) {
        if S::react(&record.meta, record.event.data()).is_some() {
            self.mailboxes[to as usize].coming.push(Rc::clone(record));
        }
    }

    fn receive<S: Party>(&mut self, record: &Received) {
        let is_new = self.mailboxes[S::NAME as usize].inbox.insert(record.meta.id);
        if is_new || !self.setting.guarantees.inbox {
            let command = S::react(&record.meta, record.event.data()).expect("only what it reacts to is sent");
            self.begin::<S>(Trigger::Event(record.meta.event_type.name), &command);
        }
    }

    fn arrive(&mut self, at: ServiceName, record: &Received) {
        match at {
            ServiceName::Order => self.receive::<Order>(record),
            ServiceName::Inventory => self.receive::<Inventory>(record),
            ServiceName::Payment => self.receive::<Payment>(record),
            ServiceName::Shipping => self.receive::<Shipping>(record),
        }
    }

    fn place(&mut self, index: usize) {
        let Story { card, address, .. } = self.setting.stories[index];
        let placement = PlaceOrder {
            order_id: order_id(index),
            customer: "ada".into(),
            lines: vec![(sku("MUG"), 1), (sku("TEA"), TEA)],
            payment_method: format!("{card:?}"),
            address: Address {
                name: "Ada Lovelace".into(),
                street: "12 Analytical Way".into(),
                city: "London".into(),
                postal_code: "N1 7AA".into(),
                country: format!("{address:?}"),
            },
            placed_at: Timestamp::UNIX_EPOCH,
            deadline: Timestamp::UNIX_EPOCH,
        };
        self.begin::<Order>(Trigger::Request("customer"), &order::decider::Command::Place(Box::new(placement)));
    }

    /// The provider does what it is asked for. Its answer, if there is one, is then on its way.
    fn call(&mut self, index: usize) {
        let answer = match &*self.calls[index].ask {
            Ask::Gateway(call) => {
                let gateway = ModelGateway(Mutex::new(std::mem::take(&mut self.accounts)));
                let outside = payment::provider::Gateway(gateway);
                let answer: Result<_, CallError> = at_once(outside.call(call));
                self.accounts = outside.0.0.into_inner().expect("one thread");
                answer.map(Answer::FromGateway)
            }
            Ask::Carrier(call) => {
                let outside =
                    shipping::provider::CarrierCalls(ModelCarrier(Mutex::new(std::mem::take(&mut self.parcels))));
                let answer: Result<_, CallError> = at_once(outside.call(call));
                self.parcels = outside.0.0.into_inner().expect("one thread");
                answer.map(Answer::FromCarrier)
            }
        };
        let call = &mut self.calls[index];
        call.attempts += 1;
        call.answers.extend(answer.ok().map(Rc::new));
    }

    /// The inbox recognizes a second answer, for it has the id of the event that asked for it.
    fn answer(&mut self, index: usize, answer: usize) {
        let call = &mut self.calls[index];
        let is_known = std::mem::replace(&mut call.is_answered, true);
        self.because = call.because;
        if is_known && self.setting.guarantees.inbox {
            return;
        }
        match &*Rc::clone(&call.answers[answer]) {
            Answer::FromGateway(command) => self.tell::<Payment>(command),
            Answer::FromCarrier(command) => self.tell::<Shipping>(command),
        }
    }

    /// Does one thing, and checks what must hold always.
    pub(crate) fn act(&mut self, action: Action) -> Result<(), String> {
        self.schedule.push(Rc::new(self.step(action)));
        match action {
            Action::Place(index) => self.place(index),
            Action::Cancel(index) => {
                self.begin::<Order>(Trigger::Request("customer"), &order::decider::Command::Cancel(order_id(index)));
            }
            Action::PassDeadline(index) => {
                let stream = StreamId::new(ORDERS, order_id(index));
                self.begin::<Order>(Trigger::Deadline, &Order::on_timer(&stream).expect("an order can be woken"));
            }
            Action::Dispatch(index) => {
                let dispatch = shipping::decider::Command::Dispatch(order_id(index));
                self.begin::<Shipping>(Trigger::Request("clerk"), &dispatch);
            }
            Action::Deliver(at, index) => {
                let record = self.mailboxes[at as usize].coming.remove(index);
                self.mailboxes[at as usize].arrived.push(Rc::clone(&record));
                self.arrive(at, &record);
            }
            Action::Redeliver(at, index) => {
                let record = Rc::clone(&self.mailboxes[at as usize].arrived[index]);
                self.arrive(at, &record);
            }
            Action::Perform(index) => self.call(index),
            Action::Answer(index, answer) => self.answer(index, answer),
        }
        self.check_always().map_err(|broken| self.story(&broken))
    }
}
