//! Fold of a dead letter topic into dead letters with their resolutions.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use catalog::ServiceName;
use messaging::{Record, dead_letters as header};

use super::letter::{DeadLetter, DeadLetterId, Resolution};

/// A record of a dead letter topic: a dead letter, or a resolution of one.
#[derive(Debug, Clone)]
pub(super) struct DeadLetterRecord {
    pub(super) id: DeadLetterId,
    pub(super) key: Option<Bytes>,
    pub(super) headers: Vec<(String, Bytes)>,
    pub(super) payload: Bytes,
}

impl DeadLetterRecord {
    pub(super) fn of(service: ServiceName, record: &Record<'_>) -> Self {
        Self {
            id: DeadLetterId { service, partition: record.partition(), offset: record.offset() },
            key: record.key().map(Bytes::copy_from_slice),
            headers: record.copy_headers(),
            payload: Bytes::copy_from_slice(record.payload()),
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Id of the dead letter that the record resolves, and the resolution. `None` if the record is a dead letter.
    fn resolution(&self) -> Option<(DeadLetterId, Resolution)> {
        let id = self.header(header::RESOLVES)?.parse().ok()?;
        let text = |name| self.header(name).unwrap_or_default();
        let (done, time) = (text(header::RESOLUTION), text(header::TIME));
        Some((id, Resolution { done, time, note: self.header(header::NOTE) }))
    }
}

/// Accumulates records, in any order of partitions.
#[derive(Debug, Default)]
pub(super) struct DeadLetterFold {
    letters: BTreeMap<DeadLetterId, DeadLetter>,
    resolutions: Vec<(DeadLetterId, Resolution)>,
}

impl DeadLetterFold {
    pub(super) fn add(&mut self, record: DeadLetterRecord) {
        // A resolution with an invalid id is ignored; it is not a dead letter either.
        if record.header(header::RESOLVES).is_some() {
            self.resolutions.extend(record.resolution());
            return;
        }
        let DeadLetterRecord { id, key, headers, payload } = record;
        self.letters.insert(id, DeadLetter { id, key, headers, payload, resolutions: Vec::new() });
    }

    /// Merges dead letters that were published twice under the id of the first, and attaches the resolutions.
    pub(super) fn finish(self) -> DeadLetters {
        let (mut firsts, mut canonical, mut letters) = (HashMap::new(), HashMap::new(), BTreeMap::new());
        for (id, letter) in self.letters {
            let first = *firsts.entry(letter.identity()).or_insert(id);
            canonical.insert(id, first);
            letters.entry(first).or_insert(letter);
        }
        for (id, resolution) in self.resolutions {
            if let Some(letter) = canonical.get(&id).and_then(|first| letters.get_mut(first)) {
                letter.resolutions.push(resolution);
            }
        }
        DeadLetters { letters, canonical }
    }
}

/// Dead letters by id.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    letters: BTreeMap<DeadLetterId, DeadLetter>,
    /// Every id, with the id under which its dead letter is kept.
    canonical: HashMap<DeadLetterId, DeadLetterId>,
}

impl DeadLetters {
    /// All dead letters, ordered by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &DeadLetter> {
        self.letters.values()
    }

    pub(super) fn find(&self, id: DeadLetterId) -> Option<&DeadLetter> {
        self.letters.get(self.canonical.get(&id)?)
    }

    /// Earlier dead letters of the same record, which were redriven; latest first.
    pub(super) fn predecessors(&self, letter: &DeadLetter) -> Vec<DeadLetterId> {
        let mut predecessors = Vec::new();
        let mut next = letter.redrive_of();
        // Headers written by hand could form a cycle.
        while let Some(id) = next.filter(|id| !predecessors.contains(id)) {
            predecessors.push(id);
            next = self.find(id).and_then(DeadLetter::redrive_of);
        }
        predecessors
    }

