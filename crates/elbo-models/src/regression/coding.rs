//! From a table's columns to the numbers that a regression sees, remembered for later rows.
//!
//! The one idea: a [`Coding`] is made once, from the data that are fitted, and is part of the
//! fitted posterior: new rows go through the same centring, scaling and levels. Deliberately
//! absent: files, and any guess about what a missing cell may have held.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::Matrix;
use elbo_math::parallel;

use crate::ModelError;
use crate::posterior::expect_array;

/// A named column of a table, as it comes from the user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Column<'a> {
    /// Numbers; NaN is a missing cell.
    Numeric {
        /// The column's name.
        name: &'a str,
        /// One number per row.
        values: &'a [f64],
    },
    /// Labels; `None` is a missing cell.
    Categorical {
        /// The column's name.
        name: &'a str,
        /// One label per row.
        values: &'a [Option<&'a str>],
    },
}

impl Column<'_> {
    /// The column's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Numeric { name, .. } | Self::Categorical { name, .. } => name,
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric { values, .. } => values.len(),
            Self::Categorical { values, .. } => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One input of the model: a numeric column, or a categorical one with its levels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Input {
    pub(crate) name: String,
    /// Empty for a numeric column; else the levels in order, the first being the baseline.
    pub(crate) levels: Vec<String>,
}

impl Input {
    /// How many coded columns the input becomes.
    pub(crate) fn width(&self) -> usize {
        if self.levels.is_empty() {
            1
        } else {
            self.levels.len() - 1
        }
    }
}

/// How rows of a table become rows of numbers: `1`, then `(value − center) / scale` for every
/// numeric column and every level but the first of every categorical one.
#[derive(Debug, Clone, PartialEq)]
pub struct Coding {
    pub(crate) inputs: Vec<Input>,
    pub(crate) intercept: bool,
    pub(crate) center: Vec<f64>, // (n_coded), the intercept not counted
    pub(crate) scale: Vec<f64>,  // (n_coded), positive
}

/// A column that has been looked up for one input.
pub(crate) enum Coded<'a> {
    Numeric(&'a [f64]),
    /// Index of each row's level; 0 is the baseline.
    Levels(Vec<usize>),
}

/// One coded column in the making.
struct Term<'a> {
    column: &'a Coded<'a>,
    level: usize,
    center: f64,
    scale: f64,
}

impl Term<'_> {
    fn value(&self, row: usize) -> f64 {
        match self.column {
            Coded::Numeric(values) => values[row],
            Coded::Levels(levels) => f64::from(u8::from(levels[row] == self.level)),
        }
    }
}

impl Coding {
    /// Names of the inputs, one per column of the table that is used.
    pub fn input_names(&self) -> Vec<String> {
        self.inputs.iter().map(|i| i.name.clone()).collect()
    }

    /// Names of the coded columns: the column's own, or `column[level]`; no intercept.
    pub fn column_names(&self) -> Vec<String> {
        let names = |input: &Input| -> Vec<String> {
            if input.levels.is_empty() {
                return vec![input.name.clone()];
            }
            let levels = input.levels.iter().skip(1);
            levels.map(|l| format!("{}[{l}]", input.name)).collect()
        };
        self.inputs.iter().flat_map(names).collect()
    }

    /// Whether a column of ones comes first.
    pub fn has_intercept(&self) -> bool {
        self.intercept
    }

    /// The number of weights: coded columns, and the intercept where there is one.
    pub fn n_weights(&self) -> usize {
        self.center.len() + usize::from(self.intercept)
    }

    /// The input that each weight belongs to; `None` for the intercept.
    pub(crate) fn input_of_weight(&self) -> Vec<Option<usize>> {
        let intercept = self.intercept.then_some(None);
        let inputs = self.inputs.iter().enumerate();
        let columns = inputs.flat_map(|(g, input)| vec![Some(g); input.width()]);
        intercept.into_iter().chain(columns).collect()
    }

