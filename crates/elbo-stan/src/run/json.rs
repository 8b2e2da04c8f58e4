//! Stan's JSON data format as values.
//!
//! One object; its values are numbers, lists of lists of equal length, and for tuples objects with
//! the keys "1", "2" and so on. Infinities and NaN are the strings "Inf", "-Inf" and "NaN"
//! `[@stan2025reference, JSON format]`; the words alone, which many programs write, are read as if they
//! stood in quotes. Numbers go straight into one block for each variable, so that
//! reading takes little more memory than what is read.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Tensor, Value};

/// Reads data from JSON text; bytes, so that what is not UTF-8 is reported like everything else.
///
/// # Errors
///
/// A sentence with line and column, and the variable where one is being read.
pub fn read_json(bytes: &[u8]) -> Result<BTreeMap<String, Value>, String> {
    let current = RefCell::new(String::new());
    let (bytes, quoted) = quoted(bytes);
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let read = Variables { current: &current }
        .deserialize(&mut reader)
        .and_then(|data| reader.end().map(|()| data));
    read.map_err(|error| {
        let name = current.borrow();
        let error = in_place(&error, &quoted);
        if name.is_empty() {
            error
        } else {
            format!("`{name}`: {error}")
        }
    })
}

/// A number's name, with a sign perhaps.
fn named(text: &str) -> Option<f64> {
    let (is_negative, word) = match text.strip_prefix('-') {
        Some(word) => (true, word),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    match () {
        () if is("nan") => Some(f64::NAN),
        () if !is("inf") && !is("infinity") => None,
        () if is_negative => Some(f64::NEG_INFINITY),
        () => Some(f64::INFINITY),
    }
}

/// Bare names of numbers in quotes, and where in the new text they end, by line and column.
fn quoted(bytes: &[u8]) -> (Cow<'_, [u8]>, Vec<(usize, usize)>) {
    let is_word = |b: u8| b.is_ascii_alphabetic() || b == b'+' || b == b'-';
    let mut text: Vec<u8> = Vec::new();
    let mut ends = Vec::new();
    let (mut copied, mut at) = (0, 0);
    // Lines and what was copied before the current one.
    let (mut line, mut line_start) = (1, 0_isize);
    let (mut in_string, mut is_escaped) = (false, false);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'\n' {
            line += 1;
            line_start = at.cast_signed() + 1 + 2 * ends.len().cast_signed();
        }
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            at += 1;
            continue;
        }
        in_string = byte == b'"';
        if !matches!(byte, b'N' | b'n' | b'I' | b'i' | b'+' | b'-') {
            at += 1;
            continue;
        }
        let len = bytes[at..].iter().take_while(|b| is_word(**b)).count();
        let word = std::str::from_utf8(&bytes[at..at + len]).unwrap_or_default();
        let is_alone = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        if is_alone && named(word).is_some() {
            text.extend_from_slice(&bytes[copied..at]);
            text.push(b'"');
            text.extend_from_slice(word.as_bytes());
            text.push(b'"');
            copied = at + len;
            let end = text.len().cast_signed() - line_start;
            ends.push((line, end.unsigned_abs()));
        }
        at += len.max(1);
    }
    if ends.is_empty() {
        return (Cow::Borrowed(bytes), ends);
    }
    text.extend_from_slice(&bytes[copied..]);
    (Cow::Owned(text), ends)
}

/// An error with its column in the text as it was written.
fn in_place(error: &serde_json::Error, quoted: &[(usize, usize)]) -> String {
    let (line, column) = (error.line(), error.column());
    let before = quoted
        .iter()
        .filter(|(l, end)| *l == line && *end <= column);
    let message = error.to_string();
    let place = format!(" at line {line} column {column}");
    match message.strip_suffix(&place) {
        Some(what) => {
            let column = column - 2 * before.count();
            format!("{what} at line {line} column {column}")
        }
        None => message,
    }
}

/// The object as a whole.
struct Variables<'a> {
    current: &'a RefCell<String>,
}

impl<'de> DeserializeSeed<'de> for Variables<'_> {
    type Value = BTreeMap<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Variables<'_> {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a value for every variable")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut data = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            self.current.replace(name.clone());
            let mut block = Block::default();
            map.next_value_seed(Entries {
                block: &mut block,
                depth: 0,
            })?;
            if data.insert(name, block.value()).is_some() {
                return Err(Error::custom("the variable occurs twice"));
            }
            self.current.replace(String::new());
        }
        Ok(data)
    }
}

