//! Blocking HTTP client for the APIs of the services.

use std::{io::BufReader, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use ureq::{Agent, BodyReader};

/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a read from a stream. The order service sends a comment four times as often, so a longer silence means
/// that the connection was lost without notice.
const STREAM_TIMEOUT: Duration = Duration::from_mins(1);

/// Client for one server.
pub(crate) struct HttpClient {
    base: String,
}

impl HttpClient {
    /// Client for the server at `base`, such as `http://127.0.0.1:8080`.
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// The server is unavailable, its status is not 200, or the body has another structure.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.query(path, &[])
    }

    /// Reads JSON from a path with query parameters.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub(crate) fn query<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T> {
        let body = self.fetch(path, parameters)?;
        serde_json::from_str(&body).with_context(|| format!("unexpected response from {}{path}: {body}", self.base))
    }

    /// Posts JSON and reads the JSON of the response.
    ///
    /// # Errors
    /// The server is unavailable, its status is not one of success, or the body has another structure.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let url = format!("{}{path}", self.base);
        let mut response = agent(REQUEST_TIMEOUT)
            .post(&url)
            .content_type("application/json")
            .send(serde_json::to_string(body)?)
            .with_context(|| url.clone())?;
        let body = response.body_mut().read_to_string().with_context(|| url.clone())?;
        if !response.status().is_success() {
            bail!(UnexpectedStatus::new(url, response.status().as_u16(), &body));
        }
        serde_json::from_str(&body).with_context(|| format!("unexpected response from {url}: {body}"))
    }

    /// Reads JSON. Returns `None` for status 404.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub(crate) fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        match self.get(path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.downcast_ref::<UnexpectedStatus>().is_some_and(|error| error.status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads text.
    ///
    /// # Errors
    /// The server is unavailable, or its status is not 200.
    pub(crate) fn text(&self, path: &str) -> Result<String> {
        self.fetch(path, &[])
    }

    fn fetch(&self, path: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let (url, agent) = (format!("{}{path}", self.base), agent(REQUEST_TIMEOUT));
        let mut response =
            agent.get(&url).query_pairs(parameters.iter().copied()).call().with_context(|| url.clone())?;
        let body = response.body_mut().read_to_string().with_context(|| url.clone())?;
        match response.status().as_u16() {
            200 => Ok(body),
            status => bail!(UnexpectedStatus::new(url, status, &body)),
        }
    }

    /// Opens a stream of Server-Sent Events after the event with this id.
    ///
    /// # Errors
    /// The server is unavailable, or its status is not 200.
    pub(crate) fn stream(&self, path: &str, last_event_id: Option<&str>) -> Result<BufReader<BodyReader<'static>>> {
        let (url, agent) = (format!("{}{path}", self.base), agent(STREAM_TIMEOUT));
        let mut request = agent.get(&url).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let mut response = request.call().with_context(|| url.clone())?;
        match response.status().as_u16() {
            200 => Ok(BufReader::new(response.into_body().into_reader())),
            status => {
                let body = response.body_mut().read_to_string().unwrap_or_default();
                bail!(UnexpectedStatus::new(url, status, &body))
            }
        }
    }
}

/// Response with a status other than 200.
#[derive(Debug)]
pub(crate) struct UnexpectedStatus {
    url: String,
    status: u16,
    /// Detail of the problem document, or the body if it is something else.
    detail: String,
}

impl UnexpectedStatus {
    fn new(url: String, status: u16, body: &str) -> Self {
        let problem: Option<Value> = serde_json::from_str(body).ok();
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
        Self { url, status, detail: detail.unwrap_or(body).trim().to_owned() }
    }

    /// Returns whether a retry would fail in the same way.
    pub(crate) fn is_permanent(&self) -> bool {
        (400..500).contains(&self.status) && self.status != 429
    }
}

impl std::fmt::Display for UnexpectedStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: status {}: {}", self.url, self.status, self.detail)
    }
}

impl std::error::Error for UnexpectedStatus {}

/// HTTP agent that returns every status as a response and ignores proxies, because the services may run on this
/// machine.
fn agent(read_timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_connect(Some(REQUEST_TIMEOUT))
        .timeout_recv_response(Some(REQUEST_TIMEOUT))
        .timeout_per_read(Some(read_timeout))
        .build();
    config.into()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn unexpected_status_shows_the_detail_of_a_problem() {
        let problem = r#"{"status":422,"detail":"2 fields are invalid"}"#;
        let error = UnexpectedStatus::new("http://here/orders".to_owned(), 422, problem);
        expect!["http://here/orders: status 422: 2 fields are invalid"].assert_eq(&error.to_string());
    }

    #[test]
    fn unexpected_status_shows_a_body_that_is_not_a_problem() {
        let error = UnexpectedStatus::new("http://here/".to_owned(), 502, "bad gateway\n");
        expect!["http://here/: status 502: bad gateway"].assert_eq(&error.to_string());
    }
}
