//! Pending records and provider calls.

use std::{
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

use contracts::{EventId, OrderId, Received, Subject};
use decider::NoIntent;
use payment::policy::GatewayCall;
use shipping::policy::CarrierCall;
use uuid::Uuid;

use crate::schedule::CausedBy;

/// Records on their way to one service, records that have arrived, and what the service remembers of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mailbox {
    pub(crate) pending: Vec<Rc<Received>>,
    pub(crate) arrived: Vec<Rc<Received>>,
    pub(crate) inbox: HashSet<EventId>,
    /// Last wave that the service joined, for each order.
    pub(crate) last_wave: BTreeMap<Subject, Uuid>,
}

/// Topic and order of a record.
pub(crate) fn lane(record: &Received) -> (&'static str, &str) {
    (record.meta.event_type.owner, record.meta.subject.as_str())
}

impl Mailbox {
    /// Returns whether the record is the first pending one of its order and topic.
    pub(crate) fn is_next(&self, index: usize) -> bool {
        let this = lane(&self.pending[index]);
        self.pending[..index].iter().all(|earlier| lane(earlier) != this)
    }
}

/// A provider call, from the intent to the response.
#[derive(Debug, Clone)]
pub(crate) struct PendingCall {
    pub(crate) caused_by: CausedBy,
    pub(crate) call: Rc<ProviderCall>,
    pub(crate) attempts: u8,
    pub(crate) answers: Vec<Rc<ProviderAnswer>>,
    pub(crate) is_answered: bool,
}

#[derive(Debug)]
pub(crate) enum ProviderCall {
    Gateway(GatewayCall),
    Carrier(CarrierCall),
}

impl From<NoIntent> for ProviderCall {
    fn from(intent: NoIntent) -> Self {
        match intent {}
    }
}

impl From<GatewayCall> for ProviderCall {
    fn from(call: GatewayCall) -> Self {
        Self::Gateway(call)
    }
}

impl From<CarrierCall> for ProviderCall {
    fn from(call: CarrierCall) -> Self {
        Self::Carrier(call)
    }
}

/// A provider's response, as the command for the calling service.
#[derive(Debug)]
pub(crate) enum ProviderAnswer {
    Gateway(payment::decider::Command),
    Carrier(shipping::decider::Command),
}

impl ProviderAnswer {
    /// Result of the call, as text.
    pub(crate) fn result(&self) -> String {
        match self {
            Self::Gateway(payment::decider::Command::RecordCharge { result, .. }) => format!("{result:?}"),
            Self::Carrier(shipping::decider::Command::RecordBooking { result, .. }) => format!("{result:?}"),
            Self::Gateway(_) | Self::Carrier(_) => "done".to_owned(),
        }
    }
}

impl PendingCall {
    pub(crate) fn new(caused_by: CausedBy, call: ProviderCall) -> Self {
        Self { caused_by, call: Rc::new(call), attempts: 0, answers: vec![], is_answered: false }
    }

    pub(crate) fn name(&self) -> (&'static str, OrderId) {
        match &*self.call {
            ProviderCall::Gateway(GatewayCall::Charge(due)) => ("charge", due.order_id),
            ProviderCall::Gateway(GatewayCall::Void(order_id)) => ("void", *order_id),
            ProviderCall::Gateway(GatewayCall::Refund { order_id, .. }) => ("refund", *order_id),
            ProviderCall::Carrier(CarrierCall::Book(destination)) => ("book", destination.order_id),
            ProviderCall::Carrier(CarrierCall::Cancel(order_id)) => ("cancel", *order_id),
        }
    }

    /// Returns whether the provider will ever answer.
    pub(crate) fn is_answerable(&self) -> bool {
        match &*self.call {
            ProviderCall::Gateway(GatewayCall::Charge(due)) => due.card != "Silent",
            ProviderCall::Carrier(CarrierCall::Book(destination)) => destination.address.country != "Silent",
            ProviderCall::Gateway(_) | ProviderCall::Carrier(_) => true,
        }
    }
}
