//! What the providers have in their own books.

use anyhow::Result;
use providers::simulator::{CarrierLedger, GatewayLedger};
use xtask::ServiceName;

use super::Evidence;
use crate::system::SystemUnderTest;

pub(super) fn gather(system: &SystemUnderTest, evidence: &mut Evidence) -> Result<()> {
    let gateway = GatewayLedger::open(&system.ledger(ServiceName::Payment))?;
    evidence.money = gateway.entries()?;
    evidence.calls = gateway.calls()?.into_iter().map(|call| (ServiceName::Payment, call)).collect();
    let carrier = CarrierLedger::open(&system.ledger(ServiceName::Shipping))?;
    evidence.parcels = carrier.entries()?;
    evidence.calls.extend(carrier.calls()?.into_iter().map(|call| (ServiceName::Shipping, call)));
    Ok(())
}
