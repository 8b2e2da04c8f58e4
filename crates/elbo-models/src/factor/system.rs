//! `q(w)` of a row, given sums over its ratings: a ridge regression on uncertain inputs.
//!
//! With the other side's `z = (1, B)`, the bias `b` and `r = y − μ − b`, the row `u = (a, A)` has
//! `E log p = −½ uᵀ Λ u + hᵀ u + …` with `Λ = C⁻¹ + Σ E z zᵀ / σ²` and `h = Σ E z r / σ²`, so the
//! optimal full Gaussian is `N(Λ⁻¹ h, Λ⁻¹)`, the optimal diagonal one `N(Λ⁻¹ h, diag(Λ)⁻¹)`. Users
//! and items are solved by the same code, [`LANES`] rows at once.

use super::kernel::{LANES, Lanes, invert};
use super::layout::{Layout, Sums, packed};
use super::prior::RowPrior;

/// What the systems of one side share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub layout: Layout,
    /// Whether `q` has a diagonal covariance.
    pub diagonal: bool,
    pub prior: &'a RowPrior,
    /// `σ²`, over `E λ` for a user with noise of its own.
    pub noise: f64,
    /// `E μ`, on the scale of the ratings that were summed.
    pub mu: f64,
}

/// [`LANES`] systems and their solutions.
#[derive(Debug, Clone)]
pub(super) struct Workspace {
    layout: Layout,
    gram: Vec<Lanes>,       // Σ E z zᵀ, packed
    moment: Vec<Lanes>,     // Σ E z r
    precision: Vec<Lanes>,  // packed; L⁻¹ after solving
    covariance: Vec<Lanes>, // packed
    shift: Vec<Lanes>,      // h
    mean: Vec<Lanes>,
    log_det: Lanes,
}

impl Workspace {
    pub(super) fn new(layout: Layout) -> Self {
        let (matrix, vector) = (
            vec![[0.0; LANES]; layout.triangle()],
            vec![[0.0; LANES]; layout.dim],
        );
        Self {
            layout,
            gram: matrix.clone(),
            moment: vector.clone(),
            precision: matrix.clone(),
            covariance: matrix,
            shift: vector.clone(),
            mean: vector,
            log_det: [0.0; LANES],
        }
    }

    /// Sets a lane to the system of a row with these sums.
    pub(super) fn load(&mut self, lane: usize, side: &Side<'_>, sums: &Sums<'_>) {
        self.load_sums(lane, side.mu, sums);
        let scale = 1.0 / side.noise;
        for (k, precision) in self.precision.iter_mut().enumerate() {
            precision[lane] = side.prior.precision[k] + scale * self.gram[k][lane];
        }
        for (shift, moment) in self.shift.iter_mut().zip(&self.moment) {
            shift[lane] = scale * moment[lane];
        }
    }

    /// Keeps a row's `Σ E z zᵀ` and `Σ E z r` in a lane, for [`set_noise`](Self::set_noise).
    pub(super) fn load_sums(&mut self, lane: usize, mu: f64, sums: &Sums<'_>) {
        for p in 0..self.layout.dim {
            let row = &mut self.gram[packed(p, 0)..=packed(p, p)];
            if p == 0 {
                row[0][lane] = sums.count;
                self.moment[0][lane] = sums.y - mu * sums.count - sums.mean[0];
                continue;
            }
            row[0][lane] = sums.mean[p];
            for (q, entry) in row.iter_mut().enumerate().skip(1) {
                entry[lane] = sums.second[packed(p, q)];
            }
            self.moment[p][lane] = sums.y_mean[p] - mu * sums.mean[p] - sums.second[packed(p, 0)];
        }
    }

