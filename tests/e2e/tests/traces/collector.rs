//! An OTLP collector in this process. It stores the spans that the services export.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// The parts of a span that tests check.
#[derive(Debug, Clone)]
pub(crate) struct ExportedSpan {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: v1::span::SpanKind,
    pub(crate) trace_id: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) parent: Vec<u8>,
    pub(crate) links: usize,
    attributes: Vec<KeyValue>,
}

impl ExportedSpan {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        text(&self.attributes, name)
    }
}

/// A collector that stores received spans until it is dropped.
pub(crate) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<ExportedSpan>>>,
    _runtime: Runtime,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let spans = Arc::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let service = TraceServiceServer::new(SpanSink(Arc::clone(&spans)));
        let server = tonic::transport::Server::builder().add_service(service);
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { address, spans, _runtime: runtime }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Spans of a trace, received so far.
    pub(crate) fn trace(&self, trace_id: &str) -> Vec<ExportedSpan> {
        let trace_id = u128::from_str_radix(trace_id, 16).expect("hexadecimal digits").to_be_bytes();
        let spans = self.spans.lock().expect("the lock is not poisoned");
        spans.iter().filter(|span| span.trace_id == trace_id).cloned().collect()
    }
}

struct SpanSink(Arc<Mutex<Vec<ExportedSpan>>>);

#[tonic::async_trait]
impl TraceService for SpanSink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut stored = self.0.lock().expect("the lock is not poisoned");
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
            let service = text(&attributes, "service.name").unwrap_or_default().to_owned();
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            stored.extend(spans.map(|span| ExportedSpan {
                service: service.clone(),
                kind: span.kind(),
                name: span.name,
                trace_id: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                links: span.links.len(),
                attributes: span.attributes,
            }));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    match attributes.iter().find(|attribute| attribute.key == name)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
