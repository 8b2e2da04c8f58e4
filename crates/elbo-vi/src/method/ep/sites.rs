//! The Gaussian sites, one pass over them, and the evidence that they imply.
//!
//! The one idea: changing one site changes the covariance by an outer product, so a pass costs `D²`
//! per factor; after it the Gaussian is made anew, so that rounding does not pile up. Deliberately
//! absent: the factors' moments.

use elbo_math::linalg::{Cholesky, Matrix, axpy, dot};
use elbo_math::parallel;

use super::factor::Tilted;
use super::model::FactorModel;
use crate::ViError;

/// The sites' natural parameters and the Gaussian that they make with the prior.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sites {
    linear: Vec<f64>,    // r_n
    precision: Vec<f64>, // q_n
    tilt: Vec<f64>,      // t of an extra factor exp(tᵀ θ); zeros but for linear response
    mean: Vec<f64>,
    covariance: Matrix,
}

/// A projection's mean and variance without one site.
struct Cavity {
    mean: f64,
    variance: f64,
}

impl Sites {
    /// All sites 1.
    pub(super) fn new(model: &FactorModel) -> Result<Self, ViError> {
        let n = model.factors.len();
        let mut sites = Self {
            linear: vec![0.0; n],
            precision: vec![0.0; n],
            tilt: vec![0.0; model.dimension()],
            mean: Vec::new(),
            covariance: Matrix::zeros(0, 0),
        };
        sites.remake(model)?;
        Ok(sites)
    }

    pub(super) fn mean(&self) -> &[f64] {
        &self.mean
    }

    pub(super) fn covariance(&self) -> &Matrix {
        &self.covariance
    }

    /// How the mean answers to tilting the density by `exp(tᵀ θ)`: `∂E θ/∂t`, which for the exact
    /// posterior is its covariance. Central differences of converged fits, symmetrised.
    pub(super) fn linear_response(
        &self,
        model: &FactorModel,
        damping: f64,
    ) -> Result<Matrix, ViError> {
        /// The mean moves by about this many standard deviations: the differences' truncation is
        /// its square, and the fits' tolerance of 1e-10 of it is 3e-8.
        const MOVE: f64 = 3e-3;
        const TOLERANCE: f64 = 1e-10;
        /// A tilt so small needs few; a fit that cycles would need any number.
        const MOST_SWEEPS: usize = 100;
        let d = model.dimension();
        let columns = parallel::map_chunks(d, 1, |range| {
            let j = range.start;
            let tilt = MOVE / self.covariance[(j, j)].sqrt();
            let mut column = vec![0.0; d];
            for sign in [1.0, -1.0] {
                let mut tilted = self.clone();
                tilted.tilt[j] = sign * tilt;
                tilted.remake(model)?;
                for _ in 0..MOST_SWEEPS {
                    if tilted.sweep(model, damping)? < TOLERANCE {
                        break;
                    }
                }
                axpy(sign / (2.0 * tilt), &tilted.mean, &mut column);
            }
            Ok::<_, ViError>(column)
        });
        let columns: Vec<Vec<f64>> = columns.into_iter().collect::<Result<_, _>>()?;
        Ok(Matrix::from_fn(d, d, |i, j| {
            f64::midpoint(columns[j][i], columns[i][j])
        }))
    }

    /// The coordinate with the largest standard deviation.
    pub(super) fn widest(&self) -> (usize, f64) {
        let mut widest = (0, 0.0);
        for (i, v) in self.covariance.diagonal().into_iter().enumerate() {
            if v > widest.1 {
                widest = (i, v);
            }
        }
        (widest.0, widest.1.sqrt())
    }

    /// The posterior's precision and linear term from scratch; returns the precision's factor.
    fn remake(&mut self, model: &FactorModel) -> Result<Cholesky, ViError> {
        let mut precision = model.prior_precision.clone();
        let mut linear = model.prior_precision.matvec(&model.prior_mean);
        axpy(1.0, &self.tilt, &mut linear);
        for n in 0..model.factors.len() {
            let a = model.projections.row(n);
            precision.add_outer(self.precision[n], a, a);
            axpy(self.linear[n], a, &mut linear);
        }
        let factor = Cholesky::new(&precision)?;
        self.mean = factor.solve(&linear);
        self.covariance = factor.inverse();
        Ok(factor)
    }

