//! The saga as a whole, in memory, in every order in which things can happen: the real deciders, policies and outside
//! calls of the four services, and between them whatever a network, two providers, customers and a clock may do.
//!
//! - A [`World`] is the whole saga at one moment. [`World::act`] does one thing and checks what must hold always.
//! - The random tests follow a schedule of random choices, then let everything come to rest. One test follows *every*
//!   schedule of one order.
//! - A failure says what is broken and lists what happened, step by step.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::{self, Write as _},
    pin::pin,
    rc::Rc,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use contracts::{
    CancelReason, Contract, CorrelationId, Event as ContractEvent, EventId, Meta, Money, OrderId, Owner, Received, Sku,
    inventory::InventoryEvent,
    order::{Address, OrderEvent},
    payment::PaymentEvent,
    shipping::ShippingEvent,
};
use decider::{Logged, NoIntent, Service, StreamId};
use inventory::{
    decider::{Inventory, Reservation, Stock},
    policy::{RESERVATIONS, STOCK},
};
use jiff::Timestamp;
use order::{
    decider::{Order, OrderState, Outcome, Placement, Product},
    policy::ORDERS,
};
use payment::{decider::Payment, policy::GatewayCall};
use proptest::{prelude::*, test_runner::TestRunner};
use providers::{BookAnswer, Carrier, ChargeAnswer, PaymentGateway, ProviderError, RefundAnswer, VoidAnswer};
use shell::{Outside, OutsideError};
use shipping::{
    decider::{Shipping, Stage},
    policy::{CarrierCall, SHIPMENTS},
};
use uuid::Uuid;

// What differs from run to run

/// What becomes of one order, as far as others decide it.
#[derive(Debug, Clone, Copy)]
struct Story {
    card: Card,
    address: Destination,
    /// The customer cancels at any moment, and perhaps again.
    cancelled: bool,
    /// Somebody dispatches the parcel as soon as that is possible, or later.
    dispatched: bool,
    /// The deadline may pass at any moment, and not only when nothing else happens any more.
    late: bool,
}

/// What the gateway does when it is asked to charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Card {
    Approved,
    Declined,
    /// It never answers.
    Silent,
}

/// What the carrier does when it is asked to fetch a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Served,
    Refused,
    /// It never answers.
    Silent,
}

#[derive(Debug, Clone)]
struct Setting {
    stories: Vec<Story>,
    /// Units on hand. Every order wants one, and two of something of which there is enough.
    mugs: u32,
    guarantees: Guarantees,
}

/// What the shell and the broker do for the services.
#[derive(Debug, Clone, Copy)]
struct Guarantees {
    /// A message that was handled before is recognized and dropped.
    inbox: bool,
    /// The events of one order on one topic arrive in the order they were published in.
    order_within_topic: bool,
}

const PRODUCTION: Guarantees = Guarantees { inbox: true, order_within_topic: true };
const WITHOUT_INBOX: Guarantees = Guarantees { inbox: false, order_within_topic: true };
/// As when dead letters are redriven much later.
const WITHOUT_ANY: Guarantees = Guarantees { inbox: false, order_within_topic: false };

const TEA: u32 = 2;
const TOTAL: Money = Money::eur(1250 + 2 * 899);

fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

fn order_id(index: usize) -> OrderId {
    OrderId(Uuid::from_u128(0xA + index as u128))
}

/// Orders are called A, B, ... in schedules.
fn letter(id: OrderId) -> char {
    format!("{:X}", id.0.as_u128()).chars().next().unwrap_or('?')
}

// The outside world

/// Closes a key with the first of a capture, a decline and a void, as [`PaymentGateway`] promises.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Account {
    outcome: Option<Closed>,
    captures: u32,
    captured: i64,
    refunded: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    Captured,
    Declined,
    Voided,
}

/// The gateway's accounts, lent to the service's own code for one call.
struct ModelGateway(Mutex<BTreeMap<OrderId, Account>>);

impl ModelGateway {
    fn with<A>(&self, key: OrderId, work: impl FnOnce(&mut Account) -> A) -> A {
        work(self.0.lock().expect("one thread").entry(key).or_default())
    }
}

