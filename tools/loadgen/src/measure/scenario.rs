//! Scenarios: the purpose of each measurement.

use serde::Serialize;

/// Purpose of a measurement. Goals, tables and plots select measurements by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BenchScenario {
    /// On SQLite.
    Plain,
    /// On PostgreSQL.
    Postgres,
    /// Compared with [`BenchScenario::Traced`].
    Untraced,
    /// Every span is exported.
    Traced,
    /// No stored orders, compared with [`BenchScenario::ManyOrders`].
    FewOrders,
    /// Many stored orders.
    ManyOrders,
}
