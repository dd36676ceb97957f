//! Which dead letters are meant.

use clap::Args;
use contracts::ServiceName;
use jiff::{Span, SpanRelativeTo, Timestamp};

use super::letter::DeadLetter;
use crate::service;

/// All that is given must fit.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filter {
    /// Those of one service.
    #[arg(long, value_name = "SERVICE", value_parser = service::parser())]
    pub(super) service: Option<ServiceName>,
    /// Those that failed in this way: contract, loop, panic, version, log, store or held.
    #[arg(long)]
    pub(super) class: Option<String>,
    /// Those about one order: the event's subject, or the record's key.
    #[arg(long, value_name = "ID")]
    pub(super) order: Option<String>,
    /// Those with this event, such as `OrderPlaced`.
    #[arg(long = "type", value_name = "EVENT")]
    pub(super) event: Option<String>,
    /// Those since then: a time (RFC 3339), or how long ago (`90m`, `24h`, `7d`).
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub(super) since: Option<Timestamp>,
}

impl Filter {
    /// Whether nothing is given, so that all fit.
    pub(super) fn is_empty(&self) -> bool {
        let Self { service, class, order, event, since } = self;
        service.is_none() && class.is_none() && order.is_none() && event.is_none() && since.is_none()
    }

    pub(super) fn fits(&self, letter: &DeadLetter) -> bool {
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

fn since(text: &str) -> Result<Timestamp, String> {
    ago(text, Timestamp::now())
}

/// A day has 24 hours, whatever a calendar says.
fn ago(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let span: Option<Span> = text.parse().ok();
    let duration = span.and_then(|span| span.abs().to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let then = duration.and_then(|duration| now.checked_sub(duration).ok());
    then.ok_or_else(|| "is neither a time (2026-11-25T10:00:00Z) nor a duration (90m, 24h, 7d)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letters::letters::tests::{fold, stored};

    const PANICKED: [(&str, &str); 4] = [
        ("dlq_class", "panic"),
        ("dlq_time", "2026-11-25T10:00:00Z"),
        ("ce_subject", "01a208d8-0266-73c3-9b9f-c2ad752e6e01"),
        ("ce_type", "com.example.ordersaga.OrderPlaced"),
    ];

    fn fits(filter: &Filter) -> bool {
        let letters = fold([stored("inventory/0/0", &PANICKED)]);
        filter.fits(letters.iter().next().expect("one"))
    }

    #[test]
    fn what_is_not_said_fits_all() {
        assert!(fits(&Filter::default()));
        assert!(Filter::default().is_empty());
    }

    #[test]
    fn each_filter_takes_what_it_names_and_no_other() {
        let text = |text: &str| Some(text.to_owned());
        let time = |text: &str| Some(text.parse().expect("a time"));
        let none = Filter::default;
        for (good, bad) in [
            (
                Filter { service: Some(ServiceName::Inventory), ..none() },
                Filter { service: Some(ServiceName::Payment), ..none() },
            ),
            (Filter { class: text("panic"), ..none() }, Filter { class: text("contract"), ..none() }),
            (Filter { event: text("OrderPlaced"), ..none() }, Filter { event: text("StockReserved"), ..none() }),
            (
                Filter { order: text("01a208d8-0266-73c3-9b9f-c2ad752e6e01"), ..none() },
                Filter { order: text("key"), ..none() },
            ),
            (
                Filter { since: time("2026-11-25T10:00:00Z"), ..none() },
                Filter { since: time("2026-11-25T10:00:01Z"), ..none() },
            ),
        ] {
            assert!(fits(&good) && !good.is_empty(), "{good:?}");
            assert!(!fits(&bad), "{bad:?}");
            assert!(!fits(&Filter { service: Some(ServiceName::Payment), ..good }), "all must fit");
        }
    }

    #[test]
    fn a_record_without_a_subject_is_about_its_key() {
        let letters = fold([stored("inventory/0/0", &[])]);
        let filter = Filter { order: Some("key".to_owned()), ..Filter::default() };
        assert!(filter.fits(letters.iter().next().expect("one")));
    }

    #[test]
    fn a_point_in_the_past_is_a_time_or_a_duration() {
        let now: Timestamp = "2026-11-25T10:00:00Z".parse().expect("a time");
        let then = |text: &str| ago(text, now).map(|then| then.to_string());
        assert_eq!(then("2026-11-24T10:00:00+01:00").as_deref(), Ok("2026-11-24T09:00:00Z"));
        assert_eq!(then("90m").as_deref(), Ok("2026-11-25T08:30:00Z"));
        assert_eq!(then("1h 30m").as_deref(), Ok("2026-11-25T08:30:00Z"));
        assert_eq!(then("7d").as_deref(), Ok("2026-11-18T10:00:00Z"));
        assert!(then("yesterday").is_err() && then("").is_err());
    }
}
