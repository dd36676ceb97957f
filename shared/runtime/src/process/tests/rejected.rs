//! Inputs that can't be handled take nothing with them, hold back their order alone, and are not lost.

use store::{NewEvent, NewOutboxRow, Parked, RawRecord, StreamWrite};

use super::*;
use crate::input::{self, InboundRecord};

fn arrived(order_id: OrderId, offset: i64) -> RawRecord {
    let headers = vec![("ce_subject".to_owned(), order_id.to_string().into())];
    let record = NewOutboxRow { topic: "order.events".into(), key: None, headers, payload: "{}".into() };
    RawRecord { record, partition: 1, offset, timestamp_ms: Some(5) }
}

fn arrival(order_id: OrderId, offset: i64) -> InboundRecord {
    InboundRecord::new(&input::record(&arrived(order_id, offset)), Some(order_id))
}

fn record(order_number: u128, offset: i64) -> Input<Counter> {
    command(arrival(order(order_number), offset))
}

/// A record of an order asks for it to be counted; the record's place names its message.
fn command(arrival: InboundRecord) -> Input<Counter> {
    let message = Some(Uuid::from_u128(u128::try_from(arrival.record().offset()).expect("positive")));
    let command = Command::Count(arrival.order_id.expect("has one"));
    Input::Command(CommandInput { message, arrival: Some(Box::new(arrival)), ..unasked(command) })
}

fn failing(order_number: u128, offset: i64, class: Class) -> Input<Counter> {
    Input::Aside(arrival(order(order_number), offset), Failure::new(class, "no"))
}

/// What is due at the end of time, as its retrier sees it.
async fn parked(fixture: &Fixture) -> Vec<Parked> {
    fixture.store.parked(Timestamp::MAX, 10).await.expect("reads")
}

fn header<'r>(record: &'r NewOutboxRow, name: &str) -> &'r str {
    let (_, value) = record.headers.iter().find(|(known, _)| known == name).expect("is there");
    std::str::from_utf8(value).expect("is text")
}

/// Appends what no build can read to an order's stream, which has one event.
struct Unreadable(OrderId);

impl Transaction for Unreadable {
    fn messages(&mut self) -> Vec<Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<OrderId> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        let event = NewEvent {
            id: EventId(Uuid::now_v7()),
            name: "Counted",
            schema: "private",
            data: "?".into(),
            time: Timestamp::UNIX_EPOCH,
            correlation_id: CorrelationId::default(),
            causation_id: None,
        };
        let stream = StreamId::new("count", self.0);
        let (trace, status) = (String::new(), "counted");
        let (events, due, snapshot) = (vec![event], None, None);
        let write =
            StreamWrite { stream, expected_version: 1, events, trace, status, due, is_marked_anew: true, snapshot };
        Ok(Step::Write(Writes { streams: vec![write], ..Writes::default() }))
    }
}

#[tokio::test]
async fn a_record_that_makes_the_decider_panic_becomes_a_dead_letter_and_the_others_are_handled() {
    let fixture = Fixture::new();
    let inputs = || vec![record(1, 10), record(POISON, 11), record(1, 12)];
    let committed = fixture.run(inputs()).await;
    assert_eq!(fixture.count(order(1)).await, 2);
    let [letter] = &committed.outbox[..] else { panic!("one dead letter: {:?}", committed.outbox) };
    let letter = &letter.record;
    assert_eq!(letter.topic, "shipping.dlq");
    assert_eq!(header(letter, "ce_subject"), order(POISON).to_string(), "the headers it had");
    let found = ["dlq_class", "dlq_attempts", "dlq_topic", "dlq_partition", "dlq_offset"];
    assert_eq!(found.map(|name| header(letter, name)), ["panic", "1", "order.events", "1", "11"]);
    assert!(header(letter, "dlq_error").contains("what no build can count"));

    assert_eq!(fixture.run(inputs()).await.outbox.len(), 0, "read again, all of it is recognized");
    assert_eq!(fixture.count(order(1)).await, 2);
}

