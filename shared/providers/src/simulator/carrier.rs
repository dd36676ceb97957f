//! The simulated carrier and its ledger.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use contracts::{OrderId, order::Address};

use super::{
    Behavior, FaultProfile, LedgerError, LedgerReader, SimulatedCall, Simulator,
    ledger_tx::{CallOutcome, LedgerTx, RecordedAnswer},
    reader::{EffectCount, Totals},
};
use crate::{BookAnswer, Carrier, ProviderError};

/// Parts of addresses with a special behavior. Any other address is booked.
pub mod addresses {
    /// Refused as `country AQ is not served`.
    pub const UNSERVED_COUNTRY: &str = "AQ";
    /// Refused as `address unknown`.
    pub const UNKNOWN_POSTAL_CODE: &str = "00000";
    /// Always unavailable and never booked.
    pub const ERROR_POSTAL_CODE: &str = "ERROR";
    /// Unavailable for the first two calls, the second of which books.
    pub const FLAKY_POSTAL_CODE: &str = "FLAKY";
    /// Booked after [`SLOW_ANSWER`](crate::simulator::SLOW_ANSWER).
    pub const SLOW_POSTAL_CODE: &str = "SLOW";
}

/// The operation under which answers are recorded: a cancellation is an answer to its booking.
const BOOK: &str = "book";

/// Kinds of effects; see [`CarrierTotals`].
const BOOKED: &str = "booked";
const UNBOOKED: &str = "unbooked";
const CLOSED: &str = "closed";

/// A simulated carrier; see the [module](super) for the behavior of addresses.
#[derive(Debug, Clone)]
pub struct SimulatedCarrier {
    simulator: Simulator,
}

impl SimulatedCarrier {
    /// Opens the carrier with the ledger at `path` and creates the ledger if missing.
    ///
    /// # Errors
    /// The file cannot be opened as a ledger.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { simulator: Simulator::open(path)? })
    }

    /// Sets the duration of a booking to [`addresses::SLOW_POSTAL_CODE`].
    #[must_use]
    pub fn with_slow(mut self, slow: Duration) -> Self {
        self.simulator.slow = slow;
        self
    }

    /// Sets further faults.
    #[must_use]
    pub fn with_faults(mut self, faults: FaultProfile) -> Self {
        self.simulator.faults = faults;
        self
    }
}

#[async_trait]
impl Carrier for SimulatedCarrier {
    async fn book(&self, key: OrderId, address: &Address) -> Result<BookAnswer, ProviderError> {
        let address = address.clone();
        let call = SimulatedCall { kind: "book", key, behavior: behavior(&address) };
        self.simulator.call(call, move |ledger| book(ledger, key, &address)).await
    }

    async fn cancel(&self, key: OrderId) -> Result<(), ProviderError> {
        let call = SimulatedCall { kind: "cancel", key, behavior: Behavior::Normal };
        self.simulator.call(call, move |ledger| cancel(ledger, key).map(Ok)).await
    }
}

fn behavior(address: &Address) -> Behavior {
    match address.postal_code.as_str() {
        addresses::ERROR_POSTAL_CODE => Behavior::Down,
        addresses::FLAKY_POSTAL_CODE => Behavior::Flaky,
        addresses::SLOW_POSTAL_CODE => Behavior::Slow,
        _ => Behavior::Normal,
    }
}

fn refusal(address: &Address) -> Option<String> {
    if address.country == addresses::UNSERVED_COUNTRY {
        return Some(format!("country {} is not served", address.country));
    }
    (address.postal_code == addresses::UNKNOWN_POSTAL_CODE).then(|| "address unknown".to_owned())
}

fn book(ledger: &LedgerTx<'_>, key: OrderId, address: &Address) -> CallOutcome<BookAnswer> {
    if let Some(recorded) = ledger.recorded_answer(BOOK, key)? {
        return Ok(recorded.answer_to(address));
    }
    let answer = if let Some(reason) = refusal(address) {
        BookAnswer::Refused { reason }
    } else {
        ledger.record_effect(BOOKED, key, None)?;
        BookAnswer::Booked { tracking: format!("trk_{}", key.0.simple()) }
    };
    ledger.record_answer(BOOK, key, Some(address), &answer)?;
    Ok(Ok(answer))
}

fn cancel(ledger: &LedgerTx<'_>, key: OrderId) -> Result<(), LedgerError> {
    let booked: Option<RecordedAnswer<Address, BookAnswer>> = ledger.recorded_answer(BOOK, key)?;
    match booked.map(|recorded| recorded.answer) {
        Some(BookAnswer::Cancelled) => return Ok(()),
        Some(BookAnswer::Booked { .. }) => ledger.record_effect(UNBOOKED, key, None)?,
        Some(BookAnswer::Refused { .. }) | None => {}
    }
    ledger.record_effect(CLOSED, key, None)?;
    ledger.record_answer(BOOK, key, None::<&Address>, &BookAnswer::Cancelled)
}

/// The effects at the carrier, of one order or of all.
///
/// An order has at most one booking, which is cancelled at most once, and is closed at most once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CarrierTotals {
    /// Number of booked parcels.
    pub bookings: u64,
    /// Number of cancelled bookings.
    pub unbooked: u64,
    /// Number of keys closed by a cancellation, with or without a booking.
    pub closed: u64,
}

impl CarrierTotals {
    /// Number of parcels that will be collected.
    ///
    /// # Panics
    /// There are more cancellations than bookings, which is a bug of the carrier.
    pub fn active(&self) -> u64 {
        self.bookings.checked_sub(self.unbooked).expect("only bookings are cancelled")
    }
}

impl Totals for CarrierTotals {
    fn add(&mut self, effects: &EffectCount) -> bool {
        match effects.kind.as_str() {
            BOOKED => self.bookings += effects.count,
            UNBOOKED => self.unbooked += effects.count,
            CLOSED => self.closed += effects.count,
            _ => return false,
        }
        true
    }
}

/// Reader of the carrier's ledger.
pub type CarrierLedger = LedgerReader<CarrierTotals>;
