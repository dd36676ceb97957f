//! The fold: which dead letters there are, and what was done about each.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use contracts::ServiceName;
use messaging::{Record, dead_letters as header};

use super::letter::{DeadLetter, Id, Resolution};

/// A record of a topic of dead letters.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: Id,
    pub(super) key: Option<Bytes>,
    pub(super) headers: Vec<(String, Bytes)>,
    pub(super) payload: Bytes,
}

impl Stored {
    pub(super) fn of(service: ServiceName, record: &Record<'_>) -> Self {
        Self {
            id: Id { service, partition: record.partition(), offset: record.offset() },
            key: record.key().map(Bytes::copy_from_slice),
            headers: record.copy_headers(),
            payload: Bytes::copy_from_slice(record.payload()),
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Which dead letter it resolves, and how.
    fn resolution(&self) -> Option<(Id, Resolution)> {
        let id = self.header(header::RESOLVES)?.parse().ok()?;
        let text = |name| self.header(name).unwrap_or_default();
        let (done, time) = (text(header::RESOLUTION), text(header::TIME));
        Some((id, Resolution { done, time, note: self.header(header::NOTE) }))
    }
}

/// What is read, in any order of partitions.
#[derive(Debug, Default)]
pub(super) struct Records {
    letters: BTreeMap<Id, DeadLetter>,
    resolutions: Vec<(Id, Resolution)>,
}

impl Records {
    pub(super) fn see(&mut self, record: Stored) {
        // What claims to resolve something and names nothing is no dead letter either.
        if record.header(header::RESOLVES).is_some() {
            self.resolutions.extend(record.resolution());
            return;
        }
        let Stored { id, key, headers, payload } = record;
        self.letters.insert(id, DeadLetter { id, key, headers, payload, resolutions: Vec::new() });
    }

    /// Those that were published twice become one, whose name is that of the first.
    pub(super) fn fold(self) -> DeadLetters {
        let (mut firsts, mut names, mut letters) = (HashMap::new(), HashMap::new(), BTreeMap::new());
        for (id, letter) in self.letters {
            let first = *firsts.entry(letter.identity()).or_insert(id);
            names.insert(id, first);
            letters.entry(first).or_insert(letter);
        }
        for (id, resolution) in self.resolutions {
            if let Some(letter) = names.get(&id).and_then(|first| letters.get_mut(first)) {
                letter.resolutions.push(resolution);
            }
        }
        DeadLetters { letters, names }
    }
}

/// All dead letters.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    letters: BTreeMap<Id, DeadLetter>,
    /// Every name, with that of the dead letter that is kept.
    names: HashMap<Id, Id>,
}

impl DeadLetters {
    /// By their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &DeadLetter> {
        self.letters.values()
    }

    pub(super) fn find(&self, id: Id) -> Option<&DeadLetter> {
        self.letters.get(self.names.get(&id)?)
    }

    /// What it was before it was redriven, one after the other: the latest first.
    pub(super) fn before(&self, letter: &DeadLetter) -> Vec<Id> {
        let mut before = Vec::new();
        let mut next = letter.redrive_of();
        // A dead letter is older than what it became, so this ends; unless somebody writes headers by hand.
        while let Some(id) = next.filter(|id| !before.contains(id)) {
            before.push(id);
            next = self.find(id).and_then(DeadLetter::redrive_of);
        }
        before
    }

