//! A producer without a client library, which can send what no library would: header names that are no text.
//!
//! One Produce request of version 3 with one record, as in <https://kafka.apache.org/protocol>.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

/// How long the broker may take.
const ANSWER: Duration = Duration::from_secs(20);
/// The place of the record batch's checksum, which covers everything after it.
const CHECKSUM_AT: usize = 17;

/// A record whose header names are bytes.
#[derive(Debug, Clone, Copy)]
pub struct WireRecord<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// The headers.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// Writes a record to partition 0 of a topic, by its name at the broker.
///
/// # Errors
/// The broker can't be reached or does not take it.
pub fn produce(broker: &str, topic: &str, record: WireRecord<'_>) -> Result<()> {
    let mut stream = TcpStream::connect(broker).with_context(|| format!("the broker at {broker}"))?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(&with_length(request(topic, record)))?;
    let mut answer = vec![0; 4];
    stream.read_exact(&mut answer)?;
    answer.resize(usize::try_from(i32::from_be_bytes(answer[..4].try_into()?))?, 0);
    stream.read_exact(&mut answer)?;
    // Correlation id, one topic with its name, one partition with its index; then the error code.
    let error_at = 4 + 4 + 2 + topic.len() + 4 + 4;
    let error = answer.get(error_at..error_at + 2).context("the broker's answer is too short")?;
    ensure!(error == [0, 0], "the broker answers with error {error:?}");
    Ok(())
}

fn request(topic: &str, record: WireRecord<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Produce, version 3, correlation id, no client id, no transaction.
    bytes.extend([0, 0, 0, 3, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff]);
    // All replicas, 10 seconds.
    bytes.extend((-1_i16).to_be_bytes());
    bytes.extend(10_000_i32.to_be_bytes());
    // One topic, its name, one partition, its index.
    bytes.extend(1_i32.to_be_bytes());
    bytes.extend(i16::try_from(topic.len()).expect("a topic's name is short").to_be_bytes());
    bytes.extend(topic.as_bytes());
    bytes.extend(1_i32.to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    bytes.extend(with_length(batch(record)));
    bytes
}

/// A record batch, magic 2.
fn batch(record: WireRecord<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Attributes, last offset delta, first and last time, no producer id, epoch or sequence, one record.
    bytes.extend([0; 2 + 4 + 8 + 8]);
    bytes.extend([0xff; 8 + 2 + 4]);
    bytes.extend(1_i32.to_be_bytes());
    bytes.extend(with_varint_length(body(record)));

    let mut batch = Vec::new();
    batch.extend(0_i64.to_be_bytes());
    // What follows the length: leader epoch, magic, checksum and the rest.
    batch.extend(i32::try_from(4 + 1 + 4 + bytes.len()).expect("a record is not that large").to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.push(2);
    debug_assert_eq!(batch.len(), CHECKSUM_AT);
    batch.extend(crc32c(&bytes).to_be_bytes());
    batch.extend(bytes);
    batch
}

fn body(record: WireRecord<'_>) -> Vec<u8> {
    // Attributes, time and offset deltas.
    let mut bytes = vec![0, 0, 0];
    bytes.extend(with_varint_length(record.key.to_vec()));
    bytes.extend(with_varint_length(record.value.to_vec()));
    bytes.extend(varint(record.headers.len()));
    for (name, value) in record.headers {
        bytes.extend(with_varint_length(name.to_vec()));
        bytes.extend(with_varint_length(value.to_vec()));
    }
    bytes
}

fn with_length(bytes: Vec<u8>) -> Vec<u8> {
    let length = i32::try_from(bytes.len()).expect("a request is not that large");
    [length.to_be_bytes().to_vec(), bytes].concat()
}

fn with_varint_length(bytes: Vec<u8>) -> Vec<u8> {
    [varint(bytes.len()), bytes].concat()
}

/// Zigzag, seven bits a byte, lowest first.
fn varint(number: usize) -> Vec<u8> {
    let mut left = number << 1;
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(left & 0x7f).expect("seven bits");
        left >>= 7;
        bytes.push(if left == 0 { low } else { low | 0x80 });
        if left == 0 {
            return bytes;
        }
    }
}

/// CRC-32C (Castagnoli), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn lengths_are_zigzag_varints() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(3), [6]);
        assert_eq!(varint(300), [0xd8, 0x04]);
    }
}
