//! Failing inputs do not affect others, block only their ordering key, and are not lost.

use cloudevent::{CorrelationId, EventId};
use jiff::Timestamp;
use store::{
    DeadLetter, Head, Loaded, Parked, RawRecord, RecordData, Restart, Step, Store as _, StoredEvent, StreamWrite,
    Transaction, Writes,
};
use uuid::Uuid;

use super::fixture::{Command, Counter, Instance, POISON, counter, plain, request, stream_of};
use crate::input::{self, Class, CommandInput, Failure, InboundRecord, Input};

/// A record about the counter of this number, at this offset.
fn inbound(number: u128, offset: i64) -> InboundRecord {
    let id = Uuid::from_u128(u128::try_from(offset).expect("not negative"));
    let headers = [("ce_subject", counter(number).to_string()), ("ce_id", id.to_string())];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.into())).to_vec();
    let record = RecordData { topic: "other.events".into(), key: None, headers, payload: "{}".into() };
    let raw = RawRecord { record, partition: 1, offset, timestamp_ms: Some(5) };
    InboundRecord::new(&input::record(&raw), Some(counter(number).to_string()))
}

/// A record that leads to a count.
fn record(number: u128, offset: i64) -> Input<Counter> {
    counting(number, inbound(number, offset))
}

/// A count that follows from this record.
fn counting(number: u128, record: InboundRecord) -> Input<Counter> {
    let message = record.message;
    let command = plain(Command::Count(counter(number)));
    Input::Command(CommandInput { message, record: Some(Box::new(record)), ..command })
}

fn failing(number: u128, offset: i64) -> Input<Counter> {
    Input::Rejected(inbound(number, offset), Failure::new(Class::Version, "no"))
}

/// The parked records that are due at the end of time.
async fn parked(instance: &Instance) -> Vec<Parked> {
    instance.store.parked(Timestamp::MAX, 10).await.expect("the parked records load")
}

async fn parked_offsets(instance: &Instance) -> Vec<i64> {
    parked(instance).await.iter().map(|due| due.parked.raw.offset).collect()
}

async fn parked_len(instance: &Instance) -> u64 {
    instance.store.parked_len().await.expect("the parked records are counted")
}

fn header<'r>(record: &'r RecordData, name: &str) -> &'r str {
    let (_, value) = record.headers.iter().find(|(known, _)| known == name).expect("the header exists");
    std::str::from_utf8(value).expect("text")
}

/// The dead letters that are not published, which are published then.
async fn dead_letters(instance: &Instance) -> Vec<DeadLetter> {
    let letters = instance.store.dead_letters(10).await.expect("the dead letters load");
    let ids = letters.iter().map(|letter| letter.id).collect();
    instance.store.mark_published(ids).await.expect("the dead letters are marked");
    letters
}

/// Appends an unreadable event to the stream of this counter, which has one event.
struct Unreadable(Uuid);

impl Transaction for Unreadable {
    fn begin(&mut self) {}

    fn messages(&self) -> Vec<Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<String> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        let event = StoredEvent {
            version: 2,
            id: EventId(Uuid::now_v7()),
            name: "Counted".into(),
            schema: "private".into(),
            data: "?".into(),
            time: Timestamp::UNIX_EPOCH,
            correlation_id: CorrelationId::default(),
            causation_id: None,
            publication: None,
        };
        let write = StreamWrite {
            stream: stream_of(self.0),
            is_new: false,
            expected_version: 1,
            events: vec![event],
            head: Head::default(),
            status: "counted",
            due: None,
            metadata_changed: true,
            snapshot: None,
        };
        Ok(Step::Write(Writes { streams: vec![write], ..Writes::default() }))
    }
}