#[tokio::test]
async fn who_asked_for_what_panics_is_told_and_the_others_are_handled() {
    let fixture = Fixture::new();
    let (good, good_answer) = asked(Command::Count(order(1)), None);
    let (bad, bad_answer) = asked(Command::Count(order(POISON)), None);
    fixture.run(vec![bad, good]).await;
    let failure = bad_answer.await.expect("an answer").expect_err("it panics");
    assert_eq!(failure.class, Class::Panic);
    assert_eq!(good_answer.await.expect("an answer").expect("decided").state.get(&order(1)), Some(&1));
}

#[tokio::test]
async fn a_record_that_may_succeed_later_is_parked_and_holds_back_its_order_alone() {
    let fixture = Fixture::new();
    fixture.run(vec![failing(1, 10, Class::Version), record(1, 11), record(2, 12)]).await;
    fixture.run(vec![record(1, 13), record(2, 14)]).await;
    assert_eq!((fixture.count(order(1)).await, fixture.count(order(2)).await), (0, 2));
    assert_eq!(fixture.store.parked_len().await.expect("reads"), 3);

    // One after the other, in the order they came.
    for offset in [10, 11, 13] {
        let mut due = parked(&fixture).await;
        assert_eq!(due.len(), 1, "the first of the order");
        assert_eq!(due[0].parked.arrived.offset, offset);
        let (arrival, over) = InboundRecord::parked(due.remove(0));
        fixture.run(vec![command(arrival)]).await;
        over.await.expect_err("dropped after the transaction");
    }
    assert_eq!(fixture.count(order(1)).await, 3);
    assert_eq!(fixture.store.parked_len().await.expect("reads"), 0);
    fixture.run(vec![record(1, 15)]).await;
    assert_eq!(fixture.count(order(1)).await, 4, "nothing holds it back any more");
}

#[tokio::test]
async fn after_the_last_attempt_a_parked_record_becomes_a_dead_letter_and_the_next_has_its_turn() {
    let fixture = Fixture::new();
    fixture.run(vec![failing(1, 10, Class::Version), record(1, 11)]).await;
    let again = async || {
        let (arrival, _over) = InboundRecord::parked(parked(&fixture).await.remove(0));
        let failure = Failure::new(Class::Version, "still not");
        fixture.run(vec![Input::Aside(arrival, failure)]).await.outbox
    };
    assert_eq!(again().await.len(), 0, "the second of three attempts");
    let letters = again().await;
    assert_eq!(["dlq_class", "dlq_attempts"].map(|name| header(&letters[0].record, name)), ["version", "3"]);
    let due = parked(&fixture).await;
    assert_eq!(due.iter().map(|due| due.parked.arrived.offset).collect::<Vec<_>>(), [11]);
}

#[tokio::test]
async fn a_stream_that_this_build_cannot_read_parks_its_records_and_no_others() {
    let fixture = Fixture::new();
    fixture.run(vec![record(1, 10), record(2, 11)]).await;
    fixture.another().store.transact(Unreadable(order(1))).await.1.expect("commits");
    fixture.run(vec![record(1, 12), record(2, 13)]).await;
    assert_eq!(fixture.count(order(2)).await, 2);
    let due = parked(&fixture).await;
    assert_eq!(due.iter().map(|due| due.parked.arrived.offset).collect::<Vec<_>>(), [12]);
    assert!(due[0].parked.error.starts_with("log: "), "{}", due[0].parked.error);
}

#[tokio::test]
async fn a_parked_record_that_leads_nowhere_now_is_done() {
    let fixture = Fixture::new();
    fixture.run(vec![failing(1, 10, Class::Version)]).await;
    let (arrival, _over) = InboundRecord::parked(parked(&fixture).await.remove(0));
    fixture.run(vec![Input::Nowhere(arrival)]).await;
    assert_eq!(fixture.store.parked_len().await.expect("reads"), 0);
}

#[tokio::test]
async fn a_record_that_is_read_again_is_parked_once() {
    let fixture = Fixture::new();
    fixture.run(vec![failing(1, 10, Class::Version), record(1, 11)]).await;
    fixture.run(vec![failing(1, 10, Class::Version), record(1, 11)]).await;
    assert_eq!(fixture.store.parked_len().await.expect("reads"), 2);
}
