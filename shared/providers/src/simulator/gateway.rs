//! The simulated payment gateway and its ledger.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use contracts::{Money, OrderId};
use serde::{Deserialize, Serialize};

use super::{
    Call, LedgerError, LedgerReader, Simulator, Treatment, Trouble,
    ledger::{Books, Decided, Outcome},
    reader::{Effects, Entry},
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
    /// A charge is always unavailable and never captures.
    pub const ERROR: &str = "tok_4000000000000119";
    /// The first two charges are unavailable, the second after it has captured.
    pub const FLAKY: &str = "tok_4000000000000341";
    /// Captured after [`SLOW_ANSWER`](crate::simulator::SLOW_ANSWER).
    pub const SLOW: &str = "tok_4000000000003220";
}

/// The operations that a key has an answer for: a void is an answer to its charge.
const CHARGE: &str = "charge";
const REFUND: &str = "refund";

/// The kinds of effects; see [`GatewayEntry`].
const CAPTURED: &str = "captured";
const REFUNDED: &str = "refunded";
const VOIDED: &str = "voided";

/// A payment gateway that takes nobody's money; see the [module](super) for what its cards do.
#[derive(Debug, Clone)]
pub struct SimulatedGateway {
    simulator: Simulator,
}

impl SimulatedGateway {
    /// Opens the gateway whose ledger is the file at `path`, or starts a new one.
    ///
    /// # Errors
    /// The file can't be opened or is no ledger.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { simulator: Simulator::open(path)? })
    }

    /// Sets how long a charge of [`cards::SLOW`] takes.
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
impl PaymentGateway for SimulatedGateway {
    async fn charge(&self, key: OrderId, card: &str, amount: Money) -> Result<ChargeAnswer, ProviderError> {
        let charge = Charge { card: card.to_owned(), amount };
        let call = Call { kind: "charge", key, treatment: charge.treatment() };
        self.simulator.call(call, move |books| charge.execute(books, key)).await
    }

    async fn void(&self, key: OrderId) -> Result<VoidAnswer, ProviderError> {
        let call = Call { kind: "void", key, treatment: Treatment::Usual };
        self.simulator.call(call, move |books| void(books, key)).await
    }

    async fn refund(&self, key: OrderId, capture_id: &str, amount: Money) -> Result<RefundAnswer, ProviderError> {
        let call = Call { kind: "refund", key, treatment: Treatment::Usual };
        let capture_id = capture_id.to_owned();
        self.simulator.call(call, move |books| refund(books, key, &capture_id, amount)).await
    }
}

/// What a charge asks for.
#[derive(PartialEq, Serialize, Deserialize)]
struct Charge {
    card: String,
    amount: Money,
}

impl Charge {
    fn treatment(&self) -> Treatment {
        match self.card.as_str() {
            cards::ERROR => Treatment::Down,
            cards::FLAKY => Treatment::Flaky,
            cards::SLOW => Treatment::Slow,
            _ => Treatment::Usual,
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

    fn execute(&self, books: &Books<'_>, key: OrderId) -> Outcome<ChargeAnswer> {
        if let Some(decided) = books.decided(CHARGE, key)? {
            return Ok(decided.answer_to(self));
        }
        if self.amount.minor < 0 {
            return Ok(refused(format!("{} is not an amount to charge", self.amount)));
        }
        let answer = if let Some(code) = self.decline_code() {
            ChargeAnswer::Declined { code: code.to_owned() }
        } else {
            books.effect(CAPTURED, key, Some(self.amount))?;
            ChargeAnswer::Captured { capture_id: format!("cap_{}", key.0.simple()) }
        };
        books.decide(CHARGE, key, Some(self), &answer)?;
        Ok(Ok(answer))
    }
}

fn void(books: &Books<'_>, key: OrderId) -> Outcome<VoidAnswer> {
    let charged: Option<Decided<Charge, ChargeAnswer>> = books.decided(CHARGE, key)?;
    Ok(Ok(match charged.map(|decided| decided.answer) {
        Some(ChargeAnswer::Captured { capture_id }) => VoidAnswer::Captured { capture_id },
        Some(ChargeAnswer::Declined { code }) => VoidAnswer::Declined { code },
        Some(ChargeAnswer::Voided) => VoidAnswer::Voided,
        None => {
            books.effect(VOIDED, key, None)?;
            books.decide(CHARGE, key, None::<&Charge>, &ChargeAnswer::Voided)?;
            VoidAnswer::Voided
        }
    }))
}

fn refund(books: &Books<'_>, key: OrderId, capture_id: &str, amount: Money) -> Outcome<RefundAnswer> {
    let captured = match books.decided(CHARGE, key)? {
        Some(Decided {
            request: Some(Charge { amount, .. }),
            answer: ChargeAnswer::Captured { capture_id: known },
        }) if known == capture_id => amount,
        _ => return Ok(refused(format!("order {key} has no capture '{capture_id}'"))),
    };
    if captured != amount {
        return Ok(refused(format!("capture '{capture_id}' is of {captured}, not of {amount}")));
    }
    let refunded: Option<Decided<(), RefundAnswer>> = books.decided(REFUND, key)?;
    if let Some(Decided { answer, .. }) = refunded {
        return Ok(Ok(answer));
    }
    let answer = RefundAnswer { refund_id: format!("ref_{}", key.0.simple()) };
    books.effect(REFUNDED, key, Some(amount))?;
    books.decide(REFUND, key, None::<&()>, &answer)?;
    Ok(Ok(answer))
}

fn refused<A>(why: String) -> Result<A, ProviderError> {
    Err(ProviderError::Refused(why))
}

/// What really happened at the gateway, to one order or to all.
///
/// One order never has more than one capture and one refund, nor a capture and a void.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GatewayEntry {
    /// How often money was taken.
    pub captures: u64,
    /// How much, in minor units of whatever currencies.
    pub captured_minor: i64,
    /// How often money was given back.
    pub refunds: u64,
    /// How much, in minor units of whatever currencies.
    pub refunded_minor: i64,
    /// How many keys were closed by a void.
    pub voids: u64,
}

impl Entry for GatewayEntry {
    fn add(&mut self, effects: &Effects) -> bool {
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

/// The gateway's ledger, to check a run against.
pub type GatewayLedger = LedgerReader<GatewayEntry>;
