//! Traces as Jaeger returns them, and their expected content.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use catalog::ServiceName;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    spans: Vec<Span>,
    processes: BTreeMap<String, Process>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(rename = "spanID")]
    id: String,
    operation_name: String,
    #[serde(rename = "processID")]
    process: String,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Debug, Deserialize)]
struct Tag {
    key: String,
    value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
}

/// Expected content of an order's trace, in addition to one root (the request) and spans of all services.
pub(super) struct Expected {
    /// Publishing services and their events.
    published: &'static [(ServiceName, &'static str)],
}

/// The trace of a confirmed order.
pub(super) const CONFIRMED: Expected = Expected {
    published: &[
        (ServiceName::Order, "OrderPlaced"),
        (ServiceName::Inventory, "StockReserved"),
        (ServiceName::Payment, "PaymentCaptured"),
        (ServiceName::Inventory, "StockCommitted"),
        (ServiceName::Shipping, "ShipmentScheduled"),
        (ServiceName::Order, "OrderConfirmed"),
    ],
};

/// The trace of a paid order that the carrier refuses. It includes the refund and the restock.
pub(super) const REFUSED: Expected = Expected {
    published: &[
        (ServiceName::Order, "OrderPlaced"),
        (ServiceName::Payment, "PaymentCaptured"),
        (ServiceName::Shipping, "ShipmentRejected"),
        (ServiceName::Payment, "PaymentRefunded"),
        (ServiceName::Inventory, "StockReleased"),
        (ServiceName::Order, "OrderCancelled"),
    ],
};

const REQUEST: &str = "POST /orders";

impl Expected {
    /// Checks that the trace has the expected content.
    ///
    /// # Errors
    /// Names the missing part.
    pub(super) fn must_be_in(&self, trace: &Trace) -> Result<(), String> {
        let services: BTreeSet<&str> = trace.spans.iter().filter_map(|span| trace.service(span)).collect();
        let absent = ServiceName::all().find(|service| !services.contains(service.name()));
        if let Some(service) = absent {
            return Err(format!("no span of {service} among those of {services:?}"));
        }
        for (service, event) in self.published {
            let is_it = |span: &&Span| trace.service(span) == Some(service.name()) && span.publishes(event);
            trace.spans.iter().find(is_it).ok_or_else(|| format!("{service} published no {event} in it"))?;
        }
        match trace.roots().as_slice() {
            [root] if root.operation_name == REQUEST && root.has("span.kind", "server") => Ok(()),
            [root] => Err(format!("its root is '{}', not the request", root.operation_name)),
            roots => Err(format!("{} spans without a parent in it", roots.len())),
        }
    }
}

impl Trace {
    fn service(&self, span: &Span) -> Option<&str> {
        self.processes.get(&span.process).map(|process| process.service_name.as_str())
    }

    /// The spans whose parent is not in the trace.
    fn roots(&self) -> Vec<&Span> {
        let known: BTreeSet<&str> = self.spans.iter().map(|span| span.id.as_str()).collect();
        let has_parent = |span: &Span| {
            span.references.iter().any(|parent| parent.kind == "CHILD_OF" && known.contains(parent.span.as_str()))
        };
        self.spans.iter().filter(|span| !has_parent(span)).collect()
    }
}

impl Span {
    fn publishes(&self, event: &str) -> bool {
        self.has("span.kind", "producer") && self.has("saga.event", event)
    }

    fn has(&self, key: &str, value: &str) -> bool {
        self.tags.iter().any(|tag| tag.key == key && tag.value == value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn span(id: &str, parent: Option<&str>, process: &str, event: &str) -> Value {
        let parents: Vec<_> =
            parent.iter().map(|id| json!({"refType": "CHILD_OF", "traceID": "t", "spanID": id})).collect();
        let tags = json!([
            {"key": "span.kind", "type": "string", "value": if parent.is_none() { "server" } else { "producer" }},
            {"key": "saga.event", "type": "string", "value": event},
            {"key": "messaging.kafka.offset", "type": "int64", "value": 7},
        ]);
        json!({"spanID": id, "operationName": "POST /orders", "processID": process, "references": parents, "tags": tags})
    }

    /// The trace of a confirmed order without the span of one event.
    fn trace_without(left_out: &str) -> Trace {
        let mut spans = vec![span("0", None, "order", "")];
        for (number, (service, event)) in CONFIRMED.published.iter().enumerate() {
            let (id, parent) = ((number + 1).to_string(), number.to_string());
            spans.push(span(&id, Some(&parent), service.name(), event));
        }
        spans.retain(|span| span["tags"][1]["value"] != left_out);
        let processes: BTreeMap<_, _> =
            ServiceName::all().map(|service| (service.name(), json!({"serviceName": service.name()}))).collect();
        serde_json::from_value(json!({"traceID": "t", "spans": spans, "processes": processes})).expect("a trace")
    }

    #[test]
    fn complete_trace_is_accepted() {
        assert_eq!(CONFIRMED.must_be_in(&trace_without("nothing")), Ok(()));
    }

    #[test]
    fn missing_spans_and_events_are_named() {
        let missing = |event| CONFIRMED.must_be_in(&trace_without(event)).expect_err("something is missing");
        assert_eq!(missing("StockCommitted"), "inventory published no StockCommitted in it");
        assert!(missing("ShipmentScheduled").starts_with("no span of shipping among"));
        assert_eq!(REFUSED.must_be_in(&trace_without("")), Err("shipping published no ShipmentRejected in it".into()));
    }

    #[test]
    fn trace_with_two_roots_is_rejected() {
        let mut trace = trace_without("nothing");
        trace.spans[3].references.clear();
        assert_eq!(CONFIRMED.must_be_in(&trace), Err("2 spans without a parent in it".into()));
        assert_eq!(
            CONFIRMED.must_be_in(&trace_without("")).expect_err("no request"),
            "its root is 'POST /orders', not the request"
        );
    }
}