/// What has been read of one variable.
#[derive(Default)]
struct Block {
    /// Lengths along the axes, as far as they are known.
    shape: Vec<usize>,
    /// The depth of the numbers, once there is one.
    leaves: Option<usize>,
    ints: Vec<i32>,
    /// Takes the place of `ints` at the first number that is none.
    reals: Option<Vec<f64>>,
    tuples: Vec<Value>,
}

impl Block {
    fn value(self) -> Value {
        if !self.tuples.is_empty() {
            let mut tuples = self.tuples;
            return if self.shape.is_empty() {
                tuples.swap_remove(0)
            } else {
                Value::Tuples(self.shape, tuples)
            };
        }
        match self.reals {
            Some(reals) => Value::Reals(Tensor::new(self.shape, reals)),
            None => Value::Ints(Tensor::new(self.shape, self.ints)),
        }
    }

    /// A number or a tuple, which all lie equally deep.
    fn leaf<E: Error>(&mut self, depth: usize, tuple: bool) -> Result<(), E> {
        let numbers = !self.ints.is_empty() || self.reals.is_some();
        let mixed = if tuple {
            numbers
        } else {
            !self.tuples.is_empty()
        };
        if self.leaves.is_some_and(|leaves| leaves != depth) || self.shape.len() != depth || mixed {
            return Err(E::custom("numbers, lists and tuples stand side by side"));
        }
        self.leaves = Some(depth);
        Ok(())
    }

    fn real<E: Error>(&mut self, depth: usize, x: f64) -> Result<(), E> {
        self.leaf(depth, false)?;
        let ints = &mut self.ints;
        let reals = self.reals.get_or_insert_with(|| {
            let reals = ints.iter().map(|&i| f64::from(i)).collect();
            *ints = Vec::new();
            reals
        });
        reals.push(x);
        Ok(())
    }

    fn int<E: Error>(&mut self, depth: usize, i: i32) -> Result<(), E> {
        if self.reals.is_some() {
            return self.real(depth, f64::from(i));
        }
        self.leaf(depth, false)?;
        self.ints.push(i);
        Ok(())
    }
}

