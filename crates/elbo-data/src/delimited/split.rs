//! One record's cells.
//!
//! The one idea: the same splitter serves reading and sniffing, so that what is sniffed is what will
//! be read. Quotes follow RFC 4180: a cell that begins with `"` ends at the next single `"`, and `""`
//! stands for one quote; a quote elsewhere is an ordinary character.

use memchr::{memchr, memchr_iter};

use crate::source::Delimiter;

/// A cell's position, in the record's bytes or, in a record with quotes, in [`Cells::unquoted`].
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
    quoted: bool,
}

/// The cells of one record; kept and refilled to save allocations.
#[derive(Debug, Default, Clone)]
pub(super) struct Cells {
    spans: Vec<Span>,
    /// The text of the cells if the record has quotes.
    unquoted: Vec<u8>,
    is_copied: bool,
}

/// What became of an attempt to take a record off the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// A record of `length` bytes, line end included, on `lines` lines.
    Record { length: usize, lines: u64 },
    /// The bytes end before the record does.
    Partial,
    /// As `Partial`, inside quotes.
    OpenQuote,
}

impl Cells {
    /// The number of cells.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Cell `index` of the record whose bytes are `bytes`, and whether it was quoted.
    #[inline]
    pub(super) fn get<'a>(&'a self, bytes: &'a [u8], index: usize) -> (&'a [u8], bool) {
        let span = self.spans[index];
        let text = if self.is_copied {
            &self.unquoted
        } else {
            bytes
        };
        (&text[span.start as usize..span.end as usize], span.quoted)
    }

    /// Takes one record off the front of `bytes`. `at_end` says that nothing follows them.
    #[inline]
    pub(super) fn take(&mut self, bytes: &[u8], at_end: bool, delimiter: Delimiter) -> Taken {
        let (line, length) = match memchr(b'\n', bytes) {
            Some(at) => (&bytes[..at], at + 1),
            None if at_end => (bytes, bytes.len()),
            None => return Taken::Partial,
        };
        self.spans.clear();
        if memchr(b'"', line).is_some() {
            return self.take_quoted(bytes, at_end, delimiter);
        }
        self.is_copied = false;
        self.split_line(line.strip_suffix(b"\r").unwrap_or(line), delimiter);
        Taken::Record { length, lines: 1 }
    }

    #[inline]
    fn split_line(&mut self, line: &[u8], delimiter: Delimiter) {
        match delimiter {
            Delimiter::Byte(byte) => {
                let mut start = 0;
                for at in memchr_iter(byte, line) {
                    self.push(start, at, false);
                    start = at + 1;
                }
                self.push(start, line.len(), false);
            }
            Delimiter::DoubleColon => {
                let mut start = 0;
                for at in memchr_iter(b':', line) {
                    if at >= start && line.get(at + 1) == Some(&b':') {
                        self.push(start, at, false);
                        start = at + 2;
                    }
                }
                self.push(start, line.len(), false);
            }
            Delimiter::Blanks => self.split_blanks(line),
        }
    }

    fn split_blanks(&mut self, line: &[u8]) {
        let mut start = None;
        for (at, byte) in line.iter().enumerate() {
            match (is_blank(*byte), start) {
                (true, Some(first)) => {
                    self.push(first, at, false);
                    start = None;
                }
                (false, None) => start = Some(at),
                _ => {}
            }
        }
        if let Some(first) = start {
            self.push(first, line.len(), false);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "records are limited to far less than 4 GiB where they are read"
    )]
    #[inline]
    fn push(&mut self, start: usize, end: usize, quoted: bool) {
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
            quoted,
        });
    }

    fn take_quoted(&mut self, bytes: &[u8], at_end: bool, delimiter: Delimiter) -> Taken {
        self.is_copied = true;
        self.unquoted.clear();
        let (mut at, mut lines) = (0, 1);
        loop {
            if delimiter == Delimiter::Blanks {
                at += bytes[at..].iter().take_while(|b| is_blank(**b)).count();
            }
            let start = self.unquoted.len();
            let quoted = bytes.get(at) == Some(&b'"');
            if quoted {
                match self.unquote(&bytes[at + 1..]) {
                    Some((length, newlines)) => {
                        at += 1 + length;
                        lines += newlines;
                    }
                    None => return Taken::OpenQuote,
                }
            }
            // What follows a closing quote, up to the delimiter, is kept as it stands.
            let (rest, end) = cell_end(&bytes[at..], delimiter);
            self.unquoted.extend_from_slice(&bytes[at..at + rest]);
            at += rest;
            match end {
                End::Delimiter(width) => {
                    self.push(start, self.unquoted.len(), quoted);
                    at += width;
                }
                End::Bytes if !at_end => return Taken::Partial,
                End::Line | End::Bytes => {
                    self.push_last(start, quoted, delimiter);
                    let length = (at + 1).min(bytes.len());
                    return Taken::Record { length, lines };
                }
            }
        }
    }

    /// The last cell of a record with quotes, less the line's `\r`.
    fn push_last(&mut self, start: usize, quoted: bool, delimiter: Delimiter) {
        let mut end = self.unquoted.len();
        if end > start && self.unquoted[end - 1] == b'\r' {
            end -= 1;
        }
        // Blanks at the end of a line do not begin another cell.
        if delimiter != Delimiter::Blanks || end > start || quoted {
            self.push(start, end, quoted);
        }
    }

    /// Copies a quoted cell's text, `bytes` beginning after its opening quote; the length up to and
    /// with the closing quote, and the newlines within. `None` if it is not closed.
    fn unquote(&mut self, bytes: &[u8]) -> Option<(usize, u64)> {
        let (mut at, mut newlines) = (0, 0);
        loop {
            let length = memchr(b'"', &bytes[at..])?;
            let piece = &bytes[at..at + length];
            self.unquoted.extend_from_slice(piece);
            newlines += memchr_iter(b'\n', piece).count() as u64;
            at += length + 1;
            if bytes.get(at) != Some(&b'"') {
                return Some((at, newlines));
            }
            self.unquoted.push(b'"');
            at += 1;
        }
    }
}

