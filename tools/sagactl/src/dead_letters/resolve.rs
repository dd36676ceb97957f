//! `sagactl dead-letters redrive` and `discard`: what is done about dead letters, and the record that says so.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use jiff::Timestamp;
use messaging::{
    Outgoing, Producer,
    dead_letters::{self as header, dead_letter_topic, redrive_topic},
};
use serde::Serialize;

use super::{
    filter::Filter,
    letter::{DISCARDED, DeadLetter, Id, REDRIVEN},
    letters::DeadLetters,
    read, services,
};
use crate::{Usage, Verdict, output::Row, settings::Settings};

#[derive(Args)]
#[command(
    after_help = "A dead letter that was redriven or discarded is left out, or refused if it is named; see --again."
)]
pub(crate) struct Redrive {
    #[command(flatten)]
    which: Which,
    /// All that are open.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Also those that were redriven or discarded before: only with their names.
    #[arg(long, requires = "ids")]
    again: bool,
}

#[derive(Args)]
pub(crate) struct Discard {
    #[command(flatten)]
    which: Which,
    /// Why, for those who look later.
    #[arg(long)]
    note: Option<String>,
}

/// Dead letters by their names, or by filters.
#[derive(Args)]
struct Which {
    /// Which ones: <service>/<partition>/<offset>.
    #[arg(value_name = "ID")]
    ids: Vec<Id>,
    #[command(flatten)]
    filter: Filter,
    /// Only tell what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// What became of one of them.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Outcome {
    id: Id,
    event: String,
    order: String,
    /// Whether it was done, or would be.
    done: bool,
    told: String,
}

impl Row for Outcome {
    const HEADER: &'static [&'static str] = &["id", "event", "order", "outcome"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.to_string(), self.event.clone(), self.order.clone(), self.told.clone()]
    }
}

impl Redrive {
    pub(super) fn run(self, settings: &Settings) -> Result<Verdict> {
        self.which.must_choose(self.all)?;
        let again = self.again;
        let action = Action { word: REDRIVEN, note: None, dry_run: self.which.dry_run };
        action.run(settings, &self.which, again)
    }
}

impl Discard {
    pub(super) fn run(self, settings: &Settings) -> Result<Verdict> {
        self.which.must_choose(false)?;
        let action = Action { word: DISCARDED, note: self.note, dry_run: self.which.dry_run };
        action.run(settings, &self.which, false)
    }
}

impl Which {
    /// Nobody means all by saying nothing.
    fn must_choose(&self, all: bool) -> Result<(), Usage> {
        match (self.ids.is_empty(), self.filter.is_empty() && !all) {
            (true, true) => Err(Usage("say which dead letters, by their names, by filters or, to redrive, by --all")),
            (false, false) => Err(Usage("say which dead letters by their names or by filters, not by both")),
            _ => Ok(()),
        }
    }

    /// Those that are meant, the oldest first, so that the events of an order come in their order; or why not.
    fn chosen<'l>(&self, letters: &'l DeadLetters, again: bool) -> (Vec<&'l DeadLetter>, Vec<Outcome>) {
        let (mut chosen, mut refused) = (Vec::new(), Vec::new());
        if self.ids.is_empty() {
            chosen.extend(letters.iter().filter(|letter| letter.is_open() && self.filter.fits(letter)));
        }
        for id in &self.ids {
            match letters.find(*id) {
                None => refused.push(Outcome::refused(*id, "there is no such dead letter")),
                Some(letter) if chosen.iter().any(|known| known.id == letter.id) => {}
                Some(letter) if letter.is_open() || again => chosen.push(letter),
                Some(letter) => {
                    let reason = format!("refused: it was {} before", letter.state());
                    refused.push(Outcome { done: false, ..Outcome::of(letter, reason) });
                }
            }
        }
        chosen.sort_by_key(|letter| (letter.time(), letter.id));
        (chosen, refused)
    }
}

impl Outcome {
    fn of(letter: &DeadLetter, told: impl Into<String>) -> Self {
        Self { id: letter.id, event: letter.event(), order: letter.order(), done: true, told: told.into() }
    }

    fn refused(id: Id, why: &str) -> Self {
        let nothing = String::new;
        Self { id, event: nothing(), order: nothing(), done: false, told: format!("refused: {why}") }
    }
}

/// What is done about each.
struct Action {
    /// What `dlq_resolution` will say.
    word: &'static str,
    note: Option<String>,
    dry_run: bool,
}

impl Action {
    fn run(&self, settings: &Settings, which: &Which, again: bool) -> Result<Verdict> {
        let wanted = if which.ids.is_empty() { services(which.filter.service) } else { services(None) };
        let letters = read(settings, &wanted)?;
        let (chosen, mut outcomes) = which.chosen(&letters, again);
        let result = if self.dry_run {
            outcomes.extend(chosen.iter().map(|letter| Outcome::of(letter, format!("would be {}", self.word))));
            Ok(())
        } else {
            self.do_all(settings, &chosen, &mut outcomes)
        };
        settings.output.rows(&outcomes, "no dead letters to do this to")?;
        result.map(|()| Verdict::good_if(outcomes.iter().all(|outcome| outcome.done)))
    }

