//! Tables of the saga, and the flow of its events.

use std::fmt::Write as _;

use contracts::EventType;
use decider::{ReactionInfo, Trigger};

use crate::choreography::{SERVICES, consumers, events, reactions};

/// Replaces the text between the two marker lines. Returns `None` if a marker is missing.
pub fn replace_between(document: &str, mark: &str, generated: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {mark}: generated -->\n"), format!("<!-- {mark}: end -->\n"));
    let start = document.find(&begin)? + begin.len();
    let stop = start + document[start..].find(&end)?;
    Some(format!("{}{generated}{}", &document[..start], &document[stop..]))
}

/// Table of reactions: a row for every event, a column for every service. The service that starts the saga comes last.
pub fn saga_table() -> String {
    let mut columns: Vec<_> = SERVICES.iter().map(|service| service.owner).collect();
    columns.rotate_left(1);
    let mut table = "| event |".to_owned();
    for owner in &columns {
        push(&mut table, format_args!(" {} |", owner.name()));
    }
    table += "\n| --- |";
    table += &" --- |".repeat(columns.len());
    for event in events().filter(|event| consumers(event.name).next().is_some()) {
        push(&mut table, format_args!("\n| `{}` |", event.name));
        for owner in &columns {
            let reaction = consumers(event.name).find(|(consumer, _)| consumer == owner);
            push(&mut table, format_args!(" {} |", reaction.map_or("", |(_, reaction)| reaction.summary)));
        }
    }
    table + "\n"
}

/// Table of all reactions, with their commands and the events that may follow.
pub fn reactions_table() -> String {
    let mut table = "| service | trigger | command | may publish |\n| --- | --- | --- | --- |\n".to_owned();
    for (owner, reaction) in reactions() {
        let emits: Vec<_> = reaction.emits.iter().map(|event| format!("`{}`", event.name)).collect();
        let ReactionInfo { trigger, command, .. } = reaction;
        push(
            &mut table,
            format_args!("| {} | {} | `{command}` | {} |\n", owner.name(), describe(*trigger), emits.join(", ")),
        );
    }
    table
}

fn describe(trigger: Trigger) -> String {
    match trigger {
        Trigger::Event(event) => format!("`{event}`"),
        Trigger::Request(person) => format!("request of the {person}"),
        Trigger::Deadline => "deadline".to_owned(),
    }
}

/// Mermaid flowchart of causes: a box for every service, an arrow for every reaction.
pub fn flow() -> String {
    let mut flow = "```mermaid\nflowchart LR\n".to_owned();
    for service in SERVICES.iter() {
        push(&mut flow, format_args!("    subgraph {0}[\"{0}\"]\n", service.owner.name()));
        for event in service.publishes {
            push(&mut flow, format_args!("        {}\n", event.name));
        }
        flow += "    end\n";
    }
    for (_, ReactionInfo { trigger, command, emits, .. }) in reactions() {
        for EventType { name: event, .. } in *emits {
            match trigger {
                Trigger::Event(cause) => push(&mut flow, format_args!("    {cause} -- {command} --> {event}\n")),
                Trigger::Request(person) => {
                    push(&mut flow, format_args!("    {person}(({person})) -- {command} --> {event}\n"));
                }
                Trigger::Deadline => push(&mut flow, format_args!("    clock((clock)) -- {command} --> {event}\n")),
            }
        }
    }
    flow + "```\n"
}

pub(super) fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a String cannot fail");
}
