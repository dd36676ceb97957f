//! What the end-to-end tests share. They run the real binaries against a real Kafka and look at them from outside only:
//! through HTTP, the topics, and the ledgers of the simulated providers.
//!
//! - [`Shop`]: a suite of its own topics, ports and data, with everything that tests do to it and ask of it.
//! - [`Databases`]: the same on PostgreSQL, and further instances of its services.
//! - [`NewOrder`]: an order to place; good unless said otherwise.
//! - [`Stream`]: many orders of different fates, placed while something goes wrong.
//! - [`records`]: records as they are, to write and to read.
//! - [`operator`]: the operator's command, run on a suite.
//! - [`facts`]: records made by hand that look like a service's.
//! - [`wire`]: records that no client library would send.
//!
//! Every wait has a deadline and says what it waited for and what it saw last.

mod databases;
pub mod facts;
pub mod operator;
pub mod order;
mod parts;
pub mod records;
mod shop;
mod stream;
pub mod wire;

pub use databases::Databases;
pub use order::NewOrder;
pub use parts::{Entry, Product, Stock, eur};
pub use shop::{
    PATIENCE, Shop, binary, must, order_id, planted_binary, previous_order_binary, sagactl_binary, unused_sku,
};
pub use stream::{Fate, Stream};
