//! One trace for each order: the exported spans form one tree with exactly the edges of the saga.

mod collector;

use std::{collections::BTreeSet, sync::OnceLock};

use catalog::ServiceName;
use collector::{Collector, ExportedSpan};
use contracts::OrderId;
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster, order_id};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use providers::simulator::{addresses, cards};
use uuid::Uuid;

/// Base URL of the trace viewer.
const TRACE_URL: &str = "http://jaeger.test/trace/";

/// A suite that exports to a collector. Both exist as long as this process.
fn traced_cluster() -> &'static (Collector, TestCluster) {
    static TRACED: OnceLock<(Collector, TestCluster)> = OnceLock::new();
    TRACED.get_or_init(|| {
        let collector = Collector::start();
        let endpoint = collector.endpoint();
        let cluster = TestCluster::launch_with(|suite| {
            suite.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "50").env_for(
                ServiceName::Order,
                "TRACE_URL",
                TRACE_URL,
            )
        });
        (collector, cluster)
    })
}

struct TracedOrder {
    id: OrderId,
    trace_id: String,
    correlation_id: String,
}

fn place(change: impl FnOnce(NewOrder) -> NewOrder) -> TracedOrder {
    let (_, cluster) = traced_cluster();
    let order = change(NewOrder::of(&cluster.product(1000, 1), 1));
    let correlation_id = Uuid::now_v7().to_string();
    let reply = cluster.try_place(&order, &[("x-correlation-id", &correlation_id)]).expect("the order service replies");
    let trace_id = reply.header("x-trace-id").expect("the response carries the trace's id").to_owned();
    TracedOrder { id: order_id(&reply.body), trace_id, correlation_id }
}

/// Label of a span in an edge: `service name event`.
fn label(span: &ExportedSpan) -> String {
    let event = span.attribute("saga.event").unwrap_or_default();
    format!("{} {} {event}", span.service, span.name).trim_end().to_owned()
}

fn is_transaction(span: &ExportedSpan) -> bool {
    span.attribute("db.system.name").is_some()
}

/// Edges of the trace as `parent > child`, without transactions, because several orders may share them.
fn edges(spans: &[ExportedSpan]) -> BTreeSet<String> {
    let parent = |child: &ExportedSpan| spans.iter().find(|span| span.id == child.parent);
    let edge = |child: &ExportedSpan| match parent(child) {
        Some(parent) => format!("{} > {}", label(parent), label(child)),
        None => format!("> {}", label(child)),
    };
    spans.iter().filter(|span| !is_transaction(span)).map(edge).collect()
}

/// Waits for exactly these edges. `|` separates possible parents of a step that waits for several facts.
#[track_caller]
fn expect_edges(placed: &TracedOrder, expected: &[&str]) -> Vec<ExportedSpan> {
    let matches = |edge: &str, expected: &str| {
        let Some((parents, child)) = expected.split_once('>') else { return false };
        parents.split('|').any(|parent| edge == format!("{} > {}", parent.trim(), child.trim()).trim_start())
    };
    let found = xtask::wait_until("the whole trace", TEST_TIMEOUT, || {
        let spans = traced_cluster().0.trace(&placed.trace_id);
        let edges = edges(&spans);
        let missing: Vec<_> =
            expected.iter().filter(|expected| !edges.iter().any(|edge| matches(edge, expected))).collect();
        if missing.is_empty() { Ok(spans) } else { Err(format!("missing {missing:#?} in {edges:#?}")) }
    });
    let spans = found.unwrap_or_else(|error| panic!("{error:#}"));
    for edge in edges(&spans) {
        assert!(expected.iter().any(|expected| matches(&edge, expected)), "unexpected edge: {edge}");
    }
    assert_semantic_conventions(placed, &spans);
    spans
}

