//! Result of one measurement.

use std::time::Duration;

use catalog::PerService;

use super::scenario::BenchScenario;
use crate::floor::Floors;
use crate::load::plan::Load;
use crate::resources::cost::Cost;
use crate::results::ledger::LoadResult;
use crate::results::trace::HopStatistics;

#[derive(Debug, Clone)]
pub(crate) struct Measurement {
    pub(crate) scenario: BenchScenario,
    pub(crate) load: Load,
    pub(crate) products: u16,
    pub(crate) storage: String,
    /// Final orders in the databases at the beginning.
    pub(crate) orders_before: u64,
    /// Time from the start of each service until it was ready.
    pub(crate) ready_after: PerService<Duration>,
    /// Results of the load, without the warm-up.
    pub(crate) result: LoadResult,
    pub(crate) cost: Cost,
    /// Size of each database divided by all its sagas; known after the services have stopped.
    pub(crate) database_bytes_per_saga: Option<PerService<f64>>,
    /// Kafka records during the load.
    pub(crate) records_per_saga: f64,
    /// Size of the Kafka records; `None` if the broker's data is not on this machine.
    pub(crate) topic_bytes_per_saga: Option<f64>,
    /// Exported spans; `None` without tracing.
    pub(crate) spans_per_saga: Option<f64>,
    /// `None` if they were not measured.
    pub(crate) floors: Option<Floors>,
    /// Hops of single orders; empty if orders were not followed.
    pub(crate) hops: Vec<HopStatistics>,
}

#[expect(clippy::cast_precision_loss, reason = "the figures have fewer significant digits")]
pub(crate) fn per_saga(sum: u64, sagas: u64) -> f64 {
    if sagas == 0 { 0.0 } else { sum as f64 / sagas as f64 }
}

impl Measurement {
    pub(crate) fn sagas_per_second(&self) -> f64 {
        let seconds = self.result.elapsed.as_secs_f64();
        if seconds > 0.0 { self.sagas() / seconds } else { 0.0 }
    }

    /// Number of sagas that ended in the counted time.
    pub(crate) fn sagas(&self) -> f64 {
        per_saga(self.result.finished.count, 1)
    }

    /// Processor time of services, broker and database server per saga, in milliseconds. Returns `None` if it is unknown.
    pub(crate) fn suite_cpu_ms(&self) -> Option<f64> {
        self.ms_per_saga(self.cost.suite_cpu_seconds()?)
    }

    /// Bytes that the services wrote to the disk per saga.
    pub(crate) fn written_bytes_per_saga(&self) -> f64 {
        per_saga(self.cost.written_by_services(), self.result.finished.count)
    }

    /// Converts seconds for all sagas to milliseconds per saga. Returns `None` without sagas.
    pub(crate) fn ms_per_saga(&self, seconds: f64) -> Option<f64> {
        (self.sagas() > 0.0).then(|| seconds * 1000.0 / self.sagas())
    }
}
