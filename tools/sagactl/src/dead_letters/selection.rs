//! Selection of the dead letters to redrive or discard.

use clap::Args;
use serde::Serialize;

use super::{
    filter::DeadLetterFilter,
    fold::DeadLetters,
    letter::{DeadLetter, DeadLetterId},
};
use crate::{exit::UsageError, output::TableRow};

/// Dead letters by id or by filter.
#[derive(Args)]
pub(super) struct DeadLetterSelection {
    /// Dead letter ids: <service>/<partition>/<offset>
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<DeadLetterId>,
    #[command(flatten)]
    pub(super) filter: DeadLetterFilter,
    /// Print the outcome without doing it
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Outcome for one dead letter.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ResolutionResult {
    id: DeadLetterId,
    event: String,
    order: String,
    /// True if the dead letter was resolved, or would be without `--dry-run`.
    pub(super) done: bool,
    pub(super) outcome: String,
}

impl TableRow for ResolutionResult {
    const HEADER: &'static [&'static str] = &["id", "event", "order", "outcome"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.to_string(), self.event.clone(), self.order.clone(), self.outcome.clone()]
    }
}

impl ResolutionResult {
    pub(super) fn of(letter: &DeadLetter, outcome: impl Into<String>) -> Self {
        Self { id: letter.id, event: letter.event(), order: letter.order(), done: true, outcome: outcome.into() }
    }

    /// Refusal to redrive a dead letter without its whole payload.
    pub(super) fn cut(letter: &DeadLetter) -> Self {
        let outcome = format!("refused: its payload is cut; the original is at {}", letter.origin());
        Self { done: false, ..Self::of(letter, outcome) }
    }

    fn unknown(id: DeadLetterId) -> Self {
        let outcome = "refused: there is no such dead letter".to_owned();
        Self { id, event: String::new(), order: String::new(), done: false, outcome }
    }
}

impl DeadLetterSelection {
    /// Requires an explicit selection, so that a command without arguments does not affect all dead letters.
    pub(super) fn require(&self, all: bool) -> Result<(), UsageError> {
        match (self.ids.is_empty(), self.filter.is_empty() && !all) {
            (true, true) => Err(UsageError("select dead letters by id, by filter or, for redrive, with --all")),
            (false, false) => Err(UsageError("select dead letters by id or by filter, not by both")),
            _ => Ok(()),
        }
    }

    /// Selected dead letters and refusals. The oldest dead letter comes first, so that the events of an order keep
    /// their order.
    pub(super) fn apply<'l>(
        &self,
        letters: &'l DeadLetters,
        again: bool,
    ) -> (Vec<&'l DeadLetter>, Vec<ResolutionResult>) {
        let (mut selected, mut refused) = (Vec::new(), Vec::new());
        if self.ids.is_empty() {
            selected.extend(letters.iter().filter(|letter| letter.is_open() && self.filter.matches(letter)));
        }
        for id in &self.ids {
            match letters.find(*id) {
                None => refused.push(ResolutionResult::unknown(*id)),
                Some(letter) if selected.iter().any(|known: &&DeadLetter| known.id == letter.id) => {}
                Some(letter) if letter.is_open() || again => selected.push(letter),
                Some(letter) => {
                    let outcome = format!("refused: already {}", letter.state());
                    refused.push(ResolutionResult { done: false, ..ResolutionResult::of(letter, outcome) });
                }
            }
        }
        selected.sort_by_key(|letter| (letter.time(), letter.id));
        (selected, refused)
    }
}

#[cfg(test)]
mod tests {
    use catalog::ServiceName;

    use super::*;
    use crate::dead_letters::fold::tests::{fold, letter, resolves, stored};

    fn selection(ids: &[&str], filter: DeadLetterFilter) -> DeadLetterSelection {
        DeadLetterSelection { ids: ids.iter().map(|id| id.parse().expect("an id")).collect(), filter, dry_run: false }
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

    fn applied(selection: &DeadLetterSelection, again: bool) -> (Vec<String>, Vec<String>) {
        let letters = letters();
        let (selected, refused) = selection.apply(&letters, again);
        let refused = refused.into_iter().map(|result| result.outcome).collect();
        (selected.iter().map(|letter| letter.id.to_string()).collect(), refused)
    }

    #[test]
    fn filter_selects_open_letters_oldest_first() {
        let payments = DeadLetterFilter { service: Some(ServiceName::Payment), ..DeadLetterFilter::default() };
        let expected = vec!["payment/1/0".into(), "payment/0/0".into()];
        assert_eq!(applied(&selection(&[], payments), true), (expected, vec![]));
    }

    #[test]
    fn ids_select_once_and_resolved_letters_only_again() {
        let ids = ["payment/0/1", "payment/0/0", "payment/0/0", "payment/0/9"];
        let named = selection(&ids, DeadLetterFilter::default());
        let unknown = || "refused: there is no such dead letter".to_owned();
        let resolved = "refused: already redriven".to_owned();
        assert_eq!(applied(&named, false), (vec!["payment/0/0".to_owned()], vec![resolved, unknown()]));
        assert_eq!(applied(&named, true), (vec!["payment/0/1".to_owned(), "payment/0/0".to_owned()], vec![unknown()]));
    }

    #[test]
    fn selection_must_be_explicit_and_of_one_kind() {
        assert!(selection(&[], DeadLetterFilter::default()).require(false).is_err());
        assert!(selection(&[], DeadLetterFilter::default()).require(true).is_ok());
        let filter = DeadLetterFilter { class: Some("panic".to_owned()), ..DeadLetterFilter::default() };
        assert!(selection(&["payment/0/0"], filter).require(false).is_err());
    }
}
