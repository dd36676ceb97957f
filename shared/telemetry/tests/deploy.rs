//! Dashboards and rules in `deploy/` use existing metrics only, and the dashboard shows all of them.

use std::{collections::BTreeSet, fs, path::Path};

use telemetry::{LogFormat, Metrics, Settings, Telemetry};

/// The name of every series that a service exports after it has recorded every instrument.
fn exported() -> BTreeSet<String> {
    let settings = Settings {
        service: "order",
        scope: "order-saga",
        subject_attribute: "order.id",
        log_format: LogFormat::Json,
        log_filter: "off".to_owned(),
        export: false,
    };
    let telemetry = Telemetry::start(&settings).expect("starts");
    // The pattern lists all fields, so that a new instrument does not compile until it is recorded here.
    let Metrics {
        sagas_completed,
        saga_seconds,
        compensations,
        consumed,
        published,
        duplicates,
        replayed,
        dead_letters,
        parked,
        throttled,
        shed,
        retries,
        batch_size,
        transaction_seconds,
        consumer_lag,
        outbox_backlog,
        parked_backlog,
        records_unsent,
        calls_open,
        timers_due,
        outbox_oldest_seconds,
    } = &*telemetry.metrics;
    let counters = [sagas_completed, compensations, consumed, published, duplicates, dead_letters, parked];
    for counter in counters.into_iter().chain([replayed, throttled, shed, retries]) {
        counter.add(1, &[]);
    }
    for histogram in [saga_seconds, transaction_seconds] {
        histogram.record(0.1, &[]);
    }
    batch_size.record(1, &[]);
    for gauge in [consumer_lag, outbox_backlog, parked_backlog, records_unsent, calls_open, timers_due] {
        gauge.record(1, &[]);
    }
    outbox_oldest_seconds.record(0.1, &[]);
    names(&telemetry.render())
}

/// All words of a text with the prefix of the suite's metrics.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("saga_")).map(str::to_owned).collect()
}

fn queried(path: &str) -> BTreeSet<String> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    names(&fs::read_to_string(deploy.join(path)).expect("reads"))
}

#[test]
fn dashboards_and_rules_use_existing_metrics() {
    let exported = exported();
    let (dashboard, rules) = (queried("grafana/dashboards/order-saga.json"), queried("prometheus/rules.yml"));
    let unknown: Vec<_> = dashboard.union(&rules).filter(|name| !exported.contains(*name)).collect();
    assert!(unknown.is_empty(), "{unknown:?} not in {exported:?}");
    let family =
        |name: &str| ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).map(str::to_owned);
    let shown: BTreeSet<_> = dashboard.iter().map(|name| family(name).unwrap_or_else(|| name.clone())).collect();
    let all: BTreeSet<_> = exported.iter().map(|name| family(name).unwrap_or_else(|| name.clone())).collect();
    assert_eq!(shown, all, "the dashboard shows every metric");
}
