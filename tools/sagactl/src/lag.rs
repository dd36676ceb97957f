//! `sagactl lag`: consumer lag of each service, from the broker.

use anyhow::{Context as _, Result};
use catalog::ServiceName;
use clap::Args;
use messaging::dead_letters::redrive_topic;
use serde::Serialize;
use service_registry::{LinkedService, linked};

use crate::{exit::ExitStatus, output::TableRow, service, settings::Settings};

#[derive(Args)]
pub(crate) struct LagCommand {
    /// Only this service
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    service: Option<ServiceName>,
    /// Only partitions with lag
    #[arg(long)]
    behind: bool,
}

/// Position of a service in one partition.
#[derive(Debug, Serialize)]
struct LagRow {
    service: &'static str,
    topic: String,
    partition: i32,
    /// Offset of the next record to process. `None` if the group has committed nothing.
    committed: Option<i64>,
    /// Offset that the next published record will get.
    end: i64,
    /// Number of unprocessed records.
    lag: i64,
}

impl TableRow for LagRow {
    const HEADER: &'static [&'static str] = &["service", "topic", "partition", "committed", "end", "lag"];
    const NUMBERS: &'static [usize] = &[2, 3, 4, 5];

    fn cells(&self) -> Vec<String> {
        let committed = self.committed.map_or("-".to_owned(), |committed| committed.to_string());
        let (partition, end, lag) = (self.partition.to_string(), self.end.to_string(), self.lag.to_string());
        vec![self.service.to_owned(), self.topic.clone(), partition, committed, end, lag]
    }
}

impl LagCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let mut rows = Vec::new();
        for service in linked(self.service) {
            rows.extend(lag(settings, service)?);
        }
        let none = if rows.is_empty() {
            "no topics: no service has been started with this Kafka"
        } else {
            "no service is behind"
        };
        rows.retain(|row| row.lag > 0 || !self.behind);
        settings.output.rows(&rows, none)?;
        Ok(ExitStatus::Success)
    }
}

fn lag(settings: &Settings, service: &LinkedService) -> Result<Vec<LagRow>> {
    let LinkedService { owner, consumes, .. } = service;
    let redrive = redrive_topic(owner.name());
    let topics: Vec<_> = consumes.iter().copied().chain([redrive.as_str()]).collect();
    let kafka = settings.kafka_of(*owner);
    let found = messaging::lag(&kafka, &topics);
    let found = found.with_context(|| {
        format!("failed to read the lag of consumer group {owner} from {}", kafka.bootstrap_servers)
    })?;
    let row = |lag: messaging::Lag| {
        let messaging::Lag { topic, partition, committed, end, behind } = lag;
        LagRow { service: owner.name(), topic, partition, committed, end, lag: behind }
    };
    Ok(found.into_iter().map(row).collect())
}
