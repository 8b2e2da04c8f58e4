//! The data format of R's `dump` as values, as far as Stan reads it.
//!
//! A file is a sequence of `name <- value`, where a value is a number, `c(…)`, a range `1:10`, zeros as
//! `integer(0)` or `double(3)`, or one of these with lengths of axes, `structure(…, .Dim = c(2, 3))`
//! `[@stan2025reference, RDump format]`. R counts through the first axis fastest; values here are row by
//! row. Absent: tuples and complex numbers, for which the format has no notation.

use std::collections::BTreeMap;

use super::{Tensor, Value, read_json};

/// Numbers that one variable may have: `1:2000000000` is short to write.
const MOST: usize = 1 << 24;

/// Reads data in either format: JSON if the first character is `{`, else R's.
///
/// # Errors
///
/// A sentence with line and column, and the variable where one is being read.
pub fn read_data(bytes: &[u8]) -> Result<BTreeMap<String, Value>, String> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => read_json(text),
        _ => read_rdump(text),
    }
}

/// Reads data from R's dump format.
///
/// # Errors
///
/// A sentence with line and column, and the variable where one is being read.
pub fn read_rdump(bytes: &[u8]) -> Result<BTreeMap<String, Value>, String> {
    let mut reader = Reader {
        bytes,
        at: 0,
        start: 0,
    };
    let mut name = None;
    reader.file(&mut name).map_err(|message| {
        let before = &bytes[..reader.start.min(bytes.len())];
        let line = before.split(|b| *b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        let variable = name.map_or(String::new(), |name| format!("`{name}`: "));
        format!("{variable}{message} at line {line} column {column}")
    })
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name, quoted or not, and the words of the format.
    Name(String),
    Int(i32),
    Real(f64),
    /// `<-` and `=`.
    Assign,
    /// `(`, `)`, `,` and `:`.
    Mark(u8),
    End,
}

impl Token {
    fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Int(i) => format!("`{i}`"),
            Self::Real(x) => format!("`{x}`"),
            Self::Assign => "an assignment".to_owned(),
            Self::Mark(mark) => format!("`{}`", char::from(*mark)),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the last token began.
    start: usize,
}

/// Numbers of one variable: ints until one is none.
#[derive(Default)]
struct Numbers {
    ints: Vec<i32>,
    reals: Option<Vec<f64>>,
}

impl Numbers {
    fn len(&self) -> usize {
        self.reals.as_ref().map_or(self.ints.len(), Vec::len)
    }

    fn int(&mut self, i: i32) {
        match &mut self.reals {
            Some(reals) => reals.push(f64::from(i)),
            None => self.ints.push(i),
        }
    }

    fn real(&mut self, x: f64) {
        let ints = std::mem::take(&mut self.ints);
        let as_reals = || ints.iter().map(|&i| f64::from(i)).collect();
        self.reals.get_or_insert_with(as_reals).push(x);
    }

    fn value(self, shape: Vec<usize>) -> Value {
        match self.reals {
            Some(reals) => Value::Reals(by_rows(shape, reals)),
            None => Value::Ints(by_rows(shape, self.ints)),
        }
    }
}

/// Entries whose first axis runs fastest, with the last one fastest.
fn by_rows<T: Copy>(shape: Vec<usize>, entries: Vec<T>) -> Tensor<T> {
    if shape.len() < 2 || entries.is_empty() {
        return Tensor::new(shape, entries);
    }
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(entries.len());
    for _ in 0..entries.len() {
        let from: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
        ordered.push(entries[from]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Tensor::new(shape, ordered)
}

type Read<T> = Result<T, String>;

impl Reader<'_> {
    fn file(&mut self, current: &mut Option<String>) -> Read<BTreeMap<String, Value>> {
        let mut data = BTreeMap::new();
        loop {
            *current = None;
            let name = match self.token()? {
                Token::End => return Ok(data),
                Token::Name(name) => name,
                other => {
                    return Err(format!(
                        "expected a variable's name, found {}",
                        other.describe()
                    ));
                }
            };
            *current = Some(name.clone());
            match self.token()? {
                Token::Assign => {}
                other => return Err(format!("expected `<-`, found {}", other.describe())),
            }
            let value = self.value()?;
            if data.insert(name, value).is_some() {
                return Err("the variable occurs twice".to_owned());
            }
        }
    }

    fn value(&mut self) -> Read<Value> {
        let first = self.token()?;
        if first != Token::Name("structure".to_owned()) {
            let (numbers, single) = self.numbers(&first)?;
            let shape = if single { vec![] } else { vec![numbers.len()] };
            return Ok(numbers.value(shape));
        }
        self.expect(b'(')?;
        let first = self.token()?;
        let (numbers, _) = self.numbers(&first)?;
        let shape = self.shape(numbers.len())?;
        Ok(numbers.value(shape))
    }

    /// `, .Dim = c(2, 3))`
    fn shape(&mut self, count: usize) -> Read<Vec<usize>> {
        self.expect(b',')?;
        match self.token()? {
            Token::Name(name) if matches!(name.as_str(), ".Dim" | "dim") => {}
            Token::Name(name) => {
                return Err(format!(
                    "`{name}` is not read; of attributes only `.Dim` is"
                ));
            }
            other => return Err(format!("expected `.Dim`, found {}", other.describe())),
        }
        match self.token()? {
            Token::Assign => {}
            other => return Err(format!("expected `=`, found {}", other.describe())),
        }
        let first = self.token()?;
        let (lengths, _) = self.numbers(&first)?;
        let negative = "the lengths in `.Dim` are counts";
        let as_count = |x: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number from 0 to that of all numbers"
            )]
            (x.fract() == 0.0 && x >= 0.0 && x <= MOST as f64).then_some(x as usize)
        };
        let shape: Vec<usize> = match lengths.reals {
            Some(reals) => reals.into_iter().map(as_count).collect::<Option<_>>(),
            None => lengths
                .ints
                .iter()
                .map(|&i| usize::try_from(i).ok())
                .collect(),
        }
        .ok_or(negative)?;
        match self.token()? {
            Token::Mark(b')') => {}
            Token::Mark(b',') => {
                return Err("of the attributes of a structure only `.Dim` is read".to_owned());
            }
            other => return Err(format!("expected `)`, found {}", other.describe())),
        }
        let places = shape
            .iter()
            .try_fold(1_usize, |product, &n| product.checked_mul(n));
        if places != Some(count) {
            return Err(format!(
                "`.Dim` is {shape:?}, and there are {count} numbers"
            ));
        }
        Ok(shape)
    }

    /// Numbers from their first token on, and whether it is one without `c(…)`.
    fn numbers(&mut self, first: &Token) -> Read<(Numbers, bool)> {
        let mut numbers = Numbers::default();
        if let Token::Name(word) = first
            && matches!(word.as_str(), "c" | "integer" | "double" | "numeric")
        {
            self.expect(b'(')?;
            if word == "c" {
                self.list(&mut numbers)?;
            } else {
                self.zeros(&mut numbers, word == "integer")?;
            }
            return Ok((numbers, false));
        }
        let single = self.element(first, &mut numbers)?;
        Ok((numbers, single))
    }

    /// What stands between the brackets of `c(…)`.
    fn list(&mut self, numbers: &mut Numbers) -> Read<()> {
        let mut token = self.token()?;
        if token == Token::Mark(b')') {
            return Ok(());
        }
        loop {
            self.element(&token, numbers)?;
            match self.token()? {
                Token::Mark(b')') => return Ok(()),
                Token::Mark(b',') => token = self.token()?,
                other => return Err(format!("expected `,` or `)`, found {}", other.describe())),
            }
        }
    }

    /// A number, or a range; whether it was a number.
    fn element(&mut self, token: &Token, numbers: &mut Numbers) -> Read<bool> {
        match token {
            Token::Real(x) => numbers.real(*x),
            Token::Int(from) => {
                if self.peek() != Some(b':') {
                    numbers.int(*from);
                    return Ok(true);
                }
                self.expect(b':')?;
                let to = match self.token()? {
                    Token::Int(to) => to,
                    other => {
                        return Err(format!(
                            "a range ends with an int, not {}",
                            other.describe()
                        ));
                    }
                };
                Self::room(numbers, from.abs_diff(to) as usize + 1)?;
                if *from <= to {
                    (*from..=to).for_each(|i| numbers.int(i));
                } else {
                    (to..=*from).rev().for_each(|i| numbers.int(i));
                }
                return Ok(false);
            }
            Token::Name(name) => return Self::word(name, numbers),
            other => return Err(format!("expected a number, found {}", other.describe())),
        }
        Ok(true)
    }

    /// Words that stand for numbers.
    fn word(name: &str, numbers: &mut Numbers) -> Read<bool> {
        match name {
            "TRUE" => numbers.int(1),
            "FALSE" => numbers.int(0),
            "Inf" | "Infinity" => numbers.real(f64::INFINITY),
            "NaN" => numbers.real(f64::NAN),
            "NA" | "NA_integer_" | "NA_real_" => {
                return Err("the value is missing (NA), which Stan has no notion of".to_owned());
            }
            "c" | "structure" => return Err(format!("`{name}` inside `c` is not read")),
            other => return Err(format!("`{other}` is no number")),
        }
        Ok(true)
    }

    /// `3)`, so many zeros.
    fn zeros(&mut self, numbers: &mut Numbers, int: bool) -> Read<()> {
        let n = match self.token()? {
            Token::Int(n) => usize::try_from(n).map_err(|_| format!("{n} is no length"))?,
            Token::Mark(b')') => {
                numbers.reals = (!int).then(Vec::new);
                return Ok(());
            }
            other => return Err(format!("expected a length, found {}", other.describe())),
        };
        Self::room(numbers, n)?;
        if int {
            numbers.ints = vec![0; n];
        } else {
            numbers.reals = Some(vec![0.0; n]);
        }
        self.expect(b')')
    }

    fn room(numbers: &Numbers, more: usize) -> Read<()> {
        if numbers.len().saturating_add(more) > MOST {
            return Err(format!("a variable of more than {MOST} numbers"));
        }
        Ok(())
    }

    fn expect(&mut self, mark: u8) -> Read<()> {
        match self.token()? {
            Token::Mark(found) if found == mark => Ok(()),
            other => Err(format!(
                "expected `{}`, found {}",
                char::from(mark),
                other.describe()
            )),
        }
    }

    /// The next byte that means something.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at)? {
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    let line = rest.iter().position(|b| *b == b'\n');
                    self.at += line.unwrap_or(rest.len());
                }
                b';' => self.at += 1,
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    fn token(&mut self) -> Read<Token> {
        let next = self.peek();
        self.start = self.at;
        let Some(byte) = next else {
            return Ok(Token::End);
        };
        match byte {
            b'(' | b')' | b',' | b':' => {
                self.at += 1;
                Ok(Token::Mark(byte))
            }
            b'=' => {
                self.at += 1;
                Ok(Token::Assign)
            }
            b'<' if self.bytes.get(self.at + 1) == Some(&b'-') => {
                self.at += 2;
                Ok(Token::Assign)
            }
            b'"' | b'\'' | b'`' => self.quoted(byte),
            b'0'..=b'9' | b'-' | b'+' => self.number(),
            b'.' if self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) => self.number(),
            byte if byte.is_ascii_alphabetic() || byte == b'.' => {
                let word = self.run(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
                Ok(Token::Name(word))
            }
            byte if byte.is_ascii_graphic() => {
                Err(format!("`{}` has no meaning here", char::from(byte)))
            }
            byte => Err(format!("the byte {byte:#04x} has no meaning here")),
        }
    }

    /// The longest run of bytes that belong.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|b| !belongs(*b));
        let run = &rest[..length.unwrap_or(rest.len())];
        self.at += run.len();
        String::from_utf8_lossy(run).into_owned()
    }

    fn quoted(&mut self, quote: u8) -> Read<Token> {
        self.at += 1;
        let name = self.run(|b| b != quote && b != b'\n');
        if self.bytes.get(self.at) != Some(&quote) {
            return Err("a quoted name has no end".to_owned());
        }
        self.at += 1;
        Ok(Token::Name(name))
    }

    fn number(&mut self) -> Read<Token> {
        let begin = self.at;
        while matches!(self.bytes.get(self.at), Some(b'-' | b'+')) && self.at == begin {
            self.at += 1;
        }
        let negative = self.bytes[begin] == b'-';
        if self.peek().is_some_and(|b| b.is_ascii_alphabetic()) {
            return match self.run(|b| b.is_ascii_alphabetic()).as_str() {
                "Inf" | "Infinity" if negative => Ok(Token::Real(f64::NEG_INFINITY)),
                "Inf" | "Infinity" => Ok(Token::Real(f64::INFINITY)),
                "NaN" => Ok(Token::Real(f64::NAN)),
                word => Err(format!("`{word}` is no number")),
            };
        }
        let mut text = self.run(|b| b.is_ascii_digit() || b == b'.');
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            text.push('e');
            if let Some(sign @ (b'-' | b'+')) = self.bytes.get(self.at) {
                self.at += 1;
                text.push(char::from(*sign));
            }
            text.push_str(&self.run(|b| b.is_ascii_digit()));
        }
        let whole = text.bytes().all(|b| b.is_ascii_digit());
        if self.bytes.get(self.at) == Some(&b'L') {
            self.at += 1;
        }
        let x: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
        let x = if negative { -x } else { x };
        #[expect(clippy::cast_possible_truncation, reason = "in range, as just checked")]
        Ok(if whole && x.abs() <= f64::from(i32::MAX) {
            Token::Int(x as i32)
        } else {
            Token::Real(x)
        })
    }
}

#[cfg(test)]
mod tests;
