//! `sagactl dead-letters list`

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::{
    filter::DeadLetterFilter,
    letter::{DeadLetter, DeadLetterId, Resolution},
    topic::read,
};
use crate::{
    exit::ExitStatus,
    output::{TableRow, short},
    service::selected,
    settings::Settings,
};

/// Maximum characters of a cell in the table.
const CELL_CHARS: usize = 60;

#[derive(Args)]
pub(crate) struct ListDeadLetters {
    #[command(flatten)]
    filter: DeadLetterFilter,
    /// Include redriven and discarded dead letters
    #[arg(long)]
    all: bool,
}

/// A dead letter in the list.
#[derive(Debug, Serialize)]
pub(super) struct DeadLetterSummary<'l> {
    pub(super) id: DeadLetterId,
    state: &'l str,
    time: String,
    class: String,
    attempts: String,
    event: String,
    order: String,
    /// Topic, partition and offset of the record.
    origin: String,
    error: String,
    resolutions: &'l [Resolution],
}

impl<'l> From<&'l DeadLetter> for DeadLetterSummary<'l> {
    fn from(letter: &'l DeadLetter) -> Self {
        Self {
            id: letter.id,
            state: letter.state(),
            time: letter.time().map(|time| time.to_string()).unwrap_or_default(),
            class: letter.class(),
            attempts: letter.attempts(),
            event: letter.event(),
            order: letter.order(),
            origin: letter.origin(),
            error: letter.error(),
            resolutions: &letter.resolutions,
        }
    }
}

impl TableRow for DeadLetterSummary<'_> {
    const HEADER: &'static [&'static str] = &["id", "time", "class", "attempts", "event", "order", "state", "error"];
    const NUMBERS: &'static [usize] = &[3];

    fn cells(&self) -> Vec<String> {
        // Seconds are enough for people; JSON has the full time.
        let time = self.time.split_once('.').map_or_else(|| self.time.clone(), |(seconds, _)| format!("{seconds}Z"));
        vec![
            self.id.to_string(),
            time,
            self.class.clone(),
            self.attempts.clone(),
            short(&self.event, CELL_CHARS),
            short(&self.order, CELL_CHARS),
            self.state.to_owned(),
            short(&self.error, CELL_CHARS),
        ]
    }
}

impl ListDeadLetters {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let letters = read(settings, &selected(self.filter.service))?;
        let mut found: Vec<_> =
            letters.iter().filter(|letter| (self.all || letter.is_open()) && self.filter.matches(letter)).collect();
        found.sort_by_key(|letter| (letter.time(), letter.id));
        let rows: Vec<_> = found.into_iter().map(DeadLetterSummary::from).collect();
        settings.output.rows(&rows, "no dead letters")?;
        Ok(ExitStatus::Success)
    }
}
