//! The simulated carrier and its ledger.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use contracts::{OrderId, order::Address};

use super::{
    Call, LedgerError, LedgerReader, Simulator, Treatment, Trouble,
    ledger::{Books, Decided, Outcome},
    reader::{Effects, Entry},
};
use crate::{BookAnswer, Carrier, ProviderError};

/// What in an address the simulated carrier pays attention to. Any other is booked.
pub mod addresses {
    /// The country that is refused as `country AQ is not served`.
    pub const UNSERVED_COUNTRY: &str = "AQ";
    /// The postal code that is refused as `address unknown`.
    pub const UNKNOWN_POSTAL_CODE: &str = "00000";
    /// The postal code for which a booking is always unavailable and never booked.
    pub const ERROR_POSTAL_CODE: &str = "ERROR";
    /// The postal code for which the first two bookings are unavailable, the second after it has booked.
    pub const FLAKY_POSTAL_CODE: &str = "FLAKY";
    /// The postal code that is booked after [`SLOW_ANSWER`](crate::simulator::SLOW_ANSWER).
    pub const SLOW_POSTAL_CODE: &str = "SLOW";
}

/// The operation that a key has an answer for: a cancellation is an answer to its booking.
const BOOK: &str = "book";

/// The kinds of effects; see [`CarrierEntry`].
const BOOKED: &str = "booked";
const UNBOOKED: &str = "unbooked";
const CLOSED: &str = "closed";

/// A carrier that never comes; see the [module](super) for what its addresses do.
#[derive(Debug, Clone)]
pub struct SimulatedCarrier {
    simulator: Simulator,
}

impl SimulatedCarrier {
    /// Opens the carrier whose ledger is the file at `path`, or starts a new one.
    ///
    /// # Errors
    /// The file can't be opened or is no ledger.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { simulator: Simulator::open(path)? })
    }

    /// Sets how long a booking to [`addresses::SLOW_POSTAL_CODE`] takes.
    #[must_use]
    pub fn with_slow(mut self, slow: Duration) -> Self {
        self.simulator.slow = slow;
        self
    }

    /// Sets what else goes wrong.
    #[must_use]
    pub fn with_trouble(mut self, trouble: Trouble) -> Self {
        self.simulator.trouble = trouble;
        self
    }
}

#[async_trait]
impl Carrier for SimulatedCarrier {
    async fn book(&self, key: OrderId, address: &Address) -> Result<BookAnswer, ProviderError> {
        let address = address.clone();
        let call = Call { kind: "book", key, treatment: treatment(&address) };
        self.simulator.call(call, move |books| book(books, key, &address)).await
    }

    async fn cancel(&self, key: OrderId) -> Result<(), ProviderError> {
        let call = Call { kind: "cancel", key, treatment: Treatment::Usual };
        self.simulator.call(call, move |books| cancel(books, key).map(Ok)).await
    }
}

fn treatment(address: &Address) -> Treatment {
    match address.postal_code.as_str() {
        addresses::ERROR_POSTAL_CODE => Treatment::Down,
        addresses::FLAKY_POSTAL_CODE => Treatment::Flaky,
        addresses::SLOW_POSTAL_CODE => Treatment::Slow,
        _ => Treatment::Usual,
    }
}

fn refusal(address: &Address) -> Option<String> {
    if address.country == addresses::UNSERVED_COUNTRY {
        return Some(format!("country {} is not served", address.country));
    }
    (address.postal_code == addresses::UNKNOWN_POSTAL_CODE).then(|| "address unknown".to_owned())
}

fn book(books: &Books<'_>, key: OrderId, address: &Address) -> Outcome<BookAnswer> {
    if let Some(decided) = books.decided(BOOK, key)? {
        return Ok(decided.answer_to(address));
    }
    let answer = if let Some(reason) = refusal(address) {
        BookAnswer::Refused { reason }
    } else {
        books.effect(BOOKED, key, None)?;
        BookAnswer::Booked { tracking: format!("trk_{}", key.0.simple()) }
    };
    books.decide(BOOK, key, Some(address), &answer)?;
    Ok(Ok(answer))
}

fn cancel(books: &Books<'_>, key: OrderId) -> Result<(), LedgerError> {
    let booked: Option<Decided<Address, BookAnswer>> = books.decided(BOOK, key)?;
    match booked.map(|decided| decided.answer) {
        Some(BookAnswer::Cancelled) => return Ok(()),
        Some(BookAnswer::Booked { .. }) => books.effect(UNBOOKED, key, None)?,
        Some(BookAnswer::Refused { .. }) | None => {}
    }
    books.effect(CLOSED, key, None)?;
    books.decide(BOOK, key, None::<&Address>, &BookAnswer::Cancelled)
}

/// What really happened at the carrier, to one order or to all.
///
/// One order never has more than one booking, is unbooked only if it was booked, and is closed once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CarrierEntry {
    /// How often a parcel was booked.
    pub bookings: u64,
    /// How many of these bookings were cancelled.
    pub unbooked: u64,
    /// How many keys were closed by a cancellation, booked before or not.
    pub closed: u64,
}

impl CarrierEntry {
    /// How many parcels will be fetched.
    ///
    /// # Panics
    /// More bookings were cancelled than were made, which is a bug of the carrier.
    pub fn active(&self) -> u64 {
        self.bookings.checked_sub(self.unbooked).expect("what is unbooked was booked")
    }
}

impl Entry for CarrierEntry {
    fn add(&mut self, effects: &Effects) -> bool {
        match effects.kind.as_str() {
            BOOKED => self.bookings += effects.count,
            UNBOOKED => self.unbooked += effects.count,
            CLOSED => self.closed += effects.count,
            _ => return false,
        }
        true
    }
}

/// The carrier's ledger, to check a run against.
pub type CarrierLedger = LedgerReader<CarrierEntry>;
