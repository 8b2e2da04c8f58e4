//! The notation in which the table of functions is written, and what it means.
//!
//! A signature reads `vector, vector -> real`. What makes it short:
//!
//! | written | stands for |
//! |---|---|
//! | `real[]`, `real[,]` | arrays of one, of two dimensions |
//! | `ints` | `int` or `int[]` |
//! | `reals` | `real`, `real[]`, `vector` or `row_vector`; every such argument by itself |
//! | `numbers` | `ints` or `reals` |
//! | `list` | `real[]`, `vector` or `row_vector` |
//! | `vectors` | `vector`, `row_vector`, or an array of one of them |
//! | `scalar` | `int` or `real` |
//! | `X` | one type of those after `for X:`, the same everywhere in the signature |
//! | `X[d]`, `int[d+1]` | an array of any number of dimensions, the same everywhere |
//! | `data real` | no parameter may enter |
//! | `real(X)`, `complex(X)` | `X` with its ints made real, with its reals made complex or back |
//! | `draws(int)` | one `int` if every argument is a scalar, else `int[]` |
//! | `each(real)` | `real` if every argument is a scalar, else `vector` |

use crate::types::Type;

/// A signature as it is matched.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) arguments: Vec<Parameter>,
    pub(crate) result: Outcome,
    /// What `X` may be.
    pub(crate) choices: Vec<Type>,
    /// As written in the table.
    pub(crate) written: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) data_only: bool,
    pub(crate) pattern: Pattern,
}

/// A type, or several.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) base: Base,
    pub(crate) dimensions: usize,
    /// Has `d` more dimensions.
    pub(crate) deep: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Base {
    Fixed(Type),
    /// `X`, through a function of types.
    Choice(fn(&Type) -> Type),
    /// Any of these.
    AnyOf(Vec<Type>),
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Pattern(Pattern),
    Draws(Type),
    Each,
    Tuple(Vec<Pattern>),
}

impl Signature {
    /// The signature as a user reads it, in Stan's own words.
    pub(crate) fn describe(&self) -> String {
        let (written, _) = self
            .written
            .split_once(" for X: ")
            .unwrap_or((&self.written, ""));
        let (arguments, result) = written.split_once("->").unwrap_or((written, ""));
        let arguments: Vec<String> = split(arguments).into_iter().map(stan_words).collect();
        let result = match &self.result {
            Outcome::Draws(scalar) => format!("{scalar} or array[] {scalar}"),
            Outcome::Each => "real or vector".to_owned(),
            Outcome::Tuple(_) | Outcome::Pattern(_) => stan_words(result.trim()),
        };
        let mut text = format!("({}) => {result}", arguments.join(", "));
        if self.choices != [Type::Unknown] {
            let choices: Vec<String> = self.choices.iter().map(Type::to_string).collect();
            text.push_str(", where X is ");
            text.push_str(&choices.join(" or "));
            if written.contains("[d]") {
                text.push_str(", or an array of them");
            }
        }
        for (word, meaning) in [
            ("ints", "int or array[] int"),
            ("reals", "real, array[] real, vector or row_vector"),
            (
                "numbers",
                "int, real, an array of one of them, vector or row_vector",
            ),
            ("list", "array[] real, vector or row_vector"),
            ("vectors", "vector, row_vector or an array of one of them"),
            ("scalar", "int or real"),
        ] {
            if arguments.iter().any(|argument| argument == word) {
                text.push_str(", where ");
                text.push_str(word);
                text.push_str(" is ");
                text.push_str(meaning);
            }
        }
        text
    }
}

/// `real[,]` as `array[,] real`.
fn stan_words(piece: &str) -> String {
    let (data, piece) = match piece.strip_prefix("data ") {
        Some(rest) => ("data ", rest),
        None => ("", piece),
    };
    match piece.strip_suffix(']').and_then(|p| p.split_once('[')) {
        None => format!("{data}{piece}"),
        Some((base, brackets)) => match brackets {
            "d" => format!("{data}{base}"),
            "d+1" | "d+2" => format!("{data}array[…] {base}"),
            commas => format!("{data}array[{commas}] {base}"),
        },
    }
}

impl Pattern {
    /// The type for a choice of `X` and `d`. For several types, `None`.
    pub(crate) fn concrete(&self, x: &Type, d: usize) -> Option<Type> {
        let base = match &self.base {
            Base::Fixed(base) => base.clone(),
            Base::Choice(map) => map(x),
            Base::AnyOf(_) => return None,
        };
        Some(base.array(self.dimensions + if self.deep { d } else { 0 }))
    }

