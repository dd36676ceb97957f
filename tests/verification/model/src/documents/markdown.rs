//! The saga's table and its flow.

use std::fmt::Write as _;

use contracts::{EventType, ServiceName};
use decider::{ReactionInfo, Trigger};

use crate::choreography::{PARTS, consumers, events, reactions};

/// In a document, what is between these two lines is generated.
pub fn replace_between(document: &str, mark: &str, generated: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {mark}: generated -->\n"), format!("<!-- {mark}: end -->\n"));
    let start = document.find(&begin)? + begin.len();
    let stop = start + document[start..].find(&end)?;
    Some(format!("{}{generated}{}", &document[..start], &document[stop..]))
}

/// Who reacts to what: a row for every event, a column for every service.
pub fn saga_table() -> String {
    let columns = [ServiceName::Inventory, ServiceName::Payment, ServiceName::Shipping, ServiceName::Order];
    let mut table = "| when this happened |".to_owned();
    for owner in columns {
        push(&mut table, format_args!(" {} |", owner.name()));
    }
    table += "\n| --- |";
    table += &" --- |".repeat(columns.len());
    for event in events().filter(|event| consumers(event.name).next().is_some()) {
        push(&mut table, format_args!("\n| `{}` |", event.name));
        for owner in columns {
            let reaction = consumers(event.name).find(|(consumer, _)| *consumer == owner);
            push(&mut table, format_args!(" {} |", reaction.map_or("", |(_, reaction)| reaction.summary)));
        }
    }
    table + "\n"
}

/// What each service does when something happened, with the commands and the events that may come of it.
pub fn reactions_table() -> String {
    let mut table = "| service | when | command | may publish |\n| --- | --- | --- | --- |\n".to_owned();
    for (owner, reaction) in reactions() {
        let emits: Vec<_> = reaction.emits.iter().map(|event| format!("`{}`", event.name)).collect();
        let ReactionInfo { trigger: to, command, .. } = reaction;
        push(
            &mut table,
            format_args!("| {} | {} | `{command}` | {} |\n", owner.name(), trigger(*to), emits.join(", ")),
        );
    }
    table
}

fn trigger(trigger: Trigger) -> String {
    match trigger {
        Trigger::Event(event) => format!("`{event}`"),
        Trigger::Request(who) => format!("the {who} asks"),
        Trigger::Deadline => "its deadline passes".to_owned(),
    }
}

/// Which event leads to which, as a Mermaid flowchart: a box for every service's events.
pub fn flow() -> String {
    let mut flow = "```mermaid\nflowchart LR\n".to_owned();
    for part in PARTS.iter() {
        push(&mut flow, format_args!("    subgraph {0}[\"{0}\"]\n", part.owner.name()));
        for event in part.publishes {
            push(&mut flow, format_args!("        {}\n", event.name));
        }
        flow += "    end\n";
    }
    for (_, ReactionInfo { trigger: to, command, emits, .. }) in reactions() {
        for EventType { name: event, .. } in *emits {
            match to {
                Trigger::Event(cause) => push(&mut flow, format_args!("    {cause} -- {command} --> {event}\n")),
                Trigger::Request(who) => push(&mut flow, format_args!("    {who}(({who})) -- {command} --> {event}\n")),
                Trigger::Deadline => push(&mut flow, format_args!("    clock((clock)) -- {command} --> {event}\n")),
            }
        }
    }
    flow + "```\n"
}

pub(super) fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes all");
}
