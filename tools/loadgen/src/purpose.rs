//! What a measurement is there for.

use serde::Serialize;

/// Why it is measured. Goals and plots find their figures by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// It was asked for alone.
    Asked,
    /// The throughput that others are compared with: the closed loop as chosen.
    Maximum,
    /// A closed loop of more clients, whose batches are larger.
    ManyClients,
    /// All orders are for one product.
    Hot,
    /// Few enough orders that none waits for another.
    Calm,
    /// Half of the orders that the maximum has.
    Half,
    /// Compared with [`Purpose::Traced`].
    Untraced,
    /// Every span is exported.
    Traced,
    /// Few orders are in the databases.
    FewOrders,
    /// Many orders are in the databases.
    ManyOrders,
    /// The closed loop on PostgreSQL.
    Postgres,
    /// The closed loop of more clients on PostgreSQL.
    PostgresManyClients,
}
