//! `sagactl dead-letters redrive` and `discard`: resolve dead letters and record the resolution.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use jiff::Timestamp;
use messaging::{
    Outgoing, Producer,
    dead_letters::{self as header, dead_letter_topic, redrive_topic},
};

use super::{
    letter::{DISCARDED, DeadLetter, DeadLetterId, REDRIVEN},
    selection::{DeadLetterSelection, ResolutionResult},
    topic::read,
};
use crate::{exit::ExitStatus, service::selected, settings::Settings};

#[derive(Args)]
#[command(after_help = "\
Filters skip dead letters that are redriven or discarded. An id of such a dead letter is refused; see --again.")]
pub(crate) struct RedriveDeadLetters {
    #[command(flatten)]
    selection: DeadLetterSelection,
    /// Redrive all open dead letters
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Redrive also dead letters that are already redriven or discarded; requires ids
    #[arg(long, requires = "ids")]
    again: bool,
}

#[derive(Args)]
pub(crate) struct DiscardDeadLetters {
    #[command(flatten)]
    selection: DeadLetterSelection,
    /// Reason, stored with the resolution
    #[arg(long)]
    note: Option<String>,
}

impl RedriveDeadLetters {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        self.selection.require(self.all)?;
        let action = ResolveAction { resolution: REDRIVEN, note: None };
        action.run(settings, &self.selection, self.again)
    }
}

impl DiscardDeadLetters {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitStatus> {
        self.selection.require(false)?;
        let action = ResolveAction { resolution: DISCARDED, note: self.note };
        action.run(settings, &self.selection, false)
    }
}

struct ResolveAction {
    /// Value of the header `dlq_resolution`.
    resolution: &'static str,
    note: Option<String>,
}

impl ResolveAction {
    fn run(&self, settings: &Settings, selection: &DeadLetterSelection, again: bool) -> Result<ExitStatus> {
        let services = if selection.ids.is_empty() { selected(selection.filter.service) } else { selected(None) };
        let letters = read(settings, &services)?;
        let (letters, mut results) = selection.apply(&letters, again);
        let is_refused = |letter: &&DeadLetter| self.resolution == REDRIVEN && letter.is_cut();
        let (cut, letters): (Vec<_>, Vec<_>) = letters.into_iter().partition(is_refused);
        results.extend(cut.into_iter().map(ResolutionResult::cut));
        let result = if selection.dry_run {
            let outcome = |letter: &&DeadLetter| ResolutionResult::of(letter, format!("would be {}", self.resolution));
            results.extend(letters.iter().map(outcome));
            Ok(())
        } else {
            self.resolve_all(settings, &letters, &mut results)
        };
        settings.output.rows(&results, "no matching dead letters")?;
        result.map(|()| ExitStatus::success_if(results.iter().all(|result| result.done)))
    }

    /// Resolves dead letters one after the other. `results` has those before the first error.
    fn resolve_all(
        &self,
        settings: &Settings,
        letters: &[&DeadLetter],
        results: &mut Vec<ResolutionResult>,
    ) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        let producer = Producer::new(settings.kafka())?;
        for letter in letters {
            let sent = runtime.block_on(self.resolve(&producer, letter));
            sent.with_context(|| format!("failed to resolve dead letter {}", letter.id))?;
            results.push(ResolutionResult::of(letter, self.resolution));
        }
        Ok(())
    }

    /// Publishes the record before the resolution. A crash in between leaves the dead letter open, and a second redrive
    /// has no further effect.
    async fn resolve(&self, producer: &Producer, letter: &DeadLetter) -> Result<()> {
        let service = letter.id.service.name();
        let key = letter.key.as_deref();
        let sent = match self.resolution {
            REDRIVEN => Some((redrive_headers(letter), &letter.payload[..])),
            _ => discard_headers(letter).map(|headers| (headers, &b""[..])),
        };
        if let Some((headers, payload)) = sent {
            let topic = redrive_topic(service);
            let record = Outgoing { topic: &topic, partition: None, key, headers: &headers, payload };
            producer.send(record)?.acknowledged().await?;
        }
        let (topic, headers) = (dead_letter_topic(service), self.resolution_headers(letter.id, Timestamp::now()));
        let partition = Some(letter.id.partition);
        producer
            .send(Outgoing { topic: &topic, partition, key, headers: &headers, payload: b"" })?
            .acknowledged()
            .await?;
        Ok(())
    }

    fn resolution_headers(&self, id: DeadLetterId, now: Timestamp) -> Vec<(String, Bytes)> {
        let headers = [
            (header::RESOLVES, id.to_string()),
            (header::RESOLUTION, self.resolution.to_owned()),
            (header::TIME, now.to_string()),
        ];
        let note = self.note.as_ref().map(|note| (header::NOTE, note.clone()));
        headers.into_iter().chain(note).map(text_header).collect()
    }
}

