//! OTLP collector that counts spans and discards them. It does as little work as possible, not even decoding spans,
//! because a real collector runs on another machine.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as Task, Poll};

use anyhow::{Context, Result};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_server::{MetricsService, MetricsServiceServer},
    },
    trace::v1::{ExportTraceServiceResponse, trace_service_server::SERVICE_NAME},
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Handle of the collector, which runs as long as the runtime.
pub(crate) struct SpanSink {
    address: SocketAddr,
    spans: Arc<AtomicU64>,
}

impl SpanSink {
    /// Starts the collector on a free port.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) fn start(runtime: &Runtime) -> Result<Self> {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("failed to bind the OTLP sink")?;
        let address = listener.local_addr()?;
        let spans = Arc::<AtomicU64>::default();
        let count = SpanCounter(Arc::clone(&spans));
        let server = Server::builder()
            .add_service(TraceReceiver(count.clone()))
            .add_service(LogsServiceServer::new(count.clone()))
            .add_service(MetricsServiceServer::new(count));
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Ok(Self { address, spans })
    }

    /// Value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Number of spans received so far.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
struct SpanCounter(Arc<AtomicU64>);

/// `ExportTraceServiceRequest` of the
/// [protocol](https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/trace/v1/trace_service.proto),
/// with undecoded spans.
#[derive(Clone, PartialEq, prost::Message)]
struct ExportedSpans {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResourceSpans {
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ScopeSpans {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    spans: Vec<Bytes>,
}

/// The service `TraceService`. The generated server would decode every attribute of every span.
#[derive(Clone)]
struct TraceReceiver(SpanCounter);

impl NamedService for TraceReceiver {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for TraceReceiver {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    // `TraceService` has one method, so the path needs no check.
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let count = self.0.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(count, request).await) })
    }
}

impl UnaryService<ExportedSpans> for SpanCounter {
    type Response = ExportTraceServiceResponse;
    type Future = std::future::Ready<Result<Response<ExportTraceServiceResponse>, Status>>;

    fn call(&mut self, request: Request<ExportedSpans>) -> Self::Future {
        let scopes = request.get_ref().resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
        self.0.fetch_add(spans as u64, Ordering::Relaxed);
        std::future::ready(Ok(Response::new(ExportTraceServiceResponse::default())))
    }
}

#[tonic::async_trait]
impl LogsService for SpanCounter {
    async fn export(
        &self,
        _: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for SpanCounter {
    async fn export(
        &self,
        _: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
