//! What the suite promises about its topics, written down once more: who checks must not ask who is checked.

use xtask::ServiceName;

/// The topics that a service reads.
pub const fn consumes(service: ServiceName) -> &'static [&'static str] {
    match service {
        ServiceName::Order => &["inventory.events", "payment.events", "shipping.events"],
        ServiceName::Inventory => &["order.events", "payment.events", "shipping.events"],
        ServiceName::Payment => &["order.events", "inventory.events", "shipping.events"],
        ServiceName::Shipping => &["order.events", "inventory.events"],
    }
}

/// The events that a service does something about.
pub const fn reacts_to(service: ServiceName) -> &'static [&'static str] {
    match service {
        ServiceName::Order => &[
            "StockReserved",
            "StockReservationRejected",
            "StockCommitted",
            "StockReleased",
            "PaymentCaptured",
            "PaymentDeclined",
            "PaymentRefunded",
            "PaymentVoided",
            "ShipmentScheduled",
            "ShipmentRejected",
            "ShipmentCancelled",
            "ShipmentCancellationRefused",
            "ShipmentDispatched",
        ],
        ServiceName::Inventory => {
            &["OrderPlaced", "PaymentCaptured", "PaymentDeclined", "ShipmentRejected", "ShipmentCancelled"]
        }
        ServiceName::Payment => &["OrderPlaced", "StockReserved", "ShipmentRejected", "ShipmentCancelled"],
        ServiceName::Shipping => &["OrderPlaced", "OrderCancellationRequested", "StockCommitted"],
    }
}

/// The calls that a service makes to its provider.
pub const fn calls(service: ServiceName) -> &'static [&'static str] {
    match service {
        ServiceName::Order | ServiceName::Inventory => &[],
        ServiceName::Payment => &["charge", "void", "refund"],
        ServiceName::Shipping => &["book", "cancel"],
    }
}

/// Where a service's dead letters go.
pub fn dead_letter_topic(service: ServiceName) -> String {
    format!("{service}.dlq")
}

/// Events that nothing but a request from outside, or time, leads to.
pub const ROOTS: [&str; 3] = ["OrderPlaced", "OrderCancellationRequested", "ShipmentDispatched"];
