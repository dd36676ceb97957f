//! All spans with their names, kinds and attributes, following the semantic conventions for
//! [messaging](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/) and
//! [databases](https://opentelemetry.io/docs/specs/semconv/database/database-spans/). The crate `web` starts HTTP spans.

use opentelemetry::{
    KeyValue,
    trace::{Link, Span as _, SpanBuilder, SpanKind, Status, Tracer as _},
};
use opentelemetry_sdk::trace::SdkTracer;

use crate::{SUBJECT, Trace};

/// The attribute for an event's type.
pub const EVENT: &str = "saga.event";
/// The attribute shared by all effects of one request.
pub const CORRELATION_ID: &str = "saga.correlation_id";

/// Maximum links of a span.
const LINKS_MAX: usize = 64;

/// Starts spans. Does nothing without an exporter.
#[derive(Clone, Default)]
pub struct Spans(pub(crate) Option<SdkTracer>);

/// A span that ends when it is dropped. Without an exporter it only passes on its parent's position.
pub struct Span {
    span: Option<opentelemetry_sdk::trace::Span>,
    trace: Trace,
}

/// Attributes of a span about an event.
#[derive(Clone, Copy)]
pub struct EventAttributes<'a> {
    /// The event's type.
    pub event: &'static str,
    pub message_id: &'a dyn std::fmt::Display,
    /// The thing that the event is about.
    pub subject: &'a dyn std::fmt::Display,
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
            KeyValue::new(SUBJECT, self.subject.to_string()),
            KeyValue::new(CORRELATION_ID, self.correlation_id.to_string()),
        ]
    }
}

impl Spans {
    /// Starts the processing span of a record, from its arrival to the commit of its effects.
    pub fn process(
        &self,
        event: EventAttributes<'_>,
        topic: &str,
        partition: i32,
        offset: i64,
        group: &'static str,
        parent: &Trace,
    ) -> Span {
        self.start(parent, SpanKind::Consumer, || {
            let mut attributes = event.attributes("process", topic);
            attributes.push(KeyValue::new("messaging.consumer.group.name", group));
            attributes.push(KeyValue::new("messaging.destination.partition.id", partition.to_string()));
            attributes.push(KeyValue::new("messaging.kafka.offset", offset));
            (format!("process {topic}"), attributes)
        })
    }

    /// Starts the send span of an event, from the decision through the outbox to the broker's acknowledgement. It links a
    /// causing request that has another trace than the stream.
    pub fn send(&self, event: EventAttributes<'_>, topic: &str, parent: &Trace, request: &Trace) -> Span {
        let mut span =
            self.start(parent, SpanKind::Producer, || (format!("send {topic}"), event.attributes("send", topic)));
        if request.is_some() && request != parent {
            span.link(vec![Link::with_context(request.span_context().clone())]);
        }
        span
    }

    /// Starts the send span of an event that is published after a restart or by another instance.
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

    /// Starts the span of a batch's transaction: a child of the first span that it serves, linked to the others. `system` is
    /// the database system's name in the conventions.
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

    /// Starts the span of one attempt of a provider call.
    pub fn call(
        &self,
        peer: &'static str,
        operation: &'static str,
        subject: &dyn std::fmt::Display,
        parent: &Trace,
    ) -> Span {
        self.start(parent, SpanKind::Client, || {
            let attributes = vec![
                KeyValue::new("service.peer.name", peer),
                KeyValue::new("peer.service", peer),
                KeyValue::new(SUBJECT, subject.to_string()),
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
    /// Creates no span, only its parent's position.
    pub fn none(parent: &Trace) -> Self {
        Self { span: None, trace: parent.clone() }
    }

    /// The position of this span in its trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Marks the span as failed.
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
