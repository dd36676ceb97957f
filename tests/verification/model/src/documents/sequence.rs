//! Sequence diagrams of real runs.

use super::markdown::push;
use crate::{Card, Destination, PRODUCTION, Setting, Step, Story, choreography::consumers, run};

/// A way in which an order can go.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// What becomes of the order, in a few words.
    pub title: &'static str,
    story: Story,
    mugs: u32,
    /// When everything has come to rest, this happens.
    later: &'static [Later],
}

/// What people do with an order that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// The customer cancels it.
    Cancel,
    /// A clerk hands the parcel over.
    Dispatch,
}

const GOOD: Story =
    Story { card: Card::Approved, address: Destination::Served, cancelled: true, dispatched: true, late: false };

/// Every way in which an order can go.
pub const WAYS: [Way; 7] = [
    Way { title: "Confirmed and dispatched", story: GOOD, mugs: 1, later: &[Later::Dispatch] },
    Way { title: "Out of stock", story: GOOD, mugs: 0, later: &[] },
    Way { title: "Declined", story: Story { card: Card::Declined, ..GOOD }, mugs: 1, later: &[] },
    Way {
        title: "Refused by the carrier",
        story: Story { address: Destination::Refused, ..GOOD },
        mugs: 1,
        later: &[],
    },
    Way { title: "Cancelled by the customer", story: GOOD, mugs: 1, later: &[Later::Cancel] },
    Way { title: "Cancelled too late", story: GOOD, mugs: 1, later: &[Later::Dispatch, Later::Cancel] },
    Way { title: "Stuck until its deadline", story: Story { card: Card::Silent, ..GOOD }, mugs: 1, later: &[] },
];

impl Way {
    /// The diagram in Mermaid, of a run in which everything comes as soon as it can.
    pub fn diagram(&self) -> String {
        let setting = Setting { stories: vec![self.story], mugs: self.mugs, guarantees: PRODUCTION };
        let steps = run(setting, self.later).unwrap_or_else(|broken| panic!("{broken}"));
        let mut diagram = "```mermaid\nsequenceDiagram\n    autonumber\n".to_owned();
        diagram += "    actor customer\n";
        for service in ["order", "inventory", "payment", "shipping"] {
            push(&mut diagram, format_args!("    participant {service}\n"));
        }
        for step in steps {
            push(&mut diagram, format_args!("    {}\n", arrow(&step)));
            // What no service reacts to is for people.
            for event in step.published.iter().filter(|event| consumers(event).next().is_none()) {
                push(&mut diagram, format_args!("    {}-->>customer: {event}\n", step.who));
            }
        }
        diagram + "```\n"
    }
}

fn arrow(step: &Step) -> String {
    let Step { who, does, what, .. } = step;
    match *does {
        "receives" => {
            let from = contracts::event_type(what).map_or("", |event| event.owner);
            format!("{from}-->>{who}: {what}")
        }
        "performs" => format!("{}->>{}: {what}", caller(what).0, caller(what).1),
        "answers" => format!("{}-->>{}: answer to {what}", caller(what).1, caller(what).0),
        "cancels" | "places" => format!("customer->>order: {does} {what}"),
        "dispatches" => format!("clerk->>shipping: {does} {what}"),
        _ => format!("Note over order: {what} passes"),
    }
}

/// Who makes a call, and whom it goes to.
fn caller(call: &str) -> (&'static str, &'static str) {
    match call {
        "book" | "cancel" => ("shipping", "carrier"),
        _ => ("payment", "gateway"),
    }
}
