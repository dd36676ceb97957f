//! Encoding and decoding of the largest event of the saga and of one of the smallest.

use std::hint::black_box;

use contracts::{EventType, Received, decode, headers};
use criterion::{BenchmarkId, Criterion};

use crate::samples;

pub(crate) fn measure(criterion: &mut Criterion) {
    for received in [samples::order_placed(0), samples::stock_committed()] {
        let name = received.meta.event_type.name;
        let mut group = criterion.benchmark_group("event");
        group.bench_function(BenchmarkId::new("encode", name), |bencher| bencher.iter(|| encode(black_box(&received))));
        let record = encode(&received);
        group.bench_function(BenchmarkId::new("decode", name), |bencher| bencher.iter(|| black_box(&record).read()));
        group.finish();
        assert_eq!(record.read(), received);
    }
}

/// An event, encoded as a Kafka record.
struct EncodedEvent {
    topic: &'static str,
    headers: Vec<(&'static str, String)>,
    payload: String,
}

fn encode(Received { meta, event }: &Received) -> EncodedEvent {
    let EventType { topic, version, .. } = meta.event_type;
    EncodedEvent { topic, headers: headers(meta, version, "http://127.0.0.1:8080"), payload: event.to_json() }
}

impl EncodedEvent {
    fn read(&self) -> Received {
        let header =
            |name: &str| self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
        match decode(self.topic, header, self.payload.as_bytes()) {
            Ok(contracts::Decoded::Known(received)) => *received,
            other => panic!("unexpected result: {other:?}"),
        }
    }
}
