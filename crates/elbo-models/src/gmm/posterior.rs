//! `q(π, μ, Λ)` of a Gaussian mixture: the fitted object.

use elbo_dist::{Dirichlet, Distribution};
use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::{Matrix, dot, matmul_nt};
use elbo_math::random::{Stream, fill_standard_normal};
use elbo_math::special::LN_2PI;

use super::config::Covariance;
use super::precision::{Precision, Structure, unpack};
use super::prior::GmmPrior;
use super::view::View;
use crate::ModelError;
use crate::posterior::{Posterior, expect_array};

/// `q(π) = Dir(α)`, `q(μ_k | Λ_k) = N(m_k, (β_k Λ_k)⁻¹)`, `q(Λ_k)` of the prior's family; the prior
/// is kept beside it.
///
/// With diagonal and spherical covariances and missing entries every column has its own `β_kd`, and
/// with diagonal ones its own `ν_kd`.
#[derive(Debug, Clone, PartialEq)]
pub struct GmmPosterior {
    pub(crate) prior: GmmPrior,
    pub(crate) concentration: Vec<f64>,    // (K)
    pub(crate) means: Matrix,              // (K, D)
    pub(crate) mean_precision: Matrix,     // (K, D)
    pub(crate) precisions: Vec<Precision>, // (K), or one when tied
}

/// A component counts as effective from this expected number of members on: one observation.
const EFFECTIVE_COUNT: f64 = 1.0;

impl GmmPosterior {
    /// `q` equal to the prior.
    pub(crate) fn from_prior(prior: GmmPrior) -> Self {
        let (n_components, dim) = (prior.n_components(), prior.dim());
        let n_precisions = if prior.covariance == Covariance::Tied {
            1
        } else {
            n_components
        };
        Self {
            concentration: vec![prior.weight_concentration; n_components],
            means: Matrix::from_fn(n_components, dim, |_, j| prior.mean[j]),
            mean_precision: Matrix::from_fn(n_components, dim, |_, _| prior.mean_precision),
            precisions: vec![prior.precision.clone(); n_precisions],
            prior,
        }
    }

    /// The number of components `K`.
    pub fn n_components(&self) -> usize {
        self.concentration.len()
    }

    /// The number of columns `D`.
    pub fn dim(&self) -> usize {
        self.means.cols()
    }

    /// The prior.
    pub fn prior(&self) -> &GmmPrior {
        &self.prior
    }

    /// `α_k`.
    pub fn concentration(&self) -> &[f64] {
        &self.concentration
    }

    /// `E[π_k]`.
    pub fn weights(&self) -> Vec<f64> {
        let total: f64 = self.concentration.iter().sum();
        self.concentration.iter().map(|a| a / total).collect()
    }

    /// `m_k`: (K, D).
    pub fn means(&self) -> &Matrix {
        &self.means
    }

    /// `β_kd`: (K, D); a row is constant unless entries are missing.
    pub fn mean_precision(&self) -> &Matrix {
        &self.mean_precision
    }

    /// `ν_kd`: (K, D), or (1, D) when tied; a row is constant unless entries are missing.
    pub fn degrees_of_freedom(&self) -> Matrix {
        let precisions = &self.precisions;
        Matrix::from_fn(precisions.len(), self.dim(), |k, j| precisions[k].dof(j))
    }

    /// `E[Λ_k]⁻¹` as a matrix, whatever the covariance type.
    pub fn covariance(&self, k: usize) -> Matrix {
        let covariance = self.precision(k).covariance();
        self.covariance_matrix(&covariance)
    }

    fn covariance_matrix(&self, covariance: &[f64]) -> Matrix {
        match self.prior.precision.structure() {
            Structure::Full => unpack(self.dim(), covariance),
            Structure::Diagonal => Matrix::from_diagonal(covariance),
            Structure::Spherical => Matrix::from_diagonal(&vec![covariance[0]; self.dim()]),
        }
    }

    /// The expected number of rows of each component, `α_k − α₀`.
    pub fn expected_counts(&self) -> Vec<f64> {
        let prior = self.prior.weight_concentration;
        self.concentration.iter().map(|a| a - prior).collect()
    }

    /// How many components expect at least one member.
    pub fn n_effective_components(&self) -> usize {
        let counts = self.expected_counts();
        counts.iter().filter(|c| **c >= EFFECTIVE_COUNT).count()
    }

