//! An [Event Modeling](https://eventmodeling.org/posts/what-is-event-modeling/) board as SVG: time from left to right,
//! with lanes for who asks, for commands, for what people can look at, and for each service's events.

use std::collections::BTreeSet;

use contracts::ServiceName;
use decider::{ReactionInfo, Trigger};

use super::markdown::push;
use crate::choreography::{PARTS, reactions};

const COLUMN: usize = 190;
const LANE: usize = 64;
const LEFT: usize = 120;
const TOP: usize = 40;
const LANES: [&str; 7] = ["who asks", "commands", "order", "inventory", "payment", "shipping", "read models"];

/// A step in time: a command, and the events that may come of it.
struct Column {
    owner: ServiceName,
    /// What leads to it.
    triggers: Vec<Trigger>,
    reaction: &'static ReactionInfo,
}

/// The board.
pub fn svg() -> String {
    let columns = columns();
    let (width, height) = (LEFT + COLUMN * (columns.len() + 1), TOP + LANE * LANES.len() + 20);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>The order saga, as an Event Modeling board</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (lane, name) in LANES.iter().enumerate() {
        let y = TOP + lane * LANE;
        push(&mut svg, format_args!("<line x1=\"0\" y1=\"{y}\" x2=\"{width}\" y2=\"{y}\" stroke=\"#ddd\"/>\n"));
        push(&mut svg, format_args!("<text x=\"8\" y=\"{}\" fill=\"#555\">{name}</text>\n", y + 36));
    }
    for (index, column) in columns.iter().enumerate() {
        draw(&mut svg, LEFT + index * COLUMN, column);
    }
    draw_read_models(&mut svg, LEFT + columns.len() * COLUMN);
    svg + "</svg>\n"
}

/// Commands that publish something, wave after wave: first what the order's placing leads to, then what people and the
/// clock do. Equal ones are one.
fn columns() -> Vec<Column> {
    let mut open: Vec<_> = reactions().filter(|(_, reaction)| !reaction.emits.is_empty()).collect();
    let mut happened = BTreeSet::<&str>::new();
    let mut columns: Vec<Column> = Vec::new();
    while !open.is_empty() {
        let is_ready = |(_, reaction): &(ServiceName, &ReactionInfo)| match reaction.trigger {
            Trigger::Event(event) => happened.contains(event),
            Trigger::Request(_) | Trigger::Deadline => false,
        };
        let mut wave: Vec<_> = open.extract_if(.., |reaction| is_ready(reaction)).collect();
        if wave.is_empty() {
            wave.push(open.remove(0));
        }
        for (owner, reaction) in wave {
            happened.extend(reaction.emits.iter().map(|event| event.name));
            add(&mut columns, owner, reaction);
        }
    }
    columns
}

fn add(columns: &mut Vec<Column>, owner: ServiceName, reaction: &'static ReactionInfo) {
    let same = |column: &&mut Column| column.owner == owner && is_same(column.reaction, reaction);
    match columns.iter_mut().find(same) {
        Some(column) => column.triggers.push(reaction.trigger),
        None => columns.push(Column { owner, triggers: vec![reaction.trigger], reaction }),
    }
}

fn is_same(one: &ReactionInfo, other: &ReactionInfo) -> bool {
    one.command == other.command && one.emits == other.emits
}

fn draw(svg: &mut String, x: usize, Column { owner, triggers, reaction }: &Column) {
    let asked: Vec<_> = triggers.iter().map(|trigger| describe(*trigger)).collect();
    write_lines(svg, x, TOP + 4, &asked);
    sticky(svg, x, 1, 0, 1, "#9ec9f5", reaction.command);
    let lane = 2 + *owner as usize;
    for (index, event) in reaction.emits.iter().enumerate() {
        sticky(svg, x, lane, index, reaction.emits.len(), "#f7b267", event.name);
    }
}

fn describe(trigger: Trigger) -> String {
    match trigger {
        Trigger::Event(event) => format!("⚙ after {event}"),
        Trigger::Request(who) => format!("☺ {who}"),
        Trigger::Deadline => "⏱ deadline".to_owned(),
    }
}

/// What people see, made of the events.
fn draw_read_models(svg: &mut String, x: usize) {
    const READ_MODELS: [(ServiceName, &str); 4] = [
        (ServiceName::Order, "orders, timelines"),
        (ServiceName::Inventory, "stock, reservations"),
        (ServiceName::Payment, "payments"),
        (ServiceName::Shipping, "shipments"),
    ];
    for (part, (owner, name)) in PARTS.iter().zip(READ_MODELS) {
        debug_assert_eq!(part.owner, owner);
        sticky(svg, x, 6, owner as usize, READ_MODELS.len(), "#b8e0a5", name);
    }
}

/// One of `of` notes that share a place.
fn sticky(svg: &mut String, x: usize, lane: usize, index: usize, of: usize, color: &str, text: &str) {
    let height = (LANE - 10) / of;
    let y = TOP + lane * LANE + 5 + index * height;
    let (width, h, middle) = (COLUMN - 12, height - 2, y + height / 2 + 3);
    let rect = format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{h}\" rx=\"3\" fill=\"{color}\"/>");
    let size = if of > 3 { 9 } else { 12 };
    push(svg, format_args!("{rect}<text x=\"{}\" y=\"{middle}\" font-size=\"{size}\">{text}</text>\n", x + 6));
}

fn write_lines(svg: &mut String, x: usize, y: usize, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        let y = y + 10 + index * 11;
        push(svg, format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"10\" fill=\"#333\">{line}</text>\n"));
    }
}
