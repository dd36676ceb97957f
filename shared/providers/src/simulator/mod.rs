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
//! [`Trouble`] adds latency, outages and lost answers to calls of every kind. It is chosen when a simulator is opened, or
//! from outside while it runs, by whoever has its ledger: [`Trouble::cause`].

mod carrier;
mod gateway;
mod ledger;
mod reader;
mod trouble;

use std::{path::Path, sync::Arc, time::Duration};

use contracts::OrderId;
use serde::Serialize;

use crate::ProviderError;
use ledger::{Arrival, Books, Ledger, Outcome};
use trouble::Fate;

pub use carrier::{CarrierEntry, CarrierLedger, SimulatedCarrier, addresses};
pub use gateway::{GatewayEntry, GatewayLedger, SimulatedGateway, cards};
pub use ledger::LedgerError;
pub use reader::{LedgerReader, LoggedCall};
pub use trouble::Trouble;

/// How long a slow call takes, unless the simulator was told otherwise.
pub const SLOW_ANSWER: Duration = Duration::from_secs(5);

/// How a call is treated because of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Usual,
    Down,
    Flaky,
    Slow,
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
    ledger: Ledger,
    slow: Duration,
    trouble: Trouble,
}

impl Simulator {
    fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { ledger: Ledger::open(path)?, slow: SLOW_ANSWER, trouble: Trouble::default() })
    }

    /// Logs the call, lets happen to it what must, and has `execute` do what was asked for, once at most.
    ///
    /// `execute` runs in one write transaction. The database is never held while a call waits.
    async fn call<A, F>(&self, call: Call, execute: F) -> Result<A, ProviderError>
    where
        A: Serialize + Send + 'static,
        F: Fn(&Books<'_>) -> Outcome<A> + Send + Sync + 'static,
    {
        // A real provider goes on when its caller stops waiting, so it is a task of its own.
        let answer = tokio::spawn(self.clone().answer(call, Arc::new(execute))).await;
        answer.unwrap_or_else(|cut_off| Err(ProviderError::Unavailable(cut_off.to_string())))
    }

    async fn answer<A, F>(self, call: Call, execute: Arc<F>) -> Result<A, ProviderError>
    where
        A: Serialize + Send + 'static,
        F: Fn(&Books<'_>) -> Outcome<A> + Send + Sync + 'static,
    {
        let trouble = self.ledger.trouble()?.unwrap_or(self.trouble);
        if !trouble.latency.is_zero() {
            tokio::time::sleep(trouble.latency).await;
        }
        let at_once = Arc::clone(&execute);
        let take_in = move |books: &Books<'_>| {
            let arrival = books.arrival(call.kind, call.key)?;
            if call.treatment == Treatment::Slow && !books.is_decided(call.key)? {
                return Ok(Progress::Waits(arrival));
            }
            settle(books, call, arrival, trouble, &*at_once).map(Progress::Answered)
        };
        let arrival = match self.ledger.write(take_in).await? {
            Progress::Answered(answer) => return answer,
            Progress::Waits(arrival) => arrival,
        };
        tokio::time::sleep(self.slow).await;
        self.ledger.write(move |books| settle(books, call, arrival, trouble, &*execute)).await?
    }
}

fn settle<A: Serialize>(
    books: &Books<'_>,
    call: Call,
    arrival: Arrival,
    trouble: Trouble,
    execute: impl Fn(&Books<'_>) -> Outcome<A>,
) -> Outcome<A> {
    let answer = match fate(call, arrival.attempt, trouble) {
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

fn fate(call: Call, attempt: u32, trouble: Trouble) -> Fate {
    match (call.treatment, attempt) {
        (Treatment::Down, _) | (Treatment::Flaky, 1) => Fate::Fails,
        (Treatment::Flaky, 2) => Fate::AnswerLost,
        _ => trouble.fate(call, attempt),
    }
}
