//! The contracts between the services: every event that crosses a topic, and nothing else.
//!
//! A service may depend on this crate and on no other service. There is no I/O here: types, their JSON, their
//! versions, and the headers that make a Kafka record a `CloudEvent`.
//!
//! - [`order`], [`inventory`], [`payment`], [`shipping`]: the events, one module per owner.
//! - [`Event`]: any of them, decoded from a record by [`decode`].
//! - [`Meta`]: what travels in the headers (`CloudEvents` 1.0, Kafka protocol binding, binary mode).
//! - [`upcast`]: how older versions become the newest.
//! - [`schemas`]: the JSON Schema of every version, as committed and as served.

mod cloudevent;
mod event;
mod ids;
pub mod inventory;
mod money;
pub mod order;
pub mod payment;
pub mod schemas;
pub mod shipping;
pub mod upcast;

pub use cloudevent::{ContractError, Decoded, Meta, Received, decode, event_type_of, headers};
pub use event::{Contract, Event, EventType, Owner, TOPICS, event_type};
pub use ids::{CorrelationId, EventId, InvalidSku, MAX_TEXT_LEN, OrderId, Sku};
pub use money::{Currency, InvalidCurrency, Money};

/// Why an order is undone. Carried by every compensating event, so that each of them explains itself.
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