#[tokio::test]
async fn panicking_record_becomes_a_dead_letter_alone() {
    let instance = Instance::new();
    let inputs = || vec![record(1, 10), record(POISON, 11), record(1, 12)];
    instance.run(inputs()).await;
    assert_eq!(instance.count(1).await, 2);
    let letters = dead_letters(&instance).await;
    let [DeadLetter { record: letter, .. }] = &letters[..] else { panic!("one dead letter: {letters:?}") };
    assert_eq!(letter.topic, "counter.dlq");
    assert_eq!(header(letter, "ce_subject"), counter(POISON).to_string(), "the original headers");
    let added = ["dlq_class", "dlq_attempts", "dlq_topic", "dlq_partition", "dlq_offset"];
    assert_eq!(added.map(|name| header(letter, name)), ["panic", "1", "other.events", "1", "11"]);
    assert!(header(letter, "dlq_error").contains("no build can count this"));

    instance.run(inputs()).await;
    assert_eq!(dead_letters(&instance).await.len(), 0, "redelivered records are duplicates");
    assert_eq!(instance.count(1).await, 2);
}

#[tokio::test]
async fn open_dead_letter_absorbs_its_event_from_any_place() {
    let instance = Instance::new();
    instance.run(vec![record(POISON, 11)]).await;
    assert_eq!(dead_letters(&instance).await.len(), 1);
    // The same event at another place, processed by a build that could count it.
    instance.run(vec![counting(1, inbound(POISON, 11))]).await;
    assert_eq!(instance.count(1).await, 0);
    assert_eq!(dead_letters(&instance).await.len(), 0);
}

#[tokio::test]
async fn redriven_record_resolves_its_dead_letter() {
    let instance = Instance::new();
    instance.run(vec![record(POISON, 11)]).await;
    let redriven = |number| {
        let mut record = inbound(POISON, 11);
        record.is_redriven = true;
        counting(number, record)
    };
    dead_letters(&instance).await;
    instance.run(vec![redriven(POISON)]).await;
    assert_eq!(dead_letters(&instance).await.len(), 1, "it failed again");
    instance.run(vec![redriven(1)]).await;
    assert_eq!(instance.count(1).await, 1);
    instance.run(vec![counting(1, inbound(POISON, 11))]).await;
    assert_eq!(instance.count(1).await, 1, "the event is processed");
}

/// A record whose dead letter is identified by its place may lead to another place or to no event when it is redriven.
#[tokio::test]
async fn redriven_or_discarded_letter_of_a_place_is_closed() {
    let instance = Instance::new();
    let broken = || Input::Rejected(inbound(1, 10), Failure::new(Class::Contract, "broken"));
    let sent_back = |id, offset| {
        let mut record = inbound(1, offset);
        (record.is_redriven, record.dead_letter) = (true, Some(id));
        record
    };
    instance.run(vec![broken()]).await;
    let first = dead_letters(&instance).await[0].id;
    let failure = Failure::new(Class::Contract, "still broken");
    instance.run(vec![Input::Rejected(sent_back(first, 0), failure)]).await;
    let second = dead_letters(&instance).await[0].id;
    assert_ne!(first, second);
    instance.store.republish_dead_letters().await.expect("the dead letters are marked");
    let open: Vec<_> = dead_letters(&instance).await.iter().map(|letter| letter.id).collect();
    assert_eq!(open, [second], "the first is closed");
    instance.run(vec![Input::Ignored(sent_back(second, 1))]).await;
    instance.store.republish_dead_letters().await.expect("the dead letters are marked");
    assert_eq!(dead_letters(&instance).await, []);
    instance.run(vec![broken()]).await;
    assert_eq!(dead_letters(&instance).await.len(), 1, "a closed dead letter absorbs nothing");
}

/// A forged record has the id of a real event, which must not count as processed or dead.
#[tokio::test]
async fn forged_record_does_not_suppress_the_real_event() {
    let instance = Instance::new();
    let forged = || Input::Rejected(inbound(1, 10), Failure::new(Class::Contract, "forged"));
    instance.run(vec![forged()]).await;
    let letters = dead_letters(&instance).await;
    assert_eq!(letters.len(), 1);
    assert_ne!(Some(letters[0].id), inbound(1, 10).message, "the id is derived from the place");
    instance.run(vec![record(1, 10)]).await;
    assert_eq!(instance.count(1).await, 1);
    instance.run(vec![forged()]).await;
    assert_eq!(dead_letters(&instance).await.len(), 0, "the redelivered record is recognized by its place");
}

