//! `sagactl orders`: orders and their progress in all services, from the HTTP APIs.

mod list;
mod show;
mod sse;
mod summary;
mod watch;

use anyhow::Result;
use clap::Subcommand;

use crate::{exit::ExitStatus, settings::Settings};

#[derive(Subcommand)]
pub(crate) enum OrdersCommand {
    /// List orders, newest first
    List(list::ListOrders),
    /// Show one order: its status, its events in all services, and its trace
    Show(show::ShowOrder),
    /// Follow one order until it is final; reconnects if the connection is lost
    Watch(watch::WatchOrder),
}

impl OrdersCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        match self {
            Self::List(command) => command.run(settings),
            Self::Show(command) => command.run(settings),
            Self::Watch(command) => command.run(settings),
        }
    }
}
