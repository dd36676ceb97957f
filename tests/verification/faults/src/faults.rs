//! The faults of this process, and their state.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::PathBuf,
    str::FromStr as _,
    sync::{Mutex, OnceLock},
};

use messaging::{Outgoing, Producer, Record};
use store::{NewOutboxRow, OutboxRow};
use tokio::runtime::Builder;
use tracing::warn;
use uuid::Uuid;

use crate::{
    bug::Bug,
    events::{event_name, event_of},
    point::Point,
};

const UNPOISONED: &str = "no panic while locked";

/// The faults of this process.
#[derive(Default)]
pub(crate) struct Faults {
    bug: Option<Bug>,
    crash_file: Option<PathBuf>,
    /// The requested crash, once its event has passed the preceding point.
    due: Mutex<Option<String>>,
    /// Names of the events that were read, by message id.
    read: Mutex<HashMap<Uuid, String>>,
    /// Names of the events in the outbox, by position.
    outbox: Mutex<HashMap<i64, String>>,
    /// Ids of the events whose delivery failed, for [`Bug::SkipUnsent`].
    failed: Mutex<HashSet<Vec<u8>>>,
    /// The producer of [`Bug::PublishBeforeCommit`].
    pub(crate) early_producer: OnceLock<Producer>,
}

impl Faults {
    /// # Panics
    /// `PLANTED_BUG` names no bug.
    pub(crate) fn from_environment() -> Self {
        let bug = variable("PLANTED_BUG");
        let bug = bug.map(|name| Bug::from_str(&name).unwrap_or_else(|_| panic!("unknown bug '{name}'")));
        Self { bug, crash_file: variable("CRASH_FILE").map(PathBuf::from), ..Self::default() }
    }

    pub(crate) fn announce(&self) {
        warn!(bug = ?self.bug, crash_file = ?self.crash_file, "test build with fault injection");
    }

    /// Returns whether this process has the bug.
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Crashes if `CRASH_FILE` asks for it: at this point, with one of these events.
    pub(crate) fn point(&self, point: Point, events: &[String]) {
        let Some(file) = &self.crash_file else { return };
        let Ok(crash) = fs::read_to_string(file) else { return };
        let (at, event) = crash.split_once(' ').unwrap_or_else(|| panic!("'{crash}' is not a point and an event"));
        let at = Point::from_str(at).unwrap_or_else(|_| panic!("unknown point '{at}'"));
        let mut due = self.due.lock().expect(UNPOISONED);
        let has_event = || events.iter().any(|name| name == event);
        if at.predecessor() == Some(point) && has_event() {
            *due = Some(crash.clone());
        }
        let is_here = match at.predecessor() {
            None => has_event(),
            // The offsets of a batch carry no events.
            Some(_) => due.as_ref() == Some(&crash) && (events.is_empty() || has_event()),
        };
        if point == at && is_here {
            fs::remove_file(file).expect("the file was just read");
            eprintln!("crash {crash}");
            std::process::abort();
        }
    }

    /// Remembers the event of a record for the transaction that processes it.
    pub(crate) fn note_read(&self, record: &Record<'_>) {
        let id = record.text_header("ce_id").and_then(|id| id.parse().ok());
        let event = record.header("ce_type").and_then(event_name);
        if self.crash_file.is_some()
            && let (Some(id), Some(event)) = (id, event)
        {
            self.read.lock().expect(UNPOISONED).insert(id, event);
        }
    }

    /// The events of those messages that are records.
    pub(crate) fn read_events(&self, messages: &[Uuid]) -> Vec<String> {
        let read = self.read.lock().expect(UNPOISONED);
        messages.iter().filter_map(|id| read.get(id).cloned()).collect()
    }

    /// Remembers the events of outbox rows for their deletion.
    pub(crate) fn note_outbox(&self, rows: &[OutboxRow]) {
        if self.crash_file.is_some() {
            let named = rows.iter().filter_map(|row| Some((row.position, event_of(&row.record.headers)?)));
            self.outbox.lock().expect(UNPOISONED).extend(named);
        }
    }

    /// The events of the outbox rows at these positions.
    pub(crate) fn outbox_events(&self, positions: &[i64]) -> Vec<String> {
        let outbox = self.outbox.lock().expect(UNPOISONED);
        positions.iter().filter_map(|position| outbox.get(position).cloned()).collect()
    }

    pub(crate) fn note_failed(&self, id: &[u8]) {
        self.failed.lock().expect(UNPOISONED).insert(id.to_owned());
    }

    pub(crate) fn has_failed(&self, id: &[u8]) -> bool {
        self.failed.lock().expect(UNPOISONED).contains(id)
    }

    /// [`Bug::PublishBeforeCommit`]: publishes the rows and waits for the broker.
    pub(crate) fn publish_early(&self, rows: &[NewOutboxRow]) {
        let Some(producer) = self.early_producer.get() else { return };
        let send = || async {
            for row in rows {
                let NewOutboxRow { topic, key, headers, payload } = row;
                let sent = producer.send(Outgoing { topic, partition: None, key: key.as_deref(), headers, payload });
                sent.expect("the queue has room").acknowledged().await.expect("the broker is available");
            }
        };
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        // A separate thread, because a thread of one runtime cannot block on another runtime.
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(send())).join()).expect("the rows are sent");
    }
}

#[expect(clippy::disallowed_methods, reason = "no product reads these variables, so its configuration lacks them")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
