//! Simulated providers that behave like real ones.
//!
//! Each writes its calls and their effects to its own ledger, a file that survives the process and that several processes may
//! share. Tests read it with [`GatewayLedger`] and [`CarrierLedger`].
//!
//! The request selects the behavior, so that every case can be provoked by hand:
//!
//! | card token ([`cards`]) | outcome of a charge |
//! | --- | --- |
//! | `tok_4242424242424242` | captured |
//! | `tok_4000000000000002` | declined: `card_declined` |
//! | `tok_4000000000009995` | declined: `insufficient_funds` |
//! | `tok_4000000000000119` | always unavailable and never captured; a void works |
//! | `tok_4000000000000341` | unavailable twice, the second time after the capture; then answered with the capture |
//! | `tok_4000000000003220` | captured, but only after [`SLOW_ANSWER`]; a void in the meantime wins |
//! | any other | declined: `invalid_token` |
//!
//! | address ([`addresses`]) | outcome of a booking |
//! | --- | --- |
//! | country `AQ` | refused: `country AQ is not served` |
//! | postal code `00000` | refused: `address unknown` |
//! | postal code `ERROR` | always unavailable and never booked; a cancellation works |
//! | postal code `FLAKY` | unavailable twice, the second time after the booking; then answered with the booking |
//! | postal code `SLOW` | booked, but only after [`SLOW_ANSWER`]; a cancellation in the meantime wins |
//! | any other | booked |
//!
//! A [`FaultProfile`] adds latency, outages and lost answers to calls of every kind. It is set when a simulator is opened, or
//! at any time by a process with access to the ledger: [`FaultProfile::inject`].

mod carrier;
mod connection;
mod faults;
mod gateway;
mod ledger;
mod ledger_tx;
mod reader;

use std::{path::Path, sync::Arc, time::Duration};

use contracts::OrderId;
use serde::Serialize;

use crate::ProviderError;
use faults::AttemptOutcome;
use ledger::Ledger;
use ledger_tx::{CallOutcome, CallRecord, LedgerTx};

pub use carrier::{CarrierLedger, CarrierTotals, SimulatedCarrier, addresses};
pub use connection::LedgerError;
pub use faults::FaultProfile;
pub use gateway::{GatewayLedger, GatewayTotals, SimulatedGateway, cards};
pub use reader::{LedgerReader, LoggedCall};

/// Default duration of a slow call.
pub const SLOW_ANSWER: Duration = Duration::from_secs(5);

/// Behavior that the request selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behavior {
    Normal,
    Down,
    Flaky,
    Slow,
}

#[derive(Debug, Clone, Copy)]
struct SimulatedCall {
    kind: &'static str,
    key: OrderId,
    behavior: Behavior,
}

/// Result of the first transaction of a call.
enum FirstStep<A> {
    Answered(Result<A, ProviderError>),
    /// The call is slow and continues later.
    Delayed(CallRecord),
}

/// The part that both simulators share: the course of a call from its arrival to its answer.
#[derive(Debug, Clone)]
struct Simulator {
    ledger: Ledger,
    slow: Duration,
    faults: FaultProfile,
}

impl Simulator {
    fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { ledger: Ledger::open(path)?, slow: SLOW_ANSWER, faults: FaultProfile::default() })
    }

    /// Logs the call, applies faults, and runs `execute` at most once.
    ///
    /// `execute` runs in one write transaction. No transaction is open while a call waits.
    async fn call<A, F>(&self, call: SimulatedCall, execute: F) -> Result<A, ProviderError>
    where
        A: Serialize + Send + 'static,
        F: Fn(&LedgerTx<'_>) -> CallOutcome<A> + Send + Sync + 'static,
    {
        // A separate task, because a real provider continues when its caller stops waiting.
        let answer = tokio::spawn(self.clone().answer(call, Arc::new(execute))).await;
        answer.unwrap_or_else(|aborted| Err(ProviderError::Unavailable(aborted.to_string())))
    }

    async fn answer<A, F>(self, call: SimulatedCall, execute: Arc<F>) -> Result<A, ProviderError>
    where
        A: Serialize + Send + 'static,
        F: Fn(&LedgerTx<'_>) -> CallOutcome<A> + Send + Sync + 'static,
    {
        let faults = self.ledger.fault_profile()?.unwrap_or(self.faults);
        if !faults.latency.is_zero() {
            tokio::time::sleep(faults.latency).await;
        }
        let execute_now = Arc::clone(&execute);
        let first_step = move |ledger: &LedgerTx<'_>| {
            let record = ledger.log_call(call.kind, call.key)?;
            if call.behavior == Behavior::Slow && !ledger.is_answered(call.key)? {
                return Ok(FirstStep::Delayed(record));
            }
            finish(ledger, call, record, faults, &*execute_now).map(FirstStep::Answered)
        };
        let record = match self.ledger.write(first_step).await? {
            FirstStep::Answered(answer) => return answer,
            FirstStep::Delayed(record) => record,
        };
        tokio::time::sleep(self.slow).await;
        self.ledger.write(move |ledger| finish(ledger, call, record, faults, &*execute)).await?
    }
}

fn finish<A: Serialize>(
    ledger: &LedgerTx<'_>,
    call: SimulatedCall,
    record: CallRecord,
    faults: FaultProfile,
    execute: impl Fn(&LedgerTx<'_>) -> CallOutcome<A>,
) -> CallOutcome<A> {
    let answer = match outcome(call, record.attempt, faults) {
        AttemptOutcome::Answered => execute(ledger)?,
        AttemptOutcome::Fails => Err(ProviderError::Unavailable("out of service".to_owned())),
        AttemptOutcome::AnswerLost => {
            drop(execute(ledger)?);
            Err(ProviderError::Unavailable("the answer was lost".to_owned()))
        }
    };
    ledger.log_answer(record, &answer)?;
    Ok(answer)
}

fn outcome(call: SimulatedCall, attempt: u32, faults: FaultProfile) -> AttemptOutcome {
    match (call.behavior, attempt) {
        (Behavior::Down, _) | (Behavior::Flaky, 1) => AttemptOutcome::Fails,
        (Behavior::Flaky, 2) => AttemptOutcome::AnswerLost,
        _ => faults.outcome(call.kind, call.key, attempt),
    }
}
