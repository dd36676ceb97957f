//! Decoding of Kafka's consumer protocol.

/// Number of partitions in a member's assignment: a version, then topics with their partitions. `None` if it is
/// malformed.
pub(super) fn assigned_partitions(mut bytes: &[u8]) -> Option<usize> {
    fn number<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
        let (number, rest) = bytes.split_first_chunk::<N>()?;
        *bytes = rest;
        Some(*number)
    }
    let mut partitions = 0;
    let _version: [u8; 2] = number(&mut bytes)?;
    for _ in 0..i32::from_be_bytes(number(&mut bytes)?) {
        let name = usize::from(u16::from_be_bytes(number(&mut bytes)?));
        bytes = bytes.get(name..)?;
        let count = usize::try_from(i32::from_be_bytes(number(&mut bytes)?)).ok()?;
        bytes = bytes.get(4 * count..)?;
        partitions += count;
    }
    Some(partitions)
}
