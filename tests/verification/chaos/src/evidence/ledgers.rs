//! Contents of the provider ledgers.

use std::collections::BTreeMap;

use anyhow::Result;
use contracts::OrderId;
use providers::simulator::{CarrierLedger, CarrierTotals, GatewayLedger, GatewayTotals, LoggedCall};
use xtask::ServiceName;

use crate::system::SystemUnderTest;

pub(super) struct LedgerContents {
    pub(super) money: BTreeMap<OrderId, GatewayTotals>,
    pub(super) parcels: BTreeMap<OrderId, CarrierTotals>,
    /// Calls to both providers, with the calling service.
    pub(super) calls: Vec<(ServiceName, LoggedCall)>,
}

pub(super) fn read(system: &SystemUnderTest) -> Result<LedgerContents> {
    let gateway = GatewayLedger::open(&system.ledger(ServiceName::Payment))?;
    let carrier = CarrierLedger::open(&system.ledger(ServiceName::Shipping))?;
    let charges = gateway.calls()?.into_iter().map(|call| (ServiceName::Payment, call));
    let bookings = carrier.calls()?.into_iter().map(|call| (ServiceName::Shipping, call));
    Ok(LedgerContents {
        money: gateway.entries()?,
        parcels: carrier.entries()?,
        calls: charges.chain(bookings).collect(),
    })
}