    /// Sets all lanes to the systems of the sums that were loaded, each with its own noise.
    pub(super) fn set_noise(&mut self, prior: &RowPrior, noise: &Lanes) {
        let scale = noise.map(f64::recip);
        for (k, precision) in self.precision.iter_mut().enumerate() {
            for l in 0..LANES {
                precision[l] = prior.precision[k] + scale[l] * self.gram[k][l];
            }
        }
        for (shift, moment) in self.shift.iter_mut().zip(&self.moment) {
            for l in 0..LANES {
                shift[l] = scale[l] * moment[l];
            }
        }
    }

    /// Sets a lane to natural parameters `Λ` (packed) and `h`.
    pub(super) fn load_natural(&mut self, lane: usize, precision: &[f64], shift: &[f64]) {
        for (l, v) in self.precision.iter_mut().zip(precision) {
            l[lane] = *v;
        }
        for (l, v) in self.shift.iter_mut().zip(shift) {
            l[lane] = *v;
        }
    }

    /// `(Λ, h) ← (1 − ρ) (Λ, h)_old + ρ (Λ, h)` in a lane, and the result written over the old.
    pub(super) fn blend(
        &mut self,
        lane: usize,
        rho: f64,
        precision: &mut [f64],
        shift: &mut [f64],
    ) {
        let old = precision.iter_mut().chain(shift);
        for (l, o) in self.precision.iter_mut().chain(&mut self.shift).zip(old) {
            *o = (1.0 - rho) * *o + rho * l[lane];
            l[lane] = *o;
        }
    }

    /// Makes unused lanes well posed.
    pub(super) fn clear(&mut self, lane: usize) {
        for p in 0..self.layout.dim {
            for q in 0..=p {
                self.precision[packed(p, q)][lane] = f64::from(u8::from(p == q));
                self.gram[packed(p, q)][lane] = 0.0;
            }
            self.shift[p][lane] = 0.0;
            self.moment[p][lane] = 0.0;
        }
    }

    /// Solves all lanes; tells the first lane whose matrix is not positive definite.
    pub(super) fn solve(&mut self, diagonal: bool) -> Result<(), usize> {
        let dim = self.layout.dim;
        let variances: Vec<Lanes> = if diagonal {
            (0..dim).map(|p| self.precision[packed(p, p)]).collect()
        } else {
            Vec::new()
        };
        self.log_det = invert(dim, &mut self.precision, &mut self.covariance);
        if let Some(lane) = self.log_det.iter().position(|d| !d.is_finite()) {
            return Err(lane);
        }
        self.solve_means();
        if diagonal {
            self.covariance.fill([0.0; LANES]);
            self.log_det = [0.0; LANES];
            for (p, precision) in variances.iter().enumerate() {
                for l in 0..LANES {
                    self.covariance[packed(p, p)][l] = 1.0 / precision[l];
                    self.log_det[l] += precision[l].ln();
                }
            }
        }
        Ok(())
    }

    /// `mean = L⁻ᵀ (L⁻¹ h)`.
    fn solve_means(&mut self) {
        let dim = self.layout.dim;
        self.mean.fill([0.0; LANES]);
        for p in 0..dim {
            let row = &self.precision[packed(p, 0)..=packed(p, p)];
            let mut half = [0.0; LANES];
            for (x, h) in row.iter().zip(&self.shift) {
                for l in 0..LANES {
                    half[l] += x[l] * h[l];
                }
            }
            for (m, x) in self.mean.iter_mut().zip(row) {
                for l in 0..LANES {
                    m[l] += x[l] * half[l];
                }
            }
        }
    }

    /// `log |Λ|`; of a diagonal `q`, that of its precisions.
    pub(super) fn log_det(&self, lane: usize) -> f64 {
        self.log_det[lane]
    }

    /// `hᵀ E u`.
    pub(super) fn shift_times_mean(&self, lane: usize) -> f64 {
        let terms = self.shift.iter().zip(&self.mean);
        terms.map(|(h, m)| h[lane] * m[lane]).sum()
    }

