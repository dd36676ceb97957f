use super::FINAL_WITHIN;
use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let rest = &evidence.rest;
    let mut found: Vec<_> = rest.under_way.iter().chain(&rest.parcels).chain(&rest.untold).cloned().collect();
    match rest.final_after {
        None => found.push("not every order was final in time".to_owned()),
        Some(after) if after > FINAL_WITHIN => found.push(format!("the last order was final after {after:?} only")),
        Some(_) => {}
    }
    let outboxes = rest.outbox.iter().filter(|(_, rows)| **rows > 0);
    found.extend(outboxes.map(|(service, rows)| format!("{rows} rows are left in the outbox of {service}")));
    let behind = rest.lag.iter().filter(|(_, lag)| **lag != (0, 0));
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
        evidence.rest.final_after = Some(FINAL_WITHIN + Duration::from_secs(1));
        assert_eq!(check(&evidence).len(), 1);
        evidence.rest.final_after = None;
        evidence.rest.under_way.push("1 orders are paid".to_owned());
        assert_eq!(check(&evidence).len(), 2);
    }

    #[test]
    fn work_that_is_left_is_told() {
        let mut evidence = one_sold_order();
        evidence.rest.outbox.insert("order", 1);
        evidence.rest.lag.insert("order", (1, 0));
        evidence.rest.lag.insert("payment", (0, 1));
        evidence.rest.parcels = Some("one too many".to_owned());
        assert_eq!(check(&evidence).len(), 4);
    }

    #[test]
    fn a_service_that_does_not_say_what_it_has_left_to_do_is_told() {
        let mut evidence = one_sold_order();
        evidence.rest.untold = Some("there is no saga_consumer_lag".to_owned());
        assert_eq!(check(&evidence).len(), 1);
    }
}
