//! Records at the limit of what a broker takes. They must not stop anybody: each is met by every consumer of its topic.

use contracts::TOPICS;
use e2e::{
    NewOrder, Shop,
    records::Record,
    wire::{WireRecord, produce},
};

/// What a broker takes at most unless it is told otherwise, less some room for the record's frame.
const LARGEST: usize = 1_048_588 - 200;

#[test]
fn a_record_as_large_as_the_broker_takes_stops_nobody() {
    let shop = Shop::open();
    for topic in TOPICS {
        shop.topics().publish(&Record::new(topic, "large", &vec![b'x'; LARGEST]));
    }
    an_order_must_go_well(&shop);
}

#[test]
fn a_header_name_that_is_no_text_stops_nobody() {
    let shop = Shop::open();
    for topic in TOPICS {
        let record = WireRecord { key: b"bytes", value: b"{}", headers: &[(b"\xff\xfe", b"\xff")] };
        produce(shop.topics().broker(), &shop.topics().full_name(topic), record).unwrap();
    }
    an_order_must_go_well(&shop);
}

fn an_order_must_go_well(shop: &Shop) {
    let id = shop.place(&NewOrder::of(&shop.product(1250, 5), 2));
    shop.wait_until_confirmed(id);
    shop.must_be_sold(id, 2500);
    shop.all_must_run();
}
