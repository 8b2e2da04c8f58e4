//! An independent plain implementation: Bishop's equations as printed, row by row, matrix by matrix.
//!
//! Nothing is shared with the model but its inputs: raw moments instead of deviations, explicit
//! inverses and determinants by Gauss–Jordan elimination, the bound as the sum of its seven terms.

use elbo_math::special::{LN_2PI, digamma, ln_gamma, ln_multigamma, multidigamma};

use crate::gmm::Covariance;

type Rows = Vec<Vec<f64>>;

/// Prior hyperparameters and data.
#[derive(Clone)]
pub(super) struct Naive {
    pub covariance: Covariance,
    pub x: Rows,
    pub weights: Vec<f64>,
    pub alpha0: f64,
    pub beta0: f64,
    pub m0: Vec<f64>,
    pub nu0: f64,
    /// D×D, or its diagonal entries only in use when diagonal; `c0[0][0]` when spherical.
    pub c0: Rows,
}

/// `q` of all components; `v` is a matrix whatever the type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Q {
    pub alpha: Vec<f64>,
    pub beta: Vec<f64>,
    pub m: Rows,
    pub nu: Vec<f64>,
    pub v: Vec<Rows>,
}

fn zeros(d: usize) -> Rows {
    vec![vec![0.0; d]; d]
}

/// Inverse and log determinant.
fn invert(a: &Rows) -> (Rows, f64) {
    let d = a.len();
    let mut left = a.clone();
    let mut right = zeros(d);
    (0..d).for_each(|i| right[i][i] = 1.0);
    let mut log_det = 0.0;
    for p in 0..d {
        let pivot = left[p][p];
        log_det += pivot.ln();
        for j in 0..d {
            left[p][j] /= pivot;
            right[p][j] /= pivot;
        }
        for i in (0..d).filter(|i| *i != p) {
            let f = left[i][p];
            for j in 0..d {
                left[i][j] -= f * left[p][j];
                right[i][j] -= f * right[p][j];
            }
        }
    }
    (right, log_det)
}

fn quadratic(a: &Rows, z: &[f64]) -> f64 {
    (0..z.len())
        .map(|i| (0..z.len()).map(|j| z[i] * a[i][j] * z[j]).sum::<f64>())
        .sum()
}

impl Naive {
    fn dim(&self) -> usize {
        self.m0.len()
    }

    /// `V₀` as a matrix of this type.
    fn v0(&self) -> Rows {
        self.restrict(&self.c0)
    }

    /// Keeps what the type allows; spherical: the mean of the diagonal, except that `c0` is given
    /// as one number.
    fn restrict(&self, a: &Rows) -> Rows {
        let d = self.dim();
        let mut out = zeros(d);
        let mean = (0..d).map(|j| a[j][j]).sum::<f64>() / d as f64;
        for i in 0..d {
            for j in 0..d {
                out[i][j] = match self.covariance {
                    Covariance::Full | Covariance::Tied => a[i][j],
                    Covariance::Diagonal if i == j => a[i][i],
                    Covariance::Spherical if i == j => mean,
                    _ => 0.0,
                };
            }
        }
        out
    }

    /// Bishop 10.51–10.53, 10.58, 10.60–10.63.
    pub(super) fn global_step(&self, r: &Rows) -> Q {
        let (d, k) = (self.dim(), r[0].len());
        let tied = self.covariance == Covariance::Tied;
        let mut q = Q {
            alpha: vec![],
            beta: vec![],
            m: vec![],
            nu: vec![],
            v: vec![],
        };
        for c in 0..k {
            let n: f64 = (0..r.len()).map(|i| self.weights[i] * r[i][c]).sum();
            let share = |i: usize| self.weights[i] * r[i][c];
            let mut mean = vec![0.0; d];
            for (i, x) in self.x.iter().enumerate() {
                (0..d).for_each(|j| mean[j] += share(i) * x[j] / n);
            }
            let mut scatter = zeros(d); // N_k S_k plus the term of the prior mean
            for (i, x) in self.x.iter().enumerate() {
                for a in 0..d {
                    for b in 0..d {
                        scatter[a][b] += share(i) * (x[a] - mean[a]) * (x[b] - mean[b]);
                    }
                }
            }
            let shrink = self.beta0 * n / (self.beta0 + n);
            for a in 0..d {
                for b in 0..d {
                    scatter[a][b] += shrink * (mean[a] - self.m0[a]) * (mean[b] - self.m0[b]);
                }
            }
            q.alpha.push(self.alpha0 + n);
            q.beta.push(self.beta0 + n);
            let m = (0..d).map(|j| (self.beta0 * self.m0[j] + n * mean[j]) / (self.beta0 + n));
            q.m.push(m.collect());
            if tied && c > 0 {
                q.nu[0] += n;
                add(&mut q.v[0], &scatter);
            } else {
                q.nu.push(self.nu0 + n);
                let mut v = self.v0();
                add(&mut v, &self.restrict(&scatter));
                q.v.push(v);
            }
        }
        q
    }

