//! An independent twin for the tests: the model's formulas as plain loops over dense matrices.
//!
//! It shares nothing with the fast path: no packing, no records, no centring, no sums over ratings
//! that are reused; the ELBO is written out as expected log joint plus entropies.

use elbo_math::linalg::{Cholesky, Matrix};

use super::prior::PriorShape;

/// One Gaussian row.
#[derive(Debug, Clone)]
pub(super) struct NaiveRow {
    pub mean: Vec<f64>,
    pub covariance: Matrix,
}

/// The whole of `q`, users included, and the hyperparameters.
#[derive(Debug, Clone)]
pub(super) struct Naive {
    pub triplets: Vec<(usize, usize, f64)>,
    pub diagonal: bool,
    pub shape: PriorShape,
    pub mu: f64,
    pub mu_variance: f64,
    pub mu_sd: f64,
    pub noise: f64,
    pub user_prior: Matrix,
    pub item_prior: Matrix,
    pub users: Vec<NaiveRow>,
    pub items: Vec<NaiveRow>,
}

fn inverse(a: &Matrix) -> Matrix {
    Cholesky::new(a).unwrap().inverse()
}

fn log_det(a: &Matrix) -> f64 {
    Cholesky::new(a).unwrap().log_det()
}

/// `E w wᵀ`.
fn second(row: &NaiveRow) -> Matrix {
    let mut s = row.covariance.clone();
    s.add_outer(1.0, &row.mean, &row.mean);
    s
}

impl Naive {
    fn update_row(&self, prior: &Matrix, others: &[(&NaiveRow, f64)]) -> NaiveRow {
        let dim = prior.rows();
        let mut precision = inverse(prior);
        let mut shift = vec![0.0; dim];
        for (other, y) in others {
            let s = second(other);
            // The design vector is (1, B): the bias of the other side moves to the residual.
            for p in 0..dim {
                for q in 0..dim {
                    let e = match (p, q) {
                        (0, 0) => 1.0,
                        (0, k) | (k, 0) => other.mean[k],
                        _ => s[(p, q)],
                    };
                    precision[(p, q)] += e / self.noise;
                }
                let (mean, cross) = if p == 0 {
                    (1.0, other.mean[0])
                } else {
                    (other.mean[p], s[(p, 0)])
                };
                shift[p] += ((y - self.mu) * mean - cross) / self.noise;
            }
        }
        let mean = Cholesky::new(&precision).unwrap().solve(&shift);
        let covariance = if self.diagonal {
            let variances: Vec<f64> = precision.diagonal().iter().map(|v| 1.0 / v).collect();
            Matrix::from_diagonal(&variances)
        } else {
            inverse(&precision)
        };
        NaiveRow { mean, covariance }
    }

    pub(super) fn update_users(&mut self) {
        self.users = (0..self.users.len())
            .map(|i| {
                let mine = self.triplets.iter().filter(|t| t.0 == i);
                let others: Vec<_> = mine.map(|t| (&self.items[t.1], t.2)).collect();
                self.update_row(&self.user_prior, &others)
            })
            .collect();
    }

    pub(super) fn update_items(&mut self) {
        self.items = (0..self.items.len())
            .map(|j| {
                let mine = self.triplets.iter().filter(|t| t.1 == j);
                let others: Vec<_> = mine.map(|t| (&self.users[t.0], t.2)).collect();
                self.update_row(&self.item_prior, &others)
            })
            .collect();
    }

