//! The data of a regression: inputs coded and standardised, rows weighted.
//!
//! The one idea: priors are stated where they make sense, on columns of mean 0 and standard
//! deviation 1, and results are reported on the user's scale. Messages about what was done to the
//! columns are returned as notes; nothing is printed.

use std::collections::BTreeSet;
use std::sync::Arc;

use elbo_math::linalg::{Matrix, dot};
use elbo_math::parallel;

use super::coding::{Coded, Coding, Column, Input, check_len, check_numbers, missing};
use crate::ModelError;

/// How columns become inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesignConfig {
    /// Whether coded columns and the target are centred and scaled to unit standard deviation.
    pub standardize: bool,
    /// Whether the model has an intercept; without one nothing is centred.
    pub intercept: bool,
}

impl Default for DesignConfig {
    fn default() -> Self {
        Self {
            standardize: true,
            intercept: true,
        }
    }
}

/// Coded inputs with optional row weights, ready to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    pub(crate) coding: Coding,
    pub(crate) config: DesignConfig,
    /// `(n_rows, n_weights)`; the first column is ones if there is an intercept.
    pub(crate) x: Arc<Matrix>,
    pub(crate) weights: Option<Vec<f64>>,
    notes: Vec<String>,
}

impl Design {
    /// Codes and standardises columns.
    ///
    /// Numeric columns are used as they are. Categorical ones get treatment coding: an indicator
    /// named `column[level]` for every level but the first in alphabetical order. Constant columns
    /// are dropped with a note.
    ///
    /// # Errors
    /// If there are no rows, columns differ in length or share a name, or a cell is missing or
    /// infinite.
    pub fn new(columns: &[Column<'_>], config: DesignConfig) -> Result<Self, ModelError> {
        Self::build(columns, None, config)
    }

    /// As [`new`](Self::new), with a weight per row: a row of weight 2 counts as two such rows.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if a weight is negative or not finite, or all are 0.
    pub fn weighted(
        columns: &[Column<'_>],
        weights: &[f64],
        config: DesignConfig,
    ) -> Result<Self, ModelError> {
        if let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(ModelError::data(format!(
                "row {}: the weight is {}; give a finite number that is 0 or more",
                row + 1,
                weights[row]
            )));
        }
        if !(weights.iter().sum::<f64>() > 0.0) {
            return Err(ModelError::data("all row weights are 0"));
        }
        Self::build(columns, Some(weights), config)
    }

    fn build(
        columns: &[Column<'_>],
        weights: Option<&[f64]>,
        config: DesignConfig,
    ) -> Result<Self, ModelError> {
        let n_rows = columns.first().map_or(0, Column::len);
        if n_rows == 0 {
            return Err(ModelError::data("the design has no rows or no columns"));
        }
        if let Some(got) = weights.map(<[f64]>::len).filter(|n| *n != n_rows) {
            return Err(ModelError::Shape {
                what: "row weights",
                expected: n_rows,
                got,
            });
        }
        check_names(columns)?;
        columns.iter().try_for_each(|c| check_len(c, n_rows))?;
        let looked_at = parallel::map_chunks(columns.len(), 1, |c| {
            Candidate::new(&columns[c.start], weights)
        });
        let mut coding = Coding {
            inputs: Vec::new(),
            intercept: config.intercept,
            center: Vec::new(),
            scale: Vec::new(),
        };
        let (mut coded, mut notes) = (Vec::new(), Vec::new());
        for candidate in looked_at {
            let candidate = candidate?;
            if candidate.is_constant {
                let name = &candidate.input.name;
                notes.push(format!("column '{name}' is constant and was dropped"));
                continue;
            }
            for (mean, sd) in candidate.moments {
                let center = config.standardize && config.intercept;
                coding.center.push(if center { mean } else { 0.0 });
                coding.scale.push(if config.standardize { sd } else { 1.0 });
            }
            coding.inputs.push(candidate.input);
            coded.push(candidate.coded);
        }
        let x = coding.assemble(&coded, n_rows);
        Ok(Self {
            coding,
            config,
            x: Arc::new(x),
            weights: weights.map(<[f64]>::to_vec),
            notes,
        })
    }

    /// The other rows, and the `heldout` ones; both keep the coding of all.
    pub fn split(&self, heldout: &[usize]) -> (Self, Self) {
        let mut is_heldout = vec![false; self.n_rows()];
        for i in heldout {
            is_heldout[*i] = true;
        }
        let kept: Vec<usize> = (0..self.n_rows()).filter(|i| !is_heldout[*i]).collect();
        (self.select(&kept), self.select(heldout))
    }

    fn select(&self, rows: &[usize]) -> Self {
        let entries = rows.iter().flat_map(|i| self.x.row(*i)).copied().collect();
        let weights = self.weights.as_ref();
        Self {
            x: Arc::new(Matrix::from_vec(rows.len(), self.x.cols(), entries)),
            weights: weights.map(|w| rows.iter().map(|i| w[*i]).collect()),
            ..self.clone()
        }
    }

    /// The mean of one value per row, weighted as the rows are.
    pub(crate) fn weighted_mean(&self, values: &[f64]) -> f64 {
        match &self.weights {
            None => values.iter().sum::<f64>() / values.len() as f64,
            Some(w) => dot(w, values) / self.total_weight(),
        }
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.x.rows()
    }

    /// The coding, which the fitted posterior keeps.
    pub fn coding(&self) -> &Coding {
        &self.coding
    }

    /// What was done to the columns that the user should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The sum of the row weights.
    pub fn total_weight(&self) -> f64 {
        self.weights
            .as_ref()
            .map_or(self.n_rows() as f64, |w| w.iter().sum())
    }

    /// The target, checked, and where to find its centre and scale.
    pub(crate) fn target(&self, y: &[f64]) -> Result<Target, ModelError> {
        self.check_target(y)?;
        let (center, scale) = if self.config.standardize {
            moments(y, self.weights.as_deref())
        } else {
            (0.0, 1.0)
        };
        if !(scale > 0.0) {
            return Err(ModelError::data(
                "the target is constant: there is nothing to explain",
            ));
        }
        let center = if self.config.intercept { center } else { 0.0 };
        Ok(Target {
            values: y.iter().map(|v| (v - center) / scale).collect(),
            center,
            scale,
        })
    }

    /// Refuses rows that are coded otherwise.
    pub(crate) fn check_coding(&self, coding: &Coding) -> Result<(), ModelError> {
        if self.coding == *coding {
            return Ok(());
        }
        Err(ModelError::data(
            "the held-out rows are coded otherwise than the fitted ones; split one design",
        ))
    }

    pub(crate) fn check_target(&self, y: &[f64]) -> Result<(), ModelError> {
        if y.len() != self.n_rows() {
            return Err(ModelError::Shape {
                what: "target",
                expected: self.n_rows(),
                got: y.len(),
            });
        }
        check_numbers("target", y)
    }
}

/// A standardised target: `values = (y − center) / scale`.
pub(crate) struct Target {
    pub(crate) values: Vec<f64>,
    pub(crate) center: f64,
    pub(crate) scale: f64,
}

/// A column that may become an input.
struct Candidate<'a> {
    input: Input,
    coded: Coded<'a>,
    moments: Vec<(f64, f64)>, // mean and standard deviation per coded column
    is_constant: bool,
}

impl<'a> Candidate<'a> {
    fn new(column: &Column<'a>, weights: Option<&[f64]>) -> Result<Self, ModelError> {
        match column {
            Column::Numeric { name, values } => Self::numeric(name, values, weights),
            Column::Categorical { name, values } => Self::categorical(name, values, weights),
        }
    }

