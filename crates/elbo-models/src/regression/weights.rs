//! `q(w) = N(mean, V)` over the weights, in the form that the shape of the data makes cheap.
//!
//! The one idea: with more rows than weights, `V` comes from the Cholesky factor of its inverse;
//! with more weights than rows it is a diagonal less a matrix of low rank, and no `D × D` matrix is
//! ever formed. Everything downstream asks for variances and quadratic forms and cannot tell.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::{Cholesky, Matrix, dot, matmul_nt, matmul_tn};
use elbo_math::parallel;
use elbo_math::random::{Stream, standard_normal};

use crate::ModelError;
use crate::posterior::expect_array;

/// A Gaussian over the weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    pub(crate) mean: Vec<f64>,
    pub(crate) variances: Vec<f64>,
    /// `log |V|`.
    pub(crate) log_det: f64,
    covariance: Covariance,
}

#[derive(Debug, Clone, PartialEq)]
enum Covariance {
    /// `V = (L Lᵀ)⁻¹`.
    Dense {
        precision: Cholesky,
        inverse_lower: Matrix,
    },
    /// `V = diag(u) − Bᵀ B` with `u` the prior variances, `B = L⁻¹ X diag(u)`, `(n, D)`, and
    /// `L Lᵀ = I / noise_precision + X diag(u) Xᵀ`.
    LowRank {
        prior_variances: Vec<f64>,
        reduction: Matrix,
        kernel: Cholesky,
        noise_precision: f64,
    },
}

impl Weights {
    /// `N(0, diag(1 / precisions))`.
    pub(crate) fn prior(precisions: &[f64]) -> Result<Self, ModelError> {
        Self::from_precision(
            &Matrix::from_diagonal(precisions),
            &vec![0.0; precisions.len()],
        )
    }

    /// The same as [`prior`](Self::prior) without a matrix of `D × D`.
    pub(crate) fn prior_low_rank(precisions: &[f64]) -> Result<Self, ModelError> {
        let x = Matrix::zeros(0, precisions.len());
        Self::dual(&x, &[], precisions, 1.0)
    }

    /// `N(P⁻¹ h, P⁻¹)` from its natural parameters.
    pub(crate) fn from_precision(p: &Matrix, h: &[f64]) -> Result<Self, ModelError> {
        let precision =
            Cholesky::new(p).map_err(ModelError::numerical("the weights' precision"))?;
        Ok(Self::from_factor(precision, h))
    }

    fn from_factor(precision: Cholesky, h: &[f64]) -> Self {
        let inverse_lower = precision.lower_inverse();
        let mut variances = vec![0.0; h.len()];
        for i in 0..h.len() {
            for (v, l) in variances.iter_mut().zip(&inverse_lower.row(i)[..=i]) {
                *v += l * l;
            }
        }
        Self {
            mean: precision.solve(h),
            variances,
            log_det: -precision.log_det(),
            covariance: Covariance::Dense {
                precision,
                inverse_lower,
            },
        }
    }

    /// The posterior of `w` under `w ~ N(0, diag(1 / precisions))` and
    /// `y ~ N(X w, 1 / noise_precision)`, through an `n × n` system.
    ///
    /// # References
    /// The Woodbury identity, as in `[@rasmussen2006gp, appendix A.3]`.
    pub(crate) fn dual(
        x: &Matrix,
        y: &[f64],
        precisions: &[f64],
        noise_precision: f64,
    ) -> Result<Self, ModelError> {
        let prior_variances: Vec<f64> = precisions.iter().map(|a| 1.0 / a).collect();
        let mut scaled = x.clone();
        for i in 0..x.rows() {
            for (v, u) in scaled.row_mut(i).iter_mut().zip(&prior_variances) {
                *v *= u;
            }
        }
        let mut k = matmul_nt(&scaled, x);
        k.add_to_diagonal(1.0 / noise_precision);
        let kernel = Cholesky::new(&k).map_err(ModelError::numerical("the rows' covariance"))?;
        let mean = scaled.matvec_transpose(&kernel.solve(y));
        let reduction = kernel.solve_lower_matrix(&scaled);
        let mut variances = prior_variances.clone();
        for i in 0..x.rows() {
            for (v, b) in variances.iter_mut().zip(reduction.row(i)) {
                *v -= b * b;
            }
        }
        // |P| = |A| |K| τⁿ by the matrix determinant lemma.
        let log_prior: f64 = precisions.iter().map(|a| a.ln()).sum();
        let log_noise = x.rows() as f64 * noise_precision.ln();
        Ok(Self {
            mean,
            variances,
            log_det: -(log_prior + kernel.log_det() + log_noise),
            covariance: Covariance::LowRank {
                prior_variances,
                reduction,
                kernel,
                noise_precision,
            },
        })
    }

