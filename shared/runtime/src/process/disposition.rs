//! Dispositions: how each input of a batch is handled.

use std::collections::{HashMap, HashSet};

use decider::Service;
use jiff::Timestamp;

use crate::input::{Class, Failure, InboundRecord, Input, RetryPolicy};

/// The handling of an input.
#[derive(Debug, Clone)]
pub(super) enum Disposition {
    Decide,
    /// Retries the record at the due time.
    Park {
        failure: Failure,
        attempts: u32,
        due: Timestamp,
    },
    DeadLetter {
        failure: Failure,
        attempts: u32,
    },
    /// Reports the failure to the sender, because the input has no record.
    Refuse(Failure),
}

/// Knowledge from earlier runs of a batch's transaction, with which it restarts.
#[derive(Default)]
pub(super) struct PriorFailures {
    /// Failures by the index of their input.
    pub(super) failures: HashMap<usize, Failure>,
    /// Ordering keys with parked records in the store.
    pub(super) blocked_keys: HashSet<String>,
}

impl PriorFailures {
    /// The dispositions of all inputs. A record behind a parked record of its ordering key is parked too.
    pub(super) fn dispositions<S: Service>(
        &self,
        inputs: &[Input<S>],
        policy: RetryPolicy,
        now: Timestamp,
    ) -> Vec<Disposition> {
        let mut blocked_keys = self.blocked_keys.clone();
        let disposition = |(index, input): (usize, &Input<S>)| {
            let failure = match input {
                Input::Rejected(_, failure) => Some(failure),
                Input::Command(_) | Input::Ignored(_) | Input::Replay(_) => self.failures.get(&index),
            };
            let Some(record) = input.record() else {
                return failure.map_or(Disposition::Decide, |failure| Disposition::Refuse(failure.clone()));
            };
            let is_blocked =
                || record.retry.is_none() && record.ordering_key.as_ref().is_some_and(|key| blocked_keys.contains(key));
            let disposition = match failure {
                Some(failure) => failed(record, failure, policy, now),
                None if is_blocked() => Disposition::Park {
                    failure: Failure::new(Class::Held, "waiting for an earlier record of the same key"),
                    attempts: 0,
                    due: now,
                },
                None => Disposition::Decide,
            };
            if matches!(disposition, Disposition::Park { .. }) {
                blocked_keys.extend(record.ordering_key.clone());
            }
            disposition
        };
        inputs.iter().enumerate().map(disposition).collect()
    }
}

/// A record without an ordering key is never parked, because it could not block later records of its key.
fn failed(record: &InboundRecord, failure: &Failure, policy: RetryPolicy, now: Timestamp) -> Disposition {
    let (failure, attempts) = (failure.clone(), record.attempts() + 1);
    match policy.wait(failure.class, attempts) {
        Some(wait) if record.ordering_key.is_some() => Disposition::Park { failure, attempts, due: now + wait },
        _ => Disposition::DeadLetter { failure, attempts },
    }
}
