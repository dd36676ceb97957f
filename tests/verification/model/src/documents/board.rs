//! An [Event Modeling](https://eventmodeling.org/posts/what-is-event-modeling/) board as SVG: time from left to right,
//! with lanes for triggers, commands, the events of each service, and read models.

use std::collections::BTreeSet;

use catalog::ServiceName;
use decider::{ReactionInfo, Trigger};

use super::markdown::push;
use crate::choreography::{SERVICES, reactions};

const COLUMN: usize = 190;
const LANE: usize = 64;
const LEFT: usize = 120;
const TOP: usize = 40;
/// Lanes above those of the services.
const UPPER_LANES: [&str; 2] = ["triggers", "commands"];

/// A command with its triggers and the events that may follow.
struct Column {
    owner: ServiceName,
    triggers: Vec<Trigger>,
    reaction: &'static ReactionInfo,
}

/// Generates the board.
pub fn svg() -> String {
    let columns = columns();
    let services = SERVICES.iter().map(|service| service.owner.name());
    let lanes: Vec<_> = UPPER_LANES.into_iter().chain(services).chain(["read models"]).collect();
    let (width, height) = (LEFT + COLUMN * (columns.len() + 1), TOP + LANE * lanes.len() + 20);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>The order saga, as an Event Modeling board</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (lane, name) in lanes.iter().enumerate() {
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

/// Commands that publish events, in waves: first all consequences of placing an order, then the actions of people and of
/// the clock. Equal commands share a column.
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
    let triggers: Vec<_> = triggers.iter().map(|trigger| describe(*trigger)).collect();
    write_lines(svg, x, TOP + 4, &triggers);
    sticky(svg, x, 1, 0, 1, "#9ec9f5", reaction.command);
    let lane = UPPER_LANES.len() + position(*owner);
    for (index, event) in reaction.emits.iter().enumerate() {
        sticky(svg, x, lane, index, reaction.emits.len(), "#f7b267", event.name);
    }
}

fn describe(trigger: Trigger) -> String {
    match trigger {
        Trigger::Event(event) => format!("⚙ after {event}"),
        Trigger::Request(person) => format!("☺ {person}"),
        Trigger::Deadline => "⏱ deadline".to_owned(),
    }
}

/// Index of a service among all services with a lane.
fn position(owner: ServiceName) -> usize {
    SERVICES.iter().position(|service| service.owner == owner).unwrap_or_default()
}

fn draw_read_models(svg: &mut String, x: usize) {
    const READ_MODELS: [&str; 4] = ["orders, timelines", "stock, reservations", "payments", "shipments"];
    let lane = UPPER_LANES.len() + SERVICES.len();
    for (index, name) in READ_MODELS.iter().enumerate() {
        sticky(svg, x, lane, index, READ_MODELS.len(), "#b8e0a5", name);
    }
}

/// Draws one of `of` notes that share a cell.
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