/// A value somewhere inside a variable.
struct Entries<'b> {
    block: &'b mut Block,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a list, a tuple, or \"Inf\", \"-Inf\" or \"NaN\"")
    }

    fn visit_i64<E: Error>(self, i: i64) -> Result<(), E> {
        match i32::try_from(i) {
            Ok(i) => self.block.int(self.depth, i),
            Err(_) => self.block.real(self.depth, i as f64),
        }
    }

    fn visit_u64<E: Error>(self, i: u64) -> Result<(), E> {
        match i32::try_from(i) {
            Ok(i) => self.block.int(self.depth, i),
            Err(_) => self.block.real(self.depth, i as f64),
        }
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<(), E> {
        self.block.real(self.depth, x)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match named(text) {
            Some(x) => self.block.real(self.depth, x),
            None => Err(E::custom(format!("\"{text}\" is no number"))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { block, depth } = self;
        if block.leaves.is_some_and(|leaves| leaves <= depth) {
            return Err(Error::custom(
                "numbers, lists and tuples stand side by side",
            ));
        }
        // The first list of its depth says how long the others are.
        let first = block.shape.len() == depth;
        if first {
            block.shape.push(0);
        }
        let mut length = 0;
        while list
            .next_element_seed(Entries {
                block: &mut *block,
                depth: depth + 1,
            })?
            .is_some()
        {
            length += 1;
        }
        if first {
            block.shape[depth] = length;
        } else if block.shape[depth] != length {
            return Err(Error::custom(format!(
                "lists of {} and of {length} elements stand side by side",
                block.shape[depth]
            )));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { block, depth } = self;
        let mut parts = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let slot: usize = key.parse().map_err(|_| {
                Error::custom(format!(
                    "the keys of a tuple are \"1\", \"2\", …, not \"{key}\""
                ))
            })?;
            let mut part = Block::default();
            map.next_value_seed(Entries {
                block: &mut part,
                depth: 0,
            })?;
            parts.insert(slot, part.value());
        }
        if !parts.keys().copied().eq(1..=parts.len()) {
            return Err(Error::custom("the keys of a tuple are \"1\", \"2\", …"));
        }
        block.leaf(depth, true)?;
        block
            .tuples
            .push(Value::Tuple(parts.into_values().collect()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Value, String> {
        let data = read_json(format!("{{\"x\": {text}}}").as_bytes())?;
        Ok(data["x"].clone())
    }

    #[test]
    fn numbers_and_lists_have_the_narrowest_type() {
        assert_eq!(one("3"), Ok(Value::int(3)));
        assert_eq!(one("3.0"), Ok(Value::real(3.0)));
        assert_eq!(one("3000000000"), Ok(Value::real(3e9)));
        assert_eq!(
            one("[[1, 2, 3], [4, 5, 6]]"),
            Ok(Value::Ints(Tensor::new(vec![2, 3], vec![1, 2, 3, 4, 5, 6])))
        );
        assert_eq!(
            one("[1, 2.5, \"-Inf\"]"),
            Ok(Value::Reals(Tensor::list(vec![
                1.0,
                2.5,
                f64::NEG_INFINITY
            ])))
        );
    }

    #[test]
    fn names_of_numbers_stand_with_quotes_and_without() {
        for (text, expected) in [
            ("NaN", f64::NAN),
            ("\"NaN\"", f64::NAN),
            ("\"nan\"", f64::NAN),
            ("-NaN", f64::NAN),
            ("Inf", f64::INFINITY),
            ("Infinity", f64::INFINITY),
            ("\"+inf\"", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("\"-Infinity\"", f64::NEG_INFINITY),
        ] {
            let Ok(Value::Reals(found)) = one(text) else {
                panic!("{text}");
            };
            let found = found.entries()[0];
            assert!(
                found.is_nan() && expected.is_nan() || found.total_cmp(&expected).is_eq(),
                "{text}: {found}"
            );
        }
        let list = one("[[1, NaN], [-Infinity, 2]]").map(|v| v.shape().to_vec());
        assert_eq!(list, Ok(vec![2, 2]));
        // Names and text are left alone.
        let data = read_json(b"{\"NaN, Inf \\\" NaN\": NaN}").expect("one variable");
        assert!(data.contains_key("NaN, Inf \" NaN"));
        for text in ["Nan1", "1Inf", "Infin", "in", "--Inf", "null"] {
            assert!(one(text).is_err(), "{text}");
        }
        let message = read_json(b"{\"y\": 1,\n \"x\": [NaN, Inf, what]}").expect_err("no number");
        assert!(message.contains("line 2 column 18"), "{message}");
    }

    #[test]
    fn empty_lists_keep_what_is_known_of_their_shape() {
        assert_eq!(one("[]").map(|v| v.shape().to_vec()), Ok(vec![0]));
        assert_eq!(one("[[], []]").map(|v| v.shape().to_vec()), Ok(vec![2, 0]));
    }

    #[test]
    fn tuples_are_objects() {
        let tuple = |a, b| Value::Tuple(vec![Value::int(a), Value::Reals(Tensor::list(vec![b]))]);
        assert_eq!(one("{\"1\": 1, \"2\": [0.5]}"), Ok(tuple(1, 0.5)));
        assert_eq!(
            one("[{\"2\": [0.5], \"1\": 1}, {\"1\": 2, \"2\": [1.5]}]"),
            Ok(Value::Tuples(vec![2], vec![tuple(1, 0.5), tuple(2, 1.5)]))
        );
    }

    #[test]
    fn what_is_no_data_is_named_with_its_place() {
        for (text, expected) in [
            ("[[1, 2], [3]]", "lists of 2 and of 1 elements"),
            ("[1, [2]]", "side by side"),
            ("[[1], 2]", "side by side"),
            ("[1, {\"1\": 2}]", "side by side"),
            ("[{\"1\": 2}, 1]", "side by side"),
            ("\"three\"", "\"three\" is no number"),
            ("true", "expected a number"),
            ("{\"a\": 1}", "keys of a tuple"),
            ("{\"1\": 1, \"3\": 1}", "keys of a tuple"),
            ("[1, 2", "expected `,` or `]`"),
            (&"[".repeat(100_000), "recursion limit"),
        ] {
            let message = one(text).expect_err(text);
            assert!(message.contains(expected), "{message}");
            assert!(message.starts_with("`x`: "), "{message}");
            assert!(message.contains("line 1 column"), "{message}");
        }
        assert!(
            read_json(b"[1]")
                .expect_err("no object")
                .contains("an object")
        );
        assert!(read_json(b"{\"x\": 1} 2").is_err());
        assert!(
            read_json(b"{\"x\": 1, \"x\": 2}")
                .expect_err("twice")
                .contains("twice")
        );
    }
}