    /// `Σ_pq A_pq E u_p u_q` in every lane, for a packed symmetric `A`.
    pub(super) fn inner_products(&self, a: &[f64]) -> Lanes {
        let mut out = [0.0; LANES];
        for p in 0..self.layout.dim {
            for q in 0..=p {
                let k = packed(p, q);
                let factor = if p == q { a[k] } else { 2.0 * a[k] };
                for l in 0..LANES {
                    let second = self.covariance[k][l] + self.mean[p][l] * self.mean[q][l];
                    out[l] += factor * second;
                }
            }
        }
        out
    }

    /// What is to be added to [`fixed_squares`] and `Σ y²` for `Σ E (y − f)²`, with every lane's noise.
    ///
    /// `tr Λ E u uᵀ = dim + hᵀ E u` at the optimum, so the quadratic form needs no matrix.
    pub(super) fn explained_squares(&self, side: &Side<'_>) -> Lanes {
        let mut out = self.inner_products(&side.prior.precision);
        for (lane, o) in out.iter_mut().enumerate() {
            *o = side.noise * (self.layout.dim as f64 - self.shift_times_mean(lane) - *o);
        }
        out
    }

    /// Writes `[1 | E u | E u uᵀ | 0…]`.
    pub(super) fn write_record(&self, lane: usize, record: &mut [f64]) {
        let dim = self.layout.dim;
        record.fill(0.0);
        record[0] = 1.0;
        let (means, seconds) = record[1..].split_at_mut(dim);
        for (out, m) in means.iter_mut().zip(&self.mean) {
            *out = m[lane];
        }
        for p in 0..dim {
            let start = packed(p, 0);
            let row = &self.covariance[start..=start + p];
            for (q, v) in row.iter().enumerate() {
                seconds[start + q] = v[lane] + means[p] * means[q];
            }
        }
    }

    /// `E u`.
    pub(super) fn mean(&self, lane: usize) -> impl Iterator<Item = f64> + '_ {
        self.mean.iter().map(move |m| m[lane])
    }

    /// `Cov u`, packed.
    pub(super) fn covariance(&self, lane: usize) -> impl Iterator<Item = f64> + '_ {
        self.covariance.iter().map(move |v| v[lane])
    }
}

/// `Σ E (y − μ − b)² − Σ y²`: the part of a row's squared residuals that its own `q` cannot change.
pub(super) fn fixed_squares(mu: f64, mu_variance: f64, sums: &Sums<'_>) -> f64 {
    sums.count * (mu * mu + mu_variance) - 2.0 * mu * (sums.y - sums.mean[0]) - 2.0 * sums.y_mean[0]
        + sums.second[0]
}

/// Sums over a row's ratings that the other factors' updates need.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Predictor {
    /// `Σ E f` with `f = a + b + A·B`.
    pub sum: f64,
    /// `Σ y E f`.
    pub y_sum: f64,
    /// `Σ E f²`.
    pub squares: f64,
}

impl Predictor {
    /// Of a row with moments `mean`, `second` (packed) and the given sums over its ratings.
    pub(super) fn new(mean: &[f64], second: &[f64], sums: &Sums<'_>) -> Self {
        let mut out = Self {
            sum: sums.mean[0] + sums.count * mean[0],
            y_sum: sums.y_mean[0] + sums.y * mean[0],
            squares: sums.second[0] + 2.0 * sums.mean[0] * mean[0] + sums.count * second[0],
        };
        for p in 1..mean.len() {
            out.sum += sums.mean[p] * mean[p];
            out.y_sum += sums.y_mean[p] * mean[p];
            let row = packed(p, 0);
            let inner =
                elbo_math::linalg::dot(&sums.second[row + 1..row + p], &second[row + 1..row + p]);
            out.squares += 2.0 * sums.second[row] * mean[p]
                + 2.0 * sums.mean[p] * second[row]
                + 2.0 * inner
                + sums.second[row + p] * second[row + p];
        }
        out
    }

    /// The sum of two.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            y_sum: self.y_sum + other.y_sum,
            squares: self.squares + other.squares,
        }
    }
}
