use std::collections::{BTreeMap, BTreeSet};

use xtask::ServiceName;

use crate::choreography::consumes;
use crate::evidence::{Evidence, ObservedDeadLetter, PoisonRecord, RecordPosition};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let poison: BTreeMap<&RecordPosition, &PoisonRecord> =
        evidence.poison.iter().map(|poison| (&poison.place, poison)).collect();
    let mut letters = BTreeMap::<(&'static str, &RecordPosition), Vec<&ObservedDeadLetter>>::new();
    for letter in &evidence.dead_letters {
        letters.entry((letter.service.name(), &letter.origin)).or_default().push(letter);
    }
    let mut found = missing(&poison, &letters);
    for ((service, place), letters) in letters {
        match poison.get(place) {
            None => found.push(format!("{service} has a dead letter of {place:?}, which is no poison")),
            Some(poison) => {
                found.extend(letters.iter().filter(|letter| !is_of(letter, poison)).map(|letter| {
                    format!("{service} has a dead letter of {place:?} that is not as it was: {letter:?}")
                }));
            }
        }
        // What is published again after a crash was still found once.
        let times: BTreeSet<_> = letters.iter().map(|letter| &letter.found).collect();
        if times.len() > 1 {
            found.push(format!("{service} found {place:?} {} times", times.len()));
        }
    }
    found
}

fn missing(
    poison: &BTreeMap<&RecordPosition, &PoisonRecord>,
    letters: &BTreeMap<(&'static str, &RecordPosition), Vec<&ObservedDeadLetter>>,
) -> Vec<String> {
    let mut found = Vec::new();
    for place in poison.keys() {
        for service in ServiceName::all().filter(|service| consumes(*service).contains(&place.topic.as_str())) {
            if !letters.contains_key(&(service.name(), *place)) {
                found.push(format!("{service} has no dead letter of the poison at {place:?}"));
            }
        }
    }
    found
}

fn is_of(letter: &ObservedDeadLetter, poison: &PoisonRecord) -> bool {
    letter.poison.as_deref() == Some(&poison.number) && letter.content == poison.content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::poisoned;
    use crate::evidence::ContentHash;

    #[test]
    fn poison_that_all_readers_have_put_away_is_no_violation() {
        assert_eq!(check(&poisoned()), Vec::<String>::new());
    }

    #[test]
    fn a_dead_letter_that_is_published_again_is_no_violation_and_one_that_is_found_again_is() {
        let mut evidence = poisoned();
        let mut again = evidence.dead_letters[0].clone();
        evidence.dead_letters.push(again.clone());
        assert_eq!(check(&evidence), Vec::<String>::new());
        again.found = "later".to_owned();
        evidence.dead_letters.push(again);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn poison_that_is_ignored_is_told() {
        let mut evidence = poisoned();
        evidence.dead_letters.remove(0);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_dead_letter_of_something_good_is_told() {
        let mut evidence = poisoned();
        evidence.dead_letters[0].origin.offset += 1;
        assert_eq!(check(&evidence).len(), 2, "and the poison's own is missing");
    }

    #[test]
    fn a_dead_letter_with_other_bytes_is_told() {
        let mut evidence = poisoned();
        evidence.dead_letters[0].content = ContentHash::number(7);
        assert_eq!(check(&evidence).len(), 1);
    }
}
