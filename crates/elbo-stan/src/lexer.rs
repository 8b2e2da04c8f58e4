//! Characters into tokens, and `#include` into the tokens of another file.
//!
//! The lexer reads one file at a time and keeps a stack of those it is in the middle of; the parser
//! sees one stream. What cannot be a token is reported here and skipped, so that the parser never
//! fails on a character. Every limit on quantity is enforced here.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::include::Includes;
use crate::limits::Limits;
use crate::source::{Sources, Span};
use crate::token::{Token, TokenKind};

/// A file that is being read.
struct Open {
    name: String,
    text: Arc<str>,
    /// Address of the file's first byte.
    base: u32,
    at: usize,
}

pub(crate) struct Lexer<'a> {
    pub(crate) sources: Sources,
    pub(crate) diagnostics: Diagnostics,
    includes: &'a mut dyn Includes,
    limits: &'a Limits,
    open: Vec<Open>,
    bytes: usize,
    tokens: usize,
    included: usize,
    /// Files of functions only, which may be included again and then count as empty.
    functions: Vec<String>,
    /// After an exhausted limit there is nothing but the end.
    pub(crate) stopped: bool,
    end: Span,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(
        name: &str,
        bytes: &[u8],
        includes: &'a mut dyn Includes,
        limits: &'a Limits,
    ) -> Self {
        let mut lexer = Self {
            sources: Sources::default(),
            diagnostics: Diagnostics::with_limit(limits.diagnostics),
            includes,
            limits,
            open: Vec::new(),
            bytes: 0,
            tokens: 0,
            included: 0,
            functions: Vec::new(),
            stopped: false,
            end: Span { start: 0, end: 0 },
        };
        lexer.enter(name, bytes, None);
        lexer
    }

    /// The text under a span.
    pub(crate) fn text(&self, span: Span) -> &str {
        self.sources.text(span)
    }

    /// The next token; after the last one, `End` for ever.
    pub(crate) fn next(&mut self) -> Token {
        loop {
            if self.stopped {
                return self.end_token();
            }
            self.skip_blanks();
            let Some(file) = self.open.last() else {
                return self.end_token();
            };
            if file.at == file.text.len() {
                let file = self.open.pop().expect("one is open");
                if self.open.is_empty() {
                    let at = file.base + offset(file.at);
                    self.end = Span { start: at, end: at };
                }
                continue;
            }
            if file.text.as_bytes()[file.at] == b'#' {
                self.directive();
                continue;
            }
            self.tokens += 1;
            if self.tokens > self.limits.tokens {
                let at = self.span(file.at, file.at + 1);
                self.stop(
                    Code::TooManyTokens,
                    at,
                    format!(
                        "this is token {} of the program; the limit is {}",
                        self.tokens, self.limits.tokens
                    ),
                );
                continue;
            }
            if let Some(token) = self.token() {
                return token;
            }
        }
    }

    fn end_token(&self) -> Token {
        Token {
            kind: TokenKind::End,
            span: self.end,
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let base = self.open.last().map_or(0, |file| file.base);
        Span {
            start: base + offset(start),
            end: base + offset(end),
        }
    }

    fn stop(&mut self, code: Code, span: Span, message: String) {
        self.diagnostics.push(
            Diagnostic::new(code, span, message)
                .hint("the limits can be raised by whoever runs the check"),
        );
        self.stopped = true;
        self.end = span;
    }

    /// Spaces and comments.
    fn skip_blanks(&mut self) {
        let Some(file) = self.open.last_mut() else {
            return;
        };
        let text = file.text.clone();
        let bytes = text.as_bytes();
        let mut at = file.at;
        let mut unclosed = None;
        loop {
            match bytes.get(at) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c) => at += 1,
                Some(b'/') if bytes.get(at + 1) == Some(&b'/') => at = line_end(bytes, at),
                Some(b'/') if bytes.get(at + 1) == Some(&b'*') => {
                    if let Some(length) = text[at + 2..].find("*/") {
                        at += 2 + length + 2;
                    } else {
                        unclosed = Some(at);
                        at = bytes.len();
                    }
                }
                _ => break,
            }
        }
        file.at = at;
        if let Some(start) = unclosed {
            let span = self.span(start, start + 2);
            self.diagnostics.push(
                Diagnostic::new(Code::UnclosedComment, span, "this comment is never closed")
                    .hint("end it with `*/`"),
            );
        }
    }

    /// One token of the current file, or nothing where a character was reported instead.
    fn token(&mut self) -> Option<Token> {
        let file = self.open.last_mut().expect("one is open");
        let text = file.text.clone();
        let bytes = text.as_bytes();
        let start = file.at;
        let first = bytes[start];
        let digit_follows = bytes.get(start + 1).is_some_and(u8::is_ascii_digit);
        let (kind, end) = if first.is_ascii_alphabetic() {
            let end = start + run(&bytes[start..], |b| b.is_ascii_alphanumeric() || b == b'_');
            let word = TokenKind::word(&text[start..end]).unwrap_or(TokenKind::Identifier);
            (word, end)
        } else if first.is_ascii_digit() || (first == b'.' && digit_follows) {
            let (kind, length) = number(&bytes[start..]);
            (kind, start + length)
        } else if first == b'"' {
            let length = run(&bytes[start + 1..], |b| !matches!(b, b'"' | b'\n' | b'\r'));
            let close = start + 1 + length;
            if bytes.get(close) == Some(&b'"') {
                (TokenKind::String, close + 1)
            } else {
                file.at = close;
                let span = self.span(start, close);
                self.diagnostics.push(
                    Diagnostic::new(Code::UnclosedString, span, "this string is never closed")
                        .hint("a string ends with `\"` on the line on which it began"),
                );
                return Some(Token {
                    kind: TokenKind::String,
                    span,
                });
            }
        } else if let Some((kind, length)) = TokenKind::sign(&bytes[start..]) {
            (kind, start + length)
        } else {
            let end = start + text[start..].chars().next().map_or(1, char::len_utf8);
            file.at = end;
            self.unknown_character(&text[start..end], start, end);
            return None;
        };
        file.at = end;
        Some(Token {
            kind,
            span: self.span(start, end),
        })
    }

    fn unknown_character(&mut self, character: &str, start: usize, end: usize) {
        if character == "\u{fffd}" {
            // Made of bytes that were reported when the file was opened.
            return;
        }
        let found = Diagnostic::new(
            Code::UnknownCharacter,
            self.span(start, end),
            format!("Stan has no use for `{}`", character.escape_debug()),
        );
        let hint = match character {
            "&" => Some("`and` is written `&&`"),
            "$" | "@" => Some("names consist of letters, digits and underscores"),
            "_" => Some("a name begins with a letter"),
            "“" | "”" => Some("a string stands between straight quotes: \"…\""),
            "−" | "–" => Some("minus is written `-`"),
            _ if !character.is_ascii() => {
                Some("outside strings and comments a program is plain ASCII")
            }
            _ => None,
        };
        self.diagnostics
            .push(found.hint_if(hint.map(str::to_owned)));
    }

    /// `#include`, or a comment as it was written long ago.
    fn directive(&mut self) {
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
    fn enter(&mut self, name: &str, bytes: &[u8], included_at: Option<Span>) {
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

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn run(bytes: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|&&b| accept(b)).count()
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    from + run(&bytes[from..], |b| !matches!(b, b'\n' | b'\r'))
}

/// Digits with underscores between them.
fn digits(bytes: &[u8]) -> usize {
    let mut at = run(bytes, |b| b.is_ascii_digit());
    while at > 0 {
        let bars = run(&bytes[at..], |b| b == b'_');
        let more = run(&bytes[at + bars..], |b| b.is_ascii_digit());
        if bars != 1 || more == 0 {
            break;
        }
        at += bars + more;
    }
    at
}

/// The longest number at the start of some bytes.
fn number(bytes: &[u8]) -> (TokenKind, usize) {
    let whole = digits(bytes);
    let mut at = whole;
    let mut kind = TokenKind::Integer;
    if bytes.get(at) == Some(&b'.') {
        // The longest token wins, as everywhere: `1./2` is `1. / 2`.
        at += 1 + digits(&bytes[at + 1..]);
        kind = if whole == 0 {
            TokenKind::DotNumeral
        } else {
            TokenKind::Real
        };
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(&bytes[(at + 1 + sign).min(bytes.len())..]);
        if exponent > 0 {
            at += 1 + sign + exponent;
            kind = TokenKind::Real;
        }
    }
    let next = bytes.get(at + 1).copied().unwrap_or(b' ');
    if bytes.get(at) == Some(&b'i') && !(next.is_ascii_alphanumeric() || next == b'_') {
        return (TokenKind::Imaginary, at + 1);
    }
    (kind, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::include::NoIncludes;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let limits = Limits::default();
        let mut includes = NoIncludes;
        let mut lexer = Lexer::new("t", text.as_bytes(), &mut includes, &limits);
        std::iter::from_fn(|| {
            let token = lexer.next();
            (token.kind != TokenKind::End).then_some(token.kind)
        })
        .collect()
    }

    #[test]
    fn numbers_are_read_whole() {
        use TokenKind as T;
        assert_eq!(
            kinds("1 1.5 1e-3 2.i .5 1_000 3."),
            [
                T::Integer,
                T::Real,
                T::Real,
                T::Imaginary,
                T::DotNumeral,
                T::Integer,
                T::Real,
            ]
        );
    }

    #[test]
    fn elements_of_nested_tuples_are_two_numerals() {
        use TokenKind as T;
        assert_eq!(
            kinds("x.1.2"),
            [T::Identifier, T::DotNumeral, T::DotNumeral]
        );
    }

    #[test]
    fn comments_are_blank() {
        assert_eq!(kinds("// a\n/* b\n */ x"), [TokenKind::Identifier]);
    }
}
