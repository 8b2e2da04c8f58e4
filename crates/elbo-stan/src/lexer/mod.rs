//! Characters into tokens, and `#include` into the tokens of another file.
//!
//! The lexer reads one file at a time and keeps a stack of those it is in the middle of (`files`); the
//! parser sees one stream. What cannot be a token is reported here and skipped, so that the parser never
//! fails on a character. Every limit on quantity is enforced here.

mod characters;
mod files;

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::include::Includes;
use crate::limits::Limits;
use crate::parser::shorten;
use crate::source::{Sources, Span};
use crate::token::{Token, TokenKind};
use characters::{foreign_letters, line_end, number, run};

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
            let letters = foreign_letters(&text[end..]);
            if letters > 0 {
                file.at = end + letters;
                return Some(self.foreign_name(start, end, end + letters));
            }
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
                // The closing parenthesis of the call is hardly meant to be in the string.
                let close = start + text[start..close].trim_end_matches([')', ';', ' ']).len();
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
            // What was meant stands for it.
            let meant = match &text[start..end] {
                "&" => TokenKind::AndAnd,
                "−" | "–" => TokenKind::Minus,
                "“" | "”" => {
                    let rest = &text[end..];
                    let length = rest.find(['”', '“', '"', '\n']).unwrap_or(rest.len());
                    let past = rest[length..].chars().next().filter(|&c| c != '\n');
                    let file = self.open.last_mut().expect("one is open");
                    file.at = end + length + past.map_or(0, char::len_utf8);
                    TokenKind::String
                }
                _ => return None,
            };
            return Some(Token {
                kind: meant,
                span: self.span(start, end),
            });
        };
        file.at = end;
        Some(Token {
            kind,
            span: self.span(start, end),
        })
    }

    /// A name with letters that are not ASCII, reported and taken as it is.
    fn foreign_name(&mut self, start: usize, from: usize, end: usize) -> Token {
        let span = self.span(start, end);
        let letters = self.text(self.span(from, end)).to_owned();
        self.diagnostics.push(
            Diagnostic::new(
                Code::UnknownCharacter,
                span,
                format!("Stan has no use for `{}` in a name", shorten(&letters)),
            )
            .hint("names consist of ASCII letters, digits and underscores"),
        );
        Token {
            kind: TokenKind::Identifier,
            span,
        }
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
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
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
