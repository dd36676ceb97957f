use super::FINAL_WITHIN;
use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let quiescence = &evidence.quiescence;
    let mut found: Vec<_> =
        quiescence.in_progress.iter().chain(&quiescence.parcels).chain(&quiescence.unreported).cloned().collect();
    match quiescence.final_after {
        None => found.push("not every order was final in time".to_owned()),
        Some(after) if after > FINAL_WITHIN => found.push(format!("the last order was final after {after:?} only")),
        Some(_) => {}
    }
    let outboxes = quiescence.outbox.iter().filter(|(_, rows)| **rows > 0);
    found.extend(outboxes.map(|(service, rows)| format!("{rows} rows are left in the outbox of {service}")));
    let behind = quiescence.lag.iter().filter(|(_, lag)| **lag != (0, 0));
    found.extend(behind.map(|(service, (broker, own))| {
        format!("{service} is behind by {broker} records, as the broker knows it, and by {own}, as it says itself")
    }));
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::testing::one_sold_order;

    #[test]
    fn orders_that_are_late_or_never_final_are_told() {
        let mut evidence = one_sold_order();
        evidence.quiescence.final_after = Some(FINAL_WITHIN + Duration::from_secs(1));
        assert_eq!(check(&evidence).len(), 1);
        evidence.quiescence.final_after = None;
        evidence.quiescence.in_progress.push("1 orders are paid".to_owned());
        assert_eq!(check(&evidence).len(), 2);
    }

    #[test]
    fn work_that_is_left_is_told() {
        let mut evidence = one_sold_order();
        evidence.quiescence.outbox.insert("order", 1);
        evidence.quiescence.lag.insert("order", (1, 0));
        evidence.quiescence.lag.insert("payment", (0, 1));
        evidence.quiescence.parcels = Some("one too many".to_owned());
        assert_eq!(check(&evidence).len(), 4);
    }

    #[test]
    fn a_service_that_does_not_say_what_it_has_left_to_do_is_told() {
        let mut evidence = one_sold_order();
        evidence.quiescence.unreported = Some("there is no saga_consumer_lag".to_owned());
        assert_eq!(check(&evidence).len(), 1);
    }
}