const CAPTURE_ID: &str = "cap_1";

#[async_trait]
impl PaymentGateway for ModelGateway {
    async fn charge(&self, key: OrderId, card: &str, amount: Money) -> Result<ChargeAnswer, ProviderError> {
        if card == "Silent" {
            return Err(ProviderError::Unavailable("no answer".into()));
        }
        Ok(self.with(key, |account| {
            let outcome = if card == "Approved" { Closed::Captured } else { Closed::Declined };
            if account.outcome.is_none() && outcome == Closed::Captured {
                account.captures += 1;
                account.captured += amount.minor;
            }
            match account.outcome.get_or_insert(outcome) {
                Closed::Captured => ChargeAnswer::Captured { capture_id: CAPTURE_ID.into() },
                Closed::Declined => ChargeAnswer::Declined { code: "card_declined".into() },
                Closed::Voided => ChargeAnswer::Voided,
            }
        }))
    }

    async fn void(&self, key: OrderId) -> Result<VoidAnswer, ProviderError> {
        Ok(self.with(key, |account| match account.outcome.get_or_insert(Closed::Voided) {
            Closed::Captured => VoidAnswer::Captured { capture_id: CAPTURE_ID.into() },
            Closed::Declined => VoidAnswer::Declined { code: "card_declined".into() },
            Closed::Voided => VoidAnswer::Voided,
        }))
    }

    async fn refund(&self, key: OrderId, capture_id: &str, amount: Money) -> Result<RefundAnswer, ProviderError> {
        self.with(key, |account| {
            if account.captured != amount.minor || capture_id != CAPTURE_ID {
                return Err(ProviderError::Refused("no such capture".into()));
            }
            account.refunded = amount.minor;
            Ok(RefundAnswer { refund_id: "ref_1".into() })
        })
    }
}

/// What the carrier knows of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Parcel {
    answer: Option<BookAnswer>,
    /// A courier will come for it.
    active: bool,
}

/// The carrier's books, lent to the service's own code for one call.
struct ModelCarrier(Mutex<BTreeMap<OrderId, Parcel>>);

#[async_trait]
impl Carrier for ModelCarrier {
    async fn book(&self, key: OrderId, address: &Address) -> Result<BookAnswer, ProviderError> {
        if address.country == "Silent" {
            return Err(ProviderError::Unavailable("no answer".into()));
        }
        let is_served = address.country == "Served";
        let answer = if is_served {
            BookAnswer::Booked { tracking: "TRACK1".into() }
        } else {
            BookAnswer::Refused { reason: "not served".into() }
        };
        let mut parcels = self.0.lock().expect("one thread");
        let parcel = parcels.entry(key).or_default();
        parcel.active |= parcel.answer.is_none() && is_served;
        Ok(parcel.answer.get_or_insert(answer).clone())
    }

    async fn cancel(&self, key: OrderId) -> Result<(), ProviderError> {
        let cancelled = Parcel { answer: Some(BookAnswer::Cancelled), active: false };
        self.0.lock().expect("one thread").insert(key, cancelled);
        Ok(())
    }
}

/// The result of a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("the models answer at once"),
    }
}

// The services

/// The streams of a service, as the shell keeps and loads them.
#[derive(Debug, Clone, Default)]
struct Streams<State>(Rc<BTreeMap<StreamId, Rc<State>>>);

impl<State: Clone + Default> Streams<State> {
    fn handle<S: Service<State = State>>(&mut self, command: &S::Command) -> Vec<S::Event> {
        let events = self.decide::<S>(command);
        for event in &events {
            let state = Rc::make_mut(&mut self.0).entry(S::stream_of(event)).or_default();
            *state = Rc::new(S::evolve(State::clone(state), event));
        }
        events
    }

    fn decide<S: Service<State = State>>(&self, command: &S::Command) -> Vec<S::Event> {
        let first = S::streams(command, &S::initial());
        let wanted = S::streams(command, &self.join::<S>(&first));
        let events = S::decide(&self.join::<S>(&wanted), command);
        let strays: Vec<_> = events.iter().map(S::stream_of).filter(|stream| !wanted.contains(stream)).collect();
        assert!(strays.is_empty(), "{strays:?} are written to, but were not loaded");
        events
    }

