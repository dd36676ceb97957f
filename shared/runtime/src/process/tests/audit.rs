//! Audits compare snapshots and status with the log.

use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;
use store::{AsOf, Loaded, Restart, Snapshot, Step, Store as _, StoredEvent, StreamWrite, Transaction, Writes};
use uuid::Uuid;

use super::fixture::{Counted, Counter, Instance, count, counter, stream_of};
use crate::{
    audit::{Audit, Difference, audit, audit_all},
    process::stream::SNAPSHOT_INTERVAL,
};

/// Writes to a stream without a check.
struct Write(Option<StreamWrite>);

impl Transaction for Write {
    fn begin(&mut self) {}

    fn messages(&self) -> Vec<Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<String> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        Ok(Step::Write(Writes { streams: self.0.take().into_iter().collect(), ..Writes::default() }))
    }
}

fn stream() -> StreamId {
    stream_of(counter(7))
}

impl Instance {
    /// An instance with this many counts, and their snapshots.
    async fn counted(counts: u64) -> Self {
        let instance = Self::new();
        for _ in 0..counts {
            instance.run(vec![count(7)]).await;
        }
        instance
    }

    /// Appends an event with this data, and changes the write in which it is stored.
    async fn corrupt(&self, data: &str, change: impl FnOnce(StreamWrite) -> StreamWrite) {
        let stored = self.store.load(stream(), AsOf::Latest).await.expect("the stream loads");
        let expected_version = stored.version;
        let event = StoredEvent {
            version: expected_version + 1,
            id: EventId(Uuid::now_v7()),
            name: "Counted".into(),
            schema: "private".into(),
            data: data.to_owned(),
            time: "2026-11-23T10:00:01Z".parse().expect("a time"),
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: None,
            publication: None,
        };
        let write = StreamWrite {
            stream: stream(),
            is_new: false,
            expected_version,
            events: vec![event],
            head: stored.head.expect("the stream exists"),
            status: "counted",
            due: None,
            metadata_changed: true,
            snapshot: None,
        };
        self.store.transact(Write(Some(change(write)))).await.1.expect("the commit succeeds");
    }

    /// The audit of the only stream.
    async fn audit(&self) -> Audit {
        let mut audits = Vec::new();
        audit_all::<Counter>(&self.store, |audit| audits.push(audit)).await.expect("the store is readable");
        assert_eq!(audits.len(), 1, "{audits:?}");
        audits.remove(0)
    }
}

fn counted() -> String {
    serde_json::to_string(&Counted(counter(7), false)).expect("JSON")
}

#[tokio::test]
async fn intact_stream_has_no_differences_at_any_point() {
    let instance = Instance::counted(SNAPSHOT_INTERVAL + 5).await;
    let latest = instance.audit().await;
    // Each third count has two events.
    assert_eq!((latest.version, latest.snapshots), ((SNAPSHOT_INTERVAL + 5) / 3 * 4, 1));
    assert_eq!(latest.state[counter(7).to_string()], SNAPSHOT_INTERVAL + 5);
    assert_eq!(latest.differences, []);

    let early = audit::<Counter>(&instance.store, &stream(), AsOf::Version(2)).await.expect("the store is readable");
    assert_eq!((early.version, early.snapshots, &early.state[counter(7).to_string()]), (2, 0, &2.into()));
}

#[tokio::test]
async fn wrong_snapshot_is_reported() {
    let instance = Instance::counted(2).await;
    let state = format!("{{\"state_version\": 1, \"state\": {{\"{}\": 99}}}}", counter(7));
    let snapshot = Snapshot { version: 3, time: Timestamp::UNIX_EPOCH, state };
    instance.corrupt(&counted(), |write| StreamWrite { snapshot: Some(snapshot), ..write }).await;
    let audit = instance.audit().await;
    assert!(matches!(audit.differences[..], [Difference::Snapshot { version: 3, .. }]), "{:?}", audit.differences);
    assert_eq!(audit.state[counter(7).to_string()], 3, "the log prevails");
}

#[tokio::test]
async fn wrong_status_is_reported() {
    let instance = Instance::counted(2).await;
    instance.corrupt(&counted(), |write| StreamWrite { status: "lost", ..write }).await;
    let expected = [Difference::Status { kept: "lost".to_owned(), log: "counted" }];
    assert_eq!(instance.audit().await.differences, expected);
}

#[tokio::test]
async fn unreadable_event_before_a_snapshot_is_reported() {
    let instance = Instance::counted(2).await;
    instance.corrupt("\"nobody\"", |write| write).await;
    let snapshot = Snapshot { version: 4, time: Timestamp::UNIX_EPOCH, state: "{}".to_owned() };
    instance.corrupt(&counted(), |write| StreamWrite { snapshot: Some(snapshot), ..write }).await;
    let audit = instance.audit().await;
    assert!(matches!(audit.differences[..], [Difference::Unreadable { version: 3, .. }]), "{:?}", audit.differences);
    assert_eq!(audit.version, 2);
}

/// A snapshot of another build, and one that is damaged.
#[tokio::test]
async fn unreadable_snapshot_is_ignored_and_replaced() {
    for unreadable in ["{\"state_version\": 99, \"state\": {}}", "{\"7\": 12}", "not JSON"] {
        let instance = Instance::counted(5).await;
        let state = unreadable.to_owned();
        let snapshot = Snapshot { version: 7, time: Timestamp::UNIX_EPOCH, state };
        instance.corrupt(&counted(), |write| StreamWrite { snapshot: Some(snapshot), ..write }).await;
        instance.forget();
        assert_eq!(instance.count(7).await, 6, "look-ups rebuild the state from events");
        instance.run(vec![count(7)]).await;
        assert_eq!(instance.count(7).await, 7, "so do transactions");

        instance.run((0..SNAPSHOT_INTERVAL).map(|_| count(7)).collect()).await;
        let stored = instance.store.load(stream_of(counter(7)), AsOf::Latest).await.expect("the stream loads");
        let replaced = stored.snapshot.expect("the stream has a snapshot");
        assert!(replaced.version > 7 && replaced.state.contains("state_version"), "{replaced:?}");
    }
}
