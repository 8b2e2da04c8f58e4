//! Bayesian logistic regression on the breast-cancer table: 569 rows, 30 measurements and an
//! intercept.

use elbo_math::linalg::{axpy, dot};
use elbo_math::log_space::{inv_logit, log1p_exp};

/// The table, standardised, and which rows are benign.
pub(crate) struct BreastCancer {
    x: Vec<Vec<f64>>, // (569, 31), the intercept first
    y: Vec<f64>,
}

impl BreastCancer {
    /// Reads the shipped table.
    pub(crate) fn load() -> Self {
        let text = include_str!("../../../../data/breast_cancer.csv");
        let mut x = Vec::new();
        let mut y = Vec::new();
        for line in text.lines().skip(1) {
            let mut row: Vec<f64> = line
                .split(',')
                .map(|v| v.parse().expect("the table holds numbers"))
                .collect();
            y.push(row.pop().expect("the last column is the answer"));
            row.insert(0, 1.0);
            x.push(row);
        }
        let n = x.len() as f64;
        for j in 1..x[0].len() {
            let mean = x.iter().map(|r| r[j]).sum::<f64>() / n;
            let sd = (x.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
            for row in &mut x {
                row[j] = (row[j] - mean) / sd;
            }
        }
        Self { x, y }
    }

    /// The number of coefficients.
    pub(crate) fn dimension(&self) -> usize {
        self.x[0].len()
    }

    /// The log joint density with a standard normal prior, up to its constant, and its gradient.
    pub(crate) fn log_density(&self, w: &[f64], gradient: &mut [f64]) -> f64 {
        let mut value = -0.5 * dot(w, w);
        for (g, w) in gradient.iter_mut().zip(w) {
            *g = -w;
        }
        for (x, y) in self.x.iter().zip(&self.y) {
            let eta = dot(x, w);
            value += y * eta - log1p_exp(eta);
            axpy(y - inv_logit(eta), x, gradient);
        }
        value
    }
}
