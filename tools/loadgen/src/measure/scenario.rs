//! Scenarios: the purpose of each measurement.

use serde::Serialize;

/// Purpose of a measurement. Goals and plots select measurements by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BenchScenario {
    /// Chosen by the arguments alone.
    AdHoc,
    /// Reference throughput: the closed loop as chosen by the arguments.
    Maximum,
    /// Closed loop with more clients, hence larger batches.
    ManyClients,
    /// All orders are for one product.
    HotKey,
    /// So few orders that none waits for another.
    LowRate,
    /// Half of the orders per second of [`BenchScenario::Maximum`].
    HalfCapacity,
    /// Compared with [`BenchScenario::Traced`].
    Untraced,
    /// Every span is exported.
    Traced,
    /// Few stored orders.
    FewOrders,
    /// Many stored orders.
    ManyOrders,
    /// Closed loop on PostgreSQL.
    Postgres,
    /// Closed loop with more clients on PostgreSQL.
    PostgresManyClients,
}
