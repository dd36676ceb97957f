//! What the suite promises about its topics, written down once more: who checks must not ask who is checked.

use xtask::Service;

/// The topics that a service reads.
pub const fn consumes(service: Service) -> &'static [&'static str] {
    match service {
        Service::Order => &["inventory.events", "payment.events", "shipping.events"],
        Service::Inventory => &["order.events", "payment.events", "shipping.events"],
        Service::Payment => &["order.events", "inventory.events", "shipping.events"],
        Service::Shipping => &["order.events", "inventory.events"],
    }
}

/// The events that a service does something about.
pub const fn reacts_to(service: Service) -> &'static [&'static str] {
    match service {
        Service::Order => &[
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
        Service::Inventory => {
            &["OrderPlaced", "PaymentCaptured", "PaymentDeclined", "ShipmentRejected", "ShipmentCancelled"]
        }
        Service::Payment => &["OrderPlaced", "StockReserved", "ShipmentRejected", "ShipmentCancelled"],
        Service::Shipping => &["OrderPlaced", "OrderCancellationRequested", "StockCommitted"],
    }
}

/// The calls that a service makes to its provider.
pub const fn calls(service: Service) -> &'static [&'static str] {
    match service {
        Service::Order | Service::Inventory => &[],
        Service::Payment => &["charge", "void", "refund"],
        Service::Shipping => &["book", "cancel"],
    }
}

/// Where a service's dead letters go.
pub fn dead_letter_topic(service: Service) -> String {
    format!("{service}.dlq")
}

/// Events that nothing but a request from outside, or time, leads to.
pub const ROOTS: [&str; 3] = ["OrderPlaced", "OrderCancellationRequested", "ShipmentDispatched"];
