//! Records on the topics that are not events of this saga. They stop no consumer. A record that breaks its contract
//! becomes an unchanged dead letter of every reader; an event of an unknown type is ignored.

use catalog::{
    ServiceName::{self, Inventory, Order, Payment, Shipping},
    TOPICS,
};
use e2e::{
    NewOrder, TestProduct,
    facts::{cancellation_requested, order_placed, record, shipment_cancelled, stock_committed, unknown_order},
    records::{KafkaRecord, RecordPosition, TopicReader},
};
use serde_json::{Value, json};

use crate::cluster;

/// Services that read a topic.
fn readers(topic: &str) -> &'static [ServiceName] {
    match topic {
        "order.events" => &[Inventory, Payment, Shipping],
        "inventory.events" => &[Order, Payment, Shipping],
        "payment.events" => &[Order, Inventory],
        "shipping.events" => &[Order, Inventory, Payment],
        other => panic!("no service reads {other}"),
    }
}

/// A valid event of the topic's owner.
fn event_of(topic: &str) -> KafkaRecord {
    use contracts::{Event, payment::PaymentDeclined};
    let order_id = unknown_order();
    match topic {
        "order.events" => cancellation_requested(order_id),
        "inventory.events" => stock_committed(order_id),
        "payment.events" => {
            record(&Event::Payment(PaymentDeclined { order_id, code: "card_declined".to_owned() }.into()))
        }
        _ => shipment_cancelled(order_id),
    }
}

/// Records that each break the topic's contract in one way.
fn contract_breaking(topic: &str) -> Vec<(&'static str, KafkaRecord)> {
    let valid = || event_of(topic);
    let elsewhere = TOPICS.iter().copied().find(|other| *other != topic).expect("several topics exist");
    let bare = |value: &[u8]| KafkaRecord::new(topic, "foreign", value);
    vec![
        ("no headers", bare(b"{\"hello\": \"world\"}")),
        ("no headers, not JSON", bare(b"hello")),
        ("no headers, empty", bare(b"")),
        ("no key either", KafkaRecord { key: None, ..bare(b"x") }),
        ("large", bare(&vec![0xfe; 500 * 1024])),
        ("binary headers", bare(b"x").with("trace", [0, 0xff, 0x80]).with("ce_type", [0xc3, 0x28])),
        ("many headers", (0..200).fold(bare(b"x"), |record, n| record.with(&format!("h{n}"), "v"))),
        ("not JSON", valid().with_value(b"\x00\x01 not JSON")),
        ("JSON of another shape", valid().with_value(b"[1, 2, 3]")),
        ("JSON of nothing", valid().with_value(b"{}")),
        ("deep JSON", valid().with_value("[".repeat(100_000))),
        ("empty", valid().with_value(b"")),
        ("another owner's event", KafkaRecord { topic: topic.to_owned(), ..event_of(elsewhere) }),
        ("a bad event id", valid().with("ce_id", "1")),
        ("a bad order id", valid().with("ce_subject", "order 7")),
        ("another order's id", valid().with("ce_subject", unknown_order().to_string())),
        ("a bad correlation id", valid().with("ce_correlationid", "")),
        ("a bad cause", valid().with("ce_causationid", "nobody")),
        ("a bad time", valid().with("ce_time", "yesterday")),
        ("bad hops", valid().with("ce_hops", "-1")),
        ("a specversion of long ago", valid().with("ce_specversion", "0.3")),
        ("an unknown old version", valid().with("ce_dataschema", "http://127.0.0.1/schemas/Thing/2020-01")),
        ("no dataschema", valid().without("ce_dataschema")),
        ("another source", valid().with("ce_source", "/somebody")),
        ("a type that is not text", valid().with("ce_type", [0xff, 0xfe])),
    ]
}

/// An order whose total quantity overflows.
fn overflowing_order() -> KafkaRecord {
    let product = TestProduct { sku: "ENDLESS".to_owned(), price_minor: 1, received: 0 };
    let placed = order_placed(unknown_order(), &product, u32::MAX);
    let mut data: Value = serde_json::from_slice(placed.value.as_deref().expect("a value")).expect("JSON");
    data["lines"] = json!([data["lines"][0], data["lines"][0]]);
    placed.with_value(data.to_string())
}

#[test]
fn overflowing_quantity_stops_no_consumer() {
    cluster().topics().publish(&overflowing_order());
    assert_order_succeeds();
}