enum End {
    Delimiter(usize),
    Line,
    Bytes,
}

/// How far the unquoted text at the front of `bytes` reaches, and what ends it.
fn cell_end(bytes: &[u8], delimiter: Delimiter) -> (usize, End) {
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            return (at, End::Line);
        }
        let found = match delimiter {
            Delimiter::Byte(delimiter) => *byte == delimiter,
            Delimiter::DoubleColon => bytes[at..].starts_with(b"::"),
            Delimiter::Blanks => is_blank(*byte),
        };
        if found {
            let width = if delimiter == Delimiter::DoubleColon {
                2
            } else {
                1
            };
            return (at, End::Delimiter(width));
        }
    }
    (bytes.len(), End::Bytes)
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, delimiter: Delimiter) -> Vec<String> {
        let mut cells = Cells::default();
        let taken = cells.take(text.as_bytes(), true, delimiter);
        assert!(matches!(taken, Taken::Record { .. }), "{taken:?}");
        (0..cells.len())
            .map(|i| String::from_utf8(cells.get(text.as_bytes(), i).0.to_vec()).unwrap())
            .collect()
    }

    const COMMA: Delimiter = Delimiter::Byte(b',');

    #[test]
    fn cells_are_split_at_each_kind_of_delimiter() {
        assert_eq!(split("a,,c\r\nnext", COMMA), ["a", "", "c"]);
        assert_eq!(
            split("1::2:5::3\n", Delimiter::DoubleColon),
            ["1", "2:5", "3"]
        );
        assert_eq!(split("  a \t b  \n", Delimiter::Blanks), ["a", "b"]);
        assert_eq!(split("a,", COMMA), ["a", ""]);
    }

    #[test]
    fn quotes_protect_delimiters_newlines_and_quotes() {
        assert_eq!(
            split("\"a,b\",\"c\"\"d\ne\",f\"g\r\n", COMMA),
            ["a,b", "c\"d\ne", "f\"g"]
        );
        assert_eq!(split("\"a b\"  c  \n", Delimiter::Blanks), ["a b", "c"]);
        assert_eq!(
            split("\"a::b\"::\"\"\n", Delimiter::DoubleColon),
            ["a::b", ""]
        );
    }

    #[test]
    fn an_unfinished_record_asks_for_more() {
        let mut cells = Cells::default();
        assert_eq!(cells.take(b"a,b", false, COMMA), Taken::Partial);
        assert_eq!(cells.take(b"a,\"b\nc", false, COMMA), Taken::OpenQuote);
        assert_eq!(cells.take(b"\"a\",\"b\"", false, COMMA), Taken::Partial);
        let two_lines = Taken::Record {
            length: 8,
            lines: 2,
        };
        assert_eq!(cells.take(b"a,\"b\nc\"\nd", false, COMMA), two_lines);
    }
}
