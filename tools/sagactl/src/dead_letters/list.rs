//! `sagactl dead-letters list`

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::{
    filter::Filter,
    letter::{DeadLetter, Id, Resolution},
    read, services,
};
use crate::{
    Verdict,
    output::{Row, short},
    settings::Settings,
};

/// Characters of an error in a table.
const ERROR_CHARS: usize = 60;

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    filter: Filter,
    /// Also those about which something was done.
    #[arg(long)]
    all: bool,
}

/// A dead letter in a list.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'l> {
    pub(super) id: Id,
    state: &'l str,
    time: String,
    class: String,
    attempts: String,
    event: String,
    order: String,
    /// Where the record was.
    origin: String,
    error: String,
    resolutions: &'l [Resolution],
}

impl<'l> From<&'l DeadLetter> for Summary<'l> {
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

impl Row for Summary<'_> {
    const HEADER: &'static [&'static str] = &["id", "time", "class", "tries", "event", "order", "state", "error"];
    const NUMBERS: &'static [usize] = &[3];

    fn cells(&self) -> Vec<String> {
        // To the second; JSON has the whole of it.
        let time = self.time.split_once('.').map_or_else(|| self.time.clone(), |(seconds, _)| format!("{seconds}Z"));
        vec![
            self.id.to_string(),
            time,
            self.class.clone(),
            self.attempts.clone(),
            short(&self.event, ERROR_CHARS),
            short(&self.order, ERROR_CHARS),
            self.state.to_owned(),
            short(&self.error, ERROR_CHARS),
        ]
    }
}

impl List {
    pub(super) fn run(self, settings: &Settings) -> Result<Verdict> {
        let letters = read(settings, &services(self.filter.service))?;
        let mut found: Vec<_> =
            letters.iter().filter(|letter| (self.all || letter.is_open()) && self.filter.fits(letter)).collect();
        found.sort_by_key(|letter| (letter.time(), letter.id));
        let rows: Vec<_> = found.into_iter().map(Summary::from).collect();
        settings.output.rows(&rows, "no dead letters")?;
        Ok(Verdict::Good)
    }
}
