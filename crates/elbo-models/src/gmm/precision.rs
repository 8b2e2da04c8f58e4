//! A distribution over a precision matrix: Wishart, a product of gammas, or a single gamma.
//!
//! The one idea: all three are told by degrees of freedom `ν` (one per coordinate when diagonal) and a *spread* `V` in the layout of
//! their second moments, with `E[Λ] = ν V⁻¹`, and a conjugate update adds to both. The priors of
//! the four covariance types differ in nothing else:
//!
//! | structure | distribution | spread |
//! |---|---|---|
//! | full | `Λ ~ W(V⁻¹, ν)` | lower triangle of `V` |
//! | diagonal | `λ_d ~ Gamma(ν/2, V_d/2)` | `V_1 … V_D` |
//! | spherical | `λ ~ Gamma(Dν/2, DV/2)` | `D V` |

use elbo_dist::{Distribution, ExponentialFamily, Gamma, Moments, Wishart};
use elbo_math::linalg::{Cholesky, Matrix, dot, matmul_nt};
use elbo_math::random::{Stream, standard_normal};

use super::view::Shape;
use crate::ModelError;

/// The form of a precision matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Structure {
    /// Any positive definite matrix.
    Full,
    /// Diagonal.
    Diagonal,
    /// A multiple of the identity.
    Spherical,
}

impl Structure {
    /// The layout of factors and second moments.
    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Full => Shape::Triangular,
            Self::Diagonal | Self::Spherical => Shape::Diagonal,
        }
    }

    /// How many degrees of freedom there are.
    pub(crate) fn dof_len(self, dim: usize) -> usize {
        match self {
            Self::Full | Self::Spherical => 1,
            Self::Diagonal => dim,
        }
    }

    pub(crate) fn spread_len(self, dim: usize) -> usize {
        match self {
            Self::Full => Shape::Triangular.len(dim),
            Self::Diagonal => dim,
            Self::Spherical => 1,
        }
    }

    /// `spread ← spread + weight · second`, for second moments in this structure's shape.
    pub(crate) fn add_second_moments(self, spread: &mut [f64], weight: f64, second: &[f64]) {
        match self {
            Self::Full | Self::Diagonal => elbo_math::linalg::axpy(weight, second, spread),
            Self::Spherical => spread[0] += weight * second.iter().sum::<f64>(),
        }
    }

    /// `spread ← spread + weight · d dᵀ`.
    pub(crate) fn add_outer(self, spread: &mut [f64], weight: f64, d: &[f64]) {
        match self {
            Self::Full => {
                let mut entries = spread.iter_mut();
                for i in 0..d.len() {
                    for (dj, entry) in d[..=i].iter().zip(&mut entries) {
                        *entry += weight * d[i] * dj;
                    }
                }
            }
            Self::Diagonal => {
                for (entry, d) in spread.iter_mut().zip(d) {
                    *entry += weight * d * d;
                }
            }
            Self::Spherical => spread[0] += weight * dot(d, d),
        }
    }
}

/// A symmetric matrix from its packed lower triangle.
pub(crate) fn unpack(dim: usize, packed: &[f64]) -> Matrix {
    Matrix::from_fn(dim, dim, |i, j| {
        let (i, j) = (i.max(j), i.min(j));
        packed[i * (i + 1) / 2 + j]
    })
}

/// The packed lower triangle of a matrix.
pub(crate) fn pack(matrix: &Matrix) -> Vec<f64> {
    (0..matrix.rows())
        .flat_map(|i| matrix.row(i)[..=i].to_vec())
        .collect()
}

/// What is left of a component when only some coordinates are seen.
pub(crate) struct Conditional {
    /// `F` with `FᵀF` the precision of the observed coordinates, in the structure's shape.
    pub factor: Vec<f64>,
    /// What the log constant of the density gains when the missing coordinates go, less their
    /// `½ log 2π` each: `½ log |their covariance given the observed|` when they are integrated out of
    /// `exp E[log p]`, minus their own constants when they are independent and simply left out.
    pub log_volume: f64,
    /// Coefficients of the missing on the observed: (missing, observed); empty when diagonal.
    pub regression: Matrix,
    /// Covariance of the missing given the observed; empty when diagonal.
    pub covariance: Matrix,
}

