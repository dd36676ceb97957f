//! Setup of logs, traces and metrics at the start of a process.
//!
//! The standard variables configure the export: `OTEL_EXPORTER_OTLP_ENDPOINT` (without it nothing is exported),
//! `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`.
//! Queues are bounded and drop the excess, so a slow or unavailable collector costs telemetry, but never the service's work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{metrics::MeterProvider as _, trace::TracerProvider as _};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::{
    Resource,
    logs::{BatchLogProcessor, SdkLoggerProvider},
    metrics::SdkMeterProvider,
    propagation::TraceContextPropagator,
    trace::{BatchSpanProcessor, SdkTracerProvider},
};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{LogFormat, Metrics, Spans, subject::RenameSubject};

/// Maximum time of the last export.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// Minimum interval between "collector unavailable" logs, in seconds.
const EXPORT_ERROR_LOG_INTERVAL_S: u64 = 60;

/// Settings of a process's telemetry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of the process in all telemetry.
    pub service: &'static str,
    /// The instrumentation scope of all spans and metrics.
    pub scope: &'static str,
    /// The exported name of [`SUBJECT`](crate::SUBJECT), such as `invoice.id`.
    pub subject_attribute: &'static str,
    pub log_format: LogFormat,
    /// A filter such as `info,runtime=debug`.
    pub log_filter: String,
    /// Enables the OTLP export to the endpoint in the standard variables.
    pub export: bool,
}

impl Settings {
    fn rename<P>(&self, next: P) -> RenameSubject<P> {
        RenameSubject { next, attribute: self.subject_attribute }
    }
}

/// The telemetry of a process.
pub struct Telemetry {
    registry: Registry,
    pub metrics: Arc<Metrics>,
    pub spans: Spans,
    meters: SdkMeterProvider,
    tracers: Option<SdkTracerProvider>,
    loggers: Option<SdkLoggerProvider>,
}

/// A failed setup of telemetry.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up telemetry: {0}")]
pub struct SetupError(String);

fn setup_error(error: impl std::fmt::Display) -> SetupError {
    SetupError(error.to_string())
}

/// Checks a log filter.
///
/// # Errors
/// The filter is invalid.
pub fn check_filter(filter: &str) -> Result<(), SetupError> {
    EnvFilter::try_new(filter).map(drop).map_err(setup_error)
}

impl Telemetry {
    /// Sets up logs on standard error, traces and metrics. Call within a Tokio runtime, which the exporters use.
    ///
    /// # Errors
    /// A setting is invalid, or the process has set up logs before.
    pub fn start(settings: &Settings) -> Result<Self, SetupError> {
        let resource = Resource::builder().with_service_name(settings.service).build();
        let registry = Registry::new();
        let (mut tracers, mut loggers) = (None, None);
        let reader =
            opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().map_err(setup_error)?;
        let mut meters = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader);
        if settings.export {
            let exporter = MetricExporter::builder().with_tonic().build().map_err(setup_error)?;
            meters = meters.with_periodic_exporter(exporter);
            let exporter = SpanExporter::builder().with_tonic().build().map_err(setup_error)?;
            let provider = SdkTracerProvider::builder().with_resource(resource.clone());
            tracers = Some(
                provider.with_span_processor(settings.rename(BatchSpanProcessor::builder(exporter).build())).build(),
            );
            let exporter = LogExporter::builder().with_tonic().build().map_err(setup_error)?;
            let provider = SdkLoggerProvider::builder().with_resource(resource);
            loggers = Some(
                provider.with_log_processor(settings.rename(BatchLogProcessor::builder(exporter).build())).build(),
            );
        }
        start_logs(settings, tracers.as_ref(), loggers.as_ref())?;
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());

        let meters = meters.build();
        let metrics = Arc::new(Metrics::new(&meters.meter(settings.scope)));
        let spans = Spans(tracers.as_ref().map(|tracers| tracers.tracer(settings.scope)));
        Ok(Self { registry, metrics, spans, meters, tracers, loggers })
    }

    /// Renders all metrics in the Prometheus text format.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "failed to render metrics");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Exports the remaining telemetry in a bounded time and discards the rest.
    pub fn stop(&self) {
        // The collector may be unavailable at shutdown.
        if let Some(tracers) = &self.tracers {
            let _ = tracers.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        }
        if let Some(loggers) = &self.loggers {
            let _ = loggers.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        }
        let _ = self.meters.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
    }
}

fn start_logs(
    settings: &Settings,
    tracers: Option<&SdkTracerProvider>,
    loggers: Option<&SdkLoggerProvider>,
) -> Result<(), SetupError> {
    let lines = || EnvFilter::try_new(&settings.log_filter).map_err(setup_error);
    let stderr = settings.log_format.layer(settings.subject_attribute, std::io::stderr);
    let spans = tracers.map(|tracers| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer(settings.scope));
        layer.with_filter(filter_fn(|metadata| !is_telemetry(metadata))).with_filter(LevelFilter::INFO)
    });
    let exported = match loggers {
        None => None,
        Some(loggers) => {
            let bridge = OpenTelemetryTracingBridge::new(loggers);
            // Exclude the logs of the exporter itself, because exporting them would cause more of them.
            Some(bridge.with_filter(filter_fn(|metadata| !is_telemetry(metadata))).with_filter(lines()?))
        }
    };
    tracing_subscriber::registry()
        .with(stderr.with_filter(suppress_otel_feedback()).with_filter(lines()?))
        .with(spans)
        .with(exported)
        .try_init()
        .map_err(setup_error)
}

fn is_telemetry(metadata: &Metadata<'_>) -> bool {
    ["opentelemetry", "tonic", "hyper", "h2", "tower"].iter().any(|target| metadata.target().starts_with(target))
}

/// Limits the rate of the exporter's own logs, so that an unavailable collector does not flood the log.
fn suppress_otel_feedback<S: tracing::Subscriber>() -> impl tracing_subscriber::layer::Filter<S> {
    let last_s = AtomicU64::new(0);
    tracing_subscriber::filter::dynamic_filter_fn(move |metadata, _| {
        if !is_telemetry(metadata) {
            return true;
        }
        if *metadata.level() > Level::WARN {
            return false;
        }
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let due = |last: u64| (now_s >= last + EXPORT_ERROR_LOG_INTERVAL_S).then_some(now_s);
        last_s.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    })
}