    fn numeric(name: &str, values: &'a [f64], weights: Option<&[f64]>) -> Result<Self, ModelError> {
        check_numbers(name, values)?;
        let (mean, sd) = moments(values, weights);
        Ok(Self {
            input: Input {
                name: name.to_string(),
                levels: Vec::new(),
            },
            coded: Coded::Numeric(values),
            moments: vec![(mean, sd)],
            // A column that varies by rounding alone is constant, too.
            is_constant: !(sd > 1e-13 * mean.abs()),
        })
    }

    fn categorical(
        name: &str,
        values: &[Option<&str>],
        weights: Option<&[f64]>,
    ) -> Result<Self, ModelError> {
        if let Some(row) = values.iter().position(Option::is_none) {
            return Err(missing(name, row));
        }
        if values.iter().flatten().any(|v| v.contains('\0')) {
            return Err(ModelError::data(format!(
                "column '{name}' holds a NUL character"
            )));
        }
        let distinct: BTreeSet<&str> = values.iter().flatten().copied().collect();
        let levels: Vec<&str> = distinct.into_iter().collect();
        let coded: Vec<usize> = values
            .iter()
            .flatten()
            .map(|v| levels.partition_point(|l| l < v))
            .collect();
        let indicators = |k: usize| -> Vec<f64> {
            let indicator = coded.iter().map(|c| f64::from(u8::from(*c == k)));
            indicator.collect()
        };
        let moments: Vec<_> = (1..levels.len())
            .map(|k| moments(&indicators(k), weights))
            .collect();
        // A level that only rows of weight 0 have would be divided by 0.
        let is_constant = moments.is_empty() || moments.iter().any(|(_, sd)| !(*sd > 0.0));
        Ok(Self {
            input: Input {
                name: name.to_string(),
                levels: levels.into_iter().map(String::from).collect(),
            },
            coded: Coded::Levels(coded),
            moments,
            is_constant,
        })
    }
}

fn check_names(columns: &[Column<'_>]) -> Result<(), ModelError> {
    let mut seen = BTreeSet::new();
    for column in columns {
        let name = column.name();
        if name.contains('\0') {
            return Err(ModelError::data("a column name holds a NUL character"));
        }
        if !seen.insert(name) {
            return Err(ModelError::data(format!("two columns are named '{name}'")));
        }
    }
    Ok(())
}

/// Weighted mean and population standard deviation, in two passes.
fn moments(values: &[f64], weights: Option<&[f64]>) -> (f64, f64) {
    let mean = weighted_mean(values, weights, |v| v);
    let variance = weighted_mean(values, weights, |v| (v - mean) * (v - mean));
    if variance.is_normal() {
        return (mean, variance.sqrt());
    }
    // Constant, or the squares left the range of floating point: once more in units of the largest.
    let unit = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if unit == 0.0 {
        return (0.0, 0.0);
    }
    let mean = weighted_mean(values, weights, |v| v / unit);
    let variance = weighted_mean(values, weights, |v| (v / unit - mean) * (v / unit - mean));
    (unit * mean, unit * variance.sqrt())
}

/// Eight running sums, so that the additions do not wait for one another.
fn weighted_mean(values: &[f64], weights: Option<&[f64]>, f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let Some(weights) = weights else {
        let chunks = values.chunks_exact(8);
        let rest: f64 = chunks.remainder().iter().map(|v| f(*v)).sum();
        for chunk in chunks {
            for (lane, v) in lanes.iter_mut().zip(chunk) {
                *lane += f(*v);
            }
        }
        return (lanes.iter().sum::<f64>() + rest) / values.len() as f64;
    };
    let pairs = values.iter().zip(weights);
    let sum: f64 = pairs.map(|(v, w)| w * f(*v)).sum();
    sum / weights.iter().sum::<f64>()
}