    /// `E[log |Λ|]`, `E[Λ]`, `E[log p(Λ)]` and `E[log q(Λ)]` of a component.
    fn precision_terms(&self, nu: f64, v: &Rows) -> (f64, Rows, f64, f64) {
        let d = self.dim();
        let (inverse, log_det_v) = invert(v);
        let expected = inverse
            .iter()
            .map(|r| r.iter().map(|x| nu * x).collect())
            .collect();
        if matches!(self.covariance, Covariance::Full | Covariance::Tied) {
            // Bishop 10.65, B.79 and B.82.
            let df = d as f64;
            let ln2 = 2f64.ln();
            let log_det = multidigamma(d, nu / 2.0) + df * ln2 - log_det_v;
            let normaliser = |nu: f64, log_det_v: f64| {
                0.5 * nu * log_det_v - 0.5 * nu * df * ln2 - ln_multigamma(d, nu / 2.0)
            };
            let v0 = self.v0();
            let trace: f64 = (0..d)
                .map(|i| (0..d).map(|j| v0[i][j] * inverse[j][i]).sum::<f64>())
                .sum();
            let log_p = normaliser(self.nu0, invert(&v0).1) + 0.5 * (self.nu0 - df - 1.0) * log_det
                - 0.5 * nu * trace;
            let log_q = normaliser(nu, log_det_v) + 0.5 * (nu - df - 1.0) * log_det - 0.5 * nu * df;
            return (log_det, expected, log_p, log_q);
        }
        // Gammas: one per coordinate, or one for all with D times the shape and rate.
        let copies = if self.covariance == Covariance::Spherical {
            d as f64
        } else {
            1.0
        };
        let (mut log_det, mut log_p, mut log_q) = (0.0, 0.0, 0.0);
        let v0 = self.v0();
        for j in 0..d {
            let (a, b) = (0.5 * copies * nu, 0.5 * copies * v[j][j]);
            let (a0, b0) = (0.5 * copies * self.nu0, 0.5 * copies * v0[j][j]);
            let log = digamma(a) - b.ln();
            log_det += log;
            if copies == 1.0 || j == 0 {
                log_p += a0 * b0.ln() - ln_gamma(a0) + (a0 - 1.0) * log - b0 * a / b;
                log_q += a * b.ln() - ln_gamma(a) + (a - 1.0) * log - a;
            }
        }
        (log_det, expected, log_p, log_q)
    }

    /// `E[log π_k] + E[log N(x | μ_k, Λ_k⁻¹)]`, Bishop 10.46.
    pub(super) fn log_rho(&self, q: &Q, x: &[f64], k: usize) -> f64 {
        let d = self.dim() as f64;
        let g = k.min(q.nu.len() - 1);
        let (log_det, precision, ..) = self.precision_terms(q.nu[g], &q.v[g]);
        let log_pi = digamma(q.alpha[k]) - digamma(q.alpha.iter().sum());
        let z: Vec<f64> = x.iter().zip(&q.m[k]).map(|(x, m)| x - m).collect();
        log_pi + 0.5 * log_det
            - 0.5 * d * LN_2PI
            - 0.5 * (d / q.beta[k] + quadratic(&precision, &z))
    }

    /// Bishop 10.49.
    pub(super) fn local_step(&self, q: &Q) -> Rows {
        let row = |x: &Vec<f64>| {
            let rho: Vec<f64> = (0..q.m.len()).map(|k| self.log_rho(q, x, k)).collect();
            let max = rho.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = rho.iter().map(|v| (v - max).exp()).sum();
            rho.iter().map(|v| (v - max).exp() / total).collect()
        };
        self.x.iter().map(row).collect()
    }

    /// The sum of Bishop 10.71–10.77.
    pub(super) fn elbo(&self, q: &Q, r: &Rows) -> f64 {
        let (d, k) = (self.dim() as f64, q.m.len());
        let total: f64 = q.alpha.iter().sum();
        let log_pi: Vec<f64> = q
            .alpha
            .iter()
            .map(|a| digamma(*a) - digamma(total))
            .collect();
        let mut elbo = 0.0;
        for (i, x) in self.x.iter().enumerate() {
            for c in (0..k).filter(|c| r[i][*c] > 0.0) {
                // log_rho is 10.71 plus 10.72; the entropy is 10.75.
                elbo += self.weights[i] * r[i][c] * (self.log_rho(q, x, c) - r[i][c].ln());
            }
        }
        let kf = k as f64;
        elbo += ln_gamma(kf * self.alpha0) - kf * ln_gamma(self.alpha0);
        elbo += log_pi.iter().map(|l| (self.alpha0 - 1.0) * l).sum::<f64>(); // 10.73
        elbo -= ln_gamma(total) - q.alpha.iter().map(|a| ln_gamma(*a)).sum::<f64>();
        elbo -= q
            .alpha
            .iter()
            .zip(&log_pi)
            .map(|(a, l)| (a - 1.0) * l)
            .sum::<f64>(); // 10.76
        for c in 0..k {
            let g = c.min(q.nu.len() - 1);
            let (log_det, precision, log_p, log_q) = self.precision_terms(q.nu[g], &q.v[g]);
            if c == g {
                elbo += log_p - log_q;
            }
            let z: Vec<f64> = q.m[c].iter().zip(&self.m0).map(|(m, m0)| m - m0).collect();
            // 10.74: E[log p(μ | Λ)]; 10.77: E[log q(μ | Λ)].
            elbo += 0.5 * (d * (self.beta0.ln() - LN_2PI) + log_det)
                - 0.5 * (d * self.beta0 / q.beta[c] + self.beta0 * quadratic(&precision, &z));
            elbo -= 0.5 * (d * (q.beta[c].ln() - LN_2PI) + log_det) - 0.5 * d;
        }
        elbo
    }
}

fn add(a: &mut Rows, b: &Rows) {
    for (a, b) in a.iter_mut().zip(b) {
        for (a, b) in a.iter_mut().zip(b) {
            *a += b;
        }
    }
}
