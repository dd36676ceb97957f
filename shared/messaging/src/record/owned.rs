//! An owned copy of a record.

use super::Record;

/// Length that marks a missing key; no part of a record is that long.
const NONE: u32 = u32::MAX;

/// An owned record in one allocation: topic, key, value and headers, each preceded by its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    packed: Box<[u8]>,
}

impl OwnedRecord {
    pub(crate) fn new(record: &Record<'_>) -> Self {
        let parts = [Some(record.topic().as_bytes()), record.key(), Some(record.payload())];
        let headers = record.headers().iter().flat_map(|(name, value)| [Some(name.as_bytes()), Some(*value)]);
        let parts = parts.into_iter().chain(headers);
        let len = parts.clone().map(|part| size_of::<u32>() + part.map_or(0, <[u8]>::len)).sum();
        let mut packed = Vec::with_capacity(len);
        for part in parts {
            let len =
                part.map_or(NONE, |part| u32::try_from(part.len()).expect("Kafka limits records far below 4 GiB"));
            packed.extend_from_slice(&len.to_ne_bytes());
            packed.extend_from_slice(part.unwrap_or_default());
        }
        let (partition, offset, timestamp_ms) = (record.partition(), record.offset(), record.timestamp_ms());
        Self { partition, offset, timestamp_ms, packed: packed.into_boxed_slice() }
    }

    /// Borrows the record.
    pub fn record(&self) -> Record<'_> {
        let mut parts = Parts(&self.packed);
        let mut next = || parts.next().flatten();
        let (topic, key, payload) = (next().unwrap_or_default(), next(), next().unwrap_or_default());
        let mut headers = Vec::new();
        while let (Some(name), Some(value)) = (next(), next()) {
            headers.push((text(name), value));
        }
        let (partition, offset, timestamp_ms) = (self.partition, self.offset, self.timestamp_ms);
        Record { topic: text(topic), partition, offset, timestamp_ms, key, headers, payload }
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("packed from text")
}

struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (len, rest) = self.0.split_first_chunk()?;
        let len = u32::from_ne_bytes(*len);
        if len == NONE {
            self.0 = rest;
            return Some(None);
        }
        let (part, rest) = rest.split_at_checked(len as usize)?;
        self.0 = rest;
        Some(Some(part))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::record::Parts;

    #[track_caller]
    fn assert_round_trip(key: Option<&[u8]>, headers: &[(String, Bytes)], payload: &[u8]) {
        let (topic, partition, offset, timestamp_ms) = ("order.events", 3, 42, Some(5));
        let record = Record::from(Parts { topic, partition, offset, timestamp_ms, key, headers, payload });
        let owned = record.to_owned_record();
        assert_eq!(format!("{:?}", owned.record()), format!("{record:?}"));
    }

    #[test]
    fn owned_record_equals_its_original() {
        let headers = [("ce_id".to_owned(), Bytes::from_static(b"1")), (String::new(), Bytes::new())];
        assert_round_trip(Some(b"key"), &headers, b"{}");
        assert_round_trip(Some(b""), &headers[..1], b"");
        assert_round_trip(None, &[], b"\xff\x00");
    }
}
