use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let ended = evidence.unexpected_exits.iter();
    let ended = ended.map(|(service, time)| format!("{service} ended by itself; it was found ended at {time}"));
    let refused = evidence.refused.iter().map(|refused| format!("a good request was refused: {refused}"));
    ended.chain(refused).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use xtask::ServiceName;

    use super::*;
    use crate::check::testing::one_sold_order;

    #[test]
    fn a_service_that_ends_by_itself_and_a_request_that_is_refused_are_told() {
        let mut evidence = one_sold_order();
        assert!(check(&evidence).is_empty());
        evidence.unexpected_exits.push((ServiceName::Order, Timestamp::UNIX_EPOCH));
        evidence.refused.push("a new order is answered by 422".to_owned());
        assert_eq!(check(&evidence).len(), 2);
    }
}