    /// Later dead letters of the same record, which failed again after a redrive.
    pub(super) fn successors(&self, letter: &DeadLetter) -> Vec<DeadLetterId> {
        let is_successor = |other: &&DeadLetter| {
            let origin = other.redrive_of().and_then(|id| self.canonical.get(&id));
            origin == Some(&letter.id)
        };
        self.iter().filter(is_successor).map(|other| other.id).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn stored(id: &str, headers: &[(&str, &str)]) -> DeadLetterRecord {
        let id: DeadLetterId = id.parse().expect("an id");
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes()));
        let headers = headers.iter().map(header).collect();
        DeadLetterRecord { id, key: Some("key".into()), headers, payload: "{}".into() }
    }

    pub(in super::super) fn letter(id: &str, origin_offset: &str) -> DeadLetterRecord {
        stored(id, &[("dlq_topic", "order.events"), ("dlq_partition", "0"), ("dlq_offset", origin_offset)])
    }

    pub(in super::super) fn resolves(at: &str, id: &str, resolution: &str) -> DeadLetterRecord {
        stored(at, &[("dlq_resolves", id), ("dlq_resolution", resolution), ("dlq_time", "2026-11-25T10:00:00Z")])
    }

    pub(in super::super) fn fold(records: impl IntoIterator<Item = DeadLetterRecord>) -> DeadLetters {
        let mut all = DeadLetterFold::default();
        records.into_iter().for_each(|record| all.add(record));
        all.finish()
    }

    fn states(letters: &DeadLetters) -> Vec<(String, String)> {
        letters.iter().map(|letter| (letter.id.to_string(), letter.state().to_owned())).collect()
    }

    fn state(id: &str, state: &str) -> (String, String) {
        (id.to_owned(), state.to_owned())
    }

    #[test]
    fn dead_letter_is_open_until_resolved() {
        let records = [
            letter("payment/0/0", "1"),
            letter("payment/0/1", "2"),
            resolves("payment/0/2", "payment/0/0", "discarded"),
        ];
        let letters = fold(records);
        assert_eq!(states(&letters), [state("payment/0/0", "discarded"), state("payment/0/1", "open")]);
    }

    #[test]
    fn last_resolution_wins_and_all_are_kept() {
        let again = |at, how| resolves(at, "payment/0/0", how);
        let letters =
            fold([letter("payment/0/0", "1"), again("payment/0/1", "discarded"), again("payment/0/2", "redriven")]);
        assert_eq!(states(&letters), [state("payment/0/0", "redriven")]);
        assert_eq!(letters.iter().next().expect("one").resolutions.len(), 2);
    }

    #[test]
    fn duplicates_merge_under_either_id() {
        let twice = || [letter("payment/1/7", "1"), letter("payment/1/8", "1")];
        assert_eq!(states(&fold(twice())), [state("payment/1/7", "open")]);
        let resolved = twice().into_iter().chain([resolves("payment/1/9", "payment/1/8", "redriven")]);
        assert_eq!(states(&fold(resolved)), [state("payment/1/7", "redriven")]);
    }

    #[test]
    fn dead_letters_of_services_are_separate() {
        let letters = fold([
            letter("payment/0/0", "1"),
            letter("shipping/0/0", "1"),
            resolves("payment/0/1", "payment/0/0", "discarded"),
        ]);
        assert_eq!(states(&letters), [state("payment/0/0", "discarded"), state("shipping/0/0", "open")]);
    }

    #[test]
    fn resolution_of_unknown_id_is_ignored() {
        let records =
            [resolves("payment/0/0", "payment/0/9", "redriven"), resolves("payment/0/1", "nonsense", "redriven")];
        assert!(states(&fold(records)).is_empty());
    }

    #[test]
    fn repeated_failures_are_linked_both_ways() {
        let again = |id, before| stored(id, &[("dlq_offset", id), ("redrive_of", before)]);
        let letters = fold([
            letter("payment/0/0", "1"),
            again("payment/0/3", "payment/0/0"),
            again("payment/0/5", "payment/0/3"),
        ]);
        let find = |id: &str| letters.find(id.parse().expect("an id")).expect("is there");
        let ids = |ids: Vec<DeadLetterId>| ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(letters.predecessors(find("payment/0/5"))), ["payment/0/3", "payment/0/0"]);
        assert_eq!(ids(letters.successors(find("payment/0/0"))), ["payment/0/3"]);
        assert_eq!(letters.predecessors(find("payment/0/0")), []);
    }

    #[test]
    fn predecessors_end_at_a_cycle() {
        let circle = |id, before| stored(id, &[("dlq_offset", id), ("redrive_of", before)]);
        let letters = fold([circle("payment/0/0", "payment/0/1"), circle("payment/0/1", "payment/0/0")]);
        assert_eq!(letters.predecessors(letters.iter().next().expect("one")).len(), 2);
    }
}