impl Conditional {
    /// Of independent coordinates.
    pub(crate) fn diagonal(factor: Vec<f64>, log_volume: f64) -> Self {
        Self {
            factor,
            log_volume,
            regression: Matrix::zeros(0, 0),
            covariance: Matrix::zeros(0, 0),
        }
    }
}

/// The distribution, with whatever factorisation it needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Precision {
    structure: Structure,
    dim: usize,
    dof: Vec<f64>, // (D) when diagonal, else one
    spread: Vec<f64>,
    form: Form,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Full(Wishart),
    Gammas(Vec<Gamma>),
}

impl Precision {
    /// Builds the distribution from `ν` (one per coordinate when diagonal) and `V`, naming `what` in a failure.
    ///
    /// # Errors
    /// If `V` is not positive definite or `ν` is too small for a proper density.
    pub(crate) fn new(
        structure: Structure,
        dim: usize,
        dof: Vec<f64>,
        spread: Vec<f64>,
        what: impl Fn() -> String,
    ) -> Result<Self, ModelError> {
        let gamma = |dof: f64, spread: f64| Gamma::new(0.5 * dof, 0.5 * spread);
        let form = match structure {
            Structure::Full => {
                Wishart::from_inverse_scale(dof[0], unpack(dim, &spread)).map(Form::Full)
            }
            Structure::Diagonal => spread
                .iter()
                .zip(&dof)
                .map(|(v, dof)| gamma(*dof, *v))
                .collect::<Result<_, _>>()
                .map(Form::Gammas),
            Structure::Spherical => {
                gamma(dim as f64 * dof[0], spread[0]).map(|g| Form::Gammas(vec![g]))
            }
        };
        let form = form.map_err(|error| ModelError::data(format!("{}: {error}", what())))?;
        Ok(Self {
            structure,
            dim,
            dof,
            spread,
            form,
        })
    }

    pub(crate) fn structure(&self) -> Structure {
        self.structure
    }

    /// `ν`, of coordinate `j` when diagonal.
    pub(crate) fn dof(&self, j: usize) -> f64 {
        self.dof[j.min(self.dof.len() - 1)]
    }

    /// All of them: one per coordinate when diagonal, else one.
    pub(crate) fn dofs(&self) -> &[f64] {
        &self.dof
    }

    /// `V`, in the layout of the table above.
    pub(crate) fn spread(&self) -> &[f64] {
        &self.spread
    }

    /// `E[log |Λ|]`.
    pub(crate) fn expected_log_det(&self) -> f64 {
        match &self.form {
            Form::Full(wishart) => wishart.expected_log_det(),
            Form::Gammas(gammas) => self.repeated(gammas, Gamma::mean_log).sum(),
        }
    }

