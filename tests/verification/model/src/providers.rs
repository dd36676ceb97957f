//! The outside world: a gateway and a carrier that keep what `providers` promises.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use contracts::{Money, OrderId, order::Address};
use providers::{BookAnswer, Carrier, ChargeAnswer, PaymentGateway, ProviderError, RefundAnswer, VoidAnswer};

/// Closes a key with the first of a capture, a decline and a void, as [`PaymentGateway`] promises.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) outcome: Option<Closed>,
    pub(crate) captures: u32,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    Captured,
    Declined,
    Voided,
}

/// The gateway's accounts, lent to the service's own code for one call.
pub(crate) struct ModelGateway(pub(crate) Mutex<BTreeMap<OrderId, Account>>);

impl ModelGateway {
    fn with<A>(&self, key: OrderId, work: impl FnOnce(&mut Account) -> A) -> A {
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
            let outcome = if card == "Approved" { Closed::Captured } else { Closed::Declined };
            if account.outcome.is_none() && outcome == Closed::Captured {
                account.captures += 1;
                account.captured += amount.minor;
            }
            match account.outcome.get_or_insert(outcome) {
                Closed::Captured => ChargeAnswer::Captured { capture_id: CAPTURE_ID.into() },
                Closed::Declined => ChargeAnswer::Declined { code: "card_declined".into() },
                Closed::Voided => ChargeAnswer::Voided,
            }
        }))
    }

    async fn void(&self, key: OrderId) -> Result<VoidAnswer, ProviderError> {
        Ok(self.with(key, |account| match account.outcome.get_or_insert(Closed::Voided) {
            Closed::Captured => VoidAnswer::Captured { capture_id: CAPTURE_ID.into() },
            Closed::Declined => VoidAnswer::Declined { code: "card_declined".into() },
            Closed::Voided => VoidAnswer::Voided,
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

/// What the carrier knows of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) answer: Option<BookAnswer>,
    /// A courier will come for it.
    pub(crate) active: bool,
}

/// The carrier's books, lent to the service's own code for one call.
pub(crate) struct ModelCarrier(pub(crate) Mutex<BTreeMap<OrderId, Parcel>>);

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
        let cancelled = Parcel { answer: Some(BookAnswer::Cancelled), active: false };
        self.0.lock().expect("one thread").insert(key, cancelled);
        Ok(())
    }
}

/// The result of a future that waits for nothing.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("the models answer at once"),
    }
}
