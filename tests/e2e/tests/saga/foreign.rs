//! Records on the topics that are no events of this saga. No consumer stops; what breaks its contract is a dead letter of
//! everybody who met it, as it was; what is only unknown is left alone.

use contracts::TOPICS;
use e2e::{
    NewOrder, Product,
    facts::{cancellation_requested, order_placed, record, shipment_cancelled, stock_committed, unknown_order},
    records::{Place, Reader, Record},
};
use serde_json::{Value, json};
use xtask::ServiceName::{self, Inventory, Order, Payment, Shipping};

use crate::shop;

/// Who reads a topic.
fn readers(topic: &str) -> &'static [ServiceName] {
    match topic {
        "order.events" => &[Inventory, Payment, Shipping],
        "inventory.events" => &[Order, Payment, Shipping],
        "payment.events" => &[Order, Inventory],
        "shipping.events" => &[Order, Inventory, Payment],
        other => panic!("nobody reads {other}"),
    }
}

/// A good event of the topic's owner.
fn event_of(topic: &str) -> Record {
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

fn with_value(record: Record, value: &[u8]) -> Record {
    Record { value: Some(value.to_vec()), ..record }
}

/// Records that break the contract of the topic, each in one way.
fn contract_breaking(topic: &str) -> Vec<(&'static str, Record)> {
    let good = || event_of(topic);
    let elsewhere = TOPICS.iter().find(|other| **other != topic).expect("there are four");
    let bare = |value: &[u8]| Record::new(topic, "foreign", value);
    vec![
        ("no headers", bare(b"{\"hello\": \"world\"}")),
        ("no headers, not JSON", bare(b"hello")),
        ("no headers, empty", bare(b"")),
        ("no key either", Record { key: None, ..bare(b"x") }),
        ("large", bare(&vec![0xfe; 500 * 1024])),
        ("binary headers", bare(b"x").with("trace", [0, 0xff, 0x80]).with("ce_type", [0xc3, 0x28])),
        ("many headers", (0..200).fold(bare(b"x"), |record, n| record.with(&format!("h{n}"), "v"))),
        ("not JSON", with_value(good(), b"\x00\x01 not JSON")),
        ("JSON of another shape", with_value(good(), b"[1, 2, 3]")),
        ("JSON of nothing", with_value(good(), b"{}")),
        ("deep JSON", with_value(good(), "[".repeat(100_000).as_bytes())),
        ("empty", with_value(good(), b"")),
        ("another owner's event", Record { topic: topic.to_owned(), ..event_of(elsewhere) }),
        ("a bad event id", good().with("ce_id", "1")),
        ("a bad order id", good().with("ce_subject", "order 7")),
        ("another order's id", good().with("ce_subject", unknown_order().to_string())),
        ("a bad correlation id", good().with("ce_correlationid", "")),
        ("a bad cause", good().with("ce_causationid", "nobody")),
        ("a bad time", good().with("ce_time", "yesterday")),
        ("bad hops", good().with("ce_hops", "-1")),
        ("a specversion of long ago", good().with("ce_specversion", "0.3")),
        ("an unknown old version", good().with("ce_dataschema", "http://127.0.0.1/schemas/Thing/2020-01")),
        ("no dataschema", good().without("ce_dataschema")),
        ("another source", good().with("ce_source", "/somebody")),
        ("a type that is no text", good().with("ce_type", [0xff, 0xfe])),
    ]
}

/// An order of more units than can be counted.
fn endless_order() -> Record {
    let product = Product { sku: "ENDLESS".to_owned(), price_minor: 1, received: 0 };
    let placed = order_placed(unknown_order(), &product, u32::MAX);
    let mut data: Value = serde_json::from_slice(placed.value.as_deref().expect("data")).expect("JSON");
    data["lines"] = json!([data["lines"][0], data["lines"][0]]);
    with_value(placed, data.to_string().as_bytes())
}

#[test]
fn an_order_of_more_than_can_be_counted_stops_nobody() {
    shop().topics().publish(&endless_order());
    an_order_must_go_well();
}

/// Well-formed events that this build does not know.
fn unknown(topic: &str) -> Vec<Record> {
    let types = ["com.example.ordersaga.PigeonSent", "org.example.other.Thing", "OrderPlaced", ""];
    types.into_iter().map(|ce_type| event_of(topic).with("ce_type", ce_type)).collect()
}

/// The dead letter that a record at this place became.
fn find<'a>(letters: &'a [(Record, Place)], topic: &str, place: Place) -> Option<&'a Record> {
    let (partition, offset) = (place.partition.to_string(), place.offset.to_string());
    let found = [("dlq_topic", topic), ("dlq_partition", &partition), ("dlq_offset", &offset)];
    let is_it = |record: &Record| found.iter().all(|(name, value)| record.header(name) == Some(value));
    letters.iter().map(|(record, _)| record).find(|record| is_it(record))
}

