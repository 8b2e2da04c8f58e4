//! The prior of a Gaussian mixture, complete and checked, and what its defaults take from the data.

use elbo_math::MathError;
use elbo_math::linalg::{Cholesky, Matrix};
use elbo_math::parallel;

use super::config::{Covariance, GmmConfig};
use super::data::GmmData;
use super::precision::{Precision, Structure, pack};
use crate::ModelError;

/// Chunks of rows that are summed side by side.
const CHUNKS: usize = 16;
/// Unexplained part of a column's variance below which it is taken for rounding.
const COLLINEAR: f64 = 1e-12;

/// `π ~ Dir(α₀)`, `μ_k | Λ_k ~ N(m₀, (β₀ Λ_k)⁻¹)`, `Λ_k` by covariance type with `ν₀` and `C₀`.
///
/// `E[Λ_k] = ν₀ C₀⁻¹` whatever the type; the `tied` type has a single `Λ`.
#[derive(Debug, Clone, PartialEq)]
pub struct GmmPrior {
    pub(crate) n_components: usize,
    pub(crate) covariance: Covariance,
    pub(crate) weight_concentration: f64,
    pub(crate) mean: Vec<f64>,
    pub(crate) mean_precision: f64,
    pub(crate) precision: Precision,
}

impl GmmPrior {
    /// Checks a configuration and completes it from a summary of the data.
    ///
    /// # Errors
    /// A setting out of range or of the wrong length, or a covariance that is not positive definite.
    pub fn new(config: &GmmConfig, summary: &DataSummary) -> Result<Self, ModelError> {
        config.check()?;
        let dim = summary.mean.len();
        let mean = config.mean.clone().unwrap_or_else(|| summary.mean.clone());
        if mean.len() != dim || mean.iter().any(|m| !m.is_finite()) {
            return Err(ModelError::setting(
                "mean_prior",
                format!("{mean:?}"),
                format!("give {dim} finite numbers, one per column"),
            ));
        }
        let dof = config.degrees_of_freedom.unwrap_or(dim as f64);
        let at_least = match config.covariance.structure() {
            Structure::Full => dim as f64 - 1.0,
            Structure::Diagonal | Structure::Spherical => 0.0,
        };
        if !(dof > at_least && dof.is_finite()) {
            return Err(ModelError::setting(
                "degrees_of_freedom_prior",
                dof,
                format!("give a number above {at_least}"),
            ));
        }
        let spread = match &config.covariance_prior {
            Some(given) => given_spread(config.covariance, dim, given)?,
            None => summary.spread(config.covariance)?,
        };
        let structure = config.covariance.structure();
        let dof = vec![dof; structure.dof_len(dim)];
        let precision = Precision::new(structure, dim, dof, spread, || {
            "the prior covariance (covariance_prior)".to_owned()
        })?;
        let n_components = config.n_components;
        Ok(Self {
            n_components,
            covariance: config.covariance,
            weight_concentration: config
                .weight_concentration
                .unwrap_or(1.0 / n_components as f64),
            mean,
            mean_precision: config.mean_precision,
            precision,
        })
    }

    /// The number of components `K`.
    pub fn n_components(&self) -> usize {
        self.n_components
    }

    /// The number of columns `D`.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The covariance type.
    pub fn covariance(&self) -> Covariance {
        self.covariance
    }

    /// `α₀`, of each component.
    pub fn weight_concentration(&self) -> f64 {
        self.weight_concentration
    }

    /// Variances of the columns under the prior's expected precision.
    pub(crate) fn variances(&self) -> Vec<f64> {
        let dim = self.dim();
        let scale = self.precision.dof(0);
        let covariance = self.precision.covariance();
        let variance = |j: usize| match self.precision.structure() {
            Structure::Full => covariance[j * (j + 1) / 2 + j],
            Structure::Diagonal => covariance[j],
            Structure::Spherical => covariance[0],
        };
        (0..dim).map(|j| scale * variance(j)).collect()
    }
}

/// Turns a covariance prior as a user writes it into a spread.
fn given_spread(covariance: Covariance, dim: usize, given: &[f64]) -> Result<Vec<f64>, ModelError> {
    let (expected, layout) = match covariance.structure() {
        Structure::Full => (dim * dim, "a D×D matrix, row by row"),
        Structure::Diagonal => (dim, "one variance per column"),
        Structure::Spherical => (1, "one variance"),
    };
    if given.len() != expected || given.iter().any(|v| !v.is_finite()) {
        return Err(ModelError::setting(
            "covariance_prior",
            format!("{} numbers", given.len()),
            format!("the type '{covariance}' needs {layout}, all finite"),
        ));
    }
    Ok(match covariance.structure() {
        Structure::Full => pack(&Matrix::from_vec(dim, dim, given.to_vec())),
        Structure::Diagonal => given.to_vec(),
        Structure::Spherical => vec![dim as f64 * given[0]],
    })
}

/// Weighted means and covariances of the columns.
///
/// Missing entries are left out of the means and variances; a covariance of columns that are not
/// always seen together is `Σ d_i d_j / √((w_i − 1)(w_j − 1))` over the rows with both, `w_i` the
/// weight of the rows with column `i`, which stays positive semi-definite.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSummary {
    mean: Vec<f64>,
    covariance: Matrix,
}

