//! Orders that take every path through the saga, so that every type of event is published.

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::demo;
use crate::demo::scenario::{CONFIRMED, Scenario};
use crate::demo::shop::Shop;
use crate::progress::Progress;
use crate::suite::Suite;
use catalog::ServiceName;

/// Maximum attempts to cancel an order after its dispatch and before the order service processes the dispatch.
const RACES_MAX: u32 = 30;

/// An order for more units than were received.
const OUT_OF_STOCK: Scenario = Scenario {
    title: "cancelled (out of stock)",
    quantity: 1000,
    outcome: "cancelled",
    events: &["StockReservationRejected", "OrderCancelled"],
    ..CONFIRMED
};

/// A cancelled charge: for this card, the simulated gateway is never available.
const CALLED_OFF: Scenario = Scenario {
    title: "cancelled (before it was charged)",
    payment_method: "tok_4000000000000119",
    outcome: "cancelled",
    events: &["OrderCancellationRequested", "PaymentVoided", "StockReleased", "OrderCancelled"],
    ..CONFIRMED
};

/// A cancellation that arrives just after the dispatch.
const TOO_LATE: Scenario = Scenario {
    title: "dispatched (cancelled too late)",
    quantity: 1,
    outcome: "dispatched",
    events: &["ShipmentDispatched", "ShipmentCancellationRefused"],
    ..CONFIRMED
};

/// Places all orders and waits for their outcomes. Returns the id of one order.
pub(super) fn place(suite: &Suite, shop: &Shop, progress: Progress) -> Result<String> {
    let outcomes = demo::order_all(shop, progress)?;
    for outcome in &outcomes {
        as_expected(outcome.complaint.as_deref())?;
    }
    let step = progress.step("the rarer ways that an order can go");
    let id = shop.place(&OUT_OF_STOCK.order())?.id;
    follow(shop, &OUT_OF_STOCK, &id)?;
    let id = shop.place(&CALLED_OFF.order())?.id;
    shop.order_when(&id, &["stock_reserved"])?;
    shop.cancel(&id)?;
    follow(shop, &CALLED_OFF, &id)?;
    let races = cancel_too_late(suite, shop)?;
    step.done(&format!("out of stock, called off, cancelled too late (at try {races})"));
    Ok(outcomes.into_iter().next().context("there are four")?.order.id)
}

/// Dispatches and cancels orders until a cancellation is accepted after the dispatch. Returns the number of attempts.
fn cancel_too_late(suite: &Suite, shop: &Shop) -> Result<u32> {
    let (order, shipping) = (suite.client(ServiceName::Order), suite.client(ServiceName::Shipping));
    for race in 1..=RACES_MAX {
        let id = shop.place(&TOO_LATE.order())?.id;
        shop.order_when(&id, &["confirmed"])?;
        shipping.post(&format!("/shipments/{id}/dispatch"), &json!({}))?.expect_status(200)?;
        let reply = order.post(&format!("/orders/{id}/cancel"), &json!({}))?;
        if reply.status == 202 {
            follow_to(shop, &TOO_LATE, &id)?;
            return Ok(race);
        }
        ensure!(reply.status == 409, "cancelling order {id}: status {}: {}", reply.status, reply.body);
    }
    bail!("in {RACES_MAX} tries the order service knew of the dispatch before it could be asked to cancel")
}

fn follow(shop: &Shop, scenario: &Scenario, id: &str) -> Result<()> {
    as_expected(demo::follow(shop, scenario, id)?.complaint.as_deref())
}

/// Like [`follow`], for an order that is already confirmed and could be mistaken for final.
fn follow_to(shop: &Shop, scenario: &Scenario, id: &str) -> Result<()> {
    shop.order_when(id, &[scenario.outcome])?;
    follow(shop, scenario, id)
}

fn as_expected(complaint: Option<&str>) -> Result<()> {
    complaint.map_or(Ok(()), |complaint| bail!("unexpected outcome: {complaint}"))
}
