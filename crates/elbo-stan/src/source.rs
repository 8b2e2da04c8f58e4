//! The files that a program is made of, and places in them.
//!
//! All files of one program share one address space: a file occupies the addresses from its start to
//! one past its last byte. A [`Span`] is therefore eight bytes, names its file by itself, and stays
//! valid when tokens of an included file stand between tokens of the including one. Nothing here
//! reads from anywhere; texts are handed in.

use std::sync::Arc;

/// A stretch of source text: bytes `start..end` of the shared address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Address of the first byte.
    pub start: u32,
    /// Address after the last byte.
    pub end: u32,
}

impl Span {
    /// The smallest span that covers both. Where they lie in different files, `self`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if other.end < self.start {
            return self;
        }
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The empty span just after this one.
    #[must_use]
    pub fn after(self) -> Self {
        Self {
            start: self.end,
            end: self.end,
        }
    }
}

/// One file, or one text that a caller gave a name.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name by which diagnostics call it.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
    /// Where it was included, if it was.
    pub included_at: Option<Span>,
    start: u32,
    line_starts: Vec<u32>,
}

/// A place as people count: lines and columns from one, columns in characters.
#[derive(Clone, Copy, Debug)]
pub struct Location<'a> {
    /// The file.
    pub file: &'a SourceFile,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Every file that was read for one program.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and returns its index. `text` is shorter than 4 GiB by the caller's limits.
    pub(crate) fn add(&mut self, name: String, text: Arc<str>, included_at: Option<Span>) -> usize {
        let start = self.files.last().map_or(0, SourceFile::end);
        let mut line_starts = vec![0];
        line_starts.extend(
            text.bytes()
                .enumerate()
                .filter(|&(_, byte)| byte == b'\n')
                .map(|(i, _)| address(i + 1)),
        );
        self.files.push(SourceFile {
            name,
            text,
            included_at,
            start,
            line_starts,
        });
        self.files.len() - 1
    }

    /// The files in the order in which they were first read.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file that holds an address.
    ///
    /// # Panics
    ///
    /// If the span comes from another program's sources.
    pub fn file_of(&self, span: Span) -> &SourceFile {
        let after = self.files.partition_point(|f| f.start <= span.start);
        &self.files[after - 1]
    }

    /// The text under a span; empty where the span leaves its file.
    pub fn text(&self, span: Span) -> &str {
        let file = self.file_of(span);
        file.text.get(file.range(span)).unwrap_or_default()
    }

    /// The line of a span's beginning, from 1; unlike [`Self::locate`] in no time on long lines.
    pub(crate) fn line(&self, span: Span) -> usize {
        let file = self.file_of(span);
        file.line_of(file.range(span).start) + 1
    }

    /// Line and column of a span's beginning.
    pub fn locate(&self, span: Span) -> Location<'_> {
        let file = self.file_of(span);
        let offset = file.range(span).start;
        let line = file.line_of(offset);
        let from = file.line_starts[line] as usize;
        let column = file.text.get(from..offset).map_or(0, |t| t.chars().count());
        Location {
            file,
            line: line + 1,
            column: column + 1,
        }
    }
}

impl SourceFile {
    /// The address of the first byte.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    fn end(&self) -> u32 {
        self.start + address(self.text.len()) + 1
    }

    /// A span as a range of bytes of this file's text, cut to it.
    pub(crate) fn range(&self, span: Span) -> std::ops::Range<usize> {
        let length = self.text.len();
        let start = (span.start.saturating_sub(self.start) as usize).min(length);
        let end = (span.end.saturating_sub(self.start) as usize).clamp(start, length);
        start..end
    }

    /// The line (from 0) that holds a byte.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.line_starts
            .partition_point(|&start| start as usize <= offset)
            - 1
    }

    /// The bytes of a line (from 0), without its line break.
    pub(crate) fn line(&self, line: usize) -> std::ops::Range<usize> {
        let start = self.line_starts[line] as usize;
        let end = self
            .line_starts
            .get(line + 1)
            .map_or(self.text.len(), |&next| next as usize - 1);
        start..end
    }
}

fn address(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_finds_its_file_line_and_column() {
        let mut sources = Sources::default();
        sources.add("a.stan".into(), "data {\n}\n".into(), None);
        sources.add("b.stan".into(), "é int\n".into(), None);
        let second = sources.files()[1].start();
        let span = Span {
            start: second + 3,
            end: second + 6,
        };
        let place = sources.locate(span);
        assert_eq!(
            (place.file.name.as_str(), place.line, place.column),
            ("b.stan", 1, 3)
        );
        assert_eq!(sources.text(span), "int");
        assert_eq!(sources.locate(Span { start: 7, end: 8 }).line, 2);
    }

    #[test]
    fn the_end_of_a_file_belongs_to_it() {
        let mut sources = Sources::default();
        sources.add("a".into(), "x".into(), None);
        sources.add("b".into(), "y".into(), None);
        assert_eq!(sources.locate(Span { start: 1, end: 1 }).file.name, "a");
    }
}
