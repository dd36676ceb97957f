#![doc = include_str!("../README.md")]

mod event;
mod ids;
pub mod inventory;
mod money;
pub mod order;
pub mod payment;
#[cfg(feature = "samples")]
pub mod samples;
pub mod schemas;
pub mod shipping;
pub mod upcast;

pub use catalog::{ServiceName, TOPICS};
pub use cloudevent::{
    Contract, ContractError, CorrelationId, EventData, EventId, EventType, Meta, Subject, Suite, headers,
};
pub use event::{Decoded, Event, Received, decode, event_type, event_type_of, event_types, generated_schemas};
pub use ids::{InvalidSku, MAX_TEXT_LEN, OrderId, Sku};
pub use money::{Currency, InvalidCurrency, Money};

/// The contracts of this repository. Forks put their own names here.
pub const SUITE: &Suite = &Suite {
    name: "order-saga",
    namespace: "com.example.ordersaga.",
    upcasts: upcast::STEPS,
    event_type_of,
    subject_of: |event, version, data| {
        Event::from_versioned(event, version, data).map(|read| read.map(|event| event.subject()))
    },
    schemas: schemas::all_committed,
    schema: schemas::committed,
};

/// Reason for cancelling an order. Every compensating event carries it, so that each explains itself.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
// The published schemas of this version keep their wording.
#[schemars(
    description = "Why an order is undone. Carried by every compensating event, so that each of them explains itself."
)]
#[schema(
    description = "Why an order is undone. Carried by every compensating event, so that each of them explains itself."
)]
pub enum CancelReason {
    /// Inventory could not reserve every line.
    OutOfStock,
    /// The payment gateway declined the charge.
    PaymentDeclined,
    /// The carrier refused the shipment.
    ShipmentRejected,
    /// The customer cancelled.
    Customer,
    /// The order was not complete when its deadline passed.
    DeadlinePassed,
}
