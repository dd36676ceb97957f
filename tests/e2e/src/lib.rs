//! Shared parts of the end-to-end tests. They run the real binaries against a real Kafka and observe them from outside:
//! through HTTP, the topics and the ledgers of the simulated providers.
//!
//! - [`TestCluster`]: a suite with its own topics, ports and data, and the operations and assertions that tests need.
//! - [`Databases`]: the same on PostgreSQL, and further instances of its services.
//! - [`NewOrder`]: an order to place, which succeeds unless a test chooses an input that fails.
//! - [`Workload`]: many orders with different outcomes, placed while a fault is present.
//! - [`records`]: Kafka records as they are, to write and to read.
//! - [`sagactl`]: runs of the operator's command against a suite.
//! - [`facts`]: handmade records that look like a service's own.
//! - [`wire`]: records that no client library would send.
//!
//! Every wait has a deadline, and its error names the awaited condition and the last observed value.

mod binaries;
mod blocking;
mod cluster;
mod databases;
pub mod facts;
pub mod order;
pub mod records;
pub mod sagactl;
mod timeout;
mod views;
pub mod wire;
mod workload;

pub use binaries::{binary, planted_binary, previous_order_binary};
pub use cluster::{TestCluster, order_id, unused_sku};
pub use databases::Databases;
pub use order::NewOrder;
pub use timeout::TEST_TIMEOUT;
pub use views::{StockLevel, TestProduct, TimelineEntry, eur};
pub use workload::{ExpectedOutcome, Workload};
