//! The behaviour expected of each service, declared independently.
//!
//! The checker must not take its expectations from the code it checks. This table therefore repeats the services' own
//! reaction tables on purpose. Only the catalog is shared: a test fails if a service of the catalog is missing here.

use xtask::ServiceName;

/// Expected behaviour of one service.
#[derive(Debug, Clone, Copy)]
struct Expectation {
    service: ServiceName,
    consumes: &'static [&'static str],
    reacts_to: &'static [&'static str],
    /// Calls to the external provider.
    calls: &'static [&'static str],
    listing: Option<Listing>,
}

/// A list in a service's API whose items have a status.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// Path of the list, and its name in the response.
    pub name: &'static str,
    /// Statuses that are not final.
    pub in_progress: &'static [&'static str],
}

const EXPECTATIONS: &[Expectation] = &[
    Expectation {
        service: ServiceName::Order,
        consumes: &["inventory.events", "payment.events", "shipping.events"],
        reacts_to: &[
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
        calls: &[],
        listing: Some(Listing {
            name: "orders",
            in_progress: &["placed", "stock_reserved", "paid", "stock_committed", "cancelling"],
        }),
    },
    Expectation {
        service: ServiceName::Inventory,
        consumes: &["order.events", "payment.events", "shipping.events"],
        reacts_to: &["OrderPlaced", "PaymentCaptured", "PaymentDeclined", "ShipmentRejected", "ShipmentCancelled"],
        calls: &[],
        listing: None,
    },
    Expectation {
        service: ServiceName::Payment,
        consumes: &["order.events", "inventory.events", "shipping.events"],
        reacts_to: &["OrderPlaced", "StockReserved", "ShipmentRejected", "ShipmentCancelled"],
        calls: &["charge", "void", "refund"],
        listing: Some(Listing { name: "payments", in_progress: &["charging", "voiding", "refunding"] }),
    },
    Expectation {
        service: ServiceName::Shipping,
        consumes: &["order.events", "inventory.events"],
        reacts_to: &["OrderPlaced", "OrderCancellationRequested", "StockCommitted"],
        calls: &["book", "cancel"],
        listing: Some(Listing { name: "shipments", in_progress: &["booking"] }),
    },
];

/// Root events: caused by a request or a timer, not by another event.
pub const ROOTS: [&str; 3] = ["OrderPlaced", "OrderCancellationRequested", "ShipmentDispatched"];

fn expected(service: ServiceName) -> &'static Expectation {
    let expectation = EXPECTATIONS.iter().find(|expectation| expectation.service == service);
    expectation.unwrap_or_else(|| panic!("no expectations of {service}; add them to chaos/src/choreography.rs"))
}

/// Topics that the service consumes.
pub fn consumes(service: ServiceName) -> &'static [&'static str] {
    expected(service).consumes
}

/// Events that the service reacts to.
pub fn reacts_to(service: ServiceName) -> &'static [&'static str] {
    expected(service).reacts_to
}

/// Calls that the service makes to its provider.
pub fn calls(service: ServiceName) -> &'static [&'static str] {
    expected(service).calls
}

/// List in the service's API that shows work in progress, if it has one.
pub fn listing(service: ServiceName) -> Option<Listing> {
    expected(service).listing
}

/// Topic of the service's dead letters.
pub fn dead_letter_topic(service: ServiceName) -> String {
    format!("{service}.dlq")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contracts::TOPICS;

    use super::*;

    #[test]
    fn every_service_of_the_catalog_has_expectations() {
        let declared: Vec<_> = EXPECTATIONS.iter().map(|expectation| expectation.service).collect();
        assert_eq!(declared, ServiceName::all().collect::<Vec<_>>());
    }

    #[test]
    fn services_consume_only_topics_of_other_services() {
        let topics: BTreeSet<_> = TOPICS.iter().copied().collect();
        for Expectation { service, consumes, .. } in EXPECTATIONS {
            let own = service.topic();
            for topic in *consumes {
                assert!(topics.contains(topic) && Some(*topic) != own, "{service} consumes {topic}");
            }
        }
    }

    #[test]
    fn only_services_with_a_provider_make_calls() {
        for Expectation { service, calls, .. } in EXPECTATIONS {
            assert_eq!(service.provider().is_some(), !calls.is_empty(), "{service}");
        }
    }
}