    /// The number of weights.
    pub(crate) fn len(&self) -> usize {
        self.mean.len()
    }

    /// `E[w_d²]`.
    pub(crate) fn second_moments(&self) -> Vec<f64> {
        let pairs = self.mean.iter().zip(&self.variances);
        pairs.map(|(m, v)| m * m + v).collect()
    }

    /// `x V xᵀ` for every row of `x`.
    pub(crate) fn quadratic_forms(&self, x: &Matrix) -> Vec<f64> {
        // Blocks of rows keep the products in cache and the memory flat.
        let blocks = parallel::map_chunks(x.rows(), 512, |range| {
            let entries = &x.as_slice()[range.start * x.cols()..range.end * x.cols()];
            let block = Matrix::from_vec(range.len(), x.cols(), entries.to_vec());
            self.block_quadratic_forms(&block)
        });
        blocks.concat()
    }

    fn block_quadratic_forms(&self, x: &Matrix) -> Vec<f64> {
        let squares =
            |z: &Matrix| -> Vec<f64> { (0..z.rows()).map(|i| dot(z.row(i), z.row(i))).collect() };
        match &self.covariance {
            Covariance::Dense { inverse_lower, .. } => squares(&matmul_nt(x, inverse_lower)),
            Covariance::LowRank {
                prior_variances,
                reduction,
                ..
            } => {
                let explained = squares(&matmul_nt(x, reduction));
                let prior = |row: &[f64]| -> f64 {
                    let pairs = row.iter().zip(prior_variances);
                    pairs.map(|(v, u)| v * v * u).sum()
                };
                let rows = explained.iter().enumerate();
                rows.map(|(i, e)| (prior(x.row(i)) - e).max(0.0)).collect()
            }
        }
    }

    /// `tr(G V)` for a symmetric `G`.
    pub(crate) fn trace_product(&self, g: &Matrix) -> f64 {
        match &self.covariance {
            Covariance::Dense { inverse_lower, .. } => {
                g.inner_product(&matmul_tn(inverse_lower, inverse_lower))
            }
            Covariance::LowRank { .. } => (0..self.len())
                .map(|i| self.covariance_times(g.row(i))[i])
                .sum(),
        }
    }

    /// `mᵀ V⁻¹ m`; the dense form only, as in [`natural_step`](Self::natural_step).
    pub(crate) fn precision_form(&self) -> f64 {
        match &self.covariance {
            Covariance::Dense { precision, .. } => {
                let lt_m = precision.lower().matvec_transpose(&self.mean);
                dot(&lt_m, &lt_m)
            }
            Covariance::LowRank { .. } => 0.0,
        }
    }

    /// `V⁻¹` in the dense form.
    pub(crate) fn precision(&self) -> Option<Matrix> {
        match &self.covariance {
            Covariance::Dense { precision, .. } => Some(precision.reconstruct()),
            Covariance::LowRank { .. } => None,
        }
    }

    /// `V x`.
    pub(crate) fn covariance_times(&self, x: &[f64]) -> Vec<f64> {
        match &self.covariance {
            Covariance::Dense { precision, .. } => precision.solve(x),
            Covariance::LowRank {
                prior_variances,
                reduction,
                ..
            } => {
                let back = reduction.matvec_transpose(&reduction.matvec(x));
                let triples = x.iter().zip(prior_variances).zip(back);
                triples.map(|((v, u), b)| v * u - b).collect()
            }
        }
    }

    /// The natural parameters `(P, P m)` with `P = V⁻¹`, moved to `(1 − ρ)` of themselves plus `ρ`
    /// of the target's; the dense form only, which is all that mini-batches use.
    pub(crate) fn natural_step(
        &self,
        p: &Matrix,
        h: &[f64],
        step_size: f64,
    ) -> Result<Self, ModelError> {
        let Covariance::Dense { precision, .. } = &self.covariance else {
            return Err(ModelError::setting(
                "step_size",
                step_size,
                "more weights than rows are fitted by coordinate ascent only",
            ));
        };
        let mut new_p = precision.reconstruct();
        let lt_m = precision.lower().matvec_transpose(&self.mean);
        let mut new_h = precision.lower_times(&lt_m);
        new_p.scale(1.0 - step_size);
        new_p.add_scaled(step_size, p);
        for (n, t) in new_h.iter_mut().zip(h) {
            *n = (1.0 - step_size) * *n + step_size * t;
        }
        Self::from_precision(&new_p, &new_h)
    }

