//! The record format of dead letters and of their resolutions.
//!
//! A dead letter is the original record with the headers below added. A later record in the same topic, partition and key
//! *resolves* it, so the topic contains its complete history. The payload of a large record is cut.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Maximum size of a dead letter's payload that is not cut. Below the topic's limit, to leave room for headers.
pub const PAYLOAD_BYTES_MAX: usize = 1_536 * 1_024;
/// Size of a cut payload.
pub const CUT_PAYLOAD_BYTES: usize = 64 * 1_024;

/// The error text.
pub const ERROR: &str = "dlq_error";
/// The class of failure, in one word.
pub const CLASS: &str = "dlq_class";
/// Number of attempts.
pub const ATTEMPTS: &str = "dlq_attempts";
/// The original topic.
pub const TOPIC: &str = "dlq_topic";
/// The original partition.
pub const PARTITION: &str = "dlq_partition";
/// The original offset.
pub const OFFSET: &str = "dlq_offset";
/// Time of dead-lettering or of resolution, as RFC 3339.
pub const TIME: &str = "dlq_time";
/// The resolved dead letter, as `<service>/<partition>/<offset>` of its topic.
pub const RESOLVES: &str = "dlq_resolves";
/// The kind of resolution, in one word.
pub const RESOLUTION: &str = "dlq_resolution";
/// The operator's note.
pub const NOTE: &str = "dlq_note";
/// Id of the dead letter in the service's database.
pub const ID: &str = "dlq_id";
/// Size of the original payload in bytes, if the payload is cut.
pub const PAYLOAD_BYTES: &str = "dlq_payload_bytes";
/// SHA-256 of the original payload in hexadecimal, if the payload is cut.
pub const PAYLOAD_SHA256: &str = "dlq_payload_sha256";
/// Prefix of all header names above.
pub const PREFIX: &str = "dlq_";

/// The original topic of a redriven record.
pub const REDRIVE_TOPIC: &str = "redrive_topic";
/// The dead letter that a redriven record was made from.
pub const REDRIVE_OF: &str = "redrive_of";

/// Id of that dead letter in the service's database. A record with this id and [`RESOLUTION`] only closes it.
pub const REDRIVE_ID: &str = "redrive_id";
/// Value of [`RESOLUTION`] for a discarded dead letter.
pub const DISCARDED: &str = "discarded";

/// Suffix of dead-letter topics.
pub(crate) const TOPIC_SUFFIX: &str = ".dlq";
/// Suffix of redrive topics.
pub(crate) const REDRIVE_SUFFIX: &str = ".redrive";

/// The topic for the dead letters of a service.
pub fn dead_letter_topic(service: &str) -> String {
    format!("{service}{TOPIC_SUFFIX}")
}

/// The topic for dead letters that an operator sends back to a service.
pub fn redrive_topic(service: &str) -> String {
    format!("{service}{REDRIVE_SUFFIX}")
}

/// Cuts a large payload, and adds its size and hash to the headers. The original is at the place that the headers name. Returns
/// false if the payload is small or cut already.
pub fn cut(headers: &mut Vec<(String, Bytes)>, payload: &mut Bytes) -> bool {
    if payload.len() <= CUT_PAYLOAD_BYTES {
        return false;
    }
    let hash = format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(&payload[..])));
    headers.push((PAYLOAD_BYTES.to_owned(), payload.len().to_string().into()));
    headers.push((PAYLOAD_SHA256.to_owned(), hash.into()));
    payload.truncate(CUT_PAYLOAD_BYTES);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_names_size_and_hash_of_a_large_payload() {
        let (mut headers, mut payload) = (vec![], Bytes::from(vec![b'x'; CUT_PAYLOAD_BYTES]));
        assert!(!cut(&mut headers, &mut payload) && headers.is_empty());
        payload = Bytes::from(vec![b'x'; 1_000_000]);
        assert!(cut(&mut headers, &mut payload));
        assert_eq!(payload.len(), CUT_PAYLOAD_BYTES);
        let hash = "1b977e9f84f1b26b6ed7f68b0498faee2385ea4125bd29adce4a7d9106ba3134";
        let text: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        assert_eq!(text, [("dlq_payload_bytes", &b"1000000"[..]), ("dlq_payload_sha256", hash.as_bytes())]);
        assert!(!cut(&mut headers, &mut payload), "cut once");
    }
}
