//! Small data for the tests of this folder.

use std::sync::Arc;

use elbo_math::linalg::Matrix;
use elbo_math::random::{standard_normal, stream};

use super::{Column, Design, DesignConfig, Rows};

/// Neither centred nor scaled, and no intercept: `q` is on the user's scale.
pub(crate) const RAW: DesignConfig = DesignConfig {
    standardize: false,
    intercept: false,
};

/// A table read from CSV with a header, by columns.
pub(crate) struct Table {
    pub(crate) names: Vec<String>,
    pub(crate) columns: Vec<Vec<f64>>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let names: Vec<String> = lines.next().unwrap().split(',').map(String::from).collect();
        let mut columns = vec![Vec::new(); names.len()];
        for line in lines {
            for (column, cell) in columns.iter_mut().zip(line.split(',')) {
                column.push(cell.parse().unwrap());
            }
        }
        Self { names, columns }
    }

    /// The diabetes data, 442 × 10 and the target.
    pub(crate) fn diabetes() -> Self {
        Self::parse(include_str!("../../../../data/diabetes.csv"))
    }

    /// Inputs and weights drawn from a standard normal, two thirds of the weights 0, noise ½.
    pub(crate) fn simulated(n: usize, d: usize, seed: u64) -> Self {
        let mut rng = stream(seed, "fixture", 0);
        let mut columns: Vec<Vec<f64>> = (0..d)
            .map(|j| {
                let shift = j as f64;
                let value = |_| shift + (1.0 + 0.3 * shift) * standard_normal(&mut rng);
                (0..n).map(value).collect()
            })
            .collect();
        let weights: Vec<f64> = (0..d)
            .map(|j| {
                if j % 3 == 0 {
                    standard_normal(&mut rng)
                } else {
                    0.0
                }
            })
            .collect();
        let y = (0..n).map(|i| {
            let signal: f64 = (0..d).map(|j| weights[j] * columns[j][i]).sum();
            3.0 + signal + 0.5 * standard_normal(&mut rng)
        });
        let y = y.collect();
        columns.push(y);
        let names = (0..d).map(|j| format!("x{j}")).chain(["y".to_string()]);
        Self {
            names: names.collect(),
            columns,
        }
    }

    /// All columns but the last.
    pub(crate) fn inputs(&self) -> Vec<Column<'_>> {
        let pairs = self.names.iter().zip(&self.columns);
        pairs
            .take(self.names.len() - 1)
            .map(|(name, values)| Column::Numeric { name, values })
            .collect()
    }

    /// The last column.
    pub(crate) fn target(&self) -> &[f64] {
        self.columns.last().unwrap()
    }

    /// The rows with these indices, repeated as often as they are named.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let pick = |c: &Vec<f64>| rows.iter().map(|i| c[*i]).collect();
        Self {
            names: self.names.clone(),
            columns: self.columns.iter().map(pick).collect(),
        }
    }

    /// Every column with mean 0 and standard deviation 1.
    pub(crate) fn standardized(&self) -> Self {
        let standardize = |c: &Vec<f64>| {
            let n = c.len() as f64;
            let mean = c.iter().sum::<f64>() / n;
            let sd = (c.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
            c.iter().map(|v| (v - mean) / sd).collect()
        };
        Self {
            names: self.names.clone(),
            columns: self.columns.iter().map(standardize).collect(),
        }
    }

    pub(crate) fn design(&self, config: DesignConfig) -> Design {
        Design::new(&self.inputs(), config).unwrap()
    }
}

/// The rows that a fit sees.
pub(crate) fn rows(design: &Design, y: &[f64]) -> Rows {
    Rows {
        x: design.x.clone(),
        y: design.target(y).unwrap().values,
        weights: design.weights.clone(),
    }
}

/// Rows cut into parts of `size`.
pub(crate) fn shards(rows: &Rows, size: usize) -> Vec<Rows> {
    let p = rows.x.cols();
    (0..rows.len())
        .step_by(size)
        .map(|start| {
            let end = (start + size).min(rows.len());
            let x = rows.x.as_slice()[start * p..end * p].to_vec();
            let weights = rows.weights.as_ref();
            Rows {
                x: Arc::new(Matrix::from_vec(end - start, p, x)),
                y: rows.y[start..end].to_vec(),
                weights: weights.map(|w| w[start..end].to_vec()),
            }
        })
        .collect()
}
