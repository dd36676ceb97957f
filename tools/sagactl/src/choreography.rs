//! `sagactl choreography`: the saga table, from the declarations of the services.

use anyhow::Result;
use catalog::ServiceName;
use clap::Args;
use decider::{ReactionInfo, Trigger};
use serde::Serialize;
use service_registry::{LinkedService, linked};

use crate::{exit::ExitStatus, output::TableRow, service, settings::Settings};

#[derive(Args)]
pub(crate) struct ChoreographyCommand {
    /// Only this service
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    service: Option<ServiceName>,
}

/// Reaction of a service to an event, a request or a deadline.
#[derive(Debug, Serialize)]
struct ReactionRow {
    service: &'static str,
    when: String,
    command: &'static str,
    does: &'static str,
    /// Events that may follow, at once or after a provider's response.
    publishes: Vec<&'static str>,
}

impl ReactionRow {
    fn new(service: ServiceName, reaction: &ReactionInfo) -> Self {
        let ReactionInfo { trigger, command, summary, emits } = *reaction;
        let publishes = emits.iter().map(|event| event.name).collect();
        Self { service: service.name(), when: when(trigger), command, does: summary, publishes }
    }
}

fn when(trigger: Trigger) -> String {
    match trigger {
        Trigger::Event(event) => event.to_owned(),
        Trigger::Request(who) => format!("request by the {who}"),
        Trigger::Deadline => "deadline".to_owned(),
    }
}

impl TableRow for ReactionRow {
    const HEADER: &'static [&'static str] = &["service", "when", "command", "does", "may publish"];

    fn cells(&self) -> Vec<String> {
        let publishes = self.publishes.join(", ");
        vec![self.service.to_owned(), self.when.clone(), self.command.to_owned(), self.does.to_owned(), publishes]
    }
}

impl ChoreographyCommand {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        settings.output.rows(&rows(self.service), "no reactions")?;
        Ok(ExitStatus::Success)
    }
}

fn rows(service: Option<ServiceName>) -> Vec<ReactionRow> {
    let rows = |service: &'static LinkedService| {
        service.reactions.iter().map(|reaction| ReactionRow::new(service.owner, reaction))
    };
    linked(service).flat_map(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_cover_the_reactions_of_each_service() {
        let all = rows(None);
        for service in linked(None) {
            let count = all.iter().filter(|row| row.service == service.owner.name()).count();
            assert_eq!((count, rows(Some(service.owner)).len()), (service.reactions.len(), count), "{}", service.owner);
        }
    }

    #[test]
    fn row_names_command_and_possible_events() {
        let inventory = rows(Some(ServiceName::Inventory));
        let placed = inventory.iter().find(|row| row.when == "OrderPlaced").expect("inventory reserves");
        assert_eq!(
            (placed.command, &placed.publishes[..]),
            ("Reserve", &["StockReserved", "StockReservationRejected"][..])
        );
    }
}
