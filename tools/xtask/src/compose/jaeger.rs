//! Jaeger's query API, as its own pages use it.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use super::trace::{Expected, Trace};
use crate::client::Client;
use crate::process::wait::wait_until;

/// Maximum time from the end of a span until the query API returns it, because services send spans in batches.
const ARRIVING: Duration = Duration::from_mins(1);

pub(super) struct Jaeger {
    client: Client,
}

#[derive(Deserialize)]
struct TraceList {
    data: Vec<Trace>,
}

impl Jaeger {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Waits until there is exactly one trace of this correlation id, and it is as expected.
    pub(super) fn trace_with(&self, correlation_id: &str, expected: &Expected) -> Result<()> {
        // {"saga.correlation_id":"..."}
        let tags = format!("%7B%22saga.correlation_id%22%3A%22{correlation_id}%22%7D");
        let path = format!("/api/traces?service=order&limit=20&tags={tags}");
        wait_until(&format!("the trace of {correlation_id}"), ARRIVING, || {
            let body = self.client.get(&path).and_then(|reply| reply.expect_status(200));
            let body = body.map_err(|error| format!("{error:#}"))?;
            let answer: TraceList = serde_json::from_value(body).map_err(|error| format!("not a trace: {error}"))?;
            match answer.data.as_slice() {
                [trace] => expected.must_be_in(trace),
                traces => Err(format!("{} traces", traces.len())),
            }
        })
    }
}