/// Well-formed events of types that this build does not know.
fn unknown(topic: &str) -> Vec<KafkaRecord> {
    let types = ["com.example.ordersaga.PigeonSent", "org.example.other.Thing", "OrderPlaced", ""];
    types.into_iter().map(|ce_type| event_of(topic).with("ce_type", ce_type)).collect()
}

/// The dead letter of the record at this position.
fn find<'a>(
    letters: &'a [(KafkaRecord, RecordPosition)],
    topic: &str,
    position: RecordPosition,
) -> Option<&'a KafkaRecord> {
    let (partition, offset) = (position.partition.to_string(), position.offset.to_string());
    let found = [("dlq_topic", topic), ("dlq_partition", &partition), ("dlq_offset", &offset)];
    let is_it = |record: &KafkaRecord| found.iter().all(|(name, value)| record.header(name) == Some(value));
    letters.iter().map(|(record, _)| record).find(|record| is_it(record))
}

/// Waits for the dead letter of the record at this position.
#[track_caller]
fn dead_letter(letters: &TopicReader, topic: &str, position: RecordPosition, description: &str) -> KafkaRecord {
    letters.wait_for(&format!("the dead letter of '{description}' on {topic} at {position:?}"), |seen| {
        find(seen, topic, position).cloned()
    })
}

/// Dead letters of every service.
fn all_dead_letters() -> Vec<(ServiceName, TopicReader)> {
    let letters = |service: ServiceName| (service, cluster().topics().read(&[&format!("{service}.dlq")]));
    ServiceName::all().map(letters).collect()
}

#[track_caller]
fn assert_order_succeeds() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2));
    cluster().wait_until_confirmed(id);
    cluster().assert_paid_and_booked(id, 2500);
}

#[test]
fn contract_breaking_record_is_dead_letter_of_each_reader() {
    let mut published = Vec::new();
    for &topic in TOPICS {
        for (fault, record) in contract_breaking(topic) {
            let position = cluster().topics().publish(&record);
            published.push((fault, record, position));
        }
    }
    assert_order_succeeds();
    for (service, letters) in all_dead_letters() {
        let readable = published.iter().filter(|(_, record, _)| readers(&record.topic).contains(&service));
        for (fault, record, position) in readable {
            let letter = dead_letter(&letters, &record.topic, *position, fault);
            assert_eq!((&letter.key, &letter.value), (&record.key, &record.value), "{service}: {fault}");
            assert_eq!(letter.headers[..record.headers.len()], record.headers, "{service}: {fault}");
            for name in ["dlq_error", "dlq_class", "dlq_attempts", "dlq_time"] {
                assert!(letter.header(name).is_some_and(|text| !text.is_empty()), "{service}: {fault}: no {name}");
            }
        }
    }
}

#[test]
fn unknown_event_types_are_ignored() {
    let mut ignored = Vec::new();
    let mut fences = Vec::new();
    for &topic in TOPICS {
        let unknown = unknown(topic);
        cluster().topics().publish_in_order(&unknown.iter().collect::<Vec<_>>());
        ignored.extend(unknown);
        // A reader of this record has read the others, which precede it on the same partition.
        let fence = KafkaRecord::new(topic, "fence", b"");
        fences.push((topic, cluster().topics().try_publish(&fence, Some(0)).unwrap()));
    }
    assert_order_succeeds();
    for (service, letters) in all_dead_letters() {
        for (topic, position) in fences.iter().filter(|(topic, _)| readers(topic).contains(&service)) {
            dead_letter(&letters, topic, *position, "the fence");
        }
        for record in &ignored {
            let key = std::str::from_utf8(record.key.as_deref().unwrap()).unwrap();
            assert_eq!(letters.about(key), [], "{service}");
        }
    }
}

#[test]
fn null_values_stop_no_consumer() {
    for &topic in TOPICS {
        let null = KafkaRecord { value: None, ..event_of(topic) };
        let empty = KafkaRecord { key: None, value: None, headers: Vec::new(), topic: topic.to_owned() };
        for record in [null, empty] {
            let position = cluster().topics().publish(&record);
            let reader = readers(topic)[0];
            let letters = cluster().topics().read(&[&format!("{reader}.dlq")]);
            dead_letter(&letters, topic, position, "a null value");
        }
    }
    assert_order_succeeds();
}
