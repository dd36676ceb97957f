//! Reader for Server-Sent Events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::io::{self, BufRead};

/// Maximum length of a line, in bytes.
const LINE_LEN_MAX: u64 = 1024 * 1024;

/// An event of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SseMessage {
    /// Value for the `last-event-id` header of the next request.
    pub(super) id: Option<String>,
    pub(super) data: String,
}

/// Reads the next event. Returns `None` at the end of the stream, even if the stream ends within an event.
pub(super) fn next(stream: &mut impl BufRead) -> io::Result<Option<SseMessage>> {
    let mut message = SseMessage::default();
    let mut data = Vec::new();
    loop {
        let mut line = String::new();
        if io::Read::take(&mut *stream, LINE_LEN_MAX).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() && !data.is_empty() {
            message.data = data.join("\n");
            return Ok(Some(message));
        }
        // A line without a field name is a comment. The server sends comments to keep the connection alive.
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => message.id = Some(value.to_owned()),
            "data" => data.push(value.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_reads_events_and_skips_comments() {
        let mut stream: &[u8] =
            b":\n\nid: 1\nevent: OrderPlaced\ndata: {\"a\":\ndata: 1}\n\n: alive\n\r\nid:2\r\ndata:x\r\n\r\n";
        let read = next(&mut stream).expect("reads");
        assert_eq!(read, Some(SseMessage { id: Some("1".to_owned()), data: "{\"a\":\n1}".to_owned() }));
        let read = next(&mut stream).expect("reads");
        assert_eq!(read, Some(SseMessage { id: Some("2".to_owned()), data: "x".to_owned() }));
        assert_eq!(next(&mut stream).expect("reads"), None);
    }

    #[test]
    fn next_ignores_an_event_that_is_cut_off() {
        let mut stream: &[u8] = b"id: 1\ndata: half";
        assert_eq!(next(&mut stream).expect("reads"), None);
    }
}
