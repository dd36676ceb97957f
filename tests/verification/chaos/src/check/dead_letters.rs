use std::collections::{BTreeMap, BTreeSet};

use xtask::ServiceName;

use crate::choreography::consumes;
use crate::evidence::{Evidence, ObservedDeadLetter, PoisonRecord, RecordPosition};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let poison: BTreeMap<&RecordPosition, &PoisonRecord> =
        evidence.poison.iter().map(|poison| (&poison.position, poison)).collect();
    let mut letters = BTreeMap::<(&'static str, &RecordPosition), Vec<&ObservedDeadLetter>>::new();
    for letter in &evidence.dead_letters {
        letters.entry((letter.service.name(), &letter.origin)).or_default().push(letter);
    }
    let mut found = missing(&poison, &letters);
    for ((service, position), letters) in letters {
        match poison.get(position) {
            None => found.push(format!("{service} has a dead letter of {position:?}, which is not poison")),
            Some(poison) => {
                found.extend(letters.iter().filter(|letter| !is_of(letter, poison)).map(|letter| {
                    format!("{service} has a dead letter of {position:?} with different content: {letter:?}")
                }));
            }
        }
        // A crash may publish a dead letter twice, but with the same rejection time.
        let times: BTreeSet<_> = letters.iter().map(|letter| &letter.found).collect();
        if times.len() > 1 {
            found.push(format!("{service} rejected {position:?} {} times", times.len()));
        }
    }
    found
}

fn missing(
    poison: &BTreeMap<&RecordPosition, &PoisonRecord>,
    letters: &BTreeMap<(&'static str, &RecordPosition), Vec<&ObservedDeadLetter>>,
) -> Vec<String> {
    let mut found = Vec::new();
    for position in poison.keys() {
        for service in ServiceName::all().filter(|service| consumes(*service).contains(&position.topic.as_str())) {
            if !letters.contains_key(&(service.name(), *position)) {
                found.push(format!("{service} has no dead letter of the poison at {position:?}"));
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
    fn check_allows_one_dead_letter_per_consumer() {
        assert_eq!(check(&poisoned()), Vec::<String>::new());
    }

    #[test]
    fn check_allows_republished_dead_letter() {
        let mut evidence = poisoned();
        evidence.dead_letters.push(evidence.dead_letters[0].clone());
        assert_eq!(check(&evidence), Vec::<String>::new());
    }

    #[test]
    fn check_reports_second_rejection_of_a_record() {
        let mut evidence = poisoned();
        let mut second = evidence.dead_letters[0].clone();
        second.found = "later".to_owned();
        evidence.dead_letters.push(second);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_ignored_poison() {
        let mut evidence = poisoned();
        evidence.dead_letters.remove(0);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_dead_letter_of_valid_record() {
        let mut evidence = poisoned();
        evidence.dead_letters[0].origin.offset += 1;
        assert_eq!(check(&evidence).len(), 2, "the dead letter of the poison is also missing");
    }

    #[test]
    fn check_reports_dead_letter_with_changed_content() {
        let mut evidence = poisoned();
        evidence.dead_letters[0].content = ContentHash::number(7);
        assert_eq!(check(&evidence).len(), 1);
    }
}
