//! State of the whole saga, and the actions that change it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    rc::Rc,
    sync::Mutex,
};

use catalog::{PerService, ServiceName};
use contracts::{Contract as _, Money, OrderId, Received, Subject, order::Address};
use decider::{LogEvent, Named as _, Service as _, StreamId, Trigger};
use inventory::decider::Inventory;
use jiff::Timestamp;
use order::{
    decider::{Order, PlaceOrder, Product},
    policy::ORDERS,
};
use payment::decider::Payment;
use runtime::{CallError, ProviderClient as _};
use shipping::decider::Shipping;
use uuid::Uuid;

use crate::{
    config::{DEADLINE, ModelConfig, OrderScenario, TEA, order_id, sku},
    providers::{CarrierParcel, GatewayAccount, ModelCarrier, ModelGateway, at_once},
    schedule::{Action, CausedBy, Observed, ScheduleStep},
    services::{Participant, ServiceStreams, stream_of},
    transport::{Mailbox, PendingCall, ProviderAnswer, ProviderCall},
};

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) config: Rc<ModelConfig>,
    pub(crate) services: ServiceStreams,
    pub(crate) accounts: BTreeMap<OrderId, GatewayAccount>,
    pub(crate) parcels: BTreeMap<OrderId, CarrierParcel>,
    pub(crate) calls: Vec<PendingCall>,
    pub(crate) mailboxes: PerService<Mailbox>,
    /// All published events. Their numbers are their ids.
    pub(crate) facts: Rc<Vec<Rc<Received>>>,
    /// Number of lost records.
    pub(crate) lost: u8,
    /// Number of started waves.
    pub(crate) waves: u32,
    /// Cause of the current command.
    caused_by: CausedBy,
    pub(crate) observed: Rc<BTreeSet<Observed>>,
    pub(crate) schedule: Vec<Rc<ScheduleStep>>,
}

impl World {
    pub(crate) fn new(config: ModelConfig) -> Self {
        let mugs = config.mugs;
        let mut world = Self {
            services: ServiceStreams::default(),
            accounts: BTreeMap::new(),
            parcels: BTreeMap::new(),
            calls: vec![],
            mailboxes: PerService::default(),
            facts: Rc::default(),
            lost: 0,
            waves: 0,
            caused_by: CausedBy { trigger: Trigger::Request("merchant"), command: "" },
            observed: Rc::default(),
            schedule: vec![],
            config: Rc::new(config),
        };
        for (number, (text, price, quantity)) in (1..).zip([("MUG", 1250, mugs), ("TEA", 899, 2 * TEA)]) {
            let product = Product { sku: sku(text), name: text.to_owned(), price: Money::eur(price) };
            world.execute::<Order>(&order::decider::Command::ListProduct(product));
            if quantity > 0 {
                let receipt_id = Uuid::from_u128(number);
                let receipt = inventory::decider::Command::Receive { receipt_id, sku: sku(text), quantity };
                world.execute::<Inventory>(&receipt);
            }
        }
        world
    }

    /// Performs one action and checks the rules for all worlds.
    pub(crate) fn act(&mut self, action: Action) -> Result<(), String> {
        self.schedule.push(Rc::new(self.describe(action)));
        match action {
            Action::Place(index) => self.place(index),
            Action::Cancel(index) => {
                self.begin::<Order>(Trigger::Request("customer"), &order::decider::Command::Cancel(order_id(index)));
            }
            Action::PassDeadline(index) => {
                let stream = StreamId::new(ORDERS, order_id(index));
                let due = self.services.order.get(&stream).and_then(Order::next_timer).unwrap_or(DEADLINE);
                self.begin::<Order>(Trigger::Deadline, &Order::on_timer(&stream, due).expect("orders have timers"));
            }
            Action::Dispatch(index) => {
                let dispatch = shipping::decider::Command::Dispatch(order_id(index));
                self.begin::<Shipping>(Trigger::Request("clerk"), &dispatch);
            }
            Action::Deliver(service, index) => {
                let record = self.mailboxes[service].pending.remove(index);
                self.mailboxes[service].arrived.push(Rc::clone(&record));
                self.receive(service, &record);
            }
            Action::Redeliver(service, index) => {
                let record = Rc::clone(&self.mailboxes[service].arrived[index]);
                self.receive(service, &record);
            }
            Action::Lose(service, index) => {
                self.mailboxes[service].pending.remove(index);
                self.lost += 1;
            }
            Action::Perform(index) => self.perform(index),
            Action::Answer(index, answer) => self.answer(index, answer),
        }
        self.remove_ineffective();
        self.check_always().map_err(|violation| self.with_schedule(&violation))
    }

    /// Decides on a command that follows from a trigger.
    pub(crate) fn begin<P: Participant>(&mut self, trigger: Trigger, command: &P::Command) {
        self.caused_by = CausedBy { trigger, command: command.name() };
        self.observe(P::NAME, None);
        self.execute::<P>(command);
    }

