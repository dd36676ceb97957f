//! The simulated payment gateway and its ledger.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use contracts::{Money, OrderId};
use serde::{Deserialize, Serialize};

use super::{
    Behavior, FaultProfile, LedgerError, LedgerReader, SimulatedCall, Simulator,
    ledger_tx::{CallOutcome, LedgerTx, RecordedAnswer},
    reader::{EffectCount, Totals},
};
use crate::{ChargeAnswer, PaymentGateway, ProviderError, RefundAnswer, VoidAnswer};

/// The card tokens that the simulated gateway knows. Any other is declined as `invalid_token`.
pub mod cards {
    /// Captured.
    pub const APPROVED: &str = "tok_4242424242424242";
    /// Declined as `card_declined`.
    pub const DECLINED: &str = "tok_4000000000000002";
    /// Declined as `insufficient_funds`.
    pub const INSUFFICIENT_FUNDS: &str = "tok_4000000000009995";
    /// Always unavailable and never captured.
    pub const ERROR: &str = "tok_4000000000000119";
    /// Unavailable for the first two calls, the second of which captures.
    pub const FLAKY: &str = "tok_4000000000000341";
    /// Captured after [`SLOW_ANSWER`](crate::simulator::SLOW_ANSWER).
    pub const SLOW: &str = "tok_4000000000003220";
}

/// The operations under which answers are recorded: a void is an answer to its charge.
const CHARGE: &str = "charge";
const REFUND: &str = "refund";

/// Kinds of effects; see [`GatewayTotals`].
const CAPTURED: &str = "captured";
const REFUNDED: &str = "refunded";
const VOIDED: &str = "voided";

/// A simulated payment gateway; see the [module](super) for the behavior of cards.
#[derive(Debug, Clone)]
pub struct SimulatedGateway {
    simulator: Simulator,
}

impl SimulatedGateway {
    /// Opens the gateway with the ledger at `path` and creates the ledger if missing.
    ///
    /// # Errors
    /// The file cannot be opened as a ledger.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { simulator: Simulator::open(path)? })
    }

    /// Sets the duration of a charge of [`cards::SLOW`].
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
impl PaymentGateway for SimulatedGateway {
    async fn charge(&self, key: OrderId, card: &str, amount: Money) -> Result<ChargeAnswer, ProviderError> {
        let charge = Charge { card: card.to_owned(), amount };
        let call = SimulatedCall { kind: "charge", key, behavior: charge.behavior() };
        self.simulator.call(call, move |ledger| charge.execute(ledger, key)).await
    }

    async fn void(&self, key: OrderId) -> Result<VoidAnswer, ProviderError> {
        let call = SimulatedCall { kind: "void", key, behavior: Behavior::Normal };
        self.simulator.call(call, move |ledger| void(ledger, key)).await
    }

    async fn refund(&self, key: OrderId, capture_id: &str, amount: Money) -> Result<RefundAnswer, ProviderError> {
        let call = SimulatedCall { kind: "refund", key, behavior: Behavior::Normal };
        let capture_id = capture_id.to_owned();
        self.simulator.call(call, move |ledger| refund(ledger, key, &capture_id, amount)).await
    }
}

/// The request of a charge.
#[derive(PartialEq, Serialize, Deserialize)]
struct Charge {
    card: String,
    amount: Money,
}

impl Charge {
    fn behavior(&self) -> Behavior {
        match self.card.as_str() {
            cards::ERROR => Behavior::Down,
            cards::FLAKY => Behavior::Flaky,
            cards::SLOW => Behavior::Slow,
            _ => Behavior::Normal,
        }
    }

