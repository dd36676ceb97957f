//! Free TCP ports on loopback.
//!
//! They are below the range of ephemeral ports, so that no outgoing connection takes the port of a service while it
//! restarts.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A free port that this process has not received before. Each run starts its search at a random port, so that
/// concurrent runs rarely collide.
///
/// # Errors
/// All ports of the range are in use.
pub fn free() -> Result<u16> {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    let random = RandomState::new().hash_one(std::process::id());
    let skipped = usize::try_from(random % RANGE.len() as u64)?;
    let port = RANGE
        .chain(RANGE)
        .skip(skipped)
        .find(|port| !given.contains(port) && is_free(*port))
        .with_context(|| format!("no free TCP port in {RANGE:?}"))?;
    given.insert(port);
    Ok(port)
}

/// The preferred port if it is free, else any free one.
///
/// # Errors
/// No port is free.
pub fn free_or(preferred: u16) -> Result<u16> {
    if is_free(preferred) { Ok(preferred) } else { free() }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_can_be_bound() {
        let ports: HashSet<u16> = (0..20).map(|_| free().expect("a port")).collect();
        assert_eq!(ports.len(), 20);
        assert!(ports.iter().all(|&port| is_free(port)));
    }

    #[test]
    fn taken_port_is_replaced_by_a_free_one() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
        let port = taken.local_addr().expect("address").port();
        assert_ne!(free_or(port).expect("another"), port);
    }
}
