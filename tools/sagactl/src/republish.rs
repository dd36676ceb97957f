//! `sagactl republish`: requests a replay from a service and waits until its streams are selected.

use std::{io::IsTerminal as _, thread::sleep, time::Duration};

use anyhow::{Result, bail};
use catalog::ServiceName;
use clap::Args;
use jiff::Timestamp;
use runtime::{ReplayProgress, ReplayRequest, ReplayState};

use crate::{dead_letters::since, exit::ExitStatus, output::counted, service, settings::Settings};

/// Time between requests for the progress.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Args)]
#[command(after_help = "\
Safe at any time: every service recognizes the events that it has processed. The other services publish their own
facts about the same orders, so a service that missed one receives it. Without a selection, everything is published again.

Examples:
  sagactl republish --service order --order 01a208d8-0266-73c3-9b9f-c2ad752e6e01
  sagactl republish --service payment --since 24h --rate 200")]
pub(crate) struct RepublishCommand {
    /// Service whose facts are published again
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    service: ServiceName,
    /// Only facts about this order
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "since"])]
    order: Option<String>,
    /// Only orders with facts after this position of the service's log
    #[arg(long, value_name = "POSITION", conflicts_with = "since")]
    from: Option<i64>,
    /// Only orders with facts since a time (RFC 3339) or within a duration (`90m`, `24h`, `7d`)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// Maximum orders per second, 1 to 10000
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
}

impl RepublishCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let Self { service, order, from, since, rate } = self;
        let client = settings.client(service);
        let request = ReplayRequest { subject: order, from_position: from, since, rate };
        let mut progress: ReplayProgress = client.post("/replays", &request)?;
        let shows_progress = std::io::stderr().is_terminal();
        while progress.state == ReplayState::Running {
            if shows_progress {
                eprint!("\r{service}: {} up to position {}", counted(progress.streams, "stream"), progress.position);
            }
            sleep(POLL_INTERVAL);
            progress = client.get(&format!("/replays/{}", progress.wave))?;
        }
        if shows_progress {
            eprintln!();
        }
        if progress.state == ReplayState::Failed {
            bail!("the {service} service stopped early: {}", progress.error.unwrap_or_default());
        }
        settings.output.one(&progress, || text(service, &progress))?;
        Ok(ExitStatus::success_if(true))
    }
}

fn text(service: ServiceName, progress: &ReplayProgress) -> String {
    format!("{service} publishes {} again, in wave {}", counted(progress.streams, "stream"), progress.wave)
}
