//! Client for `POST /orders` with persistent connections.

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

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum size of a response body, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// Wait after a 429 or 503 without a valid `Retry-After`.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// Maximum wait after a 429 or 503.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// The HTTP API of the order service.
pub(crate) struct OrderApi {
    client: Client<HttpConnector, Full<Bytes>>,
    orders: Uri,
}

/// An expected response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlaceOrderReply {
    Accepted(OrderId),
    /// Status 429 or 503; the order is to be sent again after this time.
    Busy(Duration),
}

impl OrderApi {
    /// Client for the service at `base`, such as `http://127.0.0.1:8080`.
    pub(crate) fn at(base: &str) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, orders: format!("{base}/orders").parse().context("invalid URL of the order service")? })
    }

    /// Sends an order once.
    ///
    /// # Errors
    /// The request failed or timed out, or the response is unexpected.
    pub(crate) async fn place(&self, order: Bytes) -> Result<PlaceOrderReply> {
        timeout(REQUEST_TIMEOUT, self.send(order)).await.context("request timed out")?
    }

    async fn send(&self, order: Bytes) -> Result<PlaceOrderReply> {
        let request = Request::post(self.orders.clone()).header(CONTENT_TYPE, "application/json");
        let response = self.client.request(request.body(Full::new(order))?).await.context("POST /orders")?;
        let (head, body) = response.into_parts();
        // The whole body must be read, or the connection cannot be used again.
        let read = Limited::new(body, BODY_MAX).collect().await;
        let body = read.map_err(anyhow::Error::from_boxed).context("failed to read the response body")?.to_bytes();
        match head.status {
            StatusCode::ACCEPTED => Ok(PlaceOrderReply::Accepted(order_id(&head.headers)?)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Ok(PlaceOrderReply::Busy(retry_after(&head.headers)))
            }
            status => bail!("POST /orders: unexpected status {status}: {}", String::from_utf8_lossy(&body)),
        }
    }
}

fn order_id(headers: &HeaderMap) -> Result<OrderId> {
    let location = headers.get(LOCATION).context("status 202 without a Location header")?.to_str()?;
    let id = location.strip_prefix("/orders/").with_context(|| format!("invalid Location {location}"))?;
    id.parse().with_context(|| format!("invalid Location {location}"))
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
    fn order_id_comes_from_location() {
        let id = order_id(&headers(LOCATION, "/orders/00000000-0000-0000-0000-000000000007")).unwrap();
        assert_eq!(id, OrderId(Uuid::from_u128(7)));
        assert!(order_id(&headers(LOCATION, "/elsewhere")).is_err());
        assert!(order_id(&HeaderMap::new()).is_err());
    }

    #[test]
    fn retry_after_is_bounded() {
        assert_eq!(retry_after(&headers(RETRY_AFTER, "2")), Duration::from_secs(2));
        assert_eq!(retry_after(&headers(RETRY_AFTER, "86400")), RETRY_AFTER_MAX);
        assert_eq!(retry_after(&headers(RETRY_AFTER, "Wed, 25 Nov 2026 00:00:00 GMT")), RETRY_AFTER_DEFAULT);
        assert_eq!(retry_after(&HeaderMap::new()), RETRY_AFTER_DEFAULT);
    }
}
