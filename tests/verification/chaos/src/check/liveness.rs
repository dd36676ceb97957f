use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let exits = evidence.unexpected_exits.iter();
    let exits = exits.map(|(service, time)| format!("{service} exited unexpectedly; detected at {time}"));
    let refused = evidence.refused.iter().map(|refused| format!("valid request failed: {refused}"));
    exits.chain(refused).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use xtask::ServiceName;

    use super::*;
    use crate::check::testing::one_sold_order;

    #[test]
    fn check_reports_unexpected_exit_and_failed_request() {
        let mut evidence = one_sold_order();
        assert!(check(&evidence).is_empty());
        evidence.unexpected_exits.push((ServiceName::Order, Timestamp::UNIX_EPOCH));
        evidence.refused.push("unexpected response to a new order: 422".to_owned());
        assert_eq!(check(&evidence).len(), 2);
    }
}
