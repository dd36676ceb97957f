//! A small blocking HTTP client. A status code is an answer, not an error.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Method, Request, Response, Uri};

/// Default maximum time of a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer that is read, in bytes.
const BODY_MAX: u64 = 64 * 1024 * 1024;

/// Sends requests to one server, each on a new connection, so that a restart of the server breaks no connection.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    base: String,
}

/// A server's response.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// The headers in the order of their arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// JSON if the content type is JSON, a string for any other content type, null for an empty body.
    pub body: Value,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: impl Into<String>) -> Self {
        Self::with_timeout(base, TIMEOUT)
    }

    /// Like [`Client::new`], with another timeout for each request.
    pub fn with_timeout(base: impl Into<String>, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .max_idle_connections(0)
            .max_redirects(0)
            .proxy(None)
            .build();
        Self { agent: config.into(), base: base.into().trim_end_matches('/').to_owned() }
    }

    /// The address of this server, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `GET`.
    ///
    /// # Errors
    /// There is no answer, or its JSON is damaged.
    pub fn get(&self, path: &str) -> Result<Reply> {
        self.send("GET", path, &[], None)
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        self.post_with(path, body, &[])
    }

    /// `POST` with a JSON body and more headers, such as `Idempotency-Key`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Reply> {
        self.send_json("POST", path, body, headers)
    }

    /// `PUT` with a JSON body.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn put(&self, path: &str, body: &Value) -> Result<Reply> {
        self.send_json("PUT", path, body, &[])
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn delete(&self, path: &str) -> Result<Reply> {
        self.send("DELETE", path, &[], None)
    }

    fn send_json(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Reply> {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send(method, path, &all, Some(&serde_json::to_vec(body)?))
    }

    /// Sends any request with exactly these headers and bytes, also one that a well-behaved client would not send.
    ///
    /// # Errors
    /// As [`Client::get`]; and for a method, path or header that HTTP cannot express.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<Reply> {
        let address = format!("{}{path}", self.base);
        self.answer(method, &address, headers, body).with_context(|| format!("{method} {address}"))
    }

    fn answer(&self, method: &str, address: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Result<Reply> {
        let method: Method = method.parse()?;
        let mut request = Request::builder().method(method).uri(address.parse::<Uri>()?);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(bytes) => self.agent.run(request.body(bytes)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        Reply::read(response)
    }
}

impl Reply {
    fn read(mut response: Response<ureq::Body>) -> Result<Self> {
        let headers = response.headers().iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(BODY_MAX).read_to_vec()?;
        let mut reply = Self { status, headers, body: Value::Null };
        reply.body = match reply.header("content-type") {
            _ if bytes.is_empty() => Value::Null,
            Some(kind) if is_json(kind) => {
                serde_json::from_slice(&bytes).context("the body is not the JSON it claims to be")?
            }
            _ => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        };
        Ok(reply)
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body, if the status is the expected one.
    ///
    /// # Errors
    /// The status differs. The message has both statuses and the body.
    pub fn expect_status(self, status: u16) -> Result<Value> {
        if self.status != status {
            bail!("expected status {status}, got {}: {}", self.status, self.body);
        }
        Ok(self.body)
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use serde_json::json;

    use super::*;

    /// Answers one request with these bytes; the thread returns the request.
    fn server(answer: &'static str) -> (Client, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("address");
        let request = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut seen = String::new();
            let mut buffer = [0; 4096];
            while !is_complete(&seen) {
                let length = stream.read(&mut buffer).expect("a request");
                assert_ne!(length, 0, "the request ends early: {seen}");
                seen.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
            }
            stream.write_all(answer.as_bytes()).expect("answered");
            seen
        });
        (Client::new(format!("http://{address}/")), request)
    }

    fn is_complete(request: &str) -> bool {
        let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
        let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        body.len() >= length.unwrap_or(0)
    }

    #[test]
    fn error_status_is_a_reply() {
        let (client, _) = server(
            "HTTP/1.1 422 No\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: 14\r\n\r\n{\"status\":422}",
        );
        let reply = client.get("/orders/7").expect("an answer");
        assert_eq!((reply.status, &reply.body), (422, &json!({"status": 422})));
        let error = reply.expect_status(200).expect_err("another status").to_string();
        assert!(error.contains("expected status 200, got 422"), "{error}");
    }

    #[test]
    fn sends_json_and_headers_and_reads_headers() {
        let (client, request) = server("HTTP/1.1 202 Ok\r\nLocation: /orders/7\r\ncontent-length: 0\r\n\r\n");
        let reply = client.post_with("/orders", &json!({"customer": "ada"}), &[("idempotency-key", "k1")]);
        let reply = reply.expect("an answer");
        assert_eq!((reply.header("LOCATION"), &reply.body), (Some("/orders/7"), &Value::Null));
        let request = request.join().expect("served");
        assert!(request.starts_with("POST /orders HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("idempotency-key: k1") && request.ends_with(r#"{"customer":"ada"}"#), "{request}");
    }

    #[test]
    fn text_body_becomes_a_string() {
        let (client, _) = server("HTTP/1.1 200 Ok\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok");
        assert_eq!(client.get("/livez").expect("an answer").body, json!("ok"));
    }

    #[test]
    fn connection_error_names_the_address() {
        let port = crate::process::ports::free().expect("a port");
        let error = Client::new(format!("http://127.0.0.1:{port}")).get("/readyz").expect_err("nobody");
        assert!(error.to_string().contains(&format!("GET http://127.0.0.1:{port}/readyz")), "{error}");
    }
}
