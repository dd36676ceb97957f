//! `sagactl dead-letters`: records that a service could not process.
//!
//! The topic `<service>.dlq` contains both the dead letters and their resolutions. Each command reads it from the
//! beginning and folds it; the state is stored nowhere else.

mod filter;
mod fold;
mod letter;
mod list;
mod resolve;
mod selection;
mod show;
mod topic;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use self::{filter::since, topic::read};
use crate::{exit::ExitStatus, settings::Settings};

#[derive(Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List open dead letters
    List(list::ListDeadLetters),
    /// Show one dead letter: its error, content, resolutions and later failures
    Show(show::ShowDeadLetter),
    /// Redeliver dead letters to the service that could not process them, and to no other
    ///
    /// The original record is published to <service>.redrive. Repeated redrives have one effect, because the service
    /// recognizes an event that it has processed. A record that fails again becomes a new dead letter.
    Redrive(resolve::RedriveDeadLetters),
    /// Close dead letters without redelivery; they stay in their topic and in `list --all`
    Discard(resolve::DiscardDeadLetters),
}

impl DeadLettersCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        match self {
            Self::List(command) => command.run(settings),
            Self::Show(command) => command.run(settings),
            Self::Redrive(command) => command.run(settings),
            Self::Discard(command) => command.run(settings),
        }
    }
}