#[tokio::test]
async fn parked_event_is_processed_once_from_either_place() {
    let instance = Instance::new();
    instance.run(vec![failing(1, 10)]).await;
    assert_eq!(parked_len(&instance).await, 1);
    instance.run(vec![record(1, 10)]).await;
    assert_eq!((instance.count(1).await, parked_len(&instance).await), (0, 1), "the copy joins the parked record");
    let (again, _ended) = InboundRecord::parked(parked(&instance).await.remove(0));
    instance.run(vec![counting(1, again)]).await;
    instance.run(vec![record(1, 10)]).await;
    assert_eq!((instance.count(1).await, parked_len(&instance).await), (1, 0));
}

#[tokio::test]
async fn panicking_request_fails_alone() {
    let instance = Instance::new();
    let (good, good_decision) = request(1, None);
    let (bad, bad_decision) = request(POISON, None);
    instance.run(vec![bad, good]).await;
    let failure = bad_decision.await.expect("a reply").expect_err("the decider panics");
    assert_eq!(failure.class, Class::Panic);
    let decision = good_decision.await.expect("a reply").expect("no failure");
    assert_eq!(decision.state.get(&counter(1)), Some(&1));
}

#[tokio::test]
async fn parked_record_blocks_only_its_ordering_key() {
    let instance = Instance::new();
    instance.run(vec![failing(1, 10), record(1, 11), record(2, 12)]).await;
    instance.run(vec![record(1, 13), record(2, 14)]).await;
    assert_eq!((instance.count(1).await, instance.count(2).await), (0, 2));
    assert_eq!(parked_len(&instance).await, 3);

    // One at a time, in their original order.
    for offset in [10, 11, 13] {
        let mut due = parked(&instance).await;
        assert_eq!(due.len(), 1, "the first of its key");
        assert_eq!(due[0].parked.raw.offset, offset);
        let (record, ended) = InboundRecord::parked(due.remove(0));
        instance.run(vec![counting(1, record)]).await;
        ended.await.expect_err("the attempt ended with its transaction");
    }
    assert_eq!(instance.count(1).await, 3);
    assert_eq!(parked_len(&instance).await, 0);
    instance.run(vec![record(1, 15)]).await;
    assert_eq!(instance.count(1).await, 4, "the key is not blocked any more");
}

#[tokio::test]
async fn parked_record_becomes_a_dead_letter_after_its_attempts() {
    let instance = Instance::new();
    instance.run(vec![failing(1, 10), record(1, 11)]).await;
    let fail_again = async || {
        let (record, _ended) = InboundRecord::parked(parked(&instance).await.remove(0));
        let failure = Failure::new(Class::Version, "still not");
        instance.run(vec![Input::Rejected(record, failure)]).await;
        dead_letters(&instance).await
    };
    assert_eq!(fail_again().await.len(), 0, "the second of three attempts");
    let letters = fail_again().await;
    assert_eq!(["dlq_class", "dlq_attempts"].map(|name| header(&letters[0].record, name)), ["version", "3"]);
    assert_eq!(parked_offsets(&instance).await, [11], "the next record of the key is due");
}

#[tokio::test]
async fn unreadable_stream_parks_only_its_records() {
    let instance = Instance::new();
    instance.run(vec![record(1, 10), record(2, 11)]).await;
    instance.another().store.transact(Unreadable(counter(1))).await.1.expect("the commit succeeds");
    instance.run(vec![record(1, 12), record(2, 13)]).await;
    assert_eq!(instance.count(2).await, 2);
    assert_eq!(parked_offsets(&instance).await, [12]);
    let error = &parked(&instance).await[0].parked.error;
    assert!(error.starts_with("log: "), "{error}");
}

#[tokio::test]
async fn parked_record_is_resolved_when_it_is_ignored() {
    let instance = Instance::new();
    instance.run(vec![failing(1, 10)]).await;
    let (record, _ended) = InboundRecord::parked(parked(&instance).await.remove(0));
    instance.run(vec![Input::Ignored(record)]).await;
    assert_eq!(parked_len(&instance).await, 0);
}

#[tokio::test]
async fn redelivered_record_is_parked_once() {
    let instance = Instance::new();
    instance.run(vec![failing(1, 10), record(1, 11)]).await;
    instance.run(vec![failing(1, 10), record(1, 11)]).await;
    assert_eq!(parked_len(&instance).await, 2);
}
