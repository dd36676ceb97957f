//! Records that a service could not handle.
//!
//! The topic `<service>.dlq` has the whole story: dead letters, and what was done about each. It is read from its beginning
//! and folded; nothing is kept anywhere else.

mod filter;
mod letter;
mod letters;
mod list;
mod resolve;
mod show;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use contracts::ServiceName;
use messaging::{dead_letters::dead_letter_topic, read_to_end};

pub(crate) use self::letters::DeadLetters;
use self::letters::{Records, Stored};
use crate::{Verdict, settings::Settings};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Dead letters about which nothing was done yet.
    List(list::List),
    /// One dead letter: what was wrong, what is in it, what was done about it, and what came of that.
    Show(show::Show),
    /// Have dead letters tried once more by the service that could not handle them, and by no other.
    ///
    /// Each goes to <service>.redrive as it was. It takes effect once, however often that is done: the service recognizes an
    /// event that it has handled. If it fails again, it comes back as a new dead letter.
    Redrive(resolve::Redrive),
    /// Say of dead letters that nothing is to be done about them. They stay in their topic, and `list --all` has them.
    Discard(resolve::Discard),
}

impl Command {
    pub(crate) fn run(self, settings: &Settings) -> Result<Verdict> {
        match self {
            Self::List(command) => command.run(settings),
            Self::Show(command) => command.run(settings),
            Self::Redrive(command) => command.run(settings),
            Self::Discard(command) => command.run(settings),
        }
    }
}

/// All dead letters of these services, with what was done about them.
pub(crate) fn read(settings: &Settings, services: &[ServiceName]) -> Result<DeadLetters> {
    let kafka = settings.kafka();
    let topics: Vec<_> = services.iter().map(|service| (dead_letter_topic(service.name()), *service)).collect();
    let names: Vec<_> = topics.iter().map(|(topic, _)| topic.as_str()).collect();
    let mut records = Records::default();
    let read = read_to_end(kafka, &names, |record| {
        if let Some((_, service)) = topics.iter().find(|(topic, _)| topic == record.topic()) {
            records.see(Stored::of(*service, record));
        }
    });
    read.with_context(|| format!("dead letters at Kafka {}", kafka.bootstrap_servers))?;
    Ok(records.fold())
}

/// One service, or all.
fn services(wanted: Option<ServiceName>) -> Vec<ServiceName> {
    wanted.map_or_else(|| ServiceName::ALL.to_vec(), |service| vec![service])
}
