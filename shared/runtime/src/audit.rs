//! Rebuilds streams from their first event, and compares snapshots and status with the result. For tools. Reads only, so it
//! may run beside the service.

use decider::{LogEvent, Service, StreamId};
use serde_json::Value;
use store::{AsOf, Listing, Snapshot, Store, StoreError, StoredEvent, StreamSummary};

use crate::process::snapshot::{decode, is_of_another_version};

/// Events or streams per read.
const PAGE: usize = 1_000;

/// A stream, rebuilt from its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    pub stream: StreamId,
    /// Version of the last event, or 0.
    pub version: u64,
    /// State after that event, as JSON.
    pub state: Value,
    pub status: &'static str,
    /// Number of compared snapshots.
    pub snapshots: usize,
    pub differences: Vec<Difference>,
}

/// A difference between the log and the data derived from it, or damage of the log itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    #[error("event {0} is missing in the log")]
    Missing(u64),
    /// This build cannot read an event. The state is the one before it.
    #[error("failed to read event {version}: {error}")]
    Unreadable { version: u64, error: String },
    /// A snapshot differs from the state after its event.
    #[error("snapshot at version {version} is {kept}, the log yields {log}")]
    Snapshot { version: u64, kept: String, log: Value },
    #[error("status is {kept}, the log yields {log}")]
    Status { kept: String, log: &'static str },
}

/// Audits all streams of a service's database, newest first, and passes each audit to `see`. May miss streams that start
/// meanwhile.
///
/// # Errors
/// The store fails.
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

/// Audits the latest version of a stream. Returns `None` if the stream does not exist.
///
/// # Errors
/// The store fails.
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

async fn audit_head<S: Service>(store: &impl Store, head: &StreamSummary) -> Result<Audit, StoreError> {
    let mut audit = audit::<S>(store, &head.stream, AsOf::Version(head.version)).await?;
    let is_complete = audit.differences.iter().all(|difference| matches!(difference, Difference::Snapshot { .. }));
    if audit.version < head.version && is_complete {
        audit.differences.push(Difference::Missing(audit.version + 1));
    } else if audit.status != head.status && is_complete {
        audit.differences.push(Difference::Status { kept: head.status.clone(), log: audit.status });
    }
    Ok(audit)
}

/// Audits a stream as of a point, with the snapshots until then. Does not compare the status, which belongs to the latest
/// version.
///
/// # Errors
/// The store fails.
pub async fn audit<S: Service>(store: &impl Store, stream: &StreamId, as_of: AsOf) -> Result<Audit, StoreError> {
    let (version, mut snapshots) = snapshots(store, stream, as_of).await?;
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

/// The version as of a point, and all snapshots until then, latest first.
async fn snapshots(store: &impl Store, stream: &StreamId, as_of: AsOf) -> Result<(u64, Vec<Snapshot>), StoreError> {
    let mut stored = store.load(stream.clone(), as_of).await?;
    let version = stored.version;
    let mut snapshots = Vec::new();
    while let Some(snapshot) = stored.snapshot {
        let before = AsOf::Version(snapshot.version.saturating_sub(1));
        snapshots.push(snapshot);
        stored = store.load(stream.clone(), before).await?;
    }
    Ok((version, snapshots))
}

/// The state built up from the log.
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

    /// Returns whether the log cannot be followed further.
    fn is_broken(&self) -> bool {
        self.differences.iter().any(|difference| !matches!(difference, Difference::Snapshot { .. }))
    }

    /// Compares values instead of texts, because another build may serialize the same state differently.
    fn compare_with(&mut self, snapshot: Option<Snapshot>) {
        let Some(snapshot) = snapshot else { return };
        // Such a snapshot is ignored when states are loaded, too.
        if is_of_another_version::<S>(&snapshot) {
            return;
        }
        let log = json(&self.state);
        if !decode::<S>(&snapshot).is_some_and(|read| json(&read) == log) {
            self.differences.push(Difference::Snapshot { version: snapshot.version, kept: snapshot.state, log });
        }
    }

    fn audit(self, stream: &StreamId) -> Audit {
        let (status, state) = (S::status(&self.state), json(&self.state));
        let Self { version, snapshots, differences, .. } = self;
        Audit { stream: stream.clone(), version, state, status, snapshots, differences }
    }
}

fn json(state: &impl serde::Serialize) -> Value {
    serde_json::to_value(state).expect("states have string keys only")
}
