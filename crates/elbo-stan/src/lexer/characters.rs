//! How far a run of characters goes: numbers, names, lines.

use crate::token::TokenKind;

pub(super) fn run(bytes: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|&&b| accept(b)).count()
}

/// The length of what goes on with a name although it is not ASCII.
pub(super) fn foreign_letters(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    if text.starts_with(|c: char| !c.is_ascii() && c.is_alphanumeric()) {
        text.find(|c: char| !is_part(c)).unwrap_or(text.len())
    } else {
        0
    }
}

pub(super) fn line_end(bytes: &[u8], from: usize) -> usize {
    from + run(&bytes[from..], |b| !matches!(b, b'\n' | b'\r'))
}

/// Digits with underscores between them.
pub(super) fn digits(bytes: &[u8]) -> usize {
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
pub(super) fn number(bytes: &[u8]) -> (TokenKind, usize) {
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