    /// Decides on a command, then publishes its events, records its provider calls and starts waves.
    fn execute<P: Participant>(&mut self, command: &P::Command) {
        for event in P::streams_in_mut(&mut self.services).handle::<P>(command) {
            if P::starts_wave(&event) {
                let stream = stream_of::<P>(command, &event);
                self.start_wave(P::NAME, &Subject::new(stream.id()));
            }
            if let Some(intent) = P::intent(&event) {
                self.calls.push(PendingCall::new(self.caused_by, intent.into()));
            }
            if let LogEvent::Public(event) = event {
                self.observe(P::NAME, Some(event.event_type().name));
                self.publish(P::contract_event(event));
            }
        }
    }

    fn observe(&mut self, service: ServiceName, emits: Option<&'static str>) {
        let CausedBy { trigger, command } = self.caused_by;
        let observed = Observed { service: service.name(), trigger, command, emits };
        if !self.observed.contains(&observed) {
            Rc::make_mut(&mut self.observed).insert(observed);
        }
    }

    fn place(&mut self, index: usize) {
        let OrderScenario { card, address, .. } = self.config.scenarios[index];
        let order = PlaceOrder {
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
            deadline: DEADLINE,
        };
        self.begin::<Order>(Trigger::Request("customer"), &order::decider::Command::Place(Box::new(order)));
    }

    /// Executes a call at the provider. Its response, if there is one, is then pending.
    fn perform(&mut self, index: usize) {
        let answer = match &*self.calls[index].call {
            ProviderCall::Gateway(call) => {
                let gateway = ModelGateway(Mutex::new(std::mem::take(&mut self.accounts)));
                let client = payment::provider::Gateway(gateway);
                let answer: Result<_, CallError> = at_once(client.call(call));
                self.accounts = client.0.0.into_inner().expect("one thread");
                answer.map(ProviderAnswer::Gateway)
            }
            ProviderCall::Carrier(call) => {
                let carrier = ModelCarrier(Mutex::new(std::mem::take(&mut self.parcels)));
                let client = shipping::provider::CarrierCalls(carrier);
                let answer: Result<_, CallError> = at_once(client.call(call));
                self.parcels = client.0.0.into_inner().expect("one thread");
                answer.map(ProviderAnswer::Carrier)
            }
        };
        let call = &mut self.calls[index];
        call.attempts += 1;
        call.answers.extend(answer.ok().map(Rc::new));
    }

    /// Delivers a response. The inbox drops a second one, because both have the id of the requesting event.
    fn answer(&mut self, index: usize, answer: usize) {
        let call = &mut self.calls[index];
        let is_known = std::mem::replace(&mut call.is_answered, true);
        self.caused_by = call.caused_by;
        if is_known && self.config.guarantees.inbox {
            return;
        }
        match &*Rc::clone(&call.answers[answer]) {
            ProviderAnswer::Gateway(command) => self.execute::<Payment>(command),
            ProviderAnswer::Carrier(command) => self.execute::<Shipping>(command),
        }
    }

    fn describe(&self, action: Action) -> ScheduleStep {
        let record = |record: &Received| (record.meta.event_type.name, record.event.order_id());
        let in_wave = |record: &Received, verb, again| if record.meta.replay.is_some() { again } else { verb };
        let (actor, verb, (object, order)) = match action {
            Action::Place(index) => ("the customer", "places", ("the order", order_id(index))),
            Action::Cancel(index) => ("the customer", "cancels", ("the order", order_id(index))),
            Action::PassDeadline(index) if self.awaits_deadline(index) => {
                ("the clock", "passes", ("the deadline", order_id(index)))
            }
            Action::PassDeadline(index) => ("the clock", "passes", ("the time of a wave", order_id(index))),
            Action::Dispatch(index) => ("the clerk", "dispatches", ("the parcel", order_id(index))),
            Action::Deliver(service, index) => {
                let pending = &self.mailboxes[service].pending[index];
                (service.name(), in_wave(pending, "receives", "receives in a wave"), record(pending))
            }
            Action::Lose(service, index) => {
                let pending = &self.mailboxes[service].pending[index];
                (service.name(), in_wave(pending, "loses", "loses in a wave"), record(pending))
            }
            Action::Redeliver(service, index) => {
                (service.name(), "receives again", record(&self.mailboxes[service].arrived[index]))
            }
            Action::Perform(index) => ("the provider", "performs", self.calls[index].name()),
            Action::Answer(index, _) => ("the provider", "answers", self.calls[index].name()),
        };
        ScheduleStep { actor, verb, object, order, published: vec![] }
    }

    /// Appends configuration and schedule to a violation.
    pub(crate) fn with_schedule(&self, violation: &str) -> String {
        let mut text = format!("violated: {violation}\n{:#?}\n", self.config);
        for (number, step) in (1..).zip(&self.schedule) {
            writeln!(text, "{number:3}. {step}").expect("writing to a String cannot fail");
        }
        text
    }
}

/// Prints the schedule when a decider panics.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.with_schedule("no decider panics"));
        }
    }
}
