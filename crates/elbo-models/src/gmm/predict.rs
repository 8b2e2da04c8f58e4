//! What a fitted mixture says about rows, new or old: responsibilities, labels, densities.

use elbo_dist::{Distribution, MultivariateStudentT, StudentT};
use elbo_math::linalg::Matrix;
use elbo_math::log_space::log_sum_exp;
use elbo_math::parallel;

use super::data::GmmData;
use super::model::GmmModel;
use super::posterior::GmmPosterior;
use super::precision::Structure;
use super::sweep;
use crate::ModelError;

/// Rows whose densities are computed by one task.
const CHUNK: usize = 256;

impl GmmPosterior {
    /// `q(z_n = k)` under this `q`: (n, K), rows sum to 1; missing entries are marginalised.
    ///
    /// # Errors
    /// Rows of another width, or a numerical failure.
    pub fn responsibilities(&self, data: &GmmData) -> Result<Vec<f64>, ModelError> {
        sweep::responsibilities(&GmmModel::new(self.clone())?, data)
    }

    /// The component with the largest responsibility, from 0; ties go to the first.
    ///
    /// # Errors
    /// Rows of another width, or a numerical failure.
    pub fn labels(&self, data: &GmmData) -> Result<Vec<usize>, ModelError> {
        let all = self.responsibilities(data)?;
        Ok(all
            .chunks_exact(self.n_components())
            .map(first_largest)
            .collect())
    }

    /// `log p(x | data) ≈ log E_q[Σ_k π_k N(x | μ_k, Λ_k⁻¹)]` of each row, a mixture of Student-t
    /// densities; for a row with missing entries the density of those that are there.
    ///
    /// # Errors
    /// Rows of another width, or a numerical failure.
    ///
    /// # References
    /// `[@bishop2006prml, eq. 10.81]`.
    pub fn log_predictive_density(&self, data: &GmmData) -> Result<Vec<f64>, ModelError> {
        if data.dim() != self.dim() {
            return Err(ModelError::Shape {
                what: "columns",
                expected: self.dim(),
                got: data.dim(),
            });
        }
        let log_weights: Vec<f64> = self.weights().iter().map(|w| w.ln()).collect();
        let mut all = vec![0.0; data.len()];
        for pattern in data.patterns() {
            let components = (0..self.n_components())
                .map(|k| Predictive::new(self, k, &pattern.observed))
                .collect::<Result<Vec<_>, _>>()?;
            let density = |i: &usize| {
                let row: Vec<f64> = pattern.observed.iter().map(|j| data.row(*i)[*j]).collect();
                let terms = components.iter().zip(&log_weights);
                let terms: Vec<f64> = terms.map(|(c, w)| w + c.log_density(&row)).collect();
                log_sum_exp(&terms)
            };
            let parts = parallel::map_chunks(pattern.rows.len(), CHUNK, |range| {
                pattern.rows[range]
                    .iter()
                    .map(density)
                    .collect::<Vec<f64>>()
            });
            for (row, value) in pattern.rows.iter().zip(parts.into_iter().flatten()) {
                all[*row] = value;
            }
        }
        Ok(all)
    }
}

fn first_largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (k, v) in values.iter().enumerate() {
        if *v > values[best] {
            best = k;
        }
    }
    best
}

/// The predictive density of one component, on some coordinates.
enum Predictive {
    Joint(MultivariateStudentT),
    /// Independent precisions make independent coordinates.
    Product(Vec<StudentT>),
}

impl Predictive {
    /// Scale `V (1 + 1/β) / ν′`, with `ν′ = ν + 1 − D` (full), `ν` (diagonal) or `Dν` (spherical)
    /// degrees of freedom and `E[Λ]⁻¹ = V/ν`.
    fn new(posterior: &GmmPosterior, k: usize, observed: &[usize]) -> Result<Self, ModelError> {
        let precision = posterior.precision(k);
        let (nu, dim) = (precision.dof(0), posterior.dim() as f64);
        let widened = |j: usize| 1.0 + posterior.mean_precision()[(k, j)].recip();
        let location: Vec<f64> = observed
            .iter()
            .map(|j| posterior.means()[(k, *j)])
            .collect();
        let covariance = posterior.covariance(k);
        let joint = |dof: f64, location: Vec<f64>| {
            let scale = Matrix::from_fn(observed.len(), observed.len(), |i, j| {
                let unit = if precision.structure() == Structure::Full {
                    nu / dof
                } else {
                    1.0
                };
                // `β` differs between columns only where the matrix is diagonal.
                covariance[(observed[i], observed[j])] * widened(observed[i]) * unit
            });
            MultivariateStudentT::new(dof, location, &scale).map(Self::Joint)
        };
        let predictive = match precision.structure() {
            Structure::Full => joint(nu + 1.0 - dim, location),
            Structure::Spherical => joint(dim * nu, location),
            Structure::Diagonal => observed
                .iter()
                .zip(&location)
                .map(|(j, m)| {
                    let scale = (covariance[(*j, *j)] * widened(*j)).sqrt();
                    StudentT::new(precision.dof(*j), *m, scale)
                })
                .collect::<Result<_, _>>()
                .map(Self::Product),
        };
        predictive.map_err(|error| {
            ModelError::data(format!(
                "predictive density of component {}: {error}",
                k + 1
            ))
        })
    }

    fn log_density(&self, x: &[f64]) -> f64 {
        match self {
            Self::Joint(t) => t.log_density(x),
            Self::Product(ts) => ts.iter().zip(x).map(|(t, x)| t.log_density(x)).sum(),
        }
    }
}
