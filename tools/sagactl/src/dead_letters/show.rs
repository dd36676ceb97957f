//! `sagactl dead-letters show`

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::{
    fold::DeadLetters,
    letter::{DeadLetter, DeadLetterId},
    list::DeadLetterSummary,
    topic::read,
};
use crate::{exit::ExitStatus, settings::Settings};

#[derive(Args)]
pub(crate) struct ShowDeadLetter {
    /// Dead letter id: <service>/<partition>/<offset>
    id: DeadLetterId,
}

/// A dead letter with its content and history.
#[derive(Serialize)]
struct DeadLetterDetails<'l> {
    #[serde(flatten)]
    summary: DeadLetterSummary<'l>,
    key: Option<String>,
    headers: Vec<(&'l str, String)>,
    /// JSON if the payload is JSON, else text.
    payload: Value,
    /// Earlier dead letters of the same record, which were redriven; latest first.
    redrive_of: Vec<DeadLetterId>,
    /// Later dead letters of the same record, which failed again after a redrive.
    failed_again_as: Vec<DeadLetterId>,
}

impl<'l> DeadLetterDetails<'l> {
    fn new(letters: &'l DeadLetters, letter: &'l DeadLetter) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let payload = serde_json::from_slice(&letter.payload);
        Self {
            summary: letter.into(),
            key: letter.key.as_ref().map(|key| text(key)),
            headers: letter.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect(),
            payload: payload.unwrap_or_else(|_| Value::String(text(&letter.payload))),
            redrive_of: letters.predecessors(letter),
            failed_again_as: letters.successors(letter),
        }
    }

    fn text(&self, letter: &DeadLetter) -> String {
        let mut text = format!("Dead letter {} ({})\n", letter.id, letter.state());
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
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

impl ShowDeadLetter {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        let letters = read(settings, &[self.id.service])?;
        let letter = letters.find(self.id).with_context(|| format!("there is no dead letter {}", self.id))?;
        let details = DeadLetterDetails::new(&letters, letter);
        settings.output.one(&details, || details.text(letter))?;
        Ok(ExitStatus::Success)
    }
}
