//! Filters for dead letters.

use catalog::ServiceName;
use clap::Args;
use jiff::{Span, SpanRelativeTo, Timestamp};

use super::letter::DeadLetter;
use crate::service;

/// Filters; a dead letter must match all that are given.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DeadLetterFilter {
    /// Only dead letters of this service
    #[arg(long, help_heading = "Filters", value_name = "SERVICE", value_parser = service::parser())]
    pub(super) service: Option<ServiceName>,
    /// Only failures of this class: contract, loop, panic, version, log, store or held
    #[arg(long, help_heading = "Filters")]
    pub(super) class: Option<String>,
    /// Only this order: the event's subject, or the record's key
    #[arg(long, help_heading = "Filters", value_name = "ID")]
    pub(super) order: Option<String>,
    /// Only this event type, such as `OrderPlaced`
    #[arg(long = "type", help_heading = "Filters", value_name = "EVENT")]
    pub(super) event: Option<String>,
    /// Only failures since a time (RFC 3339) or within a duration (`90m`, `24h`, `7d`)
    #[arg(long, help_heading = "Filters", value_name = "WHEN", value_parser = since)]
    pub(super) since: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// Returns whether no filter is given, so that every dead letter matches.
    pub(super) fn is_empty(&self) -> bool {
        let Self { service, class, order, event, since } = self;
        service.is_none() && class.is_none() && order.is_none() && event.is_none() && since.is_none()
    }

    pub(super) fn matches(&self, letter: &DeadLetter) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: impl FnOnce() -> T) -> bool {
            wanted.is_none_or(|wanted| *wanted == found())
        }
        is(self.service.as_ref(), || letter.id.service)
            && is(self.class.as_ref(), || letter.class())
            && is(self.order.as_ref(), || letter.order())
            && is(self.event.as_ref(), || letter.event())
            && self.since.is_none_or(|since| letter.time().is_some_and(|time| time >= since))
    }
}

/// Parses a time, or a duration before now.
pub(crate) fn since(text: &str) -> Result<Timestamp, String> {
    ago(text, Timestamp::now())
}

/// Parses a time or a duration before `now`. A day has 24 hours, regardless of time zones.
fn ago(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let span: Option<Span> = text.parse().ok();
    let duration = span.and_then(|span| span.abs().to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let then = duration.and_then(|duration| now.checked_sub(duration).ok());
    then.ok_or_else(|| "neither a time (2026-11-25T10:00:00Z) nor a duration (90m, 24h, 7d)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letters::fold::tests::{fold, stored};

    const PANICKED: [(&str, &str); 4] = [
        ("dlq_class", "panic"),
        ("dlq_time", "2026-11-25T10:00:00Z"),
        ("ce_subject", "01a208d8-0266-73c3-9b9f-c2ad752e6e01"),
        ("ce_type", "com.example.ordersaga.OrderPlaced"),
    ];

    fn matches(filter: &DeadLetterFilter) -> bool {
        let letters = fold([stored("inventory/0/0", &PANICKED)]);
        filter.matches(letters.iter().next().expect("one"))
    }

    #[test]
    fn empty_filter_matches_everything() {
        assert!(matches(&DeadLetterFilter::default()));
        assert!(DeadLetterFilter::default().is_empty());
    }

    #[test]
    fn filter_matches_only_its_own_value() {
        let text = |text: &str| Some(text.to_owned());
        let time = |text: &str| Some(text.parse().expect("a time"));
        let none = DeadLetterFilter::default;
        for (good, bad) in [
            (
                DeadLetterFilter { service: Some(ServiceName::Inventory), ..none() },
                DeadLetterFilter { service: Some(ServiceName::Payment), ..none() },
            ),
            (
                DeadLetterFilter { class: text("panic"), ..none() },
                DeadLetterFilter { class: text("contract"), ..none() },
            ),
            (
                DeadLetterFilter { event: text("OrderPlaced"), ..none() },
                DeadLetterFilter { event: text("StockReserved"), ..none() },
            ),
            (
                DeadLetterFilter { order: text("01a208d8-0266-73c3-9b9f-c2ad752e6e01"), ..none() },
                DeadLetterFilter { order: text("key"), ..none() },
            ),
            (
                DeadLetterFilter { since: time("2026-11-25T10:00:00Z"), ..none() },
                DeadLetterFilter { since: time("2026-11-25T10:00:01Z"), ..none() },
            ),
        ] {
            assert!(matches(&good) && !good.is_empty(), "{good:?}");
            assert!(!matches(&bad), "{bad:?}");
            assert!(
                !matches(&DeadLetterFilter { service: Some(ServiceName::Payment), ..good }),
                "all filters must match"
            );
        }
    }

    #[test]
    fn order_filter_matches_key_when_no_subject() {
        let letters = fold([stored("inventory/0/0", &[])]);
        let filter = DeadLetterFilter { order: Some("key".to_owned()), ..DeadLetterFilter::default() };
        assert!(filter.matches(letters.iter().next().expect("one")));
    }

    #[test]
    fn since_accepts_time_or_duration() {
        let now: Timestamp = "2026-11-25T10:00:00Z".parse().expect("a time");
        let then = |text: &str| ago(text, now).map(|then| then.to_string());
        assert_eq!(then("2026-11-24T10:00:00+01:00").as_deref(), Ok("2026-11-24T09:00:00Z"));
        assert_eq!(then("90m").as_deref(), Ok("2026-11-25T08:30:00Z"));
        assert_eq!(then("1h 30m").as_deref(), Ok("2026-11-25T08:30:00Z"));
        assert_eq!(then("7d").as_deref(), Ok("2026-11-18T10:00:00Z"));
        assert!(then("yesterday").is_err() && then("").is_err());
    }
}
