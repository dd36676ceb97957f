//! `POST /orders` over connections that are kept.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use contracts::OrderId;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// More than any answer has, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// What is waited after a 503 that doesn't say how long.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// The longest wait that a 503 is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// The order service, as a customer sees it.
pub(crate) struct OrderApi {
    client: Client<HttpConnector, Full<Bytes>>,
    orders: Uri,
}

/// An answer that a client expects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted(OrderId),
    /// To be sent again after this time.
    Busy(Duration),
}

impl OrderApi {
    /// The service at `base`, such as `http://127.0.0.1:8080`.
    pub(crate) fn at(base: &str) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, orders: format!("{base}/orders").parse().context("the order service's address")? })
    }

    /// Sends an order, once.
    ///
    /// # Errors
    /// There is no answer, or none that a client expects.
    pub(crate) async fn place(&self, order: Bytes) -> Result<Answer> {
        timeout(ANSWER, self.send(order)).await.context("no answer in time")?
    }

    async fn send(&self, order: Bytes) -> Result<Answer> {
        let request = Request::post(self.orders.clone()).header(CONTENT_TYPE, "application/json");
        let response = self.client.request(request.body(Full::new(order))?).await.context("POST /orders")?;
        let (head, body) = response.into_parts();
        // Read to its end, or the connection can't be used again.
        let read = Limited::new(body, BODY_MAX).collect().await;
        let body = read.map_err(anyhow::Error::from_boxed).context("the answer's body")?.to_bytes();
        match head.status {
            StatusCode::ACCEPTED => Ok(Answer::Accepted(order_id(&head.headers)?)),
            StatusCode::SERVICE_UNAVAILABLE => Ok(Answer::Busy(retry_after(&head.headers))),
            status => bail!("POST /orders answered {status}: {}", String::from_utf8_lossy(&body)),
        }
    }
}

fn order_id(headers: &HeaderMap) -> Result<OrderId> {
    let location = headers.get(LOCATION).context("202 without Location")?.to_str()?;
    let id = location.strip_prefix("/orders/").with_context(|| format!("Location is {location}"))?;
    id.parse().with_context(|| format!("Location is {location}"))
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs).min(RETRY_AFTER_MAX)
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};
    use uuid::Uuid;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_order_is_named_by_its_location() {
        let id = order_id(&headers(LOCATION, "/orders/00000000-0000-0000-0000-000000000007")).unwrap();
        assert_eq!(id, OrderId(Uuid::from_u128(7)));
        assert!(order_id(&headers(LOCATION, "/elsewhere")).is_err());
        assert!(order_id(&HeaderMap::new()).is_err());
    }

    #[test]
    fn the_wait_after_a_503_is_as_told_and_bounded() {
        assert_eq!(retry_after(&headers(RETRY_AFTER, "2")), Duration::from_secs(2));
        assert_eq!(retry_after(&headers(RETRY_AFTER, "86400")), RETRY_AFTER_MAX);
        assert_eq!(retry_after(&headers(RETRY_AFTER, "Wed, 25 Nov 2026 00:00:00 GMT")), RETRY_AFTER_DEFAULT);
        assert_eq!(retry_after(&HeaderMap::new()), RETRY_AFTER_DEFAULT);
    }
}
