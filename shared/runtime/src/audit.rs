//! A stream rebuilt from its log alone, from the very beginning, and held against what is kept beside the log to be quick:
//! snapshots and the status. For tools; it only reads, also while the service runs.

use decider::{LogEvent, Service, StreamId};
use serde_json::Value;
use store::{AsOf, Listing, Snapshot, Store, StoreError, StoredEvent, StreamHead};

/// Events and streams that are read at a time.
const PAGE: usize = 1_000;

/// A stream as its log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Which stream.
    pub stream: StreamId,
    /// The last event that is in it; 0: there is none.
    pub version: u64,
    /// The state after that event, as JSON.
    pub state: Value,
    /// One word for that state.
    pub status: &'static str,
    /// Snapshots that were compared.
    pub snapshots: usize,
    /// Where something else is kept than the log says.
    pub differences: Vec<Difference>,
}

/// Something is kept that the log does not say, or the log itself is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// Events are missing.
    #[error("the log has no event {0}")]
    Missing(u64),
    /// An event can't be read by this build; the state is that before it.
    #[error("event {version} can't be read: {error}")]
    Unreadable {
        /// Which event.
        version: u64,
        /// Why.
        error: String,
    },
    /// A snapshot is not what its events lead to.
    #[error("the snapshot at {version} has {kept}, the log says {log}")]
    Snapshot {
        /// Which snapshot.
        version: u64,
        /// What is in it.
        kept: String,
        /// What should be.
        log: Value,
    },
    /// The status is not that of the state.
    #[error("the status is kept as {kept}, the log says {log}")]
    Status {
        /// What is kept.
        kept: String,
        /// What should be.
        log: &'static str,
    },
}

/// All streams of a service's database are gone through; `see` is given each of them, newest first. Streams that begin
/// meanwhile may be left out.
///
/// # Errors
/// The store failed.
pub async fn audit_all<S: Service>(store: &impl Store, mut see: impl FnMut(Audit)) -> Result<(), StoreError> {
    for category in S::CATEGORIES {
        let mut listing = Listing { category, status: None, before: None, limit: PAGE };
        loop {
            let page = store.list(listing.clone()).await?;
            for head in &page.heads {
                see(audit_head::<S>(store, head).await?);
            }
            let Some(next) = page.next else { break };
            listing.before = Some(next);
        }
    }
    Ok(())
}

/// One stream as it is now; `None`: there is none of that name.
///
/// # Errors
/// The store failed.
pub async fn audit_now<S: Service>(store: &impl Store, stream: &StreamId) -> Result<Option<Audit>, StoreError> {
    let Some(category) = S::CATEGORIES.iter().find(|category| **category == stream.category()) else { return Ok(None) };
    let mut listing = Listing { category, status: None, before: None, limit: PAGE };
    loop {
        let page = store.list(listing.clone()).await?;
        if let Some(head) = page.heads.iter().find(|head| head.stream == *stream) {
            return audit_head::<S>(store, head).await.map(Some);
        }
        let Some(next) = page.next else { return Ok(None) };
        listing.before = Some(next);
    }
}

async fn audit_head<S: Service>(store: &impl Store, head: &StreamHead) -> Result<Audit, StoreError> {
    let mut audit = audit::<S>(store, &head.stream, AsOf::Version(head.version)).await?;
    let is_complete = audit.differences.iter().all(|difference| matches!(difference, Difference::Snapshot { .. }));
    if audit.version < head.version && is_complete {
        audit.differences.push(Difference::Missing(audit.version + 1));
    } else if audit.status != head.status && is_complete {
        audit.differences.push(Difference::Status { kept: head.status.clone(), log: audit.status });
    }
    Ok(audit)
}

/// One stream as it was at a point, with the snapshots until then. The status of now says nothing about that.
///
/// # Errors
/// The store failed.
pub async fn audit<S: Service>(store: &impl Store, stream: &StreamId, up_to: AsOf) -> Result<Audit, StoreError> {
    let (version, mut snapshots) = snapshots(store, stream, up_to).await?;
    let mut fold = Fold::<S>::new(snapshots.len());
    while fold.version < version && !fold.is_broken() {
        let events = store.history(stream.clone(), fold.version, PAGE).await?;
        if events.is_empty() {
            fold.differences.push(Difference::Missing(fold.version + 1));
        }
        for event in events.iter().take_while(|event| event.version <= version) {
            fold.follow(event);
            if fold.is_broken() {
                break;
            }
            fold.compare_with(snapshots.pop_if(|snapshot| snapshot.version == fold.version));
        }
    }
    Ok(fold.audit(stream))
}

/// The version at a point, and all snapshots until then, the latest first.
async fn snapshots(store: &impl Store, stream: &StreamId, up_to: AsOf) -> Result<(u64, Vec<Snapshot>), StoreError> {
    let mut stored = store.load(stream.clone(), up_to).await?;
    let version = stored.version;
    let mut snapshots = Vec::new();
    while let Some(snapshot) = stored.snapshot {
        let before = AsOf::Version(snapshot.version.saturating_sub(1));
        snapshots.push(snapshot);
        stored = store.load(stream.clone(), before).await?;
    }
    Ok((version, snapshots))
}

/// What is built up from the log.
struct Fold<S: Service> {
    version: u64,
    state: S::State,
    snapshots: usize,
    differences: Vec<Difference>,
}

impl<S: Service> Fold<S> {
    fn new(snapshots: usize) -> Self {
        Self { version: 0, state: S::initial(), snapshots, differences: Vec::new() }
    }

    fn follow(&mut self, stored: &StoredEvent) {
        let next = self.version + 1;
        if stored.version != next {
            self.differences.push(Difference::Missing(next));
            return;
        }
        match LogEvent::decode(&stored.name, &stored.schema, &stored.data) {
            Ok(event) => {
                self.state = S::evolve(std::mem::take(&mut self.state), &event);
                self.version = next;
            }
            Err(error) => {
                self.differences.push(Difference::Unreadable { version: next, error: error.to_string() });
            }
        }
    }

    /// Whether the log can't be followed any further.
    fn is_broken(&self) -> bool {
        self.differences.iter().any(|difference| !matches!(difference, Difference::Snapshot { .. }))
    }

    /// As values and not as texts: a snapshot of an older build may be written otherwise and mean the same.
    fn compare_with(&mut self, snapshot: Option<Snapshot>) {
        let Some(Snapshot { version, state: kept, .. }) = snapshot else { return };
        let log = json(&self.state);
        let read = serde_json::from_str::<S::State>(&kept);
        if !read.is_ok_and(|read| json(&read) == log) {
            self.differences.push(Difference::Snapshot { version, kept, log });
        }
    }

    fn audit(self, stream: &StreamId) -> Audit {
        let (status, state) = (S::status(&self.state), json(&self.state));
        let Self { version, snapshots, differences, .. } = self;
        Audit { stream: stream.clone(), version, state, status, snapshots, differences }
    }
}

fn json(state: &impl serde::Serialize) -> Value {
    serde_json::to_value(state).expect("a state has string keys only")
}