/// Headers of the original record, with those of its dead letter.
fn redrive_headers(letter: &DeadLetter) -> Vec<(String, Bytes)> {
    letter.original_headers().cloned().chain(origin_headers(letter)).collect()
}

/// Headers of a record by which the service closes its own copy of a discarded dead letter. Returns `None` for a dead letter
/// of an earlier version, which has no copy.
fn discard_headers(letter: &DeadLetter) -> Option<Vec<(String, Bytes)>> {
    letter.header(header::ID)?;
    let resolution = text_header((header::RESOLUTION, DISCARDED.to_owned()));
    Some(origin_headers(letter).chain([resolution]).collect())
}

/// Topic of the original record, and both ids of the dead letter.
fn origin_headers(letter: &DeadLetter) -> impl Iterator<Item = (String, Bytes)> {
    let origin = [(header::REDRIVE_TOPIC, letter.topic()), (header::REDRIVE_OF, letter.id.to_string())];
    let id = letter.header(header::ID).map(|id| (header::REDRIVE_ID, id));
    origin.into_iter().chain(id).map(text_header)
}

fn text_header((name, value): (&str, String)) -> (String, Bytes) {
    (name.to_owned(), Bytes::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letters::fold::tests::{fold, letter, stored};

    #[test]
    fn redrive_keeps_the_original_headers_and_adds_the_origin() {
        let again = [
            ("ce_id", "1"),
            ("dlq_topic", "order.events"),
            ("dlq_error", "no"),
            ("redrive_topic", "older"),
            ("redrive_of", "payment/0/1"),
            ("redrive_id", "5"),
            ("dlq_id", "6"),
        ];
        let letters = fold([stored("payment/2/7", &again)]);
        let headers = redrive_headers(letters.iter().next().expect("one"));
        let text: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        let origin = [("redrive_topic", &b"order.events"[..]), ("redrive_of", b"payment/2/7"), ("redrive_id", b"6")];
        assert_eq!(text, [&[("ce_id", &b"1"[..])], &origin[..]].concat());
    }

    #[test]
    fn discard_names_the_service_copy_if_there_is_one() {
        let letters = fold([stored("payment/2/7", &[("dlq_id", "6")]), letter("payment/2/8", "1")]);
        let mut headers = letters.iter().map(discard_headers);
        let first = headers.next().expect("one").expect("it has a copy");
        let value = |name: &str| first.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..]);
        assert_eq!((value("redrive_id"), value("dlq_resolution")), (Some(&b"6"[..]), Some(&b"discarded"[..])));
        assert_eq!(headers.next().expect("two"), None);
    }

    #[test]
    fn fold_reads_the_resolution_that_discard_writes() {
        let action = ResolveAction { resolution: DISCARDED, note: Some("a test".to_owned()) };
        let now = "2026-11-25T10:00:00Z".parse().expect("a time");
        let headers = action.resolution_headers("payment/0/0".parse().expect("an id"), now);
        let text: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), std::str::from_utf8(value).expect("text"))).collect();
        let letters = fold([letter("payment/0/0", "1"), stored("payment/0/1", &text)]);
        let found = &letters.iter().next().expect("one").resolutions;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].done.as_str(), found[0].note.as_deref()), (DISCARDED, Some("a test")));
        assert_eq!(found[0].time, "2026-11-25T10:00:00Z");
    }
}
