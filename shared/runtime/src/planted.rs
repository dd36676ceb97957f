//! Faults on purpose: the bugs that a shell like this one can have, by which the chaos test's checker is checked, and the points
//! of its work at which a process can be made to crash.
//!
//! They are there with the feature `planted-bugs` only, which nobody who builds the services turns on, and even then each must be
//! asked for: see [`enabled`]. In any other build all of it is nothing.

#[cfg(not(feature = "planted-bugs"))]
mod disabled;
#[cfg(feature = "planted-bugs")]
mod enabled;

use decider::Service;
use store::NewOutboxRow;

#[cfg(not(feature = "planted-bugs"))]
pub(crate) use self::disabled::{hang, is, point, publish_early, start, under_new_id};
#[cfg(feature = "planted-bugs")]
pub(crate) use self::enabled::{hang, is, point, publish_early, start, under_new_id};
use crate::input::Input;

/// What can be wrong. The names are those of `PLANTED_BUG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "planted-bugs", derive(strum::EnumString), strum(serialize_all = "kebab-case"))]
pub(crate) enum Bug {
    /// What was handled before is handled again.
    NoInbox,
    /// Records count as done before what follows from them is committed.
    OffsetsBeforeCommit,
    /// Events go out before they are committed.
    PublishBeforeCommit,
    /// Events count as published before the broker has them.
    MarkBeforeAck,
    /// What is sent again is sent under another id.
    NewIdOnResend,
    /// What could not be sent is not sent again.
    SkipUnsent,
    /// A record that breaks its contract is tried for ever, and what comes after it waits.
    RetryPoisonForever,
    /// Events are in no trace.
    LoseTrace,
    /// Events have a key of their own instead of their order's.
    WrongKey,
}

/// Where a process can crash. The names are those of `CRASH_FILE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "planted-bugs", derive(strum::EnumString), strum(serialize_all = "kebab-case"))]
pub(crate) enum Point {
    /// A transaction begins; its messages are not in the inbox yet.
    BeforeInbox,
    /// Its messages are in the inbox.
    AfterInbox,
    /// All is written.
    BeforeCommit,
    /// All is committed. Nobody knows it yet.
    AfterCommit,
    /// An event is about to be sent.
    BeforePublish,
    /// The broker has it, and it does not count as published yet.
    AfterPublish,
    /// It counts as published, and its row is about to be deleted.
    BeforeMark,
    /// Its row is deleted.
    AfterMark,
    /// What follows from a record is committed, and its offset is about to be stored.
    BeforeOffsets,
    /// Its offset is stored.
    AfterOffsets,
    /// A provider is about to be called.
    BeforeCall,
    /// It has answered.
    AfterCall,
}

/// The events that a transaction handles and that follow from it, for [`point`].
pub(crate) fn events<'r, S: Service>(
    inputs: &[Input<S>],
    outbox: impl Iterator<Item = &'r NewOutboxRow>,
) -> Vec<String> {
    let handled = inputs.iter().filter_map(Input::arrival).filter_map(|arrival| {
        let record = arrival.record();
        event(record.header("ce_type")?)
    });
    let follow = outbox.filter_map(|record| {
        let (_, ce_type) = record.headers.iter().find(|(name, _)| name == "ce_type")?;
        event(ce_type)
    });
    handled.chain(follow).collect()
}

fn event(ce_type: &[u8]) -> Option<String> {
    Some(std::str::from_utf8(ce_type).ok()?.rsplit('.').next()?.to_owned())
}
