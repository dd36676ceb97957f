//! A small blocking HTTP client.

use std::{io::BufReader, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::{Agent, BodyReader};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a stream may say nothing: the order service shows four times as often that it lives. A connection that was lost
/// without a word is no wait for ever.
const SILENCE: Duration = Duration::from_mins(1);

/// Talks to one server.
pub(crate) struct Client {
    base: String,
}

impl Client {
    /// The server at `base`, such as `http://127.0.0.1:8080`.
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    /// The JSON at a path.
    ///
    /// # Errors
    /// There is no answer, it is not 200, or not what was expected.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.query(path, &[])
    }

    /// The JSON at a path, with parameters.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn query<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T> {
        let body = self.ask(path, parameters)?;
        serde_json::from_str(&body).with_context(|| format!("an unexpected answer from {}{path}: {body}", self.base))
    }

    /// The JSON at a path; `None` when there is nothing.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        match self.get(path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.downcast_ref::<NotOk>().is_some_and(|answer| answer.status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The text at a path.
    ///
    /// # Errors
    /// There is no answer, or it is not 200.
    pub(crate) fn text(&self, path: &str) -> Result<String> {
        self.ask(path, &[])
    }

    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let (url, agent) = (format!("{}{path}", self.base), agent(TIMEOUT));
        let mut answer = agent.get(&url).query_pairs(parameters.iter().copied()).call().with_context(|| url.clone())?;
        let body = answer.body_mut().read_to_string().with_context(|| url.clone())?;
        match answer.status().as_u16() {
            200 => Ok(body),
            status => bail!(NotOk::new(url, status, &body)),
        }
    }

    /// A stream of Server-Sent Events after the last one that was seen.
    ///
    /// # Errors
    /// There is no answer, or it is not 200.
    pub(crate) fn stream(&self, path: &str, last_event_id: Option<&str>) -> Result<BufReader<BodyReader<'static>>> {
        let (url, agent) = (format!("{}{path}", self.base), agent(SILENCE));
        let mut request = agent.get(&url).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let mut answer = request.call().with_context(|| url.clone())?;
        match answer.status().as_u16() {
            200 => Ok(BufReader::new(answer.into_body().into_reader())),
            status => bail!(NotOk::new(url, status, &answer.body_mut().read_to_string().unwrap_or_default())),
        }
    }
}

/// The server answered, and not with 200.
#[derive(Debug)]
pub(crate) struct NotOk {
    url: String,
    status: u16,
    /// What a problem document says, or all that was said.
    detail: String,
}

impl NotOk {
    fn new(url: String, status: u16, body: &str) -> Self {
        let problem: Option<Value> = serde_json::from_str(body).ok();
        let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
        Self { url, status, detail: detail.unwrap_or(body).trim().to_owned() }
    }
}

impl NotOk {
    /// Whether asking again is for nothing.
    pub(crate) fn is_permanent(&self) -> bool {
        (400..500).contains(&self.status) && self.status != 429
    }
}

impl std::fmt::Display for NotOk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.url, self.status, self.detail)
    }
}

impl std::error::Error for NotOk {}

/// A status is an answer and no error, and a service on this machine is asked without a proxy.
fn agent(silence: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_connect(Some(TIMEOUT))
        .timeout_recv_response(Some(TIMEOUT))
        .timeout_per_read(Some(silence))
        .build();
    config.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_says_what_is_wrong() {
        let told = NotOk::new("http://here/orders".to_owned(), 422, r#"{"status":422,"detail":"2 parts are wrong"}"#);
        assert_eq!(told.to_string(), "http://here/orders: 422: 2 parts are wrong");
        assert_eq!(NotOk::new("http://here/".to_owned(), 502, "no\n").to_string(), "http://here/: 502: no");
    }
}