    /// `E f`, `E f²` without `μ`.
    fn predictor(&self, i: usize, j: usize) -> (f64, f64) {
        let (u, w) = (&self.users[i], &self.items[j]);
        let (su, sw) = (second(u), second(w));
        let dim = u.mean.len();
        // f = (a, 1, A) · (1, b, B): moments of both extended vectors.
        let extend = |row: &NaiveRow, s: &Matrix, one: usize| {
            let bias = 1 - one;
            let of = |k: usize| if k < 2 { 0 } else { k - 1 };
            let mean = (0..=dim)
                .map(|k| if k == one { 1.0 } else { row.mean[of(k)] })
                .collect::<Vec<_>>();
            assert_eq!(of(bias), 0);
            let second = Matrix::from_fn(dim + 1, dim + 1, |p, q| match (p == one, q == one) {
                (true, true) => 1.0,
                (true, false) => row.mean[of(q)],
                (false, true) => row.mean[of(p)],
                _ => s[(of(p), of(q))],
            });
            (mean, second)
        };
        let (mu, su) = extend(u, &su, 1);
        let (mw, sw) = extend(w, &sw, 0);
        let mean = mu.iter().zip(&mw).map(|(a, b)| a * b).sum();
        (mean, su.inner_product(&sw))
    }

    pub(super) fn update_mu(&mut self) {
        let residual: f64 = self
            .triplets
            .iter()
            .map(|t| t.2 - self.predictor(t.0, t.1).0)
            .sum();
        let precision = self.mu_sd.powi(-2) + self.triplets.len() as f64 / self.noise;
        self.mu = residual / self.noise / precision;
        self.mu_variance = 1.0 / precision;
    }

    /// `Σ E (y − μ − f)²`.
    fn squares(&self) -> f64 {
        let terms = self.triplets.iter().map(|t| {
            let (mean, square) = self.predictor(t.0, t.1);
            t.2 * t.2 - 2.0 * t.2 * (self.mu + mean)
                + self.mu * self.mu
                + self.mu_variance
                + 2.0 * self.mu * mean
                + square
        });
        terms.sum()
    }

    fn maximise_prior(rows: &[NaiveRow], shape: PriorShape) -> Matrix {
        let dim = rows[0].mean.len();
        let mut average = Matrix::zeros(dim, dim);
        for row in rows {
            average.add_scaled(1.0 / rows.len() as f64, &second(row));
        }
        match shape {
            PriorShape::Full => average,
            PriorShape::Diagonal => Matrix::from_diagonal(&average.diagonal()),
            PriorShape::Isotropic => {
                let mut d = average.diagonal();
                let shared = d[1..].iter().sum::<f64>() / (dim - 1).max(1) as f64;
                d[1..].fill(shared);
                Matrix::from_diagonal(&d)
            }
        }
    }

    pub(super) fn update_hyperparameters(&mut self) {
        self.noise = self.squares() / self.triplets.len() as f64;
        self.user_prior = Self::maximise_prior(&self.users, self.shape);
        self.item_prior = Self::maximise_prior(&self.items, self.shape);
    }

    /// Expected log joint plus entropy, every constant included.
    pub(super) fn elbo(&self) -> f64 {
        let log_two_pi = (2.0 * std::f64::consts::PI).ln();
        let n = self.triplets.len() as f64;
        let likelihood =
            -0.5 * n * (log_two_pi + self.noise.ln()) - 0.5 * self.squares() / self.noise;
        let mu_prior = -0.5 * (log_two_pi + (self.mu_sd * self.mu_sd).ln())
            - 0.5 * (self.mu * self.mu + self.mu_variance) / (self.mu_sd * self.mu_sd);
        let mu_entropy = 0.5 * (1.0 + log_two_pi + self.mu_variance.ln());
        let rows = |rows: &[NaiveRow], prior: &Matrix| {
            let (precision, dim) = (inverse(prior), prior.rows() as f64);
            rows.iter()
                .map(|row| {
                    let prior = -0.5 * (dim * log_two_pi + log_det(prior))
                        - 0.5 * precision.inner_product(&second(row));
                    prior + 0.5 * (dim * (1.0 + log_two_pi) + log_det(&row.covariance))
                })
                .sum::<f64>()
        };
        likelihood
            + mu_prior
            + mu_entropy
            + rows(&self.users, &self.user_prior)
            + rows(&self.items, &self.item_prior)
    }
}