impl DataSummary {
    /// Summarises all rows.
    ///
    /// # Errors
    /// If a column has no entries at all.
    pub fn new(data: &GmmData) -> Result<Self, ModelError> {
        let dim = data.dim();
        let sums = weighted_sums(data);
        if let Some(j) = (0..dim).find(|j| !(sums[*j].0 > 0.0)) {
            return Err(ModelError::data(format!(
                "column {}: every entry is missing (or has weight 0); drop the column",
                j + 1
            )));
        }
        let mean: Vec<f64> = sums.iter().map(|(w, s)| s / w).collect();
        // NaN where a single row, or less, leaves no variance to estimate.
        let scale: Vec<f64> = sums.iter().map(|(w, _)| (w - 1.0).sqrt()).collect();
        let scale: Vec<f64> = scale
            .iter()
            .map(|s| if *s > 0.0 { *s } else { f64::NAN })
            .collect();
        let scatter = scatter(data, &mean);
        let covariance = Matrix::from_fn(dim, dim, |i, j| {
            scatter[(i.max(j), i.min(j))] / (scale[i] * scale[j])
        });
        Ok(Self { mean, covariance })
    }

    /// The mean of each column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance matrix, with divisor `Σ w − 1`.
    pub fn covariance(&self) -> &Matrix {
        &self.covariance
    }

    fn spread(&self, covariance: Covariance) -> Result<Vec<f64>, ModelError> {
        let variances = self.covariance.diagonal();
        if let Some(j) = variances.iter().position(|v| v.is_nan()) {
            return Err(ModelError::data(format!(
                "column {} has one entry (or weights that sum to 1 or less), hence no variance; \
                 give covariance_prior, or weights that count rows",
                j + 1
            )));
        }
        if let Some(j) = variances.iter().position(|v| v.is_infinite()) {
            return Err(ModelError::data(format!(
                "column {}: its variance overflows; rescale it",
                j + 1
            )));
        }
        let constant = variances.iter().position(|v| *v == 0.0);
        Ok(match covariance.structure() {
            Structure::Spherical => vec![variances.iter().sum()],
            _ if constant.is_some() => {
                return Err(ModelError::data(format!(
                    "column {} is constant; drop it, or give covariance_prior",
                    constant.map_or(0, |j| j + 1)
                )));
            }
            Structure::Full => {
                self.refuse_collinear(&variances)?;
                pack(&self.covariance)
            }
            Structure::Diagonal => variances,
        })
    }

    /// Names a column that the columns before it determine, to rounding.
    fn refuse_collinear(&self, variances: &[f64]) -> Result<(), ModelError> {
        let dim = variances.len();
        let correlation = Matrix::from_fn(dim, dim, |i, j| {
            self.covariance[(i, j)] / (variances[i] * variances[j]).sqrt()
        });
        // A squared pivot is the part of a column's variance that those before do not explain.
        let column = match Cholesky::new(&correlation) {
            Ok(cholesky) => (0..dim).find(|i| cholesky.lower()[(*i, *i)].powi(2) < COLLINEAR),
            Err(MathError::NotPositiveDefinite { pivot, .. }) => Some(pivot),
            Err(error) => return Err(ModelError::numerical("the data's covariance")(error)),
        };
        match column {
            None => Ok(()),
            Some(j) => Err(ModelError::data(format!(
                "column {} is a combination of the columns before it, or there are too few rows; \
                 drop it, choose the diagonal type or give covariance_prior",
                j + 1
            ))),
        }
    }
}

/// Per column: total weight and weighted sum of the entries that are there.
fn weighted_sums(data: &GmmData) -> Vec<(f64, f64)> {
    let dim = data.dim();
    // Deviations from the first entries keep the digits of data far from the origin.
    let origin: Vec<f64> = (0..dim)
        .map(|j| first_entry(data, j).unwrap_or(0.0))
        .collect();
    let sums = parallel::fold_reduce(
        data.len(),
        CHUNKS,
        || vec![(0.0, 0.0); dim],
        |sums, rows| {
            for i in rows {
                for ((sum, x), o) in sums.iter_mut().zip(data.row(i)).zip(&origin) {
                    if !x.is_nan() {
                        sum.0 += data.weight(i);
                        sum.1 += data.weight(i) * (x - o);
                    }
                }
            }
        },
        |a, b| {
            for (a, b) in a.iter_mut().zip(b) {
                *a = (a.0 + b.0, a.1 + b.1);
            }
        },
    );
    let mut sums = sums.unwrap_or_default();
    for (sum, o) in sums.iter_mut().zip(&origin) {
        sum.1 += sum.0 * o;
    }
    sums
}

fn first_entry(data: &GmmData, column: usize) -> Option<f64> {
    (0..data.len())
        .map(|i| data.row(i)[column])
        .find(|v| !v.is_nan())
}

/// The lower triangle of `Σ w d dᵀ`, a missing entry's deviation being 0.
fn scatter(data: &GmmData, mean: &[f64]) -> Matrix {
    let dim = data.dim();
    let sum = parallel::fold_reduce(
        data.len(),
        CHUNKS,
        || (Matrix::zeros(dim, dim), vec![0.0; dim]),
        |(sum, d), rows| {
            for i in rows {
                for ((d, x), m) in d.iter_mut().zip(data.row(i)).zip(mean) {
                    *d = if x.is_nan() { 0.0 } else { x - m };
                }
                for a in 0..dim {
                    let weighted = data.weight(i) * d[a];
                    elbo_math::linalg::axpy(weighted, &d[..=a], &mut sum.row_mut(a)[..=a]);
                }
            }
        },
        |a, b| a.0.add_scaled(1.0, &b.0),
    );
    sum.map_or_else(|| Matrix::zeros(dim, dim), |(sum, _)| sum)
}
