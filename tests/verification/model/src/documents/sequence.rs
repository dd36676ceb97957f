//! Sequence diagrams of runs of the real deciders.

use super::markdown::push;
use crate::{
    choreography::{SERVICES, consumers},
    config::{Card, DeliveryAddress, ModelConfig, OrderScenario, PRODUCTION},
    explore::{FollowUp, run},
    schedule::ScheduleStep,
};

/// A run with one outcome of the order.
#[derive(Debug, Clone, Copy)]
pub struct DocumentedRun {
    /// Outcome in a few words.
    pub title: &'static str,
    scenario: OrderScenario,
    mugs: u32,
    /// Actions on the completed order.
    follow_ups: &'static [FollowUp],
}

const GOOD: OrderScenario = OrderScenario {
    card: Card::Approved,
    address: DeliveryAddress::Served,
    cancelled: true,
    dispatched: true,
    late: false,
};

/// Runs that cover all outcomes.
pub const RUNS: [DocumentedRun; 7] = [
    DocumentedRun { title: "Confirmed and dispatched", scenario: GOOD, mugs: 1, follow_ups: &[FollowUp::Dispatch] },
    DocumentedRun { title: "Out of stock", scenario: GOOD, mugs: 0, follow_ups: &[] },
    DocumentedRun {
        title: "Declined",
        scenario: OrderScenario { card: Card::Declined, ..GOOD },
        mugs: 1,
        follow_ups: &[],
    },
    DocumentedRun {
        title: "Refused by the carrier",
        scenario: OrderScenario { address: DeliveryAddress::Refused, ..GOOD },
        mugs: 1,
        follow_ups: &[],
    },
    DocumentedRun { title: "Cancelled by the customer", scenario: GOOD, mugs: 1, follow_ups: &[FollowUp::Cancel] },
    DocumentedRun {
        title: "Cancelled too late",
        scenario: GOOD,
        mugs: 1,
        follow_ups: &[FollowUp::Dispatch, FollowUp::Cancel],
    },
    DocumentedRun {
        title: "Stuck until its deadline",
        scenario: OrderScenario { card: Card::Silent, ..GOOD },
        mugs: 1,
        follow_ups: &[],
    },
];

impl DocumentedRun {
    /// Generates the Mermaid diagram of a run without delays.
    pub fn diagram(&self) -> String {
        let config = ModelConfig { scenarios: vec![self.scenario], mugs: self.mugs, guarantees: PRODUCTION };
        let steps = run(config, self.follow_ups).unwrap_or_else(|violation| panic!("{violation}"));
        let mut diagram = "```mermaid\nsequenceDiagram\n    autonumber\n".to_owned();
        diagram += "    actor customer\n";
        for service in SERVICES.iter() {
            push(&mut diagram, format_args!("    participant {}\n", service.owner));
        }
        for step in steps {
            push(&mut diagram, format_args!("    {}\n", arrow(&step)));
            // Events without a reaction are shown to people.
            for event in step.published.iter().filter(|event| consumers(event).next().is_none()) {
                push(&mut diagram, format_args!("    {}-->>customer: {event}\n", step.actor));
            }
        }
        diagram + "```\n"
    }
}

fn arrow(step: &ScheduleStep) -> String {
    let ScheduleStep { actor, verb, object, .. } = step;
    match *verb {
        "receives" => {
            let from = contracts::event_type(object).map_or("", |event| event.owner);
            format!("{from}-->>{actor}: {object}")
        }
        "performs" => format!("{}->>{}: {object}", caller(object).0, caller(object).1),
        "answers" => format!("{}-->>{}: response to {object}", caller(object).1, caller(object).0),
        "cancels" | "places" => format!("customer->>order: {verb} {object}"),
        "dispatches" => format!("clerk->>shipping: {verb} {object}"),
        _ => format!("Note over order: {object} passes"),
    }
}

/// Calling service and provider of a call.
fn caller(call: &str) -> (&'static str, &'static str) {
    match call {
        "book" | "cancel" => ("shipping", "carrier"),
        _ => ("payment", "gateway"),
    }
}
