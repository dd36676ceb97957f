//! Encoding of record headers in a database column.

use bytes::Bytes;

/// Encodes headers as bytes: each name and value preceded by its length (32 bits, big-endian). A text format would not do,
/// because headers of a dead letter may contain any bytes.
pub(crate) fn pack(headers: &[(String, Bytes)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum());
    for part in headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]) {
        let len = u32::try_from(part.len()).expect("Kafka limits records far below 4 GiB");
        packed.extend_from_slice(&len.to_be_bytes());
        packed.extend_from_slice(part);
    }
    packed
}

/// Decodes the output of [`pack`]; returns `None` for other bytes.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<(String, Bytes)>> {
    let mut rest = packed;
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let name = String::from_utf8(next_part(&mut rest)?.to_vec()).ok()?;
        headers.push((name, Bytes::copy_from_slice(next_part(&mut rest)?)));
    }
    Some(headers)
}

fn next_part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, tail) = rest.split_first_chunk::<4>()?;
    let (part, tail) = tail.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    *rest = tail;
    Some(part)
}