#[track_caller]
fn dead_letter(letters: &Reader, topic: &str, place: Place, what: &str) -> Record {
    letters.wait_for(&format!("the dead letter of '{what}' on {topic} at {place:?}"), |seen| {
        find(seen, topic, place).cloned()
    })
}

/// Every service's dead letters.
fn all_dead_letters() -> Vec<(ServiceName, Reader)> {
    let letters = |service: ServiceName| (service, shop().topics().read(&[&format!("{service}.dlq")]));
    ServiceName::all().map(letters).collect()
}

#[track_caller]
fn an_order_must_go_well() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 2));
    shop().wait_until_confirmed(id);
    shop().must_be_sold(id, 2500);
}

#[test]
fn what_breaks_its_contract_is_a_dead_letter_of_every_reader_as_it_was_and_stops_nobody() {
    let mut published = Vec::new();
    for topic in TOPICS {
        for (what, record) in contract_breaking(topic) {
            let place = shop().topics().publish(&record);
            published.push((what, record, place));
        }
    }
    an_order_must_go_well();
    for (service, letters) in all_dead_letters() {
        let met = published.iter().filter(|(_, record, _)| readers(&record.topic).contains(&service));
        for (what, record, place) in met {
            let letter = dead_letter(&letters, &record.topic, *place, what);
            assert_eq!((&letter.key, &letter.value), (&record.key, &record.value), "{service}: {what}");
            assert_eq!(letter.headers[..record.headers.len()], record.headers, "{service}: {what}");
            for said in ["dlq_error", "dlq_class", "dlq_attempts", "dlq_time"] {
                assert!(letter.header(said).is_some_and(|text| !text.is_empty()), "{service}: {what}: no {said}");
            }
        }
    }
}

#[test]
fn what_is_of_an_unknown_type_is_left_alone() {
    let mut left_alone = Vec::new();
    let mut last = Vec::new();
    for topic in TOPICS {
        let unknown = unknown(topic);
        shop().topics().publish_in_order(&unknown.iter().collect::<Vec<_>>());
        left_alone.extend(unknown);
        // Who has met this has met the others, which are before it on the same partition.
        let fence = Record::new(topic, "fence", b"");
        last.push((topic, shop().topics().try_publish(&fence, Some(0)).unwrap()));
    }
    an_order_must_go_well();
    for (service, letters) in all_dead_letters() {
        for (topic, place) in last.iter().filter(|(topic, _)| readers(topic).contains(&service)) {
            dead_letter(&letters, topic, *place, "the fence");
        }
        for record in &left_alone {
            let key = std::str::from_utf8(record.key.as_deref().unwrap()).unwrap();
            assert_eq!(letters.about(key), [], "{service}");
        }
    }
}

#[test]
fn tombstones_of_a_compacted_topic_stop_nobody() {
    for topic in TOPICS {
        let null = Record { value: None, ..event_of(topic) };
        let nothing = Record { key: None, value: None, headers: Vec::new(), topic: (*topic).to_owned() };
        for record in [null, nothing] {
            let place = shop().topics().publish(&record);
            let reader = readers(topic)[0];
            let letters = shop().topics().read(&[&format!("{reader}.dlq")]);
            dead_letter(&letters, topic, place, "a null value");
        }
    }
    an_order_must_go_well();
}