    fn join<S: Service<State = State>>(&self, streams: &[StreamId]) -> State {
        let unknown = State::default();
        S::join(streams.iter().map(|stream| self.0.get(stream).map_or(&unknown, |state| &**state)).collect())
    }
}

/// A service in this world.
trait Party: Service {
    fn streams_in(world: &mut World) -> &mut Streams<Self::State>;
    fn fact(event: Self::Public) -> ContractEvent;
    fn ask(intent: Self::Intent) -> Ask;
}

impl Party for Order {
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

const SERVICES: [Owner; 4] = [Owner::Order, Owner::Inventory, Owner::Payment, Owner::Shipping];

/// What is on the way to a service, and what has arrived.
#[derive(Debug, Clone, Default)]
struct Mailbox {
    coming: Vec<Rc<Received>>,
    arrived: Vec<Rc<Received>>,
    inbox: HashSet<EventId>,
}

impl Mailbox {
    /// Whether nothing must arrive before this.
    fn is_next(&self, index: usize) -> bool {
        let place = |record: &Received| (record.meta.event_type.owner, record.meta.order_id);
        let this = place(&self.coming[index]);
        self.coming[..index].iter().all(|earlier| place(earlier) != this)
    }
}

/// A call to the outside world, from the intent to the answer.
#[derive(Debug, Clone)]
struct Call {
    ask: Rc<Ask>,
    attempts: u8,
    answers: Vec<Rc<Answer>>,
    is_answered: bool,
}

#[derive(Debug)]
enum Ask {
    Gateway(GatewayCall),
    Carrier(CarrierCall),
}

#[derive(Debug)]
enum Answer {
    FromGateway(payment::decider::Command),
    FromCarrier(shipping::decider::Command),
}

impl Answer {
    /// What it says became of the call.
    fn settled(&self) -> String {
        match self {
            Self::FromGateway(payment::decider::Command::SettleCharge { charge, .. }) => format!("{charge:?}"),
            Self::FromCarrier(shipping::decider::Command::SettleBooking { booking, .. }) => format!("{booking:?}"),
            Self::FromGateway(_) | Self::FromCarrier(_) => "done".to_owned(),
        }
    }
}

impl Call {
    fn name(&self) -> (&'static str, OrderId) {
        match &*self.ask {
            Ask::Gateway(GatewayCall::Charge(due)) => ("charge", due.order_id),
            Ask::Gateway(GatewayCall::Void(order_id)) => ("void", *order_id),
            Ask::Gateway(GatewayCall::Refund { order_id, .. }) => ("refund", *order_id),
            Ask::Carrier(CarrierCall::Book(destination)) => ("book", destination.order_id),
            Ask::Carrier(CarrierCall::Cancel(order_id)) => ("cancel", *order_id),
        }
    }

