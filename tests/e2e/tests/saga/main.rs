//! The saga from end to end, in one suite that all tests here share: each has products of its own, and none stops
//! anything. What needs a suite of its own is in `faults`.

mod cancelled;
mod foreign;
mod happy;
mod http;
mod tombstones;
mod undone;
mod versions;

use std::sync::OnceLock;

use e2e::Shop;

/// The suite. A static is never dropped; the local suite's keeper stops the services when this process ends.
#[track_caller]
fn shop() -> &'static Shop {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    SHOP.get_or_init(Shop::open)
}
