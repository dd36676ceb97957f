//! The format of log lines.

use std::fmt::{self, Debug};

use tracing::{Event, Subscriber, field::Field};
use tracing_subscriber::{
    Layer,
    field::MakeExt as _,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{Format, Json, JsonFields, Writer, debug_fn, format},
    },
    registry::LookupSpan,
};

use crate::SUBJECT;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// Plain text, for people.
    Pretty,
}

impl LogFormat {
    /// Creates a layer that writes log lines, with [`SUBJECT`] under the domain's attribute name.
    pub(crate) fn layer<S, W>(self, subject_attribute: &'static str, writer: W) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let layer = tracing_subscriber::fmt::layer().with_writer(writer);
        match self {
            Self::Json => {
                let json = format().json().flatten_event(true).with_span_list(false);
                let lines = JsonLines { json, subject_attribute };
                layer.fmt_fields(JsonFields::new()).event_format(lines).boxed()
            }
            Self::Pretty => {
                let field = move |writer: &mut Writer<'_>, field: &Field, value: &dyn Debug| {
                    write_field(writer, subject_attribute, field, value)
                };
                layer.fmt_fields(debug_fn(field).delimited(" ")).boxed()
            }
        }
    }
}

/// The JSON format of `tracing-subscriber` with the subject's key replaced.
struct JsonLines {
    json: Format<Json>,
    subject_attribute: &'static str,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.json.format_event(context, Writer::new(&mut line), event)?;
        // Quotes within a value are escaped, so this text is always a key.
        let key = |name: &str| format!("\"{name}\":");
        writer.write_str(&line.replace(&key(SUBJECT), &key(self.subject_attribute)))
    }
}

fn write_field(
    writer: &mut Writer<'_>,
    subject_attribute: &'static str,
    field: &Field,
    value: &dyn Debug,
) -> fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        SUBJECT => write!(writer, "{subject_attribute}={value:?}"),
        name => write!(writer, "{name}={value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing::{info, info_span, warn};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log_lines(format: LogFormat) -> String {
        let output = Output::default();
        let writer = output.clone();
        let subscriber = tracing_subscriber::registry().with(format.layer("order.id", move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let span =
                info_span!("request", subject = tracing::field::Empty, trace_id = "t1", saga.correlation_id = "c1");
            span.record(SUBJECT, "7");
            span.in_scope(|| info!("in a request"));
            warn!(subject = %8, text = "a \"subject\": quoted", "outside");
        });
        let bytes = output.0.lock().expect("not poisoned").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn json_lines_have_the_subject_under_the_domains_name() {
        let lines = log_lines(LogFormat::Json);
        let (in_request, outside) = lines.trim_end().split_once('\n').expect("two lines");
        for expected in [r#""order.id":"7""#, r#""trace_id":"t1""#, r#""saga.correlation_id":"c1""#] {
            assert!(in_request.contains(expected), "{in_request}");
        }
        assert!(outside.contains(r#""order.id":"8""#), "{outside}");
        assert!(outside.contains(r#""text":"a \"subject\": quoted""#), "values are unchanged: {outside}");
    }

    #[test]
    fn pretty_lines_have_the_subject_under_the_domains_name() {
        let lines = log_lines(LogFormat::Pretty);
        assert!(lines.contains("order.id=\"7\"") && lines.contains("order.id=8"), "{lines}");
        assert!(lines.contains("in a request") && lines.contains("trace_id=\"t1\""), "{lines}");
    }
}