    /// One after the other; those that are done are told even if the next fails.
    fn do_all(&self, settings: &Settings, letters: &[&DeadLetter], outcomes: &mut Vec<Outcome>) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        let producer = Producer::new(settings.kafka())?;
        for letter in letters {
            let sent = runtime.block_on(self.do_one(&producer, letter));
            sent.with_context(|| format!("dead letter {}", letter.id))?;
            outcomes.push(Outcome::of(letter, self.word));
        }
        Ok(())
    }

    /// First the deed, then the record of it: who dies between them may do it once more, which is no harm.
    async fn do_one(&self, producer: &Producer, letter: &DeadLetter) -> Result<()> {
        let service = letter.id.service.name();
        let key = letter.key.as_deref();
        if self.word == REDRIVEN {
            let (topic, headers) = (redrive_topic(service), redriven(letter));
            let record = Outgoing { topic: &topic, partition: None, key, headers: &headers, payload: &letter.payload };
            producer.send(record)?.acknowledged().await?;
        }
        let (topic, headers) = (dead_letter_topic(service), self.resolution(letter.id, Timestamp::now()));
        let partition = Some(letter.id.partition);
        producer
            .send(Outgoing { topic: &topic, partition, key, headers: &headers, payload: b"" })?
            .acknowledged()
            .await?;
        Ok(())
    }

    fn resolution(&self, id: Id, now: Timestamp) -> Vec<(String, Bytes)> {
        let said = [
            (header::RESOLVES, id.to_string()),
            (header::RESOLUTION, self.word.to_owned()),
            (header::TIME, now.to_string()),
        ];
        let note = self.note.as_ref().map(|note| (header::NOTE, note.clone()));
        said.into_iter().chain(note).map(text_header).collect()
    }
}

/// The record as it was at first, with the way that it came.
fn redriven(letter: &DeadLetter) -> Vec<(String, Bytes)> {
    let way = [(header::REDRIVE_TOPIC, letter.topic()), (header::REDRIVE_OF, letter.id.to_string())];
    letter.original_headers().cloned().chain(way.into_iter().map(text_header)).collect()
}

fn text_header((name, value): (&str, String)) -> (String, Bytes) {
    (name.to_owned(), Bytes::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letters::letters::tests::{fold, letter, resolves, stored};

    fn which(ids: &[&str], filter: Filter) -> Which {
        Which { ids: ids.iter().map(|id| id.parse().expect("an id")).collect(), filter, dry_run: false }
    }

    fn letters() -> DeadLetters {
        let timed = |id, time| stored(id, &[("dlq_offset", id), ("dlq_time", time)]);
        fold([
            timed("payment/0/0", "2026-11-25T10:00:02Z"),
            timed("payment/1/0", "2026-11-25T10:00:01Z"),
            letter("payment/0/1", "1"),
            resolves("payment/0/2", "payment/0/1", "redriven"),
        ])
    }

    fn chosen(which: &Which, again: bool) -> (Vec<String>, Vec<String>) {
        let letters = letters();
        let (chosen, refused) = which.chosen(&letters, again);
        let refused = refused.into_iter().map(|outcome| outcome.told).collect();
        (chosen.iter().map(|letter| letter.id.to_string()).collect(), refused)
    }

    #[test]
    fn filters_choose_what_is_open_the_oldest_first() {
        let payments = Filter { service: Some(contracts::ServiceName::Payment), ..Filter::default() };
        assert_eq!(chosen(&which(&[], payments), true), (vec!["payment/1/0".into(), "payment/0/0".into()], vec![]));
    }

    #[test]
    fn names_choose_once_and_what_is_resolved_only_again() {
        let named = which(&["payment/0/1", "payment/0/0", "payment/0/0", "payment/0/9"], Filter::default());
        let unknown = || "refused: there is no such dead letter".to_owned();
        let before = "refused: it was redriven before".to_owned();
        assert_eq!(chosen(&named, false), (vec!["payment/0/0".to_owned()], vec![before, unknown()]));
        assert_eq!(chosen(&named, true), (vec!["payment/0/1".to_owned(), "payment/0/0".to_owned()], vec![unknown()]));
    }

    #[test]
    fn somebody_who_says_nothing_does_not_mean_all() {
        assert!(which(&[], Filter::default()).must_choose(false).is_err());
        assert!(which(&[], Filter::default()).must_choose(true).is_ok());
        let both = which(&["payment/0/0"], Filter { class: Some("panic".to_owned()), ..Filter::default() });
        assert!(both.must_choose(false).is_err());
    }

    #[test]
    fn a_redriven_record_is_as_it_was_with_the_way_that_it_came() {
        let again = [
            ("ce_id", "1"),
            ("dlq_topic", "order.events"),
            ("dlq_error", "no"),
            ("redrive_topic", "older"),
            ("redrive_of", "payment/0/1"),
        ];
        let letters = fold([stored("payment/2/7", &again)]);
        let headers = redriven(letters.iter().next().expect("one"));
        let text: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        assert_eq!(text, [("ce_id", &b"1"[..]), ("redrive_topic", b"order.events"), ("redrive_of", b"payment/2/7")]);
    }

    #[test]
    fn a_resolution_is_read_as_it_is_written() {
        let action = Action { word: DISCARDED, note: Some("a test".to_owned()), dry_run: false };
        let now = "2026-11-25T10:00:00Z".parse().expect("a time");
        let headers = action.resolution("payment/0/0".parse().expect("an id"), now);
        let text: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), std::str::from_utf8(value).expect("text"))).collect();
        let letters = fold([letter("payment/0/0", "1"), stored("payment/0/1", &text)]);
        let found = &letters.iter().next().expect("one").resolutions;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].done.as_str(), found[0].note.as_deref()), (DISCARDED, Some("a test")));
        assert_eq!(found[0].time, "2026-11-25T10:00:00Z");
    }
}
