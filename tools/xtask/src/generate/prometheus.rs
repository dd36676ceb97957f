//! Scrape jobs in Prometheus' configuration.

use catalog::ServiceName;

/// Regions of `deploy/prometheus/prometheus.yml`.
pub(super) fn jobs() -> Vec<(&'static str, String)> {
    vec![("jobs", ServiceName::all().map(job).collect())]
}

/// Rules and dashboard select by the label `suite`, so that they need no list of services.
fn job(service: ServiceName) -> String {
    format!(
        "  - job_name: {service}
    static_configs: [{{ targets: [\"{service}:8080\"], labels: {{ suite: order-saga }} }}]
"
    )
}
