//! An independent twin for the tests: the model's formulas as plain loops over dense matrices.
//!
//! It shares nothing with the fast path: no packing, no records, no centring, no sums over ratings
//! that are reused; the ELBO is written out as expected log joint plus entropies.

use elbo_math::linalg::{Cholesky, Matrix};
use elbo_math::special::{digamma, ln_gamma};

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
    /// `ν` of the users' own noise.
    pub dof: Option<f64>,
    /// Shape and rate of `q(λ)` of every user.
    pub weights: Vec<(f64, f64)>,
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
    fn update_row(&self, prior: &Matrix, others: &[(&NaiveRow, f64, f64)]) -> NaiveRow {
        let dim = prior.rows();
        let mut precision = inverse(prior);
        let mut shift = vec![0.0; dim];
        for (other, y, weight) in others {
            let s = second(other);
            let noise = self.noise / weight;
            // The design vector is (1, B): the bias of the other side moves to the residual.
            for p in 0..dim {
                for q in 0..dim {
                    let e = match (p, q) {
                        (0, 0) => 1.0,
                        (0, k) | (k, 0) => other.mean[k],
                        _ => s[(p, q)],
                    };
                    precision[(p, q)] += e / noise;
                }
                let (mean, cross) = if p == 0 {
                    (1.0, other.mean[0])
                } else {
                    (other.mean[p], s[(p, 0)])
                };
                shift[p] += ((y - self.mu) * mean - cross) / noise;
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

    fn weight(&self, user: usize) -> f64 {
        match self.dof {
            Some(_) => self.weights[user].0 / self.weights[user].1,
            None => 1.0,
        }
    }

    fn solve_user(&self, i: usize) -> NaiveRow {
        let mine = self.triplets.iter().filter(|t| t.0 == i);
        let others: Vec<_> = mine
            .map(|t| (&self.items[t.1], t.2, self.weight(i)))
            .collect();
        self.update_row(&self.user_prior, &others)
    }

    /// Iterates `q(u)` and `q(λ)` to convergence from λ = 1.
    pub(super) fn update_users(&mut self) {
        for i in 0..self.users.len() {
            self.weights[i] = (1.0, 1.0);
            self.users[i] = self.solve_user(i);
            let Some(dof) = self.dof else { continue };
            for _ in 0..200 {
                let mine: Vec<_> = self.triplets.iter().filter(|t| t.0 == i).collect();
                let squares: f64 = mine.iter().map(|t| self.square(t)).sum();
                self.weights[i] = (
                    0.5 * (dof + mine.len() as f64),
                    0.5 * (dof + squares / self.noise),
                );
                self.users[i] = self.solve_user(i);
            }
        }
    }

    pub(super) fn update_items(&mut self) {
        self.items = (0..self.items.len())
            .map(|j| {
                let mine = self.triplets.iter().filter(|t| t.1 == j);
                let others: Vec<_> = mine
                    .map(|t| (&self.users[t.0], t.2, self.weight(t.0)))
                    .collect();
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
            .map(|t| self.weight(t.0) * (t.2 - self.predictor(t.0, t.1).0))
            .sum();
        let total: f64 = self.triplets.iter().map(|t| self.weight(t.0)).sum();
        let precision = self.mu_sd.powi(-2) + total / self.noise;
        self.mu = residual / self.noise / precision;
        self.mu_variance = 1.0 / precision;
    }

    /// `E (y − μ − f)²`.
    fn square(&self, t: &(usize, usize, f64)) -> f64 {
        let (mean, square) = self.predictor(t.0, t.1);
        t.2 * t.2 - 2.0 * t.2 * (self.mu + mean)
            + self.mu * self.mu
            + self.mu_variance
            + 2.0 * self.mu * mean
            + square
    }

    /// `Σ λ E (y − μ − f)²`.
    fn squares(&self) -> f64 {
        let terms = self.triplets.iter();
        terms.map(|t| self.weight(t.0) * self.square(t)).sum()
    }

    /// Maximises the expected log prior of the weights over `ν` in [3, 1000], bisecting its slope.
    fn maximise_dof(&self) -> f64 {
        let slope = |dof: f64| -> f64 {
            let h = 0.5 * dof;
            let terms = self.weights.iter().map(|(a, b)| {
                let (mean, log_mean) = (a / b, digamma(*a) - b.ln());
                h.ln() + 1.0 - digamma(h) + log_mean - mean
            });
            terms.sum()
        };
        let (mut low, mut high) = (3.0, 1000.0);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
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
        if self.dof.is_some() {
            // Scaling all λ and σ² together leaves the likelihood and raises the prior.
            let sum: f64 = self.weights.iter().map(|(a, b)| a / b).sum();
            let scale = self.weights.len() as f64 / sum;
            self.noise *= scale;
            for (_, b) in &mut self.weights {
                *b /= scale;
            }
            self.dof = Some(self.maximise_dof());
        }
        self.user_prior = Self::maximise_prior(&self.users, self.shape);
        self.item_prior = Self::maximise_prior(&self.items, self.shape);
    }

    /// Expected log joint plus entropy, every constant included.
    pub(super) fn elbo(&self) -> f64 {
        let log_two_pi = (2.0 * std::f64::consts::PI).ln();
        let n = self.triplets.len() as f64;
        let likelihood =
            -0.5 * n * (log_two_pi + self.noise.ln()) - 0.5 * self.squares() / self.noise;
        let (mut log_weights, mut weights) = (0.0, 0.0);
        if let Some(dof) = self.dof {
            let h = 0.5 * dof;
            for t in &self.triplets {
                let (a, b) = self.weights[t.0];
                log_weights += 0.5 * (digamma(a) - b.ln());
            }
            for (a, b) in &self.weights {
                let (mean, log_mean) = (a / b, digamma(*a) - b.ln());
                weights += h * h.ln() - ln_gamma(h) + (h - 1.0) * log_mean - h * mean;
                // The entropy of a Gamma.
                weights += a - b.ln() + ln_gamma(*a) + (1.0 - a) * digamma(*a);
            }
        }
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
            + log_weights
            + weights
            + mu_prior
            + mu_entropy
            + rows(&self.users, &self.user_prior)
            + rows(&self.items, &self.item_prior)
    }
}
