use crate::evidence::Evidence;
use crate::quiescence::FINAL_WITHIN;

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let quiescence = &evidence.quiescence;
    let mut found: Vec<_> =
        quiescence.in_progress.iter().chain(&quiescence.parcels).chain(&quiescence.lag_error).cloned().collect();
    match quiescence.final_after {
        None => found.push("not every order was final in time".to_owned()),
        Some(after) if after > FINAL_WITHIN => found.push(format!("the last order was final only after {after:?}")),
        Some(_) => {}
    }
    let outboxes = quiescence.outbox.iter().filter(|(_, rows)| **rows > 0);
    found.extend(outboxes.map(|(service, rows)| format!("the outbox of {service} has a backlog of {rows}")));
    let behind = quiescence.lag.iter().filter(|(_, lag)| **lag != (0, 0));
    found.extend(behind.map(|(service, (broker, own))| {
        format!("{service} has a lag of {broker} by committed offsets and {own} by its own metric")
    }));
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::testing::one_sold_order;

    #[test]
    fn check_reports_late_and_unfinished_orders() {
        let mut evidence = one_sold_order();
        evidence.quiescence.final_after = Some(FINAL_WITHIN + Duration::from_secs(1));
        assert_eq!(check(&evidence).len(), 1);
        evidence.quiescence.final_after = None;
        evidence.quiescence.in_progress.push("1 orders with status paid".to_owned());
        assert_eq!(check(&evidence).len(), 2);
    }

    #[test]
    fn check_reports_remaining_work() {
        let mut evidence = one_sold_order();
        evidence.quiescence.outbox.insert("order", 1);
        evidence.quiescence.lag.insert("order", (1, 0));
        evidence.quiescence.lag.insert("payment", (0, 1));
        evidence.quiescence.parcels = Some("one too many".to_owned());
        assert_eq!(check(&evidence).len(), 4);
    }

    #[test]
    fn check_reports_missing_lag_metric() {
        let mut evidence = one_sold_order();
        evidence.quiescence.lag_error = Some("metric saga_consumer_lag not found".to_owned());
        assert_eq!(check(&evidence).len(), 1);
    }
}