    /// The projection's moments under the Gaussian, its product `Σ a`, and the cavity.
    fn cavity(&self, model: &FactorModel, n: usize) -> (f64, f64, Vec<f64>, Option<Cavity>) {
        let a = model.projections.row(n);
        let spread = self.covariance.matvec(a);
        let (mean, variance) = (dot(a, &self.mean), dot(a, &spread));
        let left = 1.0 - self.precision[n] * variance;
        // Sites of negative precision elsewhere can leave nothing here; the site then waits.
        let cavity = (left > 1e-10 && variance > 0.0).then(|| Cavity {
            mean: (mean - variance * self.linear[n]) / left,
            variance: variance / left,
        });
        (mean, variance, spread, cavity)
    }

    /// Chooses every site anew, once; the largest change of a projection's mean, in standard
    /// deviations, or log variance.
    pub(super) fn sweep(&mut self, model: &FactorModel, damping: f64) -> Result<f64, ViError> {
        let mut largest: f64 = 0.0;
        for n in 0..model.factors.len() {
            let (mean, variance, spread, cavity) = self.cavity(model, n);
            let Some(cavity) = cavity else {
                largest = largest.max(1.0);
                continue;
            };
            let tilted = tilt(model, n, &cavity)?;
            let change = ((tilted.mean - mean).abs() / variance.sqrt())
                .max((tilted.variance / variance).ln().abs());
            largest = largest.max(change);
            let precision = 1.0 / tilted.variance - 1.0 / cavity.variance;
            let linear = tilted.mean / tilted.variance - cavity.mean / cavity.variance;
            let mut dq = damping * (precision - self.precision[n]);
            let mut dr = damping * (linear - self.linear[n]);
            // The posterior's precision along the projection stays positive: take less if need be.
            while 1.0 + dq * variance < 1e-3 {
                (dq, dr) = (0.5 * dq, 0.5 * dr);
            }
            self.precision[n] += dq;
            self.linear[n] += dr;
            let denominator = 1.0 + dq * variance;
            axpy((dr - dq * mean) / denominator, &spread, &mut self.mean);
            self.covariance
                .add_outer(-dq / denominator, &spread, &spread);
        }
        self.remake(model)?;
        Ok(largest)
    }

    /// The integral of prior and sites, each site scaled so that it integrates against its cavity to
    /// what the factor does `[@rasmussen2006gp, eq. 3.65]`.
    pub(super) fn log_evidence(&self, model: &FactorModel) -> Result<f64, ViError> {
        let mut sites = self.clone();
        let factor = sites.remake(model)?;
        // −½ log|Λ S₀| + ½ hᵀ Λ⁻¹ h − ½ m₀ᵀ S₀⁻¹ m₀ with h = Λ m.
        let lower_mean = |f: &Cholesky, m: &[f64]| {
            let product = f.lower().matvec_transpose(m);
            dot(&product, &product)
        };
        let mut prior = model.prior_mean.clone();
        model.prior.solve_lower_in_place(&mut prior);
        let mut total = -0.5 * (factor.log_det() + model.prior.log_det())
            + 0.5 * (lower_mean(&factor, &sites.mean) - dot(&prior, &prior));
        for n in 0..model.factors.len() {
            let (_, _, _, Some(cavity)) = sites.cavity(model, n) else {
                return Err(NO_MOMENTS);
            };
            let tilted = tilt(model, n, &cavity)?;
            let (q, r) = (sites.precision[n], sites.linear[n]);
            let Cavity { mean, variance } = cavity;
            // log ∫ N(s | m, v) exp(r s − ½ q s²) ds, written without 1/v − 1/v.
            let scale = 1.0 + q * variance;
            let against_site = -0.5 * scale.ln()
                + (r * mean + 0.5 * r * r * variance - 0.5 * q * mean * mean) / scale;
            total += tilted.log_mass - against_site;
        }
        Ok(total)
    }
}

const NO_MOMENTS: ViError = ViError::Numerical {
    what: "a factor's moments under its cavity",
    advice: "check that the factor is positive somewhere the prior reaches, or damp more",
};

fn tilt(model: &FactorModel, n: usize, cavity: &Cavity) -> Result<Tilted, ViError> {
    match model.factors[n].tilt(cavity.mean, cavity.variance) {
        Some(t)
            if t.log_mass.is_finite()
                && t.mean.is_finite()
                && t.variance > 0.0
                && t.variance.is_finite() =>
        {
            Ok(t)
        }
        _ => Err(NO_MOMENTS),
    }
}
