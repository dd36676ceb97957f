//! Orders: placing, cancelling, dispatching and following.

use anyhow::{Result, bail};
use catalog::ServiceName;
use contracts::OrderId;
use serde_json::{Value, json};
use xtask::{
    Reply,
    wait::{Poll, wait_for},
    wait_until,
};

use super::TestCluster;
use crate::{order::NewOrder, timeout::TEST_TIMEOUT, views::TimelineEntry};

impl TestCluster {
    /// Places an order and asserts that it is accepted.
    #[track_caller]
    pub fn place(&self, order: &NewOrder) -> OrderId {
        let reply = self.try_place(order, &[]).and_then(|reply| reply.expect_status(202));
        order_id(&reply.expect("the order is accepted"))
    }

    /// Places an order as soon as the order service listens.
    #[track_caller]
    pub fn place_once_listening(&self, order: &NewOrder) -> OrderId {
        self.get(ServiceName::Order, "/livez");
        self.place(order)
    }

    /// Places an order with additional headers.
    ///
    /// # Errors
    /// The order service does not reply.
    pub fn try_place(&self, order: &NewOrder, headers: &[(&str, &str)]) -> Result<Reply> {
        self.client(ServiceName::Order).post_with("/orders", &order.body(), headers)
    }

    /// Requests the cancellation of an order; returns the status code.
    #[track_caller]
    pub fn cancel(&self, id: OrderId) -> u16 {
        let reply = self.client(ServiceName::Order).post(&format!("/orders/{id}/cancel"), &json!({}));
        reply.expect("the order service replies").status
    }

    /// Dispatches the shipment of an order; returns the status code.
    #[track_caller]
    pub fn dispatch(&self, id: OrderId) -> u16 {
        let reply = self.client(ServiceName::Shipping).post(&format!("/shipments/{id}/dispatch"), &json!({}));
        reply.expect("the shipping service replies").status
    }

    /// Current state of an order.
    #[track_caller]
    pub fn order(&self, id: OrderId) -> Value {
        self.get_ok(ServiceName::Order, &format!("/orders/{id}"))
    }

    /// Current status of an order.
    #[track_caller]
    pub fn status(&self, id: OrderId) -> String {
        text(&self.order(id), "status")
    }

    /// Waits until an order has one of these statuses and returns the order. Panics early if it is cancelled instead.
    #[track_caller]
    pub fn wait_for_status(&self, id: OrderId, wanted: &[&str]) -> Value {
        let order = wait_for(&format!("order {id} to be {}", wanted.join(" or ")), TEST_TIMEOUT, || {
            let reply = self.client(ServiceName::Order).get(&format!("/orders/{id}"));
            let order = match reply.and_then(|reply| reply.expect_status(200)) {
                Ok(order) => order,
                Err(error) => return Ok(Poll::Pending(format!("{error:#}"))),
            };
            match text(&order, "status").as_str() {
                status if wanted.contains(&status) => Ok(Poll::Ready(order)),
                "cancelled" => bail!("order {id} is {order}, not {}", wanted.join(" or ")),
                _ => Ok(Poll::Pending(order.to_string())),
            }
        });
        order.expect("the order reaches the status")
    }

    /// Waits until an order is confirmed.
    #[track_caller]
    pub fn wait_until_confirmed(&self, id: OrderId) {
        self.wait_for_status(id, &["confirmed"]);
    }

    /// Waits until an order is cancelled and asserts the reason.
    #[track_caller]
    pub fn wait_until_cancelled(&self, id: OrderId, reason: &str) {
        let order = self.wait_for_status(id, &["cancelled"]);
        assert_eq!(text(&order, "reason"), reason, "{order}");
    }

    /// Waits until a service's own record of an order (reservation, payment, shipment) has this status; returns it.
    #[track_caller]
    pub fn wait_for_participant_status(&self, service: ServiceName, id: OrderId, status: &str) -> Value {
        let collection = match service {
            ServiceName::Order => "orders",
            ServiceName::Inventory => "reservations",
            ServiceName::Payment => "payments",
            ServiceName::Shipping => "shipments",
        };
        let found = wait_until(&format!("{collection} of order {id} to be {status}"), TEST_TIMEOUT, || {
            let reply = self.get(service, &format!("/{collection}/{id}"));
            if reply.body["status"] == status { Ok(reply.body) } else { Err(reply.body.to_string()) }
        });
        found.expect("the participant reaches the status")
    }

    /// Timeline of an order as JSON.
    #[track_caller]
    pub fn timeline_json(&self, id: OrderId) -> Value {
        self.get_ok(ServiceName::Order, &format!("/orders/{id}/timeline"))
    }

    /// Events of an order so far.
    #[track_caller]
    pub fn timeline(&self, id: OrderId) -> Vec<TimelineEntry> {
        serde_json::from_value(self.timeline_json(id)["entries"].take()).expect("timeline entries")
    }

    /// Waits until the timeline contains all these events, because it may lag behind the status.
    #[track_caller]
    pub fn wait_for_events(&self, id: OrderId, events: &[&str]) -> Vec<TimelineEntry> {
        let entries = wait_until(&format!("events of order {id}"), TEST_TIMEOUT, || {
            let entries = self.timeline(id);
            let is_present = |event: &&&str| entries.iter().any(|entry| entry.event == **event);
            let missing: Vec<_> = events.iter().filter(|event| !is_present(event)).collect();
            if missing.is_empty() { Ok(entries) } else { Err(format!("no {missing:?} in {entries:?}")) }
        });
        entries.expect("the timeline is complete in time")
    }

    /// Returns whether the timeline contains this event now.
    #[track_caller]
    pub fn has_event(&self, id: OrderId, event: &str) -> bool {
        self.timeline(id).iter().any(|entry| entry.event == event)
    }
}

/// Order id in the JSON of an order.
#[track_caller]
pub fn order_id(order: &Value) -> OrderId {
    text(order, "order_id").parse().expect("an order id")
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
