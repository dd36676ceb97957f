//! Cases: the services of a case run once, for one or more measurements.

use std::path::Path;

use tokio::runtime::Runtime;
use xtask::{Broker, Postgres, Progress, Workspace};

use super::scenario::BenchScenario;
use crate::environment::span_sink::SpanSink;
use crate::load::plan::LoadPlan;

/// Resources that all measurements of a run share.
#[derive(Clone, Copy)]
pub(crate) struct BenchContext<'a> {
    pub(crate) workspace: &'a Workspace,
    /// Directory of the services' programs.
    pub(crate) binaries: &'a Path,
    pub(crate) broker: &'a Broker,
    pub(crate) runtime: &'a Runtime,
    pub(crate) progress: Progress,
}

pub(crate) struct BenchCase<'a> {
    pub(crate) plan: LoadPlan,
    /// Measurements in their order, each with the minimum number of stored orders.
    pub(crate) steps: Vec<(BenchScenario, u64)>,
    /// Storage of the services; `None` for SQLite.
    pub(crate) postgres: Option<&'a Postgres>,
    /// Receiver of telemetry; `None` turns its export off.
    pub(crate) sink: Option<&'a SpanSink>,
}

impl<'a> BenchCase<'a> {
    /// One measurement without tracing, on SQLite unless [`BenchCase::on`] changes it.
    pub(crate) fn of(scenario: BenchScenario, plan: LoadPlan, preload: u64) -> Self {
        Self { plan, steps: vec![(scenario, preload)], postgres: None, sink: None }
    }

    pub(crate) fn on(self, postgres: Option<&'a Postgres>) -> Self {
        Self { postgres, ..self }
    }

    pub(crate) fn traced(self, sink: Option<&'a SpanSink>) -> Self {
        Self { sink, ..self }
    }
}