    /// All types for a choice of `X` and `d`.
    pub(crate) fn types(&self, x: &Type, d: usize) -> Vec<Type> {
        match &self.base {
            Base::AnyOf(types) => types.clone(),
            _ => self.concrete(x, d).into_iter().collect(),
        }
    }
}

/// Reads one signature.
///
/// # Panics
///
/// If it is not in the notation; a test reads the whole table.
pub(crate) fn signature(text: &str) -> Signature {
    let written = text.trim().to_owned();
    let (text, choices) = match text.split_once(" for X: ") {
        Some((text, choices)) => (text, type_list(choices)),
        None => (text, vec![Type::Unknown]),
    };
    let (arguments, result) = text.split_once("->").expect("a signature has an arrow");
    Signature {
        arguments: split(arguments).into_iter().map(parameter).collect(),
        result: outcome(result.trim()),
        choices,
        written,
    }
}

fn parameter(text: &str) -> Parameter {
    let (data_only, text) = match text.strip_prefix("data ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    Parameter {
        data_only,
        pattern: pattern(text),
    }
}

fn outcome(text: &str) -> Outcome {
    if let Some(inner) = text.strip_prefix("draws(") {
        Outcome::Draws(word(inner.trim_end_matches(')')))
    } else if text == "each(real)" {
        Outcome::Each
    } else if let Some(inner) = text.strip_prefix("tuple(") {
        let inner = inner.strip_suffix(')').expect("a tuple is closed");
        Outcome::Tuple(split(inner).into_iter().map(pattern).collect())
    } else {
        Outcome::Pattern(pattern(text))
    }
}

fn pattern(text: &str) -> Pattern {
    let (base, brackets) = match text.find('[') {
        Some(at) => (&text[..at], Some(text[at + 1..].trim_end_matches(']'))),
        None => (text, None),
    };
    let (dimensions, deep) = match brackets {
        None => (0, false),
        Some("d") => (0, true),
        Some("d+1") => (1, true),
        Some("d+2") => (2, true),
        Some(commas) => (commas.len() + 1, false),
    };
    let base = match base {
        "X" => Base::Choice(Type::clone),
        "real(X)" => Base::Choice(to_real),
        "complex(X)" => Base::Choice(to_complex),
        "ints" => Base::AnyOf(ints()),
        "reals" => Base::AnyOf(reals()),
        "numbers" => Base::AnyOf(reals().into_iter().chain(ints()).collect()),
        "list" => Base::AnyOf(reals().into_iter().skip(1).collect()),
        "scalar" => Base::AnyOf(vec![Type::Int, Type::Real]),
        "vectors" => Base::AnyOf(vec![
            Type::Vector,
            Type::Vector.array(1),
            Type::RowVector,
            Type::RowVector.array(1),
        ]),
        name => Base::Fixed(word(name)),
    };
    Pattern {
        base,
        dimensions,
        deep,
    }
}

fn ints() -> Vec<Type> {
    vec![Type::Int, Type::Int.array(1)]
}

fn reals() -> Vec<Type> {
    vec![
        Type::Real,
        Type::Real.array(1),
        Type::Vector,
        Type::RowVector,
    ]
}

fn type_list(text: &str) -> Vec<Type> {
    text.split_whitespace()
        .flat_map(|name| match name {
            "any" => vec![
                Type::Int,
                Type::Real,
                Type::Complex,
                Type::Vector,
                Type::RowVector,
                Type::Matrix,
                Type::ComplexVector,
                Type::ComplexRowVector,
                Type::ComplexMatrix,
            ],
            name => vec![word(name)],
        })
        .collect()
}

fn word(name: &str) -> Type {
    match name {
        "int" => Type::Int,
        "real" => Type::Real,
        "complex" => Type::Complex,
        "vector" => Type::Vector,
        "row_vector" => Type::RowVector,
        "matrix" => Type::Matrix,
        "complex_vector" => Type::ComplexVector,
        "complex_row_vector" => Type::ComplexRowVector,
        "complex_matrix" => Type::ComplexMatrix,
        other => panic!("`{other}` is no type of the notation"),
    }
}

fn to_real(r#type: &Type) -> Type {
    match r#type {
        Type::Int | Type::Complex => Type::Real,
        Type::ComplexVector => Type::Vector,
        Type::ComplexRowVector => Type::RowVector,
        Type::ComplexMatrix => Type::Matrix,
        other => other.clone(),
    }
}

fn to_complex(r#type: &Type) -> Type {
    match r#type {
        Type::Int | Type::Real => Type::Complex,
        Type::Vector => Type::ComplexVector,
        Type::RowVector => Type::ComplexRowVector,
        Type::Matrix => Type::ComplexMatrix,
        other => other.clone(),
    }
}

/// Pieces between commas that are in no brackets.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                pieces.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        pieces.push(last);
    }
    pieces
}
