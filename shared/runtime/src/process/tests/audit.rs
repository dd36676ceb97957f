//! What is kept beside the log, held against it.

use store::{AsOf, StreamWrite};

use super::*;
use crate::audit::{Audit, Difference, audit, audit_all};

/// Writes without looking.
struct Write(Option<StreamWrite>);

impl Transaction for Write {
    fn messages(&mut self) -> Vec<Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<OrderId> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        Ok(Step::Write(Writes { streams: self.0.take().into_iter().collect(), ..Writes::default() }))
    }
}

fn stream() -> StreamId {
    StreamId::new("count", order(7))
}

impl Fixture {
    /// A stream with this many counts, and a snapshot or two if they are enough.
    async fn counted(counts: u64) -> Self {
        let fixture = Self::new();
        for _ in 0..counts {
            fixture.run(vec![input(Command::Count(order(7)), None)]).await;
        }
        fixture
    }

    /// Somebody meddles: an event with this data, with something wrong beside it.
    async fn meddle(&self, data: &str, choose: impl FnOnce(StreamWrite) -> StreamWrite) {
        let expected_version = self.store.load(stream(), AsOf::Latest).await.expect("loads").version;
        let event = store::NewEvent {
            id: EventId(Uuid::now_v7()),
            name: "Counted",
            schema: "private",
            data: data.to_owned(),
            time: "2026-11-23T10:00:01Z".parse().expect("a time"),
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: None,
        };
        let (trace, status) = (String::new(), "counted");
        let write = StreamWrite {
            stream: stream(),
            expected_version,
            events: vec![event],
            trace,
            status,
            due: None,
            is_marked_anew: true,
            snapshot: None,
        };
        self.store.transact(Write(Some(choose(write)))).await.1.expect("is written");
    }

    async fn audits(&self) -> Vec<Audit> {
        let mut audits = Vec::new();
        audit_all::<Counter>(&self.store, |audit| audits.push(audit)).await.expect("reads");
        audits
    }
}

fn counted() -> String {
    serde_json::to_string(&Counted(order(7))).expect("serializes")
}

#[tokio::test]
async fn a_good_stream_is_what_its_log_says_at_every_point() {
    let fixture = Fixture::counted(SNAPSHOT_INTERVAL + 5).await;
    let [audit_now] = &fixture.audits().await[..] else { panic!("there is one stream") };
    // The third count has two events.
    assert_eq!((audit_now.version, audit_now.snapshots), (SNAPSHOT_INTERVAL + 6, 1));
    assert_eq!(audit_now.state[order(7).to_string()], SNAPSHOT_INTERVAL + 5);
    assert_eq!(audit_now.differences, []);

    let before = audit::<Counter>(&fixture.store, &stream(), AsOf::Version(2)).await.expect("reads");
    assert_eq!((before.version, before.snapshots, &before.state[order(7).to_string()]), (2, 0, &2.into()));
}

#[tokio::test]
async fn a_snapshot_that_the_log_does_not_lead_to_is_found() {
    let fixture = Fixture::counted(2).await;
    let state = format!("{{\"{}\": 99}}", order(7));
    let snapshot = store::Snapshot { version: 3, time: Timestamp::UNIX_EPOCH, state };
    fixture.meddle(&counted(), |write| StreamWrite { snapshot: Some(snapshot), ..write }).await;
    let [audit] = &fixture.audits().await[..] else { panic!("there is one stream") };
    assert!(matches!(audit.differences[..], [Difference::Snapshot { version: 3, .. }]), "{:?}", audit.differences);
    assert_eq!(audit.state[order(7).to_string()], 3, "the log has the truth");
}

#[tokio::test]
async fn a_status_that_is_not_that_of_the_state_is_found() {
    let fixture = Fixture::counted(2).await;
    fixture.meddle(&counted(), |write| StreamWrite { status: "lost", ..write }).await;
    let [audit] = &fixture.audits().await[..] else { panic!("there is one stream") };
    assert_eq!(audit.differences, [Difference::Status { kept: "lost".to_owned(), log: "counted" }]);
}

#[tokio::test]
async fn an_event_that_can_not_be_read_is_found_behind_a_snapshot_too() {
    let fixture = Fixture::counted(2).await;
    fixture.meddle("\"nobody\"", |write| write).await;
    let snapshot = store::Snapshot { version: 4, time: Timestamp::UNIX_EPOCH, state: "{}".to_owned() };
    fixture.meddle(&counted(), |write| StreamWrite { snapshot: Some(snapshot), ..write }).await;
    let [audit] = &fixture.audits().await[..] else { panic!("there is one stream") };
    assert!(matches!(audit.differences[..], [Difference::Unreadable { version: 3, .. }]), "{:?}", audit.differences);
    assert_eq!(audit.version, 2);
}
