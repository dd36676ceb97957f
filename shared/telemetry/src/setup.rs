//! Sets up logs, traces and metrics, once, at a process's start.
//!
//! The standard variables say where to and how much: `OTEL_EXPORTER_OTLP_ENDPOINT` (nothing is exported without it),
//! `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*`, `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`.
//! Queues are bounded and what does not fit is dropped, so a collector that is slow or away costs telemetry, no orders.

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
    Resource, logs::SdkLoggerProvider, metrics::SdkMeterProvider, propagation::TraceContextPropagator,
    trace::SdkTracerProvider,
};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{Metrics, Spans};

/// The name of everything that this suite measures and traces.
const SCOPE: &str = "order-saga";
/// How long the last export may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// A collector that is away is told about once in this time.
const EXPORT_ERRORS_APART_S: u64 = 60;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Pretty,
}

/// What to set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The process's name in all telemetry.
    pub service: &'static str,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are, as in `info,shell=debug`.
    pub log_filter: String,
    /// Whether to export by OTLP; where to, the standard variables say.
    pub export: bool,
}

/// What a process tells about itself.
pub struct Telemetry {
    registry: Registry,
    /// Its instruments.
    pub metrics: Arc<Metrics>,
    /// Starts its spans.
    pub spans: Spans,
    meters: SdkMeterProvider,
    tracers: Option<SdkTracerProvider>,
    loggers: Option<SdkLoggerProvider>,
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("telemetry: {0}")]
pub struct SetupError(String);

fn setup_error(error: impl std::fmt::Display) -> SetupError {
    SetupError(error.to_string())
}

/// Whether a filter of log lines can be used.
///
/// # Errors
/// It can't.
pub fn check_filter(filter: &str) -> Result<(), SetupError> {
    EnvFilter::try_new(filter).map(drop).map_err(setup_error)
}

impl Telemetry {
    /// Sets it all up. Logs go to standard error. Must be called in a runtime, which the exporters use.
    ///
    /// # Errors
    /// A setting can't be used, or something in the process had set up logs before.
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
            tracers = Some(provider.with_batch_exporter(exporter).build());
            let exporter = LogExporter::builder().with_tonic().build().map_err(setup_error)?;
            let provider = SdkLoggerProvider::builder().with_resource(resource);
            loggers = Some(provider.with_batch_exporter(exporter).build());
        }
        start_logs(settings, tracers.as_ref(), loggers.as_ref())?;
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());

        let meters = meters.build();
        let metrics = Arc::new(Metrics::new(&meters.meter(SCOPE)));
        let spans = Spans(tracers.as_ref().map(|tracers| tracers.tracer(SCOPE)));
        Ok(Self { registry, metrics, spans, meters, tracers, loggers })
    }

    /// All metrics in the Prometheus text format.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics can't be rendered");
        }
        String::from_utf8(text).unwrap_or_default()
    }

    /// Exports what is left, in a bounded time. What a collector does not take by then is lost.
    pub fn stop(&self) {
        // Who stops does not care whether a collector is there.
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
    let stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let stderr = match settings.log_format {
        LogFormat::Json => stderr.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Pretty => stderr.boxed(),
    };
    let spans = tracers.map(|tracers| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer(SCOPE));
        layer.with_filter(filter_fn(|metadata| !is_telemetry(metadata))).with_filter(LevelFilter::INFO)
    });
    let exported = match loggers {
        None => None,
        Some(loggers) => {
            let bridge = OpenTelemetryTracingBridge::new(loggers);
            // What telemetry says of itself is not exported: that would go on for ever.
            Some(bridge.with_filter(filter_fn(|metadata| !is_telemetry(metadata))).with_filter(lines()?))
        }
    };
    tracing_subscriber::registry()
        .with(stderr.with_filter(seldom_about_telemetry()).with_filter(lines()?))
        .with(spans)
        .with(exported)
        .try_init()
        .map_err(setup_error)
}

fn is_telemetry(metadata: &Metadata<'_>) -> bool {
    ["opentelemetry", "tonic", "hyper", "h2", "tower"].iter().any(|target| metadata.target().starts_with(target))
}

/// A collector that is away must not flood the log.
fn seldom_about_telemetry<S: tracing::Subscriber>() -> impl tracing_subscriber::layer::Filter<S> {
    let last_s = AtomicU64::new(0);
    tracing_subscriber::filter::dynamic_filter_fn(move |metadata, _| {
        if !is_telemetry(metadata) {
            return true;
        }
        if *metadata.level() > Level::WARN {
            return false;
        }
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let due = |last: u64| (now_s >= last + EXPORT_ERRORS_APART_S).then_some(now_s);
        last_s.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    })
}