    /// `f` of each coordinate's gamma.
    fn repeated<'a>(
        &self,
        gammas: &'a [Gamma],
        f: impl Fn(&Gamma) -> f64 + 'a,
    ) -> impl Iterator<Item = f64> + 'a {
        (0..self.dim).map(move |j| f(&gammas[j.min(gammas.len() - 1)]))
    }

    /// `zᵀ E[Λ] z`.
    pub(crate) fn expected_quadratic_form(&self, z: &[f64]) -> f64 {
        match &self.form {
            Form::Full(wishart) => wishart.expected_quadratic_form(z),
            Form::Gammas(gammas) => {
                let means = self.repeated(gammas, Moments::mean);
                means.zip(z).map(|(m, z)| m * z * z).sum()
            }
        }
    }

    /// `KL(self ‖ other)`.
    pub(crate) fn kl(&self, other: &Self) -> f64 {
        match (&self.form, &other.form) {
            (Form::Full(q), Form::Full(p)) => q.kl(p),
            (Form::Gammas(q), Form::Gammas(p)) => q.iter().zip(p).map(|(q, p)| q.kl(p)).sum(),
            _ => unreachable!("a posterior has the structure of its prior"),
        }
    }

    /// `E[Λ]⁻¹ = V/ν` in the structure's layout, one number when spherical.
    pub(crate) fn covariance(&self) -> Vec<f64> {
        let scale = match self.structure {
            Structure::Spherical => self.dim as f64,
            _ => 1.0,
        };
        let spreads = self.spread.iter().enumerate();
        spreads.map(|(j, v)| v / (scale * self.dof(j))).collect()
    }

    /// The component as seen through the `observed` coordinates; `β` of every coordinate of its mean
    /// matters where they are independent.
    ///
    /// # Errors
    /// If a principal submatrix of `V` is not numerically positive definite.
    pub(crate) fn conditional(
        &self,
        observed: &[usize],
        mean_precision: &[f64],
    ) -> Result<Conditional, ModelError> {
        let missing: Vec<usize> = (0..self.dim).filter(|j| !observed.contains(j)).collect();
        match &self.form {
            Form::Full(wishart) => self.conditional_full(wishart, observed, &missing),
            Form::Gammas(gammas) => {
                let variances: Vec<f64> = self.repeated(gammas, |g| g.rate() / g.shape()).collect();
                let logs: Vec<f64> = self.repeated(gammas, Gamma::mean_log).collect();
                let factor = observed.iter().map(|j| variances[*j].sqrt().recip());
                let left_out = missing
                    .iter()
                    .map(|j| logs[*j] - mean_precision[*j].recip());
                Ok(Conditional::diagonal(
                    factor.collect(),
                    -0.5 * left_out.sum::<f64>(),
                ))
            }
        }
    }

    fn conditional_full(
        &self,
        wishart: &Wishart,
        observed: &[usize],
        missing: &[usize],
    ) -> Result<Conditional, ModelError> {
        let v = wishart.inverse_scale();
        let block = |rows: &[usize], cols: &[usize]| {
            Matrix::from_fn(rows.len(), cols.len(), |i, j| v[(rows[i], cols[j])])
        };
        let whole = wishart.inverse_scale_cholesky();
        let seen;
        let cholesky = if missing.is_empty() {
            whole
        } else {
            seen = Cholesky::new(&block(observed, observed)).map_err(ModelError::numerical(
                "the covariance of the observed entries",
            ))?;
            &seen
        };
        // With V_oo = L Lᵀ: coefficients V_mo V_oo⁻¹, remaining spread V_mm − V_mo V_oo⁻¹ V_om.
        let regression = cholesky.solve_matrix(&block(observed, missing)).transpose();
        let mut covariance = block(missing, missing);
        let explained = elbo_math::linalg::matmul(&regression, &block(observed, missing));
        covariance.add_scaled(-1.0, &explained);
        let dof = self.dof(0);
        covariance.scale(1.0 / dof);
        let mut factor = cholesky.lower_inverse();
        factor.scale(dof.sqrt());
        let log_det = whole.log_det() - cholesky.log_det() - missing.len() as f64 * dof.ln();
        Ok(Conditional {
            factor: pack(&factor),
            log_volume: 0.5 * log_det,
            regression,
            covariance,
        })
    }

    /// Draws `M` with `M Mᵀ = Λ⁻¹`: a matrix row by row, or the diagonal, one number if spherical.
    ///
    /// With `V = R Rᵀ` and `A` the factor of a standard Wishart draw, `Λ = (R⁻ᵀA)(R⁻ᵀA)ᵀ`, so
    /// `M = R A⁻ᵀ` needs no factorisation that could fail.
    ///
    /// # References
    /// `[@bartlett1933]`.
    pub(crate) fn sample_covariance_root(&self, rng: &mut Stream) -> Vec<f64> {
        let wishart = match &self.form {
            Form::Full(wishart) => wishart,
            Form::Gammas(gammas) => {
                return gammas
                    .iter()
                    .map(|g| g.sample(rng).sqrt().recip())
                    .collect();
            }
        };
        let mut factor = Matrix::zeros(self.dim, self.dim);
        for i in 0..self.dim {
            for j in 0..i {
                factor[(i, j)] = standard_normal(rng);
            }
            let squared = Gamma::new(0.5 * (self.dof(0) - i as f64), 0.5)
                .expect("the degrees of freedom exceed D − 1")
                .sample(rng);
            factor[(i, i)] = squared.sqrt();
        }
        let factor = Cholesky::from_lower(factor).expect("gamma draws are positive");
        let inverse = factor.lower_inverse();
        matmul_nt(wishart.inverse_scale_cholesky().lower(), &inverse).into_vec()
    }
}