/// Asserts that kinds and attributes follow the semantic conventions.
#[track_caller]
fn assert_semantic_conventions(placed: &TracedOrder, spans: &[ExportedSpan]) {
    for span in spans {
        let kind = match span.name.split(' ').next() {
            Some("POST") => SpanKind::Server,
            Some("send") => SpanKind::Producer,
            Some("process") => SpanKind::Consumer,
            _ => SpanKind::Client,
        };
        assert_eq!(span.kind, kind, "{}", label(span));
        if matches!(kind, SpanKind::Producer | SpanKind::Consumer) {
            assert_eq!(span.attribute("messaging.system"), Some("kafka"));
            assert_eq!(span.attribute("messaging.destination.name"), span.name.split(' ').nth(1));
            assert_eq!(span.attribute("order.id"), Some(placed.id.to_string().as_str()));
            assert_eq!(span.attribute("saga.correlation_id"), Some(placed.correlation_id.as_str()));
        }
    }
    let transactions = spans.iter().filter(|span| is_transaction(span)).count();
    assert!(transactions > 0, "the trace contains transactions");
}

const RESERVED: [&str; 7] = [
    "> order POST /orders",
    "order POST /orders > order send order.events OrderPlaced",
    "order send order.events OrderPlaced > inventory process order.events OrderPlaced",
    "order send order.events OrderPlaced > payment process order.events OrderPlaced",
    "order send order.events OrderPlaced > shipping process order.events OrderPlaced",
    "inventory process order.events OrderPlaced > inventory send inventory.events StockReserved",
    "inventory send inventory.events StockReserved > order process inventory.events StockReserved",
];
const CHARGED: [&str; 2] = [
    "inventory send inventory.events StockReserved > payment process inventory.events StockReserved",
    "payment process inventory.events StockReserved | payment process order.events OrderPlaced > payment charge payment-gateway",
];
const CAPTURED: [&str; 7] = [
    "payment charge payment-gateway > payment send payment.events PaymentCaptured",
    "payment send payment.events PaymentCaptured > order process payment.events PaymentCaptured",
    "payment send payment.events PaymentCaptured > inventory process payment.events PaymentCaptured",
    "inventory process payment.events PaymentCaptured > inventory send inventory.events StockCommitted",
    "inventory send inventory.events StockCommitted > order process inventory.events StockCommitted",
    "inventory send inventory.events StockCommitted > shipping process inventory.events StockCommitted",
    "shipping process inventory.events StockCommitted | shipping process order.events OrderPlaced > shipping book carrier",
];
const SCHEDULED: [&str; 3] = [
    "shipping book carrier > shipping send shipping.events ShipmentScheduled",
    "shipping send shipping.events ShipmentScheduled > order process shipping.events ShipmentScheduled",
    "order process shipping.events ShipmentScheduled > order send order.events OrderConfirmed",
];
const CANCELLED: &str = "order process inventory.events StockReleased | order process payment.events PaymentRefunded \
                         > order send order.events OrderCancelled";

/// Edges that follow the end of the shipment.
fn compensated(event: &str) -> Vec<String> {
    let sent = format!("shipping send shipping.events {event}");
    let mut edges = Vec::new();
    for service in ["order", "inventory", "payment"] {
        edges.push(format!("{sent} > {service} process shipping.events {event}"));
    }
    let released = "inventory send inventory.events StockReleased";
    let refunded = "payment send payment.events PaymentRefunded";
    edges.push(format!("inventory process shipping.events {event} > {released}"));
    edges.push(format!("{released} > order process inventory.events StockReleased"));
    edges.push(format!("payment process shipping.events {event} > payment refund payment-gateway"));
    edges.push(format!("payment refund payment-gateway > {refunded}"));
    edges.push(format!("{refunded} > order process payment.events PaymentRefunded"));
    edges.push(CANCELLED.to_owned());
    edges
}

#[test]
fn confirmed_order_is_one_tree() {
    let placed = place(|order| order);
    expect_edges(&placed, &[&RESERVED[..], &CHARGED, &CAPTURED, &SCHEDULED].concat());
}

#[test]
fn timeline_links_the_trace() {
    let placed = place(|order| order);
    let timeline = traced_cluster().1.timeline_json(placed.id);
    assert_eq!(timeline["trace_id"], placed.trace_id.as_str());
    assert_eq!(timeline["trace_url"], format!("{TRACE_URL}{}", placed.trace_id));
}

