//! Every span of the suite, with its name, kind and attributes, after the semantic conventions for
//! [messaging](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/) and
//! [databases](https://opentelemetry.io/docs/specs/semconv/database/database-spans/). HTTP's are in `web`.

use opentelemetry::{
    KeyValue,
    trace::{Link, Span as _, SpanBuilder, SpanKind, Status, Tracer as _},
};
use opentelemetry_sdk::trace::SdkTracer;

use crate::Trace;

/// The attribute with an event's type.
pub const EVENT: &str = "saga.event";
/// The attribute with the order.
pub const ORDER_ID: &str = "saga.order_id";
/// The attribute by which everything that one request caused is found.
pub const CORRELATION_ID: &str = "saga.correlation_id";

/// Links that a span has at most.
const LINKS_MAX: usize = 64;

/// Starts spans; does nothing when nobody exports them.
#[derive(Clone, Default)]
pub struct Spans(pub(crate) Option<SdkTracer>);

/// A span that ends when it is dropped. Without export it is only the place where its parent is.
pub struct Span {
    span: Option<opentelemetry_sdk::trace::Span>,
    trace: Trace,
}

/// What a span about an event says of it.
#[derive(Clone, Copy)]
pub struct EventAttributes<'a> {
    /// The event's type.
    pub event: &'static str,
    /// Its id.
    pub message_id: &'a dyn std::fmt::Display,
    /// The order.
    pub order_id: &'a dyn std::fmt::Display,
    /// What it belongs to.
    pub correlation_id: &'a dyn std::fmt::Display,
}

impl EventAttributes<'_> {
    fn attributes(&self, operation: &'static str, topic: &str) -> Vec<KeyValue> {
        vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", operation),
            KeyValue::new("messaging.destination.name", topic.to_owned()),
            KeyValue::new("messaging.message.id", self.message_id.to_string()),
            KeyValue::new(EVENT, self.event),
            KeyValue::new(ORDER_ID, self.order_id.to_string()),
            KeyValue::new(CORRELATION_ID, self.correlation_id.to_string()),
        ]
    }
}

impl Spans {
    /// A consumer's work on a record, from its arrival to the commit of what follows.
    pub fn process(
        &self,
        about: EventAttributes<'_>,
        topic: &str,
        partition: i32,
        offset: i64,
        group: &'static str,
        parent: &Trace,
    ) -> Span {
        self.start(parent, SpanKind::Consumer, || {
            let mut attributes = about.attributes("process", topic);
            attributes.push(KeyValue::new("messaging.consumer.group.name", group));
            attributes.push(KeyValue::new("messaging.destination.partition.id", partition.to_string()));
            attributes.push(KeyValue::new("messaging.kafka.offset", offset));
            (format!("process {topic}"), attributes)
        })
    }

    /// An event on its way out: from the decision, through the outbox, until the broker has it.
    /// A request that led to it outside of the order's own trace is linked.
    pub fn send(&self, about: EventAttributes<'_>, topic: &str, parent: &Trace, request: &Trace) -> Span {
        let mut span =
            self.start(parent, SpanKind::Producer, || (format!("send {topic}"), about.attributes("send", topic)));
        if request.is_some() && request != parent {
            span.link(vec![Link::with_context(request.span_context().clone())]);
        }
        span
    }

    /// An event that was committed before a crash, or long ago, and goes out now.
    pub fn resend(&self, topic: &str, parent: &Trace) -> Span {
        self.start(parent, SpanKind::Client, || {
            let attributes = vec![
                KeyValue::new("messaging.system", "kafka"),
                KeyValue::new("messaging.operation.name", "resend"),
                KeyValue::new("messaging.operation.type", "send"),
                KeyValue::new("messaging.destination.name", topic.to_owned()),
            ];
            (format!("resend {topic}"), attributes)
        })
    }

    /// The transaction of a batch in a database of this system, named as the conventions name it: below the first of the spans
    /// that it serves, linked to the others.
    pub fn transaction<'a>(
        &self,
        system: &'static str,
        database: &'static str,
        inputs: usize,
        mut served: impl Iterator<Item = &'a Trace>,
    ) -> Span {
        let Some(first) = served.next() else { return Span::none(&Trace::default()) };
        let links = served.take(LINKS_MAX).map(|trace| Link::with_context(trace.span_context().clone())).collect();
        let mut span = self.start(first, SpanKind::Client, || {
            let attributes = vec![
                KeyValue::new("db.system.name", system),
                KeyValue::new("db.operation.name", "COMMIT"),
                KeyValue::new("db.namespace", database),
                KeyValue::new("db.operation.batch.size", i64::try_from(inputs).unwrap_or(i64::MAX)),
            ];
            (format!("COMMIT {database}"), attributes)
        });
        span.link(links);
        span
    }

    /// One attempt of a call to the outside world.
    pub fn call(
        &self,
        peer: &'static str,
        operation: &'static str,
        order_id: &dyn std::fmt::Display,
        parent: &Trace,
    ) -> Span {
        self.start(parent, SpanKind::Client, || {
            let attributes = vec![
                KeyValue::new("service.peer.name", peer),
                KeyValue::new("peer.service", peer),
                KeyValue::new(ORDER_ID, order_id.to_string()),
            ];
            (format!("{operation} {peer}"), attributes)
        })
    }

    fn start(&self, parent: &Trace, kind: SpanKind, describe: impl FnOnce() -> (String, Vec<KeyValue>)) -> Span {
        let Some(tracer) = &self.0 else { return Span::none(parent) };
        let (name, attributes) = describe();
        let builder = SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes);
        let span = tracer.build_with_context(builder, &parent.context());
        Span { trace: Trace::of(span.span_context()), span: Some(span) }
    }
}

impl Span {
    /// No span, only the place of its parent.
    pub fn none(parent: &Trace) -> Self {
        Self { span: None, trace: parent.clone() }
    }

    /// The place from which the trace goes on.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// It did not succeed.
    pub fn fail(&mut self, error: &dyn std::fmt::Display) {
        if let Some(span) = &mut self.span {
            span.set_status(Status::error(error.to_string()));
        }
    }

    fn link(&mut self, links: Vec<Link>) {
        if let Some(span) = &mut self.span {
            for link in links {
                span.add_link(link.span_context, Vec::new());
            }
        }
    }
}
