//! Rows of numbers with missing entries and weights: what a Gaussian mixture is fitted to.
//!
//! The one idea: rows are grouped once by *which* of their entries are missing, so that everything
//! that depends on the pattern alone (a factorisation per component) is done once per pattern and
//! not once per row. Deliberately absent: column names and how cells were read (`elbo-data`).

use std::collections::BTreeMap;

use crate::ModelError;
use crate::driver::Gather;

/// Rows with the same entries missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    /// Observed columns, ascending.
    pub observed: Vec<usize>,
    /// The rows, ascending.
    pub rows: Vec<usize>,
}

/// `n × D` numbers, NaN where missing, with an optional weight per row.
///
/// A row of weight `w` counts as `w` copies of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct GmmData {
    values: Vec<f64>, // (n, dim), row-major
    dim: usize,
    weights: Option<Vec<f64>>,
    patterns: Vec<Pattern>,
}

impl GmmData {
    /// Takes row-major entries, `dim` to a row; NaN means missing.
    ///
    /// # Errors
    /// No rows or no columns, a partial last row, an infinite entry (named), or a row without any
    /// entry (named); rows and columns are counted from 1 in messages.
    pub fn new(values: Vec<f64>, dim: usize) -> Result<Self, ModelError> {
        if dim == 0 || values.is_empty() {
            return Err(ModelError::data("there are no rows, or no columns, to fit"));
        }
        if !values.len().is_multiple_of(dim) {
            return Err(ModelError::data(format!(
                "{} entries do not fill whole rows of {dim}",
                values.len()
            )));
        }
        if let Some(at) = values.iter().position(|v| v.is_infinite()) {
            return Err(ModelError::data(format!(
                "row {}, column {}: infinite; a mixture needs finite numbers (NaN where missing)",
                at / dim + 1,
                at % dim + 1
            )));
        }
        let patterns = group_by_pattern(&values, dim);
        if let Some(empty) = patterns.iter().find(|p| p.observed.is_empty()) {
            return Err(ModelError::data(format!(
                "row {}: every entry is missing; remove the row ({} such rows)",
                empty.rows[0] + 1,
                empty.rows.len()
            )));
        }
        Ok(Self {
            values,
            dim,
            weights: None,
            patterns,
        })
    }

    /// Gives each row a weight.
    ///
    /// # Errors
    /// A wrong number of weights, a negative or non-finite one (named), or all zero.
    pub fn with_weights(mut self, weights: Vec<f64>) -> Result<Self, ModelError> {
        if weights.len() != self.len() {
            return Err(ModelError::Shape {
                what: "sample weights",
                expected: self.len(),
                got: weights.len(),
            });
        }
        if let Some(i) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
            return Err(ModelError::data(format!(
                "row {}: weight {}; weights must be finite and at least 0",
                i + 1,
                weights[i]
            )));
        }
        if weights.iter().all(|w| *w == 0.0) {
            return Err(ModelError::data("all sample weights are 0"));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there are no rows; never true, since [`new`](Self::new) refuses that.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of columns.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The entries of a row.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// The weight of a row.
    pub fn weight(&self, i: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[i])
    }

    /// The sum of the weights.
    pub fn total_weight(&self) -> f64 {
        self.weights
            .as_ref()
            .map_or(self.len() as f64, |w| w.iter().sum())
    }

    /// The mean of one value per row, weighted as the rows are.
    pub fn weighted_mean(&self, values: &[f64]) -> f64 {
        let weighted = values.iter().enumerate().map(|(i, v)| self.weight(i) * v);
        weighted.sum::<f64>() / self.total_weight()
    }

    /// The number of missing entries.
    pub fn n_missing(&self) -> usize {
        self.patterns
            .iter()
            .map(|p| p.rows.len() * (self.dim - p.observed.len()))
            .sum()
    }

    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }
}

impl Gather for GmmData {
    type Batch = Self;

    fn len(&self) -> usize {
        self.len()
    }

    fn gather(&self, units: &[usize]) -> Self {
        let values: Vec<f64> = units.iter().flat_map(|i| self.row(*i)).copied().collect();
        let patterns = if self.patterns.len() == 1 {
            vec![Pattern {
                observed: self.patterns[0].observed.clone(),
                rows: (0..units.len()).collect(),
            }]
        } else {
            group_by_pattern(&values, self.dim)
        };
        Self {
            values,
            dim: self.dim,
            weights: self
                .weights
                .as_ref()
                .map(|w| units.iter().map(|i| w[*i]).collect()),
            patterns,
        }
    }
}

fn group_by_pattern(values: &[f64], dim: usize) -> Vec<Pattern> {
    if !values.iter().any(|v| v.is_nan()) {
        return vec![Pattern {
            observed: (0..dim).collect(),
            rows: (0..values.len() / dim).collect(),
        }];
    }
    let mut groups: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
    let mut missing = vec![false; dim];
    for (i, row) in values.chunks_exact(dim).enumerate() {
        for (m, v) in missing.iter_mut().zip(row) {
            *m = v.is_nan();
        }
        if let Some(rows) = groups.get_mut(&missing) {
            rows.push(i);
        } else {
            groups.insert(missing.clone(), vec![i]);
        }
    }
    groups
        .into_iter()
        .map(|(missing, rows)| Pattern {
            observed: (0..dim).filter(|j| !missing[*j]).collect(),
            rows,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<GmmData, ModelError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn unusable_rows_are_named() {
        let nan = f64::NAN;
        assert!(
            message(GmmData::new(vec![1.0, 2.0, 3.0, f64::INFINITY], 2))
                .contains("row 2, column 2")
        );
        assert!(message(GmmData::new(vec![1.0, nan, nan, nan], 2)).contains("row 2: every entry"));
        assert!(message(GmmData::new(vec![1.0; 3], 2)).contains("whole rows"));
        assert!(message(GmmData::new(vec![], 2)).contains("no rows"));
        let data = || GmmData::new(vec![1.0, 2.0, 3.0], 1).unwrap();
        assert!(message(data().with_weights(vec![1.0, -1.0, 0.0])).contains("row 2"));
        assert!(message(data().with_weights(vec![0.0; 3])).contains("all"));
        assert!(data().with_weights(vec![1.0]).is_err());
    }

    #[test]
    fn rows_are_grouped_by_what_is_missing() {
        let nan = f64::NAN;
        let data = GmmData::new(vec![1.0, nan, 2.0, 3.0, 4.0, nan], 2).unwrap();
        assert_eq!(data.n_missing(), 2);
        let rows: Vec<_> = data.patterns().iter().map(|p| p.rows.clone()).collect();
        assert_eq!(rows, [vec![1], vec![0, 2]]);
        let subset = data.gather(&[2, 0]);
        assert_eq!(subset.row(0)[0], 4.0);
        assert_eq!(subset.patterns().len(), 1);
    }
}
