//! What is to become of each input of a batch.

use std::collections::{HashMap, HashSet};

use contracts::OrderId;
use decider::Service;
use jiff::Timestamp;

use crate::input::{Class, Failure, InboundRecord, Input, RetryPolicy};

/// What is to become of an input.
#[derive(Debug, Clone)]
pub(super) enum Disposition {
    /// It is decided on.
    Decide,
    /// Its record is tried again later.
    Park { failure: Failure, attempts: u32, due: Timestamp },
    /// Its record becomes a dead letter.
    DeadLetter { failure: Failure, attempts: u32 },
    /// It is no record: whoever sent it is told.
    Refuse(Failure),
}

/// What is known of a batch before its transaction begins, from what earlier runs of it found out.
#[derive(Default)]
pub(super) struct Known {
    /// Why inputs can't be handled, by their place.
    pub(super) failures: HashMap<usize, Failure>,
    /// Orders with records that are parked already.
    pub(super) held: HashSet<OrderId>,
}

impl Known {
    /// The dispositions of the inputs. What comes after a parked record of its order is parked behind it.
    pub(super) fn dispositions<S: Service>(
        &self,
        inputs: &[Input<S>],
        policy: RetryPolicy,
        now: Timestamp,
    ) -> Vec<Disposition> {
        let mut held = self.held.clone();
        let disposition = |(index, input): (usize, &Input<S>)| {
            let failure = match input {
                Input::Aside(_, failure) => Some(failure),
                Input::Command(_) | Input::Nowhere(_) => self.failures.get(&index),
            };
            let Some(arrival) = input.arrival() else {
                return failure.map_or(Disposition::Decide, |failure| Disposition::Refuse(failure.clone()));
            };
            let disposition = match failure {
                Some(failure) => failed(arrival, failure, policy, now),
                None if arrival.retry.is_none() && arrival.order_id.is_some_and(|order| held.contains(&order)) => {
                    let failure = Failure::new(Class::Held, "an earlier record of its order waits to be tried again");
                    Disposition::Park { failure, attempts: 0, due: now }
                }
                None => Disposition::Decide,
            };
            if matches!(disposition, Disposition::Park { .. }) {
                held.extend(arrival.order_id);
            }
            disposition
        };
        inputs.iter().enumerate().map(disposition).collect()
    }
}

/// A record of no known order can't hold back others of it, so it is not parked.
fn failed(arrival: &InboundRecord, failure: &Failure, policy: RetryPolicy, now: Timestamp) -> Disposition {
    let (failure, attempts) = (failure.clone(), arrival.attempts() + 1);
    match policy.wait(failure.class, attempts) {
        Some(wait) if arrival.order_id.is_some() => Disposition::Park { failure, attempts, due: now + wait },
        _ => Disposition::DeadLetter { failure, attempts },
    }
}
