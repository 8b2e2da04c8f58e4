//! Cells of text as numbers.
//!
//! The one idea: most numbers in data are short decimals, which are exact in a handful of operations;
//! everything else goes to the standard library's parser, which is exact for all.

/// A cell of text, read as a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    /// A finite number.
    Number(f64),
    /// Empty, `NA` or `NaN`.
    Missing,
    /// Infinite, or too large for double precision.
    Infinite,
    /// Anything else.
    Text,
}

/// Powers of ten that are exact in double precision.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads a cell; blanks around it do not count.
#[inline]
pub(crate) fn parse(cell: &[u8]) -> Cell {
    match short_decimal(cell) {
        Some(number) => Cell::Number(number),
        None => parse_any(cell.trim_ascii()),
    }
}

/// Whether a cell stands for a missing value.
#[inline]
pub(crate) fn is_missing(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    cell.is_empty() || cell == b"NA" || cell.eq_ignore_ascii_case(b"NaN")
}

fn parse_any(cell: &[u8]) -> Cell {
    let number = std::str::from_utf8(cell)
        .ok()
        .and_then(|text| text.parse::<f64>().ok());
    match number {
        Some(number) if number.is_finite() => Cell::Number(number),
        Some(number) if number.is_infinite() => Cell::Infinite,
        // "-nan" is what C prints for some NaNs.
        Some(_) => Cell::Missing,
        None if is_missing(cell) => Cell::Missing,
        None => Cell::Text,
    }
}

/// `[-]digits[.digits]` of at most 15 digits: the digits fit 53 bits and the power of ten is exact,
/// so that the one division rounds correctly [@clinger1990].
#[inline]
fn short_decimal(cell: &[u8]) -> Option<f64> {
    let (negative, digits) = match cell {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, cell),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut mantissa, mut n_digits, mut decimals, mut after_point) = (0u64, 0usize, 0usize, false);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa * 10 + u64::from(digit);
            n_digits += 1;
            decimals += usize::from(after_point);
        } else if *byte == b'.' && !after_point {
            after_point = true;
        } else {
            return None;
        }
    }
    if n_digits == 0 || n_digits > 15 {
        return None;
    }
    let magnitude = mantissa as f64 / POWERS[decimals];
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn missing_infinite_and_text_are_told_apart() {
        for cell in ["", " ", "NA", "NaN", "nan", " NA "] {
            assert_eq!(parse(cell.as_bytes()), Cell::Missing, "{cell:?}");
            assert!(is_missing(cell.as_bytes()), "{cell:?}");
        }
        for cell in ["inf", "-inf", "Infinity", "+INF", "1e999", "-1e400"] {
            assert_eq!(parse(cell.as_bytes()), Cell::Infinite, "{cell:?}");
        }
        for cell in [
            "abc", "1,5", "1.2.3", "-", ".", "0x10", "1_000", "null", "4.5x",
        ] {
            assert_eq!(parse(cell.as_bytes()), Cell::Text, "{cell:?}");
        }
        for (cell, number) in [
            ("4.5", 4.5),
            (" +3 ", 3.0),
            ("1e-3", 1e-3),
            (".5", 0.5),
            ("5.", 5.0),
        ] {
            assert_eq!(parse(cell.as_bytes()), Cell::Number(number), "{cell:?}");
        }
        assert_eq!(parse(b"-0.0"), Cell::Number(-0.0));
    }

    proptest! {
        // The oracle is the standard library's parser, which rounds correctly.
        #[test]
        fn short_decimals_parse_to_the_nearest_double(text in "-?[0-9]{1,9}(\\.[0-9]{0,9})?") {
            let Cell::Number(number) = parse(text.as_bytes()) else { panic!("{text} is a number") };
            prop_assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }

        #[test]
        fn any_finite_double_round_trips(x in proptest::num::f64::NORMAL) {
            prop_assert_eq!(parse(x.to_string().as_bytes()), Cell::Number(x));
        }
    }
}
