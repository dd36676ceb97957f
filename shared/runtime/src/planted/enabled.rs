//! Two variables ask for faults:
//!
//! - `PLANTED_BUG`: which bug this process has.
//! - `CRASH_FILE`: a file that says where to crash next, such as `after-commit StockReserved`. It is looked for at each point, and
//!   removed by the crash. So a process that is started again does not crash again, and one that runs can be told to.

use std::{
    fs,
    path::PathBuf,
    sync::{LazyLock, Mutex, OnceLock},
    thread,
};

use bytes::Bytes;
use messaging::{KafkaConfig, Outgoing, Producer};
use store::{NewOutboxRow, OutboxRow};
use tokio::runtime::Builder;
use tracing::warn;
use uuid::Uuid;

use super::{Bug, Point};

static BUG: LazyLock<Option<Bug>> = LazyLock::new(|| {
    variable("PLANTED_BUG").map(|name| name.parse().unwrap_or_else(|_| panic!("there is no bug '{name}'")))
});
static CRASH_FILE: LazyLock<Option<PathBuf>> = LazyLock::new(|| variable("CRASH_FILE").map(PathBuf::from));
/// The crash that is due as soon as its event comes to the next step.
static DUE: Mutex<Option<String>> = Mutex::new(None);
/// For [`Bug::PublishBeforeCommit`].
static PRODUCER: OnceLock<Producer> = OnceLock::new();

#[expect(
    clippy::disallowed_methods,
    reason = "no product has these variables, so its configuration knows nothing of them"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// At the start of the process.
pub(crate) fn start(kafka: &KafkaConfig) {
    warn!(bug = ?*BUG, crash_file = ?*CRASH_FILE, "a build for tests: it has bugs and crashes on demand");
    if is(Bug::PublishBeforeCommit) {
        PRODUCER.get_or_init(|| Producer::new(kafka).expect("the relay has one, too"));
    }
}

/// Whether the process has this bug.
pub(crate) fn is(bug: Bug) -> bool {
    *BUG == Some(bug)
}

/// Crashes, if it is to happen here and now: at this point, with this event.
pub(crate) fn point(point: Point, events: impl FnOnce() -> Vec<String>) {
    let Some(file) = &*CRASH_FILE else { return };
    let Ok(order) = fs::read_to_string(file) else { return };
    let (at, event) = order.split_once(' ').unwrap_or_else(|| panic!("'{order}' is no point and event"));
    let at: Point = at.parse().unwrap_or_else(|_| panic!("there is no point '{at}'"));
    let mut due = DUE.lock().expect("nobody panics while holding it");
    let is_here = match at.step_before() {
        None => point == at && events().iter().any(|named| named == event),
        Some(before) => {
            if point == before && events().iter().any(|named| named == event) {
                *due = Some(order.clone());
            }
            point == at && due.as_ref() == Some(&order)
        }
    };
    if is_here {
        fs::remove_file(file).expect("it was just read");
        eprintln!("crash {order}");
        std::process::abort();
    }
}

impl Point {
    /// At some points nobody knows the events any more: they are those that came past another point just before.
    fn step_before(self) -> Option<Self> {
        match self {
            Self::BeforeMark | Self::AfterMark => Some(Self::AfterPublish),
            Self::BeforeOffsets | Self::AfterOffsets => Some(Self::AfterCommit),
            _ => None,
        }
    }
}

/// [`Bug::PublishBeforeCommit`]: waits until the broker has the events.
pub(crate) fn publish_early(rows: &[NewOutboxRow]) {
    let Some(producer) = PRODUCER.get() else { return };
    let send = || async {
        for row in rows {
            let NewOutboxRow { topic, key, headers, payload } = row;
            let sent = producer.send(Outgoing { topic, partition: None, key: key.as_deref(), headers, payload });
            sent.expect("it is the only one").acknowledged().await.expect("the broker is there");
        }
    };
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    // This thread may belong to a runtime, and can't wait for another one.
    thread::scope(|scope| scope.spawn(|| runtime.block_on(send())).join()).expect("it is sent");
}

/// [`Bug::NewIdOnResend`]: the row under another id.
pub(crate) fn under_new_id(mut row: OutboxRow) -> OutboxRow {
    let id = row.record.headers.iter_mut().find(|(name, _)| name == "ce_id");
    if let Some((_, id)) = id {
        *id = Bytes::from(Uuid::now_v7().to_string());
    }
    row
}

/// [`Bug::RetryPoisonForever`]: whatever is tried comes to the same.
pub(crate) fn hang() -> ! {
    loop {
        thread::park();
    }
}