    /// Codes rows of a table that has (at least) the columns of the fit, in any order.
    ///
    /// # Errors
    /// If a column is missing from the table or of another kind, a cell is missing or infinite, or
    /// a level was not there when the model was fitted.
    pub fn code(&self, columns: &[Column<'_>]) -> Result<Matrix, ModelError> {
        let mut coded = Vec::with_capacity(self.inputs.len());
        let mut n_rows = columns.first().map(Column::len);
        for input in &self.inputs {
            let column = columns
                .iter()
                .find(|c| c.name() == input.name)
                .ok_or_else(|| {
                    ModelError::data(format!("column '{}' of the fit is missing", input.name))
                })?;
            let expected = *n_rows.get_or_insert(column.len());
            check_len(column, expected)?;
            coded.push(code_column(column, input)?);
        }
        Ok(self.assemble(&coded, n_rows.unwrap_or(0)))
    }

    /// Lays coded columns out row by row, centred and scaled.
    pub(crate) fn assemble(&self, coded: &[Coded<'_>], n_rows: usize) -> Matrix {
        let width = self.n_weights();
        let mut x = Matrix::zeros(n_rows, width);
        let terms = self.terms(coded);
        // A block of rows stays in cache while groups of columns are written into it.
        let block = 32;
        if width > 0 {
            parallel::for_each_chunk(x.as_mut_slice(), block * width, |b, rows| {
                self.fill_rows(&terms, b * block, rows);
            });
        }
        x
    }

    fn terms<'a>(&self, coded: &'a [Coded<'a>]) -> Vec<Term<'a>> {
        let columns = self.inputs.iter().zip(coded);
        let pieces = columns
            .flat_map(|(input, column)| (1..=input.width()).map(move |level| (column, level)));
        let scales = self.center.iter().zip(&self.scale);
        pieces
            .zip(scales)
            .map(|((column, level), (center, scale))| Term {
                column,
                level,
                center: *center,
                scale: *scale,
            })
            .collect()
    }

    fn fill_rows(&self, terms: &[Term<'_>], first: usize, rows: &mut [f64]) {
        let width = self.n_weights();
        let mut at = 0;
        if self.intercept {
            rows.iter_mut().step_by(width).for_each(|v| *v = 1.0);
            at = 1;
        }
        // Eight columns at once fill whole cache lines.
        for group in terms.chunks(8) {
            for (i, row) in rows.chunks_exact_mut(width).enumerate() {
                for (cell, term) in row[at..].iter_mut().zip(group) {
                    *cell = (term.value(first + i) - term.center) / term.scale;
                }
            }
            at += group.len();
        }
    }

    /// Everything as arrays; text is kept as its Unicode code points, each string ended by a 0.
    pub(crate) fn store(&self, arrays: &mut Arrays) {
        let strings = self
            .inputs
            .iter()
            .flat_map(|i| std::iter::once(&i.name).chain(&i.levels));
        let text: Vec<f64> = strings
            .flat_map(|s| s.chars().chain(std::iter::once('\0')))
            .map(|c| f64::from(u32::from(c)))
            .collect();
        let n_levels: Vec<f64> = self.inputs.iter().map(|i| i.levels.len() as f64).collect();
        let mut put = |name: &str, values: Vec<f64>| {
            arrays.insert(name.to_string(), Array::f64(&[values.len()], values));
        };
        put("coding.text", text);
        put("coding.n_levels", n_levels);
        put("coding.center", self.center.clone());
        put("coding.scale", self.scale.clone());
        put(
            "coding.intercept",
            vec![f64::from(u8::from(self.intercept))],
        );
    }

    /// The inverse of [`store`](Self::store).
    pub(crate) fn load(arrays: &Arrays) -> Result<Self, ModelError> {
        let damaged = || ModelError::data("the fit's coding of columns is damaged");
        let text = vector(arrays, "coding.text")?;
        let text: Option<String> = text
            .iter()
            .map(|c| char::from_u32(u32::try_from(integer(*c)?).ok()?))
            .collect();
        let text = text.ok_or_else(damaged)?;
        let mut strings = text.split_terminator('\0').map(String::from);
        let mut inputs = Vec::new();
        for n_levels in vector(arrays, "coding.n_levels")? {
            let n_levels = integer(n_levels).ok_or_else(damaged)?;
            let name = strings.next().ok_or_else(damaged)?;
            let levels: Vec<String> = strings.by_ref().take(n_levels).collect();
            if levels.len() != n_levels {
                return Err(damaged());
            }
            inputs.push(Input { name, levels });
        }
        let n_coded = inputs.iter().map(Input::width).sum();
        let intercept = expect_array(arrays, "coding.intercept", &[1])?.to_f64()[0];
        let center = expect_array(arrays, "coding.center", &[n_coded])?.to_f64();
        let scale = expect_array(arrays, "coding.scale", &[n_coded])?.to_f64();
        Ok(Self {
            inputs,
            intercept: intercept != 0.0,
            center,
            scale,
        })
    }
}

/// A vector of any length.
fn vector(arrays: &Arrays, name: &str) -> Result<Vec<f64>, ModelError> {
    let len = arrays
        .get(name)
        .map_or(0, |a| a.shape().first().copied().unwrap_or(0));
    Ok(expect_array(arrays, name, &[len])?.to_f64())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be a small whole number"
)]
fn integer(value: f64) -> Option<usize> {
    let whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
    whole.then_some(value as usize)
}

pub(crate) fn check_len(column: &Column<'_>, expected: usize) -> Result<(), ModelError> {
    if column.len() == expected {
        return Ok(());
    }
    let (name, got) = (column.name(), column.len());
    Err(ModelError::data(format!(
        "column '{name}' has {got} rows, the others have {expected}"
    )))
}

/// Refuses missing and infinite numbers, naming the first.
pub(crate) fn check_numbers(name: &str, values: &[f64]) -> Result<(), ModelError> {
    // Without a branch per cell.
    let finite = values
        .chunks(64)
        .all(|c| c.iter().fold(true, |ok, v| ok & v.is_finite()));
    if finite {
        return Ok(());
    }
    let row = values.iter().position(|v| !v.is_finite()).unwrap_or(0);
    Err(if values[row].is_nan() {
        missing(name, row)
    } else {
        ModelError::data(format!("row {}, column '{name}': infinity", row + 1))
    })
}

pub(crate) fn missing(name: &str, row: usize) -> ModelError {
    ModelError::data(format!(
        "row {}, column '{name}': the value is missing; regression needs every cell, so drop such \
         rows, leave the column out, or fill it in beforehand",
        row + 1
    ))
}

fn code_column<'a>(column: &Column<'a>, input: &Input) -> Result<Coded<'a>, ModelError> {
    let name = &input.name;
    match (column, input.levels.is_empty()) {
        (Column::Numeric { values, .. }, true) => {
            check_numbers(name, values)?;
            Ok(Coded::Numeric(values))
        }
        (Column::Categorical { values, .. }, false) => {
            let mut levels = Vec::with_capacity(values.len());
            for (row, value) in values.iter().enumerate() {
                let value = value.ok_or_else(|| missing(name, row))?;
                let known = input.levels.iter().position(|l| l == value);
                levels.push(known.ok_or_else(|| unseen(input, row, value))?);
            }
            Ok(Coded::Levels(levels))
        }
        (Column::Categorical { .. }, true) => Err(ModelError::data(format!(
            "column '{name}' holds text, but was numeric when the model was fitted"
        ))),
        (Column::Numeric { .. }, false) => Err(ModelError::data(format!(
            "column '{name}' is numeric, but held text when the model was fitted; give its values \
             as labels"
        ))),
    }
}

fn unseen(input: &Input, row: usize, value: &str) -> ModelError {
    ModelError::data(format!(
        "row {}, column '{}': level '{value}' was not in the data that were fitted; known levels: {}",
        row + 1,
        input.name,
        input.levels.join(", ")
    ))
}