    /// Whether the provider will ever answer.
    fn is_answerable(&self) -> bool {
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
enum Action {
    Place(usize),
    Cancel(usize),
    PassDeadline(usize),
    Dispatch(usize),
    Deliver(Owner, usize),
    Redeliver(Owner, usize),
    Perform(usize),
    Answer(usize, usize),
}

/// An action, and what was published because of it.
#[derive(Debug, Clone)]
struct Step {
    who: &'static str,
    does: &'static str,
    what: &'static str,
    order: OrderId,
    published: Vec<&'static str>,
}

/// Everything, at one moment.
#[derive(Debug, Clone)]
struct World {
    setting: Rc<Setting>,
    order: Streams<<Order as decider::Decider>::State>,
    inventory: Streams<<Inventory as decider::Decider>::State>,
    payment: Streams<<Payment as decider::Decider>::State>,
    shipping: Streams<<Shipping as decider::Decider>::State>,
    accounts: BTreeMap<OrderId, Account>,
    parcels: BTreeMap<OrderId, Parcel>,
    calls: Vec<Call>,
    mailboxes: [Mailbox; 4],
    records: u128,
    schedule: Vec<Rc<Step>>,
}

impl World {
    fn new(setting: Setting) -> Self {
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
                    ask: Rc::new(S::ask(intent)),
                    attempts: 0,
                    answers: vec![],
                    is_answered: false,
                });
            }
            if let Logged::Public(event) = event {
                self.publish(S::fact(event));
            }
        }
    }

    fn publish(&mut self, event: ContractEvent) {
        self.records += 1;
        let meta = Meta {
            id: EventId(Uuid::from_u128(self.records)),
            event_type: event.event_type(),
            order_id: event.order_id(),
            time: Timestamp::UNIX_EPOCH,
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: None,
            hops: 0,
        };
        if let Some(step) = self.schedule.last_mut().and_then(Rc::get_mut) {
            step.published.push(meta.event_type.name);
        }
        let record = Rc::new(Received { meta, event });
        self.send::<Order>(&record, Owner::Order);
        self.send::<Inventory>(&record, Owner::Inventory);
        self.send::<Payment>(&record, Owner::Payment);
        self.send::<Shipping>(&record, Owner::Shipping);
    }

    /// To a service that does something about it; the others need not be bothered.
    fn send<S: Service>(&mut self, record: &Rc<Received>, to: Owner) {
        if S::CONSUMES.contains(&record.meta.event_type.owner.topic()) && S::react(record).is_some() {
            self.mailboxes[to as usize].coming.push(Rc::clone(record));
        }
    }

    fn receive<S: Party>(&mut self, record: &Received) {
        let is_new = self.mailboxes[S::Public::OWNER as usize].inbox.insert(record.meta.id);
        if is_new || !self.setting.guarantees.inbox {
            self.tell::<S>(&S::react(record).expect("only what it reacts to is sent"));
        }
    }

    fn arrive(&mut self, at: Owner, record: &Received) {
        match at {
            Owner::Order => self.receive::<Order>(record),
            Owner::Inventory => self.receive::<Inventory>(record),
            Owner::Payment => self.receive::<Payment>(record),
            Owner::Shipping => self.receive::<Shipping>(record),
        }
    }

    fn place(&mut self, index: usize) {
        let Story { card, address, .. } = self.setting.stories[index];
        let placement = Placement {
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
        self.tell::<Order>(&order::decider::Command::Place(Box::new(placement)));
    }

    /// The provider does what it is asked for. Its answer, if there is one, is then on its way.
    fn perform(&mut self, index: usize) {
        let answer = match &*self.calls[index].ask {
            Ask::Gateway(call) => {
                let gateway = ModelGateway(Mutex::new(std::mem::take(&mut self.accounts)));
                let outside = payment::outside::Gateway(gateway);
                let answer: Result<_, OutsideError> = at_once(outside.perform(call));
                self.accounts = outside.0.0.into_inner().expect("one thread");
                answer.map(Answer::FromGateway)
            }
            Ask::Carrier(call) => {
                let outside =
                    shipping::outside::CarrierCalls(ModelCarrier(Mutex::new(std::mem::take(&mut self.parcels))));
                let answer: Result<_, OutsideError> = at_once(outside.perform(call));
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
        if is_known && self.setting.guarantees.inbox {
            return;
        }
        match &*Rc::clone(&call.answers[answer]) {
            Answer::FromGateway(command) => self.tell::<Payment>(command),
            Answer::FromCarrier(command) => self.tell::<Shipping>(command),
        }
    }

    /// Does one thing, and checks what must hold always.
    fn act(&mut self, action: Action) -> Result<(), String> {
        self.schedule.push(Rc::new(self.step(action)));
        match action {
            Action::Place(index) => self.place(index),
            Action::Cancel(index) => self.tell::<Order>(&order::decider::Command::Cancel(order_id(index))),
            Action::PassDeadline(index) => {
                let stream = StreamId::of_order(ORDERS, order_id(index));
                self.tell::<Order>(&Order::wake(&stream).expect("an order can be woken"));
            }
            Action::Dispatch(index) => self.tell::<Shipping>(&shipping::decider::Command::Dispatch(order_id(index))),
            Action::Deliver(at, index) => {
                let record = self.mailboxes[at as usize].coming.remove(index);
                self.mailboxes[at as usize].arrived.push(Rc::clone(&record));
                self.arrive(at, &record);
            }
            Action::Redeliver(at, index) => {
                let record = Rc::clone(&self.mailboxes[at as usize].arrived[index]);
                self.arrive(at, &record);
            }
            Action::Perform(index) => self.perform(index),
            Action::Answer(index, answer) => self.answer(index, answer),
        }
        self.check_always().map_err(|broken| self.story(&broken))
    }
}

// What can happen

impl World {
    /// What brings the saga on. While there is any of it, the world is not at rest.
    fn progress(&self) -> Vec<Action> {
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
    fn whims(&self) -> Vec<Action> {
        let mut actions = vec![];
        for (index, story) in self.setting.stories.iter().enumerate() {
            if story.cancelled && self.order(index).is_some() {
                actions.push(Action::Cancel(index));
            }
            if story.dispatched && matches!(self.shipment(index), Some(Stage::Scheduled { .. })) {
                actions.push(Action::Dispatch(index));
            }
            if story.late && self.awaits_deadline(index) {
                actions.push(Action::PassDeadline(index));
            }
        }
        actions
    }

    /// What happens again: records, calls and answers.
    fn repetitions(&self) -> Vec<Action> {
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
    fn choose(&self, choice: u16) -> Option<Action> {
        let (kind, which) = (choice % 8, usize::from(choice / 8));
        let unlikely = match kind {
            6 => self.whims(),
            7 => self.repetitions(),
            _ => vec![],
        };
        let candidates = [unlikely, self.progress(), self.whims()].into_iter().find(|actions| !actions.is_empty())?;
        Some(candidates[which % candidates.len()])
    }

    fn awaits_deadline(&self, index: usize) -> bool {
        self.order
            .0
            .get(&StreamId::of_order(ORDERS, order_id(index)))
            .is_some_and(|state| Order::wake_at(state).is_some())
    }

    /// Lets all happen that must, then everything that only waits for somebody or for its deadline.
    fn come_to_rest(&mut self) -> Result<(), String> {
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

// What must hold

/// All that is known of one order, everywhere.
struct View<'a> {
    order: Option<&'a OrderState>,
    reservation: &'a Reservation,
    shipment: &'a Stage,
    account: Account,
    parcel: Parcel,
}

impl View<'_> {
    fn is_cancelled(&self) -> bool {
        self.order.is_some_and(|order| matches!(order.outcome, Some(Outcome::Cancelled(_))))
    }

    fn is_confirmed(&self) -> bool {
        self.order.is_some_and(|order| order.outcome == Some(Outcome::Confirmed))
    }

    fn is_dispatched(&self) -> bool {
        matches!(self.shipment, Stage::Dispatched { .. })
    }

    fn will_ship(&self) -> bool {
        matches!(self.shipment, Stage::Scheduled { .. } | Stage::Dispatched { .. })
    }

    fn holds_stock(&self) -> bool {
        matches!(self.reservation, Reservation::Held(_) | Reservation::Committed(_))
    }

    fn is_committed(&self) -> bool {
        matches!(self.reservation, Reservation::Committed(_))
    }

    fn money_held(&self) -> i64 {
        self.account.captured - self.account.refunded
    }

    fn is_paid(&self) -> bool {
        self.money_held() == TOTAL.minor
    }
}

fn rule(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

impl World {
    fn check_always(&self) -> Result<(), String> {
        let views: Vec<_> = (0..self.setting.stories.len()).map(|index| self.view(index)).collect();
        self.check_stock(&views, "MUG", 1, self.setting.mugs)?;
        self.check_stock(&views, "TEA", TEA, 2 * TEA)?;
        for view in &views {
            let held = view.money_held();
            rule(view.account.captures <= 1, "an order is charged at most once")?;
            rule(held == 0 || view.is_paid(), "an order is charged its total, and all of it is given back")?;
            rule(
                !view.is_dispatched() || (view.is_paid() && view.is_committed() && view.parcel.active),
                "nothing is dispatched unpaid, uncommitted or unbooked",
            )?;
            rule(!view.will_ship() || view.is_paid(), "no shipment is scheduled for money that was given back")?;
            rule(!view.is_cancelled() || held == 0, "a cancelled order holds no money")?;
            rule(!view.is_cancelled() || !view.holds_stock(), "a cancelled order holds no stock")?;
            rule(!view.is_cancelled() || !view.will_ship(), "a cancelled order does not ship")?;
            let undone = view.order.is_some_and(|order| order.cancellation.is_some());
            rule(!view.is_confirmed() || view.will_ship() || undone, "a confirmed order ships or is being undone")?;
        }
        self.check_published_once()
    }

    fn check_stock(&self, views: &[View], text: &str, of_each: u32, received: u32) -> Result<(), String> {
        let sku = sku(text);
        let stock = self.inventory.0.get(&StreamId::of_sku(STOCK, &sku)).and_then(|state| state.stock.get(&sku));
        let Stock { on_hand, reserved, shipped } = stock.copied().unwrap_or_default();
        let units = |orders: usize| orders as u64 * u64::from(of_each);
        let held = views.iter().filter(|view| matches!(view.reservation, Reservation::Held(_))).count();
        let committed = views.iter().filter(|view| view.is_committed()).count();
        rule(on_hand + reserved + shipped == u64::from(received), "stock is conserved")?;
        rule(reserved == units(held), "what is reserved is held for an order")?;
        rule(shipped == units(committed), "what has left the stock is committed to an order")
    }

    /// No event of an order is published twice, and what excludes each other is never published of the same order.
    fn check_published_once(&self) -> Result<(), String> {
        let Some(Step { order, published, .. }) = self.schedule.last().map(|step| &**step) else { return Ok(()) };
        if published.is_empty() {
            return Ok(());
        }
        let steps = self.schedule.iter().filter(|step| step.order == *order);
        let all: Vec<_> = steps.flat_map(|step| &step.published).copied().collect();
        let has = |name: &str| all.contains(&name);
        let distinct: HashSet<_> = all.iter().collect();
        rule(distinct.len() == all.len(), "every event is published once")?;
        let exclusive: [(&str, &[&str]); 5] = [
            ("ShipmentDispatched", &["ShipmentCancelled", "ShipmentRejected", "OrderCancelled", "StockReleased"]),
            ("ShipmentDispatched", &["PaymentRefunded", "PaymentVoided", "PaymentDeclined"]),
            ("ShipmentRejected", &["ShipmentScheduled", "ShipmentCancelled", "OrderConfirmed"]),
            ("PaymentCaptured", &["PaymentDeclined", "PaymentVoided"]),
            ("StockReservationRejected", &["StockReserved", "StockReleased", "PaymentCaptured", "ShipmentScheduled"]),
        ];
        for (one, others) in exclusive {
            for other in others {
                rule(!(has(one) && has(other)), &format!("{one} and {other} exclude each other"))?;
            }
        }
        Ok(())
    }

    fn check_at_rest(&self) -> Result<(), String> {
        for (index, story) in self.setting.stories.iter().enumerate() {
            let view = self.view(index);
            rule(view.is_confirmed() || view.is_cancelled(), "every order ends confirmed or cancelled")?;
            rule(!view.is_confirmed() || view.will_ship(), "a confirmed order ships")?;
            rule(!view.will_ship() || view.is_confirmed(), "what ships is confirmed")?;
            rule(!view.will_ship() || view.is_committed(), "what ships is committed")?;
            rule(view.will_ship() == view.parcel.active, "the carrier comes for what ships, and for nothing else")?;
            rule(view.is_cancelled() || view.is_paid(), "what ships is paid")?;
            if let Some(Outcome::Cancelled(reason)) = view.order.and_then(|order| order.outcome) {
                rule(self.has_cause(*story, reason), &format!("no order is cancelled for {reason:?} without a cause"))?;
            }
        }
        Ok(())
    }

    /// Whether an order with this story can end for this reason.
    fn has_cause(&self, story: Story, reason: CancelReason) -> bool {
        match reason {
            CancelReason::OutOfStock => (self.setting.mugs as usize) < self.setting.stories.len(),
            CancelReason::PaymentDeclined => story.card == Card::Declined,
            CancelReason::ShipmentRejected => story.address == Destination::Refused,
            CancelReason::Customer => story.cancelled,
            CancelReason::DeadlinePassed => {
                story.late || story.card == Card::Silent || story.address == Destination::Silent
            }
        }
    }

    fn view(&self, index: usize) -> View<'_> {
        let id = order_id(index);
        let reservation = self.inventory.0.get(&StreamId::of_order(RESERVATIONS, id));
        View {
            order: self.order(index),
            reservation: reservation.map_or(&Reservation::New, |state| &state.reservation),
            shipment: self.shipment(index).unwrap_or(&Stage::Waiting),
            account: self.accounts.get(&id).cloned().unwrap_or_default(),
            parcel: self.parcels.get(&id).cloned().unwrap_or_default(),
        }
    }

    fn order(&self, index: usize) -> Option<&OrderState> {
        self.order.0.get(&StreamId::of_order(ORDERS, order_id(index)))?.order.as_ref()
    }

    fn shipment(&self, index: usize) -> Option<&Stage> {
        self.shipping.0.get(&StreamId::of_order(SHIPMENTS, order_id(index))).map(|state| &state.stage)
    }
}

// Telling what happened

impl World {
    fn step(&self, action: Action) -> Step {
        let record = |record: &Received| (record.meta.event_type.name, record.meta.order_id);
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
    fn story(&self, broken: &str) -> String {
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

// Random schedules

fn any_story() -> impl Strategy<Value = Story> {
    let card = prop_oneof![6 => Just(Card::Approved), 2 => Just(Card::Declined), 1 => Just(Card::Silent)];
    let address =
        prop_oneof![6 => Just(Destination::Served), 2 => Just(Destination::Refused), 1 => Just(Destination::Silent)];
    (card, address, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(card, address, cancelled, dispatched, late)| Story { card, address, cancelled, dispatched, late })
}

/// Follows random schedules of so many orders; a failure is made as small as it gets.
fn follow_random_schedules(schedules: u32, orders: usize, guarantees: Guarantees) {
    let setting = (prop::collection::vec(any_story(), orders), 0..3_u32);
    let choices = prop::collection::vec(any::<u16>(), 0..60 * orders);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(schedules) };
    let result = TestRunner::new(config).run(&(setting, choices), |((stories, mugs), choices)| {
        let mut world = World::new(Setting { stories, mugs, guarantees });
        for choice in choices {
            let Some(action) = world.choose(choice) else { break };
            world.act(action).map_err(TestCaseError::fail)?;
        }
        world.come_to_rest().map_err(TestCaseError::fail)
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn one_order() {
    follow_random_schedules(6_000, 1, PRODUCTION);
}

#[test]
fn two_orders_for_the_last_unit() {
    follow_random_schedules(6_000, 2, PRODUCTION);
}

/// The deciders recognize what comes again by themselves; the inbox only saves the work.
#[test]
fn two_orders_without_an_inbox() {
    follow_random_schedules(4_000, 2, WITHOUT_INBOX);
}

#[test]
fn two_orders_without_an_inbox_and_in_any_order_within_topics() {
    follow_random_schedules(4_000, 2, WITHOUT_ANY);
}

// Every schedule

impl World {
    /// The same for worlds from which the same can follow.
    fn fingerprint(&self) -> String {
        let mut text = String::new();
        let mut note = |what: &dyn fmt::Debug| write!(text, "{what:?};").expect("a String takes all");
        for order in self.order.0.values().filter_map(|state| state.order.as_ref()) {
            note(&(&order.facts, order.cancellation, order.outcome));
        }
        for state in self.inventory.0.values() {
            note(&(&state.reservation, state.stock.values().collect::<Vec<_>>()));
        }
        for state in self.payment.0.values() {
            note(&(state.due.is_some(), state.stock_reserved, &state.stage));
        }
        for state in self.shipping.0.values() {
            note(&(state.destination.is_some(), state.stock_committed, &state.stage));
        }
        note(&(self.accounts.values().collect::<Vec<_>>(), self.parcels.values().collect::<Vec<_>>()));
        // The same calls and records may have come about in another order.
        let mut calls: Vec<_> = self.calls.iter().collect();
        calls.sort_by_key(|call| call.name());
        for call in calls {
            let settled: Vec<_> = call.answers.iter().map(|answer| answer.settled()).collect();
            note(&(call.name().0, call.attempts, call.is_answered, settled));
        }
        for mailbox in &self.mailboxes {
            let place = |record: &Rc<Received>| record.meta.event_type.owner.name();
            let mut coming: Vec<_> =
                mailbox.coming.iter().map(|record| (place(record), record.meta.event_type.name)).collect();
            coming.sort_by_key(|(topic, _)| *topic);
            note(&coming);
        }
        text
    }

    /// Whatever has arrived may arrive again, at any time: every service sees by itself that it is nothing new.
    fn check_what_comes_again(&self) -> Result<(), String> {
        self.check_records_again::<Order>(&self.order)?;
        self.check_records_again::<Inventory>(&self.inventory)?;
        self.check_records_again::<Payment>(&self.payment)?;
        self.check_records_again::<Shipping>(&self.shipping)?;
        for answer in self.calls.iter().filter(|call| call.is_answered).flat_map(|call| &call.answers) {
            let is_nothing = match &**answer {
                Answer::FromGateway(command) => self.payment.decide::<Payment>(command).is_empty(),
                Answer::FromCarrier(command) => self.shipping.decide::<Shipping>(command).is_empty(),
            };
            rule(is_nothing, "an answer is accepted once").map_err(|broken| self.story(&broken))?;
        }
        Ok(())
    }

    fn check_records_again<S: Service>(&self, streams: &Streams<S::State>) -> Result<(), String> {
        for record in &self.mailboxes[S::Public::OWNER as usize].arrived {
            let events = streams.decide::<S>(&S::react(record).expect("only what it reacts to is sent"));
            let (name, service) = (record.meta.event_type.name, S::Public::OWNER.name());
            let broken = format!("{name} that comes again to {service} is nothing");
            rule(events.is_empty(), &broken).map_err(|broken| self.story(&broken))?;
        }
        Ok(())
    }
}

/// Follows every schedule of one order: every record early or late, people and the clock at any moment, every call made
/// up to `attempts` times. Gives the number of different worlds.
fn follow_every_schedule(setting: Setting, attempts: u8) -> Result<usize, String> {
    let mut open = vec![World::new(setting)];
    let mut known = HashSet::new();
    while let Some(world) = open.pop() {
        world.check_what_comes_again()?;
        let progress = world.progress();
        if progress.is_empty() {
            world.clone().come_to_rest()?;
        }
        let repeatable = |(_, call): &(usize, &Call)| (1..attempts).contains(&call.attempts);
        let calls = world.calls.iter().enumerate().filter(repeatable).map(|(index, _)| Action::Perform(index));
        for action in progress.into_iter().chain(world.whims()).chain(calls) {
            let mut next = world.clone();
            next.act(action)?;
            if known.insert(next.fingerprint()) {
                open.push(next);
            }
        }
    }
    Ok(known.len())
}

fn follow_every_schedule_of_every_story(guarantees: Guarantees, attempts: u8) {
    for (card, address, mugs) in [
        (Card::Approved, Destination::Served, 1),
        (Card::Approved, Destination::Refused, 1),
        (Card::Approved, Destination::Silent, 1),
        (Card::Declined, Destination::Served, 1),
        (Card::Silent, Destination::Served, 1),
        (Card::Approved, Destination::Served, 0),
    ] {
        let story = Story { card, address, cancelled: true, dispatched: true, late: true };
        let setting = Setting { stories: vec![story], mugs, guarantees };
        let worlds = follow_every_schedule(setting, attempts).unwrap_or_else(|broken| panic!("{broken}"));
        println!("{worlds} worlds with {mugs} in stock and {story:?}");
    }
}

#[test]
fn every_schedule_of_one_order() {
    follow_every_schedule_of_every_story(WITHOUT_INBOX, 1);
}

#[test]
#[ignore = "takes minutes"]
fn every_schedule_of_one_order_in_any_order_within_topics_and_with_calls_made_twice() {
    follow_every_schedule_of_every_story(WITHOUT_ANY, 2);
}
