//! `sagactl lag`: how far each service has got, as the broker knows it.

use anyhow::{Context as _, Result};
use clap::Args;
use contracts::ServiceName;
use messaging::dead_letters::redrive_topic;
use serde::Serialize;

use crate::{
    Verdict,
    output::Row,
    service::{self, Part, parts},
    settings::Settings,
};

#[derive(Args)]
pub(crate) struct Lag {
    /// The group of one service.
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    service: Option<ServiceName>,
    /// Only partitions with records that are yet to be done.
    #[arg(long)]
    behind: bool,
}

/// A service in a partition.
#[derive(Debug, Serialize)]
struct Line {
    service: &'static str,
    topic: String,
    partition: i32,
    /// The next record that it will do; none: it has done nothing yet.
    committed: Option<i64>,
    /// Where the next record will be.
    end: i64,
    /// Records that it has yet to do.
    lag: i64,
}

impl Row for Line {
    const HEADER: &'static [&'static str] = &["service", "topic", "partition", "committed", "end", "lag"];
    const NUMBERS: &'static [usize] = &[2, 3, 4, 5];

    fn cells(&self) -> Vec<String> {
        let committed = self.committed.map_or("-".to_owned(), |committed| committed.to_string());
        let (partition, end, lag) = (self.partition.to_string(), self.end.to_string(), self.lag.to_string());
        vec![self.service.to_owned(), self.topic.clone(), partition, committed, end, lag]
    }
}

impl Lag {
    pub(crate) fn run(self, settings: &Settings) -> Result<Verdict> {
        let mut lines = Vec::new();
        for part in parts(self.service) {
            lines.extend(lag(settings, part)?);
        }
        let none = if lines.is_empty() {
            "no topics: no service was ever started with this Kafka"
        } else {
            "nobody is behind"
        };
        lines.retain(|line| line.lag > 0 || !self.behind);
        settings.output.rows(&lines, none)?;
        Ok(Verdict::Good)
    }
}

fn lag(settings: &Settings, Part { owner, consumes, .. }: &Part) -> Result<Vec<Line>> {
    let redrive = redrive_topic(owner.name());
    let topics: Vec<_> = consumes.iter().copied().chain([redrive.as_str()]).collect();
    let kafka = settings.kafka_of(*owner);
    let found = messaging::lag(&kafka, &topics);
    let found = found.with_context(|| format!("the group of {} at Kafka {}", owner.name(), kafka.bootstrap_servers))?;
    let line = |lag: messaging::Lag| {
        let messaging::Lag { topic, partition, committed, end, behind } = lag;
        Line { service: owner.name(), topic, partition, committed, end, lag: behind }
    };
    Ok(found.into_iter().map(line).collect())
}