    /// A draw of `w − mean`, for covariance `V`.
    ///
    /// # References
    /// The low-rank form conditions a prior draw on the data, `[@bhattacharya2016fast]`.
    pub(crate) fn draw_centered(&self, rng: &mut Stream) -> Vec<f64> {
        let mut z: Vec<f64> = (0..self.len()).map(|_| standard_normal(rng)).collect();
        match &self.covariance {
            Covariance::Dense { precision, .. } => {
                precision.solve_lower_transpose_in_place(&mut z);
                z
            }
            Covariance::LowRank {
                prior_variances,
                reduction,
                kernel,
                noise_precision,
            } => {
                // w₀ − diag(u) Xᵀ K⁻¹ (X w₀ + ε), where X diag(u) = L B.
                let mut noise: Vec<f64> = (0..kernel.dim())
                    .map(|_| standard_normal(rng) / noise_precision.sqrt())
                    .collect();
                kernel.solve_lower_in_place(&mut noise);
                let scaled: Vec<f64> = z
                    .iter()
                    .zip(prior_variances)
                    .map(|(v, u)| v / u.sqrt())
                    .collect();
                let seen = reduction.matvec(&scaled);
                let total: Vec<f64> = seen.iter().zip(&noise).map(|(s, e)| s + e).collect();
                let back = reduction.matvec_transpose(&total);
                let triples = z.iter().zip(prior_variances).zip(back);
                triples.map(|((v, u), b)| v * u.sqrt() - b).collect()
            }
        }
    }

    pub(crate) fn store(&self, arrays: &mut Arrays) {
        let dim = self.len();
        let mut put = |name: &str, shape: &[usize], values: &[f64]| {
            arrays.insert(name.to_string(), Array::f64(shape, values.to_vec()));
        };
        put("weights.mean", &[dim], &self.mean);
        match &self.covariance {
            Covariance::Dense { precision, .. } => {
                let lower = precision.lower().as_slice();
                put("weights.precision_cholesky", &[dim, dim], lower);
            }
            Covariance::LowRank {
                prior_variances,
                reduction,
                kernel,
                noise_precision,
            } => {
                let n = kernel.dim();
                put("weights.prior_variances", &[dim], prior_variances);
                put("weights.reduction", &[n, dim], reduction.as_slice());
                put(
                    "weights.kernel_cholesky",
                    &[n, n],
                    kernel.lower().as_slice(),
                );
                put("weights.noise_precision", &[1], &[*noise_precision]);
            }
        }
    }

    pub(crate) fn load(arrays: &Arrays, dim: usize) -> Result<Self, ModelError> {
        let get = |name: &str, shape: &[usize]| -> Result<Vec<f64>, ModelError> {
            Ok(expect_array(arrays, name, shape)?.to_f64())
        };
        let factor = |dim: usize, lower: Vec<f64>| {
            Cholesky::from_lower(Matrix::from_vec(dim, dim, lower))
                .map_err(ModelError::numerical("the fit's Cholesky factor"))
        };
        let mean = get("weights.mean", &[dim])?;
        if arrays.contains_key("weights.precision_cholesky") {
            let precision = factor(dim, get("weights.precision_cholesky", &[dim, dim])?)?;
            let weights = Self::from_factor(precision, &vec![0.0; dim]);
            return Ok(Self { mean, ..weights });
        }
        let reduction = arrays.get("weights.reduction");
        let n = reduction.map_or(0, |r| r.shape().first().copied().unwrap_or(0));
        let reduction = Matrix::from_vec(n, dim, get("weights.reduction", &[n, dim])?);
        let kernel = factor(n, get("weights.kernel_cholesky", &[n, n])?)?;
        let prior_variances = get("weights.prior_variances", &[dim])?;
        let noise_precision = get("weights.noise_precision", &[1])?[0];
        let mut variances = prior_variances.clone();
        for i in 0..n {
            for (v, b) in variances.iter_mut().zip(reduction.row(i)) {
                *v -= b * b;
            }
        }
        let log_prior: f64 = prior_variances.iter().map(|u| u.ln()).sum();
        let log_noise = n as f64 * noise_precision.ln();
        Ok(Self {
            mean,
            variances,
            log_det: log_prior - kernel.log_det() - log_noise,
            covariance: Covariance::LowRank {
                prior_variances,
                reduction,
                kernel,
                noise_precision,
            },
        })
    }
}
