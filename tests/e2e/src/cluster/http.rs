//! HTTP requests to services.

use catalog::ServiceName;
use serde_json::Value;
use xtask::{Client, Reply, wait_until};

use super::TestCluster;
use crate::timeout::TEST_TIMEOUT;

impl TestCluster {
    /// HTTP client of a service.
    pub fn client(&self, service: ServiceName) -> &Client {
        &self.clients[service]
    }

    /// Sends `GET`. Waits for a service that is still starting.
    #[track_caller]
    pub fn get(&self, service: ServiceName, path: &str) -> Reply {
        let reply = wait_until(&format!("a reply to GET {path} from {service}"), TEST_TIMEOUT, || {
            self.client(service).get(path).map_err(|error| format!("{error:#}"))
        });
        reply.expect("the service replies")
    }

    /// Sends `GET`, asserts status 200 and returns the body.
    #[track_caller]
    pub fn get_ok(&self, service: ServiceName, path: &str) -> Value {
        self.get(service, path).expect_status(200).expect("the request succeeds")
    }

    /// Sum of a metric's series; 0 if there is none yet.
    #[track_caller]
    pub fn metric(&self, service: ServiceName, name: &str) -> f64 {
        let metrics = self.get_ok(service, "/metrics");
        let is_series = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let lines = metrics.as_str().unwrap_or_default().lines().filter(is_series);
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}
