//! Providers that exist only here, but behave like real ones.
//!
//! Each writes what it was asked and what it did into a ledger of its own, a file that survives the death of the
//! process and that several processes may share. Tests read it with [`GatewayLedger`] and [`CarrierLedger`].
//!
//! How a call goes depends on what is passed in, so that anybody can provoke each case by hand:
//!
//! | card token ([`cards`]) | what happens to a charge |
//! | --- | --- |
//! | `tok_4242424242424242` | captured |
//! | `tok_4000000000000002` | declined: `card_declined` |
//! | `tok_4000000000009995` | declined: `insufficient_funds` |
//! | `tok_4000000000000119` | always unavailable; nothing is captured; a void works |
//! | `tok_4000000000000341` | unavailable twice, the second time after it has captured; then the capture is answered |
//! | `tok_4000000000003220` | captured, but only after [`SLOW_ANSWER`]; a void in the meantime wins |
//! | any other | declined: `invalid_token` |
//!
//! | address ([`addresses`]) | what happens to a booking |
//! | --- | --- |
//! | country `AQ` | refused: `country AQ is not served` |
//! | postal code `00000` | refused: `address unknown` |
//! | postal code `ERROR` | always unavailable; nothing is booked; a cancellation works |
//! | postal code `FLAKY` | unavailable twice, the second time after it has booked; then the booking is answered |
//! | postal code `SLOW` | booked, but only after [`SLOW_ANSWER`]; a cancellation in the meantime wins |
//! | any other | booked |
//!
//! [`Trouble`] adds latency, outages and lost answers to calls of every kind.

mod carrier;
mod gateway;
mod ledger;
mod reader;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::Arc,
    time::Duration,
};

use contracts::OrderId;
use serde::Serialize;

use crate::ProviderError;
use ledger::{Arrival, Books, Ledger, Outcome};

pub use carrier::{CarrierEntry, CarrierLedger, SimulatedCarrier, addresses};
pub use gateway::{GatewayEntry, GatewayLedger, SimulatedGateway, cards};
pub use ledger::LedgerError;
pub use reader::{LedgerReader, LoggedCall};

/// How long a slow call takes, unless the simulator was told otherwise.
pub const SLOW_ANSWER: Duration = Duration::from_secs(5);

/// What goes wrong besides what the input asks for. None by default.
///
/// Which calls it hits follows from their kind, key and number, so a run can be repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Passes before a call arrives.
    pub latency: Duration,
    /// Calls out of a hundred that fail before they do anything.
    pub failing_percent: u8,
    /// Calls out of a hundred that do what they should, but whose answer is lost.
    pub lost_percent: u8,
}

impl Trouble {
    fn fate(self, call: Call, attempt: u32) -> Fate {
        let mut hasher = DefaultHasher::new();
        (call.kind, call.key, attempt).hash(&mut hasher);
        let failing = u64::from(self.failing_percent);
        match hasher.finish() % 100 {
            roll if roll < failing => Fate::Fails,
            roll if roll < failing + u64::from(self.lost_percent) => Fate::AnswerLost,
            _ => Fate::Answered,
        }
    }
}

/// How a call is treated because of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Usual,
    Down,
    Flaky,
    Slow,
}

/// What becomes of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// Before it did anything.
    Fails,
    /// After it did what it should.
    AnswerLost,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    kind: &'static str,
    key: OrderId,
    treatment: Treatment,
}

/// How far a call got at once.
enum Progress<A> {
    Answered(Result<A, ProviderError>),
    Waits(Arrival),
}

/// What the two simulators share: the way of a call, from its arrival to its answer.
#[derive(Debug, Clone)]
struct Simulator {
    ledger: Arc<Ledger>,
    slow: Duration,
    trouble: Trouble,
}

impl Simulator {
    fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { ledger: Arc::new(Ledger::open(path)?), slow: SLOW_ANSWER, trouble: Trouble::default() })
    }

    /// Logs the call, lets happen to it what must, and has `execute` do what was asked for, once at most.
    ///
    /// `execute` runs in one write transaction. The database is never held while a call waits.
    async fn call<A, F>(&self, call: Call, execute: F) -> Result<A, ProviderError>
    where
        A: Serialize + Send + 'static,
        F: Fn(&Books<'_>) -> Outcome<A> + Send + 'static,
    {
        if !self.trouble.latency.is_zero() {
            tokio::time::sleep(self.trouble.latency).await;
        }
        let arrival = match self.take_in(call, &execute)? {
            Progress::Answered(answer) => return answer,
            Progress::Waits(arrival) => arrival,
        };
        // A real provider goes on when its caller stops waiting, so what is left gets a task of its own.
        let simulator = self.clone();
        let rest = tokio::spawn(async move {
            tokio::time::sleep(simulator.slow).await;
            simulator.ledger.write(|books| simulator.settle(books, call, arrival, &execute))?
        });
        rest.await.unwrap_or_else(|cut_off| Err(ProviderError::Unavailable(cut_off.to_string())))
    }

    fn take_in<A: Serialize>(
        &self,
        call: Call,
        execute: impl Fn(&Books<'_>) -> Outcome<A>,
    ) -> Result<Progress<A>, LedgerError> {
        self.ledger.write(|books| {
            let arrival = books.arrival(call.kind, call.key)?;
            if call.treatment == Treatment::Slow && !books.is_decided(call.key)? {
                return Ok(Progress::Waits(arrival));
            }
            self.settle(books, call, arrival, execute).map(Progress::Answered)
        })
    }

    fn settle<A: Serialize>(
        &self,
        books: &Books<'_>,
        call: Call,
        arrival: Arrival,
        execute: impl Fn(&Books<'_>) -> Outcome<A>,
    ) -> Outcome<A> {
        let answer = match self.fate(call, arrival.attempt) {
            Fate::Answered => execute(books)?,
            Fate::Fails => Err(ProviderError::Unavailable("out of service".to_owned())),
            Fate::AnswerLost => {
                drop(execute(books)?);
                Err(ProviderError::Unavailable("the answer was lost".to_owned()))
            }
        };
        books.answered(arrival, &answer)?;
        Ok(answer)
    }

    fn fate(&self, call: Call, attempt: u32) -> Fate {
        match (call.treatment, attempt) {
            (Treatment::Down, _) | (Treatment::Flaky, 1) => Fate::Fails,
            (Treatment::Flaky, 2) => Fate::AnswerLost,
            _ => self.trouble.fate(call, attempt),
        }
    }
}