#[test]
fn declined_order_is_one_tree() {
    let placed = place(|order| order.paid_with(cards::DECLINED));
    let declined = [
        "payment charge payment-gateway > payment send payment.events PaymentDeclined",
        "payment send payment.events PaymentDeclined > order process payment.events PaymentDeclined",
        "payment send payment.events PaymentDeclined > inventory process payment.events PaymentDeclined",
        "inventory process payment.events PaymentDeclined > inventory send inventory.events StockReleased",
        "inventory send inventory.events StockReleased > order process inventory.events StockReleased",
        "order process inventory.events StockReleased | order process payment.events PaymentDeclined \
         > order send order.events OrderCancelled",
    ];
    expect_edges(&placed, &[&RESERVED[..], &CHARGED, &declined].concat());
}

#[test]
fn rejected_order_is_one_tree() {
    let placed = place(|order| order.to_country(addresses::UNSERVED_COUNTRY));
    let rejected = "shipping book carrier > shipping send shipping.events ShipmentRejected";
    let compensated = compensated("ShipmentRejected");
    let compensated: Vec<_> = compensated.iter().map(String::as_str).chain([rejected]).collect();
    expect_edges(&placed, &[&RESERVED[..], &CHARGED, &CAPTURED, &compensated].concat());
}

#[test]
fn cancellation_continues_trace_and_links_its_request() {
    let placed = place(|order| order);
    let (_, cluster) = traced_cluster();
    cluster.wait_until_confirmed(placed.id);
    assert_eq!(cluster.cancel(placed.id), 202);
    let requested = "order send order.events OrderCancellationRequested";
    let cancelled = [
        format!("order POST /orders > {requested}"),
        format!("{requested} > shipping process order.events OrderCancellationRequested"),
        "shipping process order.events OrderCancellationRequested > shipping send shipping.events ShipmentCancelled"
            .to_owned(),
        "shipping process order.events OrderCancellationRequested > shipping cancel carrier".to_owned(),
    ];
    let compensated = compensated("ShipmentCancelled");
    let cancelled: Vec<_> = cancelled.iter().chain(&compensated).map(String::as_str).collect();
    let spans = expect_edges(&placed, &[&RESERVED[..], &CHARGED, &CAPTURED, &SCHEDULED, &cancelled].concat());
    let requested = spans.iter().find(|span| label(span) == requested).expect("the trace contains the request");
    assert_eq!(requested.links, 1, "the cancellation request has its own trace");
}

#[test]
fn client_trace_is_continued() {
    let (collector, cluster) = traced_cluster();
    let trace_id = Uuid::now_v7().simple().to_string();
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let order = NewOrder::of(&cluster.product(1000, 1), 1);
    let reply = cluster.try_place(&order, &[("traceparent", &traceparent)]).expect("the order service replies");
    assert_eq!(reply.header("x-trace-id"), Some(trace_id.as_str()));
    xtask::wait_until("a span of every service in the client's trace", TEST_TIMEOUT, || {
        let services: BTreeSet<_> = collector.trace(&trace_id).into_iter().map(|span| span.service).collect();
        if services.len() == ServiceName::all().len() { Ok(()) } else { Err(format!("{services:?}")) }
    })
    .unwrap();
}

#[test]
fn unavailable_collector_does_not_affect_orders() {
    let endpoint = format!("http://127.0.0.1:{}", xtask::ports::free().unwrap());
    let cluster = TestCluster::launch_with(|suite| {
        suite.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "20")
    });
    let product = cluster.product(1000, 20);
    let orders: Vec<_> = (0..20).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
    for id in orders {
        cluster.wait_until_confirmed(id);
    }
    for service in ServiceName::all() {
        let log = cluster.log(service);
        let errors = log.lines().filter(|line| line.contains("opentelemetry")).count();
        assert!(errors <= 3, "{service} logs {errors} errors, expected at most 3:\n{log}");
        assert!(cluster.terminate(service).success(), "{service} shuts down");
    }
}