    fn decline_code(&self) -> Option<&'static str> {
        match self.card.as_str() {
            cards::APPROVED | cards::FLAKY | cards::SLOW => None,
            cards::DECLINED => Some("card_declined"),
            cards::INSUFFICIENT_FUNDS => Some("insufficient_funds"),
            _ => Some("invalid_token"),
        }
    }

    fn execute(&self, ledger: &LedgerTx<'_>, key: OrderId) -> CallOutcome<ChargeAnswer> {
        if let Some(recorded) = ledger.recorded_answer(CHARGE, key)? {
            return Ok(recorded.answer_to(self));
        }
        if self.amount.minor < 0 {
            return Ok(refused(format!("invalid amount {}", self.amount)));
        }
        let answer = if let Some(code) = self.decline_code() {
            ChargeAnswer::Declined { code: code.to_owned() }
        } else {
            ledger.record_effect(CAPTURED, key, Some(self.amount))?;
            ChargeAnswer::Captured { capture_id: format!("cap_{}", key.0.simple()) }
        };
        ledger.record_answer(CHARGE, key, Some(self), &answer)?;
        Ok(Ok(answer))
    }
}

fn void(ledger: &LedgerTx<'_>, key: OrderId) -> CallOutcome<VoidAnswer> {
    let charged: Option<RecordedAnswer<Charge, ChargeAnswer>> = ledger.recorded_answer(CHARGE, key)?;
    Ok(Ok(match charged.map(|recorded| recorded.answer) {
        Some(ChargeAnswer::Captured { capture_id }) => VoidAnswer::Captured { capture_id },
        Some(ChargeAnswer::Declined { code }) => VoidAnswer::Declined { code },
        Some(ChargeAnswer::Voided) => VoidAnswer::Voided,
        None => {
            ledger.record_effect(VOIDED, key, None)?;
            ledger.record_answer(CHARGE, key, None::<&Charge>, &ChargeAnswer::Voided)?;
            VoidAnswer::Voided
        }
    }))
}

fn refund(ledger: &LedgerTx<'_>, key: OrderId, capture_id: &str, amount: Money) -> CallOutcome<RefundAnswer> {
    let captured = match ledger.recorded_answer(CHARGE, key)? {
        Some(RecordedAnswer {
            request: Some(Charge { amount, .. }),
            answer: ChargeAnswer::Captured { capture_id: known },
        }) if known == capture_id => amount,
        _ => return Ok(refused(format!("order {key} has no capture '{capture_id}'"))),
    };
    if captured != amount {
        return Ok(refused(format!("capture '{capture_id}' has amount {captured}, not {amount}")));
    }
    let refunded: Option<RecordedAnswer<(), RefundAnswer>> = ledger.recorded_answer(REFUND, key)?;
    if let Some(RecordedAnswer { answer, .. }) = refunded {
        return Ok(Ok(answer));
    }
    let answer = RefundAnswer { refund_id: format!("ref_{}", key.0.simple()) };
    ledger.record_effect(REFUNDED, key, Some(amount))?;
    ledger.record_answer(REFUND, key, None::<&()>, &answer)?;
    Ok(Ok(answer))
}

fn refused<A>(reason: String) -> Result<A, ProviderError> {
    Err(ProviderError::Refused(reason))
}

/// The effects at the gateway, of one order or of all.
///
/// An order has at most one capture and one refund, and never both a capture and a void.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GatewayTotals {
    /// Number of captures.
    pub captures: u64,
    /// Captured amount in minor units, summed over all currencies.
    pub captured_minor: i64,
    /// Number of refunds.
    pub refunds: u64,
    /// Refunded amount in minor units, summed over all currencies.
    pub refunded_minor: i64,
    /// Number of keys closed by a void.
    pub voids: u64,
}

impl Totals for GatewayTotals {
    fn add(&mut self, effects: &EffectCount) -> bool {
        match effects.kind.as_str() {
            CAPTURED => {
                self.captures += effects.count;
                self.captured_minor += effects.amount_minor;
            }
            REFUNDED => {
                self.refunds += effects.count;
                self.refunded_minor += effects.amount_minor;
            }
            VOIDED => self.voids += effects.count,
            _ => return false,
        }
        true
    }
}

/// Reader of the gateway's ledger.
pub type GatewayLedger = LedgerReader<GatewayTotals>;