    pub(crate) fn precision(&self, k: usize) -> &Precision {
        &self.precisions[k.min(self.precisions.len() - 1)]
    }

    /// `E[log π_k] + E[log N(x | μ_k, Λ_k⁻¹)]` as a function of `x`.
    ///
    /// # Errors
    /// A numerical failure.
    ///
    /// # References
    /// `[@bishop2006prml, eqs. 10.46, 10.64–10.66]`.
    pub(crate) fn view(&self) -> Result<View, ModelError> {
        let (n_components, dim) = (self.n_components(), self.dim());
        let all: Vec<usize> = (0..dim).collect();
        let mut factors = Vec::new();
        for (k, precision) in self.precisions.iter().enumerate() {
            let whole = precision.conditional(&all, self.mean_precision.row(k))?;
            factors.push(whole.factor);
        }
        let log_dets: Vec<f64> = self
            .precisions
            .iter()
            .map(Precision::expected_log_det)
            .collect();
        let last = self.precisions.len() - 1;
        let log_weights = self.weights_distribution().mean_log();
        Ok(View {
            dim,
            shape: self.prior.precision.structure().shape(),
            means: self.means.as_slice().to_vec(),
            factors: (0..n_components)
                .flat_map(|k| factors[k.min(last)].clone())
                .collect(),
            log_constants: (0..n_components)
                .map(|k| {
                    let spread = self.mean_precision.row(k).iter().map(|beta| beta.recip());
                    let spread: f64 = spread.sum();
                    let density = log_dets[k.min(last)] - dim as f64 * LN_2PI - spread;
                    log_weights[k] + 0.5 * density
                })
                .collect(),
        })
    }

    pub(crate) fn weights_distribution(&self) -> Dirichlet {
        Dirichlet::new(self.concentration.clone()).expect("concentrations stay positive")
    }

    /// Refuses a state that is not finite.
    pub(crate) fn check_finite(&self) -> Result<(), ModelError> {
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        if finite(&self.concentration)
            && finite(self.means.as_slice())
            && finite(self.mean_precision.as_slice())
        {
            return Ok(());
        }
        Err(ModelError::data(
            "the sums over the rows overflowed; rescale the columns or the weights",
        ))
    }
}

impl Posterior for GmmPosterior {
    fn to_arrays(&self) -> Arrays {
        let spread_len = self.prior.precision.spread().len();
        let spreads: Vec<f64> = self
            .precisions
            .iter()
            .flat_map(|p| p.spread().to_vec())
            .collect();
        let covariance = Covariance::NAMES
            .iter()
            .position(|(_, c)| *c == self.prior.covariance)
            .unwrap_or(0);
        let vector = |v: &[f64]| Array::f64(&[v.len()], v.to_vec());
        let matrix = |m: &Matrix| Array::f64(&[m.rows(), m.cols()], m.as_slice().to_vec());
        [
            ("covariance_type", Array::scalar(covariance as f64)),
            ("weight_concentration", vector(&self.concentration)),
            ("means", matrix(&self.means)),
            ("mean_precision", matrix(&self.mean_precision)),
            ("degrees_of_freedom", matrix(&self.degrees_of_freedom())),
            (
                "spreads",
                Array::f64(&[self.precisions.len(), spread_len], spreads),
            ),
            (
                "prior_weight_concentration",
                Array::scalar(self.prior.weight_concentration),
            ),
            ("prior_mean", vector(&self.prior.mean)),
            (
                "prior_mean_precision",
                Array::scalar(self.prior.mean_precision),
            ),
            (
                "prior_degrees_of_freedom",
                Array::scalar(self.prior.precision.dof(0)),
            ),
            ("prior_spread", vector(self.prior.precision.spread())),
        ]
        .map(|(name, array)| (name.to_owned(), array))
        .into()
    }

    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError> {
        let scalar = |name| expect_array(arrays, name, &[]).map(|a| a.to_f64()[0]);
        let covariance = Covariance::NAMES
            .iter()
            .enumerate()
            .find(|(i, _)| scalar("covariance_type").is_ok_and(|t| t == *i as f64))
            .map(|(_, (_, c))| *c)
            .ok_or_else(|| ModelError::data("the fit names no covariance type; it is damaged"))?;
        let structure = covariance.structure();
        let n_components = first_extent(arrays, "weight_concentration")?;
        let dim = first_extent(arrays, "prior_mean")?;
        let n_precisions = if covariance == Covariance::Tied {
            1
        } else {
            n_components
        };
        let len = structure.spread_len(dim);
        let values = |name, shape: &[usize]| expect_array(arrays, name, shape).map(Array::to_f64);
        let damaged = || "the fit's precisions; it is damaged".to_owned();
        let precision = |dof: &[f64], spread: &[f64]| {
            let dof = dof[..structure.dof_len(dim)].to_vec();
            Precision::new(structure, dim, dof, spread.to_vec(), damaged)
        };
        let prior_spread = values("prior_spread", &[len])?;
        let prior = GmmPrior {
            n_components,
            covariance,
            weight_concentration: scalar("prior_weight_concentration")?,
            mean: values("prior_mean", &[dim])?,
            mean_precision: scalar("prior_mean_precision")?,
            precision: precision(
                &vec![scalar("prior_degrees_of_freedom")?; dim],
                &prior_spread,
            )?,
        };
        let dofs = values("degrees_of_freedom", &[n_precisions, dim])?;
        let spreads = values("spreads", &[n_precisions, len])?;
        let concentration = values("weight_concentration", &[n_components])?;
        let mean_precision = values("mean_precision", &[n_components, dim])?;
        let positive = |v: &[f64]| v.iter().all(|x| *x > 0.0 && x.is_finite());
        if !positive(&concentration) || !positive(&mean_precision) {
            return Err(ModelError::data(
                "the fit's weights are not positive; it is damaged",
            ));
        }
        Ok(Self {
            prior,
            concentration,
            means: Matrix::from_vec(n_components, dim, values("means", &[n_components, dim])?),
            mean_precision: Matrix::from_vec(n_components, dim, mean_precision),
            precisions: dofs
                .chunks_exact(dim)
                .zip(spreads.chunks_exact(len))
                .map(|(dof, spread)| precision(dof, spread))
                .collect::<Result<_, _>>()?,
        })
    }

