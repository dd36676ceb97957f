//! Models of the providers: a gateway and a carrier that fulfil the contracts of the `providers` crate.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use contracts::{Money, OrderId, order::Address};
use providers::{BookAnswer, Carrier, ChargeAnswer, PaymentGateway, ProviderError, RefundAnswer, VoidAnswer};

/// The gateway's account of one key. The first of capture, decline and void closes it, as [`PaymentGateway`] specifies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GatewayAccount {
    pub(crate) outcome: Option<ChargeOutcome>,
    pub(crate) captures: u32,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChargeOutcome {
    Captured,
    Declined,
    Voided,
}

/// The gateway's accounts, lent to the service's provider client for one call.
pub(crate) struct ModelGateway(pub(crate) Mutex<BTreeMap<OrderId, GatewayAccount>>);

impl ModelGateway {
    fn with<A>(&self, key: OrderId, work: impl FnOnce(&mut GatewayAccount) -> A) -> A {
        work(self.0.lock().expect("one thread").entry(key).or_default())
    }
}

const CAPTURE_ID: &str = "cap_1";

#[async_trait]
impl PaymentGateway for ModelGateway {
    async fn charge(&self, key: OrderId, card: &str, amount: Money) -> Result<ChargeAnswer, ProviderError> {
        if card == "Silent" {
            return Err(ProviderError::Unavailable("no answer".into()));
        }
        Ok(self.with(key, |account| {
            let outcome = if card == "Approved" { ChargeOutcome::Captured } else { ChargeOutcome::Declined };
            if account.outcome.is_none() && outcome == ChargeOutcome::Captured {
                account.captures += 1;
                account.captured += amount.minor;
            }
            match account.outcome.get_or_insert(outcome) {
                ChargeOutcome::Captured => ChargeAnswer::Captured { capture_id: CAPTURE_ID.into() },
                ChargeOutcome::Declined => ChargeAnswer::Declined { code: "card_declined".into() },
                ChargeOutcome::Voided => ChargeAnswer::Voided,
            }
        }))
    }

    async fn void(&self, key: OrderId) -> Result<VoidAnswer, ProviderError> {
        Ok(self.with(key, |account| match account.outcome.get_or_insert(ChargeOutcome::Voided) {
            ChargeOutcome::Captured => VoidAnswer::Captured { capture_id: CAPTURE_ID.into() },
            ChargeOutcome::Declined => VoidAnswer::Declined { code: "card_declined".into() },
            ChargeOutcome::Voided => VoidAnswer::Voided,
        }))
    }

    async fn refund(&self, key: OrderId, capture_id: &str, amount: Money) -> Result<RefundAnswer, ProviderError> {
        self.with(key, |account| {
            if account.captured != amount.minor || capture_id != CAPTURE_ID {
                return Err(ProviderError::Refused("no such capture".into()));
            }
            account.refunded = amount.minor;
            Ok(RefundAnswer { refund_id: "ref_1".into() })
        })
    }
}

/// The carrier's booking of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CarrierParcel {
    pub(crate) answer: Option<BookAnswer>,
    /// Booked and not cancelled.
    pub(crate) active: bool,
}

/// The carrier's bookings, lent to the service's provider client for one call.
pub(crate) struct ModelCarrier(pub(crate) Mutex<BTreeMap<OrderId, CarrierParcel>>);

#[async_trait]
impl Carrier for ModelCarrier {
    async fn book(&self, key: OrderId, address: &Address) -> Result<BookAnswer, ProviderError> {
        if address.country == "Silent" {
            return Err(ProviderError::Unavailable("no answer".into()));
        }
        let is_served = address.country == "Served";
        let answer = if is_served {
            BookAnswer::Booked { tracking: "TRACK1".into() }
        } else {
            BookAnswer::Refused { reason: "not served".into() }
        };
        let mut parcels = self.0.lock().expect("one thread");
        let parcel = parcels.entry(key).or_default();
        parcel.active |= parcel.answer.is_none() && is_served;
        Ok(parcel.answer.get_or_insert(answer).clone())
    }

    async fn cancel(&self, key: OrderId) -> Result<(), ProviderError> {
        let cancelled = CarrierParcel { answer: Some(BookAnswer::Cancelled), active: false };
        self.0.lock().expect("one thread").insert(key, cancelled);
        Ok(())
    }
}

/// Polls a future that never waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("models answer at once"),
    }
}
