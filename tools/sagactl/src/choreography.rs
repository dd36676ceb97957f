//! `sagactl choreography`: the saga's table, of what the services declare.

use anyhow::Result;
use clap::Args;
use contracts::ServiceName;
use decider::{ReactionInfo, Trigger};
use serde::Serialize;

use crate::{
    Verdict,
    output::Row,
    service::{self, parts},
    settings::Settings,
};

#[derive(Args)]
pub(crate) struct Choreography {
    /// What one service does.
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    service: Option<ServiceName>,
}

/// What a service does when something happened.
#[derive(Debug, Serialize)]
struct Line {
    service: &'static str,
    when: String,
    command: &'static str,
    does: &'static str,
    /// The events that may come of it, at once or after a provider's answer.
    publishes: Vec<&'static str>,
}

impl Line {
    fn new(owner: ServiceName, reaction: &ReactionInfo) -> Self {
        let ReactionInfo { trigger, command, summary, emits } = *reaction;
        let publishes = emits.iter().map(|event| event.name).collect();
        Self { service: owner.name(), when: when(trigger), command, does: summary, publishes }
    }
}

fn when(trigger: Trigger) -> String {
    match trigger {
        Trigger::Event(event) => event.to_owned(),
        Trigger::Request(who) => format!("the {who} asks"),
        Trigger::Deadline => "its deadline passes".to_owned(),
    }
}

impl Row for Line {
    const HEADER: &'static [&'static str] = &["service", "when", "command", "does", "may publish"];

    fn cells(&self) -> Vec<String> {
        let publishes = self.publishes.join(", ");
        vec![self.service.to_owned(), self.when.clone(), self.command.to_owned(), self.does.to_owned(), publishes]
    }
}

impl Choreography {
    pub(crate) fn run(self, settings: &Settings) -> Result<Verdict> {
        settings.output.rows(&lines(self.service), "no reactions")?;
        Ok(Verdict::Good)
    }
}

fn lines(service: Option<ServiceName>) -> Vec<Line> {
    parts(service).flat_map(|part| part.reactions.iter().map(|reaction| Line::new(part.owner, reaction))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_a_line_for_each_reaction() {
        let all = lines(None);
        let of = |name: &str| all.iter().filter(|line| line.service == name).count();
        assert_eq!(all.len(), ["order", "inventory", "payment", "shipping"].map(of).iter().sum::<usize>());
        let inventory = lines(Some(ServiceName::Inventory));
        assert_eq!(inventory.len(), of("inventory"));
        let placed = inventory.iter().find(|line| line.when == "OrderPlaced").expect("it reserves");
        assert_eq!(
            (placed.command, &placed.publishes[..]),
            ("Reserve", &["StockReserved", "StockReservationRejected"][..])
        );
    }
}
