//! Cutting a stream into its events: server-sent events, or JSON values one after the other.
//!
//! Chunks may be cut anywhere, also inside a character or a line ending. Every byte is looked at
//! once, and an event is bounded.

use crate::ingest::work::visited;

/// An event larger than this is skipped, so that a stream cannot take all memory: 32 MiB.
pub(super) const EVENT_BYTES_MAX: usize = 32 << 20;

/// What the first byte that is no blank told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Unknown,
    /// Lines of server-sent events.
    Lines,
    /// JSON values, in a list, in lines, or just one after the other.
    Values,
}

/// Where the scan of a JSON value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    Outside,
    Inside,
    AfterBackslash,
}

/// What was cut out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'b> {
    /// The data of one event.
    Data(&'b [u8]),
    /// An event was too large and was skipped.
    Skipped,
}

/// Holds the event that is not yet whole.
#[derive(Debug)]
pub(super) struct Splitter {
    form: Form,
    /// The line, or the value, that is not yet whole.
    part: Vec<u8>,
    /// The data lines of the event that is not yet whole.
    data: Vec<u8>,
    has_data: bool,
    is_too_large: bool,
    after_return: bool,
    depth: usize,
    quote: Quote,
}

impl Splitter {
    pub(super) const fn new() -> Self {
        Self {
            form: Form::Unknown,
            part: Vec::new(),
            data: Vec::new(),
            has_data: false,
            is_too_large: false,
            after_return: false,
            depth: 0,
            quote: Quote::Outside,
        }
    }

    /// Takes the next bytes and hands on every event that they complete.
    pub(super) fn push(&mut self, bytes: &[u8], on: &mut impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while self.form == Form::Unknown {
            let Some((&first, after)) = rest.split_first() else { return };
            match first {
                // Blanks and a byte order mark come before.
                b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf => rest = after,
                b'{' | b'[' => self.form = Form::Values,
                _ => self.form = Form::Lines,
            }
        }
        match self.form {
            Form::Unknown => {}
            Form::Lines => self.lines(rest, on),
            Form::Values => self.values(rest, on),
        }
    }

    /// Hands on what is left at the end; a last line may lack its ending.
    pub(super) fn finish(&mut self, on: &mut impl FnMut(Piece<'_>)) {
        if self.form == Form::Lines {
            self.end_line();
            self.end_event(on);
        }
    }

    /// Whether something was begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.form == Form::Values && self.depth > 0
    }

    fn lines(&mut self, bytes: &[u8], on: &mut impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            visited(end.unwrap_or(rest.len()));
            let Some(end) = end else {
                self.keep(rest);
                return;
            };
            self.keep(&rest[..end]);
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if self.part.is_empty() {
                self.end_event(on);
            } else {
                self.end_line();
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        visited(bytes.len());
        if self.part.len() + self.data.len() + bytes.len() > EVENT_BYTES_MAX {
            self.is_too_large = true;
            self.part.clear();
            self.data.clear();
            // A line that was begun goes on, so that its end is not taken for an event's.
            self.part.push(b':');
            return;
        }
        if !self.is_too_large || !self.part.is_empty() || !bytes.is_empty() {
            self.part.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.part);
        visited(line.len());
        if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        } else if matches!(line.first(), Some(b'{' | b'[')) && !self.has_data {
            // A line of JSON without `data:`.
            self.has_data = true;
            self.data.extend_from_slice(&line);
        }
        self.part = line;
        self.part.clear();
    }

    fn end_event(&mut self, on: &mut impl FnMut(Piece<'_>)) {
        if std::mem::take(&mut self.is_too_large) {
            on(Piece::Skipped);
        } else if self.has_data {
            on(Piece::Data(&self.data));
        }
        self.has_data = false;
        self.data.clear();
    }

    /// Cuts at the end of each outermost object; a list around them, commas and blanks are passed.
    fn values(&mut self, bytes: &[u8], on: &mut impl FnMut(Piece<'_>)) {
        let mut start = 0;
        visited(bytes.len());
        for (index, &byte) in bytes.iter().enumerate() {
            if self.quote != Quote::Outside {
                self.quote = match (self.quote, byte) {
                    (Quote::Inside, b'\\') => Quote::AfterBackslash,
                    (Quote::Inside, b'"') => Quote::Outside,
                    _ => Quote::Inside,
                };
                continue;
            }
            match byte {
                b'"' if self.depth > 0 => self.quote = Quote::Inside,
                b'{' => {
                    if self.depth == 0 {
                        start = index;
                    }
                    self.depth += 1;
                }
                b'}' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.keep_value(&bytes[start..=index]);
                        self.end_value(on);
                    }
                }
                _ => {}
            }
        }
        if self.depth > 0 {
            self.keep_value(&bytes[start..]);
        }
    }

    fn keep_value(&mut self, bytes: &[u8]) {
        visited(bytes.len());
        if self.is_too_large || self.part.len() + bytes.len() > EVENT_BYTES_MAX {
            self.is_too_large = true;
            self.part.clear();
        } else {
            self.part.extend_from_slice(bytes);
        }
    }

    fn end_value(&mut self, on: &mut impl FnMut(Piece<'_>)) {
        if std::mem::take(&mut self.is_too_large) {
            on(Piece::Skipped);
        } else {
            on(Piece::Data(&self.part));
        }
        self.part.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut on = |piece: Piece<'_>| match piece {
            Piece::Data(data) => found.push(String::from_utf8_lossy(data).into_owned()),
            Piece::Skipped => found.push("(skipped)".into()),
        };
        let mut splitter = Splitter::new();
        for chunk in chunks {
            splitter.push(chunk, &mut on);
        }
        splitter.finish(&mut on);
        found
    }

    #[test]
    fn events_come_out_wherever_the_chunks_are_cut() {
        let text = "\u{feff}: note\r\nevent: x\r\ndata: {\"a\":\r\ndata: \"ü\"}\r\n\r\n\
            data:[DONE]\n\nid: 1\r\rdata: z";
        let whole = vec!["{\"a\":\n\"ü\"}".to_owned(), "[DONE]".into(), "z".into()];
        assert_eq!(split(&[text.as_bytes()]), whole);
        for size in 1..12 {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(split(&chunks), whole, "chunks of {size}");
        }
    }

    #[test]
    fn values_come_out_of_lists_lines_and_rows() {
        for text in [
            "[{\"a\":\"}{\\\"\"}\n,\r\n{\"b\":{}}]",
            "{\"a\":\"}{\\\"\"}\n{\"b\":{}}\n",
            " {\"a\":\"}{\\\"\"}{\"b\":{}}",
        ] {
            let whole = vec!["{\"a\":\"}{\\\"\"}".to_owned(), "{\"b\":{}}".into()];
            for size in 1..30 {
                let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
                assert_eq!(split(&chunks), whole, "chunks of {size}");
            }
        }
    }

    #[test]
    fn an_event_without_end_is_bounded() {
        let chunk = vec![b'x'; 1 << 20];
        for first in [&b"data: "[..], b"{\"a\":\""] {
            let mut splitter = Splitter::new();
            let mut skipped = 0;
            splitter.push(first, &mut |_| {});
            for _ in 0..40 {
                splitter.push(&chunk, &mut |_| {});
                assert!(splitter.part.len() + splitter.data.len() <= EVENT_BYTES_MAX);
            }
            let end: &[u8] = if first[0] == b'{' { b"\"}" } else { b"\n\n" };
            splitter.push(end, &mut |piece| skipped += i32::from(piece == Piece::Skipped));
            assert_eq!(skipped, 1);
        }
    }
}
