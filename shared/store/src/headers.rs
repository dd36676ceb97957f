//! A record's headers as the bytes that a database keeps.

use bytes::Bytes;

/// Headers as bytes: each name and value after its length (32 bits, big-endian). A dead letter's headers may hold
/// anything, so no text format would do.
pub(crate) fn pack(headers: &[(String, Bytes)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum());
    for part in headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]) {
        let len = u32::try_from(part.len()).expect("Kafka bounds a record far below 4 GiB");
        packed.extend_from_slice(&len.to_be_bytes());
        packed.extend_from_slice(part);
    }
    packed
}

/// The inverse of [`pack`]; `None` when the bytes are not its work.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<(String, Bytes)>> {
    fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (len, tail) = rest.split_first_chunk::<4>()?;
        let (part, tail) = tail.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        *rest = tail;
        Some(part)
    }
    let mut rest = packed;
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let name = String::from_utf8(part(&mut rest)?.to_vec()).ok()?;
        headers.push((name, Bytes::copy_from_slice(part(&mut rest)?)));
    }
    Some(headers)
}
