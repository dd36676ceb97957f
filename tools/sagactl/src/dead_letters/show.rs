//! `sagactl dead-letters show`

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::{
    letter::{DeadLetter, Id},
    letters::DeadLetters,
    list::Summary,
    read,
};
use crate::{Verdict, settings::Settings};

#[derive(Args)]
pub(crate) struct Show {
    /// Which one: <service>/<partition>/<offset>.
    id: Id,
}

/// All that is known of a dead letter.
#[derive(Serialize)]
struct Whole<'l> {
    #[serde(flatten)]
    summary: Summary<'l>,
    key: Option<String>,
    headers: Vec<(&'l str, String)>,
    /// As JSON if it is, else as text.
    payload: Value,
    /// What it was before it was redriven, the latest first.
    redrive_of: Vec<Id>,
    /// What it became when it was redriven and failed again.
    failed_again_as: Vec<Id>,
}

impl<'l> Whole<'l> {
    fn new(letters: &'l DeadLetters, letter: &'l DeadLetter) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let payload = serde_json::from_slice(&letter.payload);
        Self {
            summary: letter.into(),
            key: letter.key.as_ref().map(|key| text(key)),
            headers: letter.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect(),
            payload: payload.unwrap_or_else(|_| Value::String(text(&letter.payload))),
            redrive_of: letters.before(letter),
            failed_again_as: letters.after(letter),
        }
    }

    fn text(&self, letter: &DeadLetter) -> String {
        let mut text = format!("Dead letter {} ({})\n", letter.id, letter.state());
        let mut line = |name: &str, value: &str| {
            // Writing to a string can't fail.
            let _ = writeln!(text, "  {name:<18}{value}");
        };
        line("error", &format!("{}: {}", letter.class(), letter.error()));
        line("attempts", &letter.attempts());
        line("time", &letter.time().map(|time| time.to_string()).unwrap_or_default());
        line("record", &letter.origin());
        line("event", &letter.event());
        line("order", &letter.order());
        line("key", self.key.as_deref().unwrap_or("(none)"));
        for id in &self.redrive_of {
            line("redrive of", &id.to_string());
        }
        for id in &self.failed_again_as {
            line("failed again as", &id.to_string());
        }
        for resolution in &letter.resolutions {
            let note = resolution.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            line(&resolution.done, &format!("{}{note}", resolution.time));
        }
        text += "Headers\n";
        for (name, value) in letter.original_headers() {
            let _ = writeln!(text, "  {name:<18}{}", String::from_utf8_lossy(value));
        }
        let payload = match &self.payload {
            Value::String(text) => text.clone(),
            json => format!("{json:#}"),
        };
        format!("{text}Payload\n{payload}")
    }
}

impl Show {
    pub(super) fn run(self, settings: &Settings) -> Result<Verdict> {
        let letters = read(settings, &[self.id.service])?;
        let letter = letters.find(self.id).with_context(|| format!("there is no dead letter {}", self.id))?;
        let whole = Whole::new(&letters, letter);
        settings.output.one(&whole, || whole.text(letter))?;
        Ok(Verdict::Good)
    }
}
