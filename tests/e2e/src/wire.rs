//! A producer without a client library. It can send records that no library would, with header names that are not text.
//!
//! One Produce request of version 3 with one record, as in <https://kafka.apache.org/protocol>.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

/// Longest wait for the response of the broker.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);
/// Offset of the record batch's checksum, which covers everything after it.
const CHECKSUM_OFFSET: usize = 17;

/// A record whose header names are bytes.
#[derive(Debug, Clone, Copy)]
pub struct WireRecord<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// Writes a record to partition 0 of a topic, given by its full name at the broker.
///
/// # Errors
/// The broker is unavailable or rejects the record.
pub fn produce(broker: &str, topic: &str, record: WireRecord<'_>) -> Result<()> {
    let mut stream =
        TcpStream::connect(broker).with_context(|| format!("failed to connect to the broker at {broker}"))?;
    stream.set_read_timeout(Some(RESPONSE_TIMEOUT))?;
    stream.write_all(&with_length(request(topic, record)))?;
    let mut response = vec![0; 4];
    stream.read_exact(&mut response)?;
    response.resize(usize::try_from(i32::from_be_bytes(response[..4].try_into()?))?, 0);
    stream.read_exact(&mut response)?;
    // Correlation id, one topic with its name, one partition with its index; then the error code.
    let error_offset = 4 + 4 + 2 + topic.len() + 4 + 4;
    let error = response.get(error_offset..error_offset + 2).context("truncated response of the broker")?;
    ensure!(error == [0, 0], "the broker returned error {error:?}");
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
    bytes.extend(i16::try_from(topic.len()).expect("a short topic name").to_be_bytes());
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
    // Length of everything after it: leader epoch, magic, checksum and the records.
    batch.extend(i32::try_from(4 + 1 + 4 + bytes.len()).expect("a record below 2 GiB").to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.push(2);
    debug_assert_eq!(batch.len(), CHECKSUM_OFFSET);
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
    let length = i32::try_from(bytes.len()).expect("a request below 2 GiB");
    [length.to_be_bytes().to_vec(), bytes].concat()
}

fn with_varint_length(bytes: Vec<u8>) -> Vec<u8> {
    [varint(bytes.len()), bytes].concat()
}

/// Zigzag encoding, seven bits per byte, lowest first.
fn varint(number: usize) -> Vec<u8> {
    let mut rest = number << 1;
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(rest & 0x7f).expect("seven bits");
        rest >>= 7;
        bytes.push(if rest == 0 { low } else { low | 0x80 });
        if rest == 0 {
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
    fn crc32c_matches_its_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn varint_encodes_zigzag() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(3), [6]);
        assert_eq!(varint(300), [0xd8, 0x04]);
    }
}