    fn draw_names(&self) -> Vec<String> {
        let (k, d) = (self.n_components(), self.dim());
        let mut names: Vec<String> = (1..=k).map(|k| format!("weights.{k}")).collect();
        for k in 1..=k {
            names.extend((1..=d).map(|j| format!("means.{k}.{j}")));
        }
        let components: Vec<String> = match self.prior.covariance {
            Covariance::Tied => vec!["covariance".to_owned()],
            _ => (1..=k).map(|k| format!("covariances.{k}")).collect(),
        };
        for name in components {
            match self.prior.precision.structure() {
                Structure::Full => names.extend(
                    (1..=d)
                        .flat_map(|i| (1..=d).map(move |j| (i, j)))
                        .map(|(i, j)| format!("{name}.{i}.{j}")),
                ),
                Structure::Diagonal => names.extend((1..=d).map(|j| format!("{name}.{j}"))),
                Structure::Spherical => names.push(name),
            }
        }
        names
    }

    fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        let dim = self.dim();
        let mut draw = self.weights_distribution().sample(rng);
        let roots: Vec<Vec<f64>> = self
            .precisions
            .iter()
            .map(|p| p.sample_covariance_root(rng))
            .collect();
        let mut z = vec![0.0; dim];
        for k in 0..self.n_components() {
            fill_standard_normal(rng, &mut z);
            let root = &roots[k.min(roots.len() - 1)];
            let betas = self.mean_precision.row(k);
            draw.extend(self.means.row(k).iter().enumerate().map(|(j, m)| {
                let deviation = match self.prior.precision.structure() {
                    Structure::Full => dot(&root[j * dim..(j + 1) * dim], &z),
                    Structure::Diagonal => root[j] * z[j],
                    Structure::Spherical => root[0] * z[j],
                };
                m + deviation / betas[j].sqrt()
            }));
        }
        for root in roots {
            if self.prior.precision.structure() == Structure::Full {
                let root = Matrix::from_vec(dim, dim, root);
                draw.extend(matmul_nt(&root, &root).as_slice());
            } else {
                draw.extend(root.iter().map(|r| r * r));
            }
        }
        draw
    }
}

fn first_extent(arrays: &Arrays, name: &str) -> Result<usize, ModelError> {
    let extent = arrays.get(name).and_then(|a| a.shape().first().copied());
    extent
        .filter(|n| *n > 0)
        .ok_or_else(|| ModelError::data(format!("the fit has no array '{name}'; it is damaged")))
}
