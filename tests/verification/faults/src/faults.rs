//! The faults of this process, and their state.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::PathBuf,
    str::FromStr as _,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use cloudevent::EventType;
use decider::StreamId;
use messaging::{Acknowledged, Producer, Record};
use store::{Committed, Head, MessageIds, StoredEvent, StoredStream, StreamWrite};
use tracing::warn;
use uuid::Uuid;

use crate::{bug::Bug, early, events::event_name, point::Point};

const UNPOISONED: &str = "no panic while locked";

/// The faults of this process.
#[derive(Default)]
pub(crate) struct Faults {
    /// Number of records that were acknowledged although they were not.
    pretended: AtomicI64,
    bug: Option<Bug>,
    crash_file: Option<PathBuf>,
    /// The requested crash, once its event has passed the preceding point.
    due: Mutex<Option<String>>,
    /// Names of the events that were read, by message id.
    read: Mutex<HashMap<Uuid, String>>,
    /// Names of the public events behind the cursor, by position.
    log: Mutex<BTreeMap<i64, String>>,
    /// Messages that were remembered wrongly, for [`Bug::RememberParked`] and [`Bug::RememberForged`].
    remembered: Mutex<HashSet<Uuid>>,
    /// Heads of the streams that the runtime may keep in memory, without what [`Bug::NoInbox`] and [`Bug::EndlessWave`]
    /// forget.
    heads: Mutex<HashMap<StreamId, Head>>,
    /// True once an event was hidden, for [`Bug::TailOutOfOrder`].
    has_hidden: AtomicBool,
    /// Ids of the events whose delivery failed, for [`Bug::SkipUnsent`].
    failed: Mutex<HashSet<Vec<u8>>>,
    /// The producer of [`Bug::PublishBeforeCommit`].
    pub(crate) early_producer: OnceLock<Producer>,
    /// The events that the service owns.
    owned: &'static [EventType],
}

impl Faults {
    /// # Panics
    /// `PLANTED_BUG` names no bug.
    pub(crate) fn from_environment(owned: &'static [EventType]) -> Self {
        let bug = variable("PLANTED_BUG");
        let bug = bug.map(|name| Bug::from_str(&name).unwrap_or_else(|_| panic!("unknown bug '{name}'")));
        Self { bug, crash_file: variable("CRASH_FILE").map(PathBuf::from), owned, ..Self::default() }
    }

    pub(crate) fn announce(&self) {
        warn!(bug = ?self.bug, crash_file = ?self.crash_file, "test build with fault injection");
    }

    /// Returns whether this process has the bug.
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Returns whether this process publishes nothing again. A service notices that its topic has lost records, and
    /// publishes everything again. Depending on time this repairs what a bug loses, so such a bug is tested without it.
    pub(crate) fn has_no_replays(&self) -> bool {
        self.bug.is_some_and(Bug::loses_events)
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
            Some(_) => due.as_ref() == Some(&crash) && (at.is_of_offsets() || has_event()),
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

    /// Remembers public events by their positions, until the cursor passes them.
    pub(crate) fn note_log<'e>(&self, events: impl Iterator<Item = (i64, &'e StoredEvent)>) {
        if self.crash_file.is_some() {
            let public = events.filter(|(_, event)| event.publication.is_some());
            self.log
                .lock()
                .expect(UNPOISONED)
                .extend(public.map(|(position, event)| (position, event.name.to_string())));
        }
    }

    /// Remembers the public events of a transaction.
    pub(crate) fn note_committed(&self, committed: &Committed) {
        let Some(range) = committed.range else { return };
        self.note_log((range.after + 1..).zip(committed.streams.iter().flat_map(|write| &write.events)));
    }

    /// The public events that a cursor passes.
    pub(crate) fn events_up_to(&self, cursor: i64) -> Vec<String> {
        self.log.lock().expect(UNPOISONED).range(..=cursor).map(|(_, event)| event.clone()).collect()
    }

    /// Forgets the events that a stored cursor has passed.
    pub(crate) fn forget_up_to(&self, cursor: i64) {
        self.log.lock().expect(UNPOISONED).retain(|position, _| *position > cursor);
    }

    /// Remembers messages as processed.
    pub(crate) fn remember(&self, messages: Vec<Uuid>) {
        self.remembered.lock().expect(UNPOISONED).extend(messages);
    }

    pub(crate) fn remembered(&self) -> HashSet<Uuid> {
        self.remembered.lock().expect(UNPOISONED).clone()
    }

    /// Removes parts of the heads of loaded streams. The runtime has kept the head of a stream without one, so such a stream
    /// gets one.
    pub(crate) fn forget_heads(&self, streams: &mut [(StreamId, StoredStream)]) {
        let mut heads = self.heads.lock().expect(UNPOISONED);
        for (id, stream) in streams {
            match &mut stream.head {
                Some(head) => {
                    self.forget_in(head);
                    heads.insert(id.clone(), head.clone());
                }
                None => stream.head = heads.get(id).cloned(),
            }
        }
    }

    /// [`Bug::NoInbox`] and [`Bug::EndlessWave`].
    fn forget_in(&self, head: &mut Head) {
        if self.has(Bug::NoInbox) {
            head.processed = MessageIds::default();
        } else {
            head.wave = None;
        }
    }

    /// Returns whether this process forgets parts of the heads of streams.
    pub(crate) fn forgets_heads(&self) -> bool {
        self.has(Bug::NoInbox) || self.has(Bug::EndlessWave)
    }

    /// Remembers the heads of written streams.
    pub(crate) fn note_heads(&self, writes: &[StreamWrite]) {
        let heads = writes.iter().map(|write| {
            let mut head = write.head.clone();
            self.forget_in(&mut head);
            (write.stream.clone(), head)
        });
        self.heads.lock().expect(UNPOISONED).extend(heads);
    }

    /// [`Bug::TailOutOfOrder`]: returns whether the next event is not visible yet. One event is, as if its transaction
    /// committed just after the read.
    pub(crate) fn hides_next_event(&self) -> bool {
        !self.has_hidden.swap(true, Ordering::Relaxed)
    }

    /// The place of a record that was not acknowledged, for [`Bug::MarkBeforeAck`] and [`Bug::SkipUnsent`]. Offsets grow, as
    /// those of a broker do.
    pub(crate) fn pretend_acknowledged(&self) -> Acknowledged {
        Acknowledged { partition: -1, offset: self.pretended.fetch_add(1, Ordering::SeqCst) }
    }

    pub(crate) fn note_failed(&self, id: &[u8]) {
        self.failed.lock().expect(UNPOISONED).insert(id.to_owned());
    }

    pub(crate) fn has_failed(&self, id: &[u8]) -> bool {
        self.failed.lock().expect(UNPOISONED).contains(id)
    }

    /// [`Bug::PublishBeforeCommit`]: publishes the events and waits for the broker.
    pub(crate) fn publish_early(&self, writes: &[StreamWrite]) {
        if let Some(producer) = self.early_producer.get() {
            early::publish(producer, self.owned, writes);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "no product reads these variables, so its configuration lacks them")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