    /// What it became when it was redriven and failed again.
    pub(super) fn after(&self, letter: &DeadLetter) -> Vec<Id> {
        let is_after = |other: &&DeadLetter| {
            let before = other.redrive_of().and_then(|id| self.names.get(&id));
            before == Some(&letter.id)
        };
        self.iter().filter(is_after).map(|other| other.id).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn stored(id: &str, headers: &[(&str, &str)]) -> Stored {
        let id: Id = id.parse().expect("an id");
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes()));
        let headers = headers.iter().map(header).collect();
        Stored { id, key: Some("key".into()), headers, payload: "{}".into() }
    }

    pub(in super::super) fn letter(id: &str, origin_offset: &str) -> Stored {
        stored(id, &[("dlq_topic", "order.events"), ("dlq_partition", "0"), ("dlq_offset", origin_offset)])
    }

    pub(in super::super) fn resolves(at: &str, id: &str, resolution: &str) -> Stored {
        stored(at, &[("dlq_resolves", id), ("dlq_resolution", resolution), ("dlq_time", "2026-11-25T10:00:00Z")])
    }

    pub(in super::super) fn fold(records: impl IntoIterator<Item = Stored>) -> DeadLetters {
        let mut all = Records::default();
        records.into_iter().for_each(|record| all.see(record));
        all.fold()
    }

    fn states(letters: &DeadLetters) -> Vec<(String, String)> {
        letters.iter().map(|letter| (letter.id.to_string(), letter.state().to_owned())).collect()
    }

    fn state(id: &str, state: &str) -> (String, String) {
        (id.to_owned(), state.to_owned())
    }

    #[test]
    fn a_dead_letter_is_open_until_it_is_resolved() {
        let records = [
            letter("payment/0/0", "1"),
            letter("payment/0/1", "2"),
            resolves("payment/0/2", "payment/0/0", "discarded"),
        ];
        let letters = fold(records);
        assert_eq!(states(&letters), [state("payment/0/0", "discarded"), state("payment/0/1", "open")]);
    }

    #[test]
    fn the_last_resolution_counts_and_all_are_kept() {
        let again = |at, how| resolves(at, "payment/0/0", how);
        let letters =
            fold([letter("payment/0/0", "1"), again("payment/0/1", "discarded"), again("payment/0/2", "redriven")]);
        assert_eq!(states(&letters), [state("payment/0/0", "redriven")]);
        assert_eq!(letters.iter().next().expect("one").resolutions.len(), 2);
    }

    #[test]
    fn what_was_published_twice_is_one_whichever_of_its_names_is_used() {
        let twice = || [letter("payment/1/7", "1"), letter("payment/1/8", "1")];
        assert_eq!(states(&fold(twice())), [state("payment/1/7", "open")]);
        let resolved = twice().into_iter().chain([resolves("payment/1/9", "payment/1/8", "redriven")]);
        assert_eq!(states(&fold(resolved)), [state("payment/1/7", "redriven")]);
    }

    #[test]
    fn services_have_dead_letters_of_their_own() {
        let letters = fold([
            letter("payment/0/0", "1"),
            letter("shipping/0/0", "1"),
            resolves("payment/0/1", "payment/0/0", "discarded"),
        ]);
        assert_eq!(states(&letters), [state("payment/0/0", "discarded"), state("shipping/0/0", "open")]);
    }

    #[test]
    fn a_resolution_of_nothing_is_nothing() {
        let records =
            [resolves("payment/0/0", "payment/0/9", "redriven"), resolves("payment/0/1", "what?", "redriven")];
        assert!(states(&fold(records)).is_empty());
    }

    #[test]
    fn what_failed_again_is_found_from_both_ends() {
        let again = |id, before| stored(id, &[("dlq_offset", id), ("redrive_of", before)]);
        let letters = fold([
            letter("payment/0/0", "1"),
            again("payment/0/3", "payment/0/0"),
            again("payment/0/5", "payment/0/3"),
        ]);
        let find = |id: &str| letters.find(id.parse().expect("an id")).expect("is there");
        let ids = |ids: Vec<Id>| ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(letters.before(find("payment/0/5"))), ["payment/0/3", "payment/0/0"]);
        assert_eq!(ids(letters.after(find("payment/0/0"))), ["payment/0/3"]);
        assert_eq!(letters.before(find("payment/0/0")), []);
    }

    #[test]
    fn names_written_by_hand_in_a_circle_end() {
        let circle = |id, before| stored(id, &[("dlq_offset", id), ("redrive_of", before)]);
        let letters = fold([circle("payment/0/0", "payment/0/1"), circle("payment/0/1", "payment/0/0")]);
        assert_eq!(letters.before(letters.iter().next().expect("one")).len(), 2);
    }
}
