//! Lines that begin with `#`, and the files that are read because of them.

use std::sync::Arc;

use super::characters::{line_end, run};
use super::{Lexer, Open, offset};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Lexer<'_> {
    /// `#include`, or a comment as it was written long ago.
    pub(super) fn directive(&mut self) {
        let file = self.open.last_mut().expect("one is open");
        let text = file.text.clone();
        let bytes = text.as_bytes();
        let start = file.at;
        let rest = &text[start..];
        let is_include = rest
            .strip_prefix("#include")
            .is_some_and(|after| after.starts_with([' ', '\t', '\n', '\r', '\u{c}', '"', '<']));
        if !is_include {
            let end = line_end(bytes, start);
            file.at = end;
            let span = self.span(start, end);
            self.diagnostics.push(
                Diagnostic::new(Code::OldComment, span, "comments no longer begin with `#`")
                    .hint("write `//`; `#` is for `#include` only"),
            );
            return;
        }
        let from = start + "#include".len();
        let from = from + run(&bytes[from..], |b| b.is_ascii_whitespace());
        let (name, end) = if let Some(&open @ (b'"' | b'<')) = bytes.get(from) {
            let close = if open == b'"' { b'"' } else { b'>' };
            let length = run(&bytes[from + 1..], |b| {
                !matches!(b, b'\n' | b'\r') && b != close
            });
            let end = from + 1 + length;
            (&text[from + 1..end], (end + 1).min(bytes.len()))
        } else {
            let length = run(&bytes[from..], |b| !b.is_ascii_whitespace());
            (&text[from..from + length], from + length)
        };
        file.at = end;
        let name = name.to_owned();
        let span = self.span(start, end);
        if name.is_empty() {
            self.diagnostics.push(
                Diagnostic::new(Code::MalformedInclude, span, "`#include` names no file")
                    .hint("write `#include file.stan`"),
            );
        } else {
            self.include(&name, span);
        }
    }

    fn include(&mut self, name: &str, span: Span) {
        self.included += 1;
        if self.included > self.limits.includes {
            self.stop(
                Code::TooManyIncludes,
                span,
                format!(
                    "more than {} files are included, the limit",
                    self.limits.includes
                ),
            );
            return;
        }
        let from = self.open.last().map_or("", |file| file.name.as_str());
        match self.includes.find(name, from) {
            Err(reason) => self.diagnostics.push(
                Diagnostic::new(
                    Code::IncludeNotFound,
                    span,
                    format!("`{name}` cannot be included: {reason}"),
                )
                .hint("a file is looked for in the folder of the program"),
            ),
            Ok(found) => {
                if self.open.iter().any(|file| file.name == found.name) {
                    self.diagnostics.push(
                        Diagnostic::new(
                            Code::IncludeCycle,
                            span,
                            format!("`{}` includes itself", found.name),
                        )
                        .hint("remove one of the inclusions in the circle"),
                    );
                } else if self.functions.contains(&found.name) {
                    // Twice the same functions are once the same functions.
                } else {
                    let extension = std::path::Path::new(&found.name).extension();
                    if extension.is_some_and(|e| e.eq_ignore_ascii_case("stanfunctions")) {
                        self.functions.push(found.name.clone());
                    }
                    self.enter(&found.name, &found.bytes, Some(span));
                }
            }
        }
    }

    /// Begins to read a file.
    pub(super) fn enter(&mut self, name: &str, bytes: &[u8], included_at: Option<Span>) {
        // Addresses have 32 bits, so no setting can allow more than half of that.
        let limit = self.limits.source_bytes.min(1 << 31);
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > limit {
            let at = included_at.unwrap_or_else(|| {
                self.sources.add(name.to_owned(), "".into(), None);
                Span { start: 0, end: 0 }
            });
            self.stop(
                Code::SourceTooLong,
                at,
                format!(
                    "`{name}` brings the program to {} bytes; the limit is {limit}",
                    self.bytes
                ),
            );
            return;
        }
        let bad = std::str::from_utf8(bytes)
            .err()
            .map(|error| (error.valid_up_to(), bytes[error.valid_up_to()]));
        // What is wrong becomes U+FFFD, so that the rest can still be checked.
        let text: Arc<str> = String::from_utf8_lossy(bytes).into();
        let index = self.sources.add(name.to_owned(), text.clone(), included_at);
        let base = self.sources.files()[index].start();
        if let Some((good, byte)) = bad {
            let at = base + offset(good);
            self.diagnostics.push(
                Diagnostic::new(
                    Code::NotUtf8,
                    Span { start: at, end: at },
                    format!("byte {} of `{name}`, {byte:#04x}, is not UTF-8", good + 1),
                )
                .hint("save the file as UTF-8"),
            );
        }
        self.open.push(Open {
            name: name.to_owned(),
            text,
            base,
            at: 0,
        });
    }
}
