//! The fitted `q`: means and covariances of all rows, `μ`, and the learnt hyperparameters.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::Matrix;
use elbo_math::random::{Stream, standard_normal};

use super::kernel::single;
use super::layout::{Layout, packed};
use super::noise::Weight;
use super::prior::{RowPrior, pack};
use crate::posterior::expect_array;
use crate::{ModelError, Posterior};

/// A fitted factor model; everything that predicts, recommends and folds in new users.
///
/// Means and covariances of rows are kept in single precision.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorPosterior {
    pub(super) layout: Layout,
    pub(super) diagonal: bool,
    pub(super) mu: f64,
    pub(super) mu_variance: f64,
    pub(super) noise: f64,
    /// `ν` of the users' own noise; `None` where noise is shared.
    pub(super) noise_dof: Option<f64>,
    pub(super) user_prior: RowPrior,
    pub(super) item_prior: RowPrior,
    pub(super) users: Rows,
    pub(super) items: Rows,
}

/// Means and covariances of a side's rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    dim: usize,
    pub means: Vec<f32>,           // (n, dim)
    pub inverse_weights: Vec<f32>, // (n): E 1/λ; empty where noise is shared
    pub covariances: Vec<f32>,     // (n, triangle), or (n, dim) if diagonal
}

impl Rows {
    /// `n` rows that nothing is known about.
    pub(super) fn at_prior(prior: &RowPrior, diagonal: bool, n: usize) -> Self {
        let dim = prior.covariance.rows();
        let covariance = if diagonal {
            prior.covariance.diagonal()
        } else {
            pack(&prior.covariance)
        };
        let one: Vec<f32> = covariance.iter().map(|v| single(*v)).collect();
        Self {
            dim,
            means: vec![0.0; n * dim],
            inverse_weights: Vec::new(),
            covariances: one.repeat(n),
        }
    }

    /// Gives every row noise of its own, about which nothing is known.
    pub(super) fn with_noise(mut self, dof: Option<f64>) -> Self {
        if let Some(dof) = dof {
            let unknown = single(Weight::new(dof, 0.0, 0.0).inverse_mean());
            self.inverse_weights = vec![unknown; self.len()];
        }
        self
    }

    /// Sets a row's `q(λ)`.
    pub(super) fn set_weight(&mut self, row: usize, weight: Weight) {
        if let Some(out) = self.inverse_weights.get_mut(row) {
            *out = single(weight.inverse_mean());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.means.len() / self.dim
    }

    /// Numbers kept of a row's covariance.
    fn covariance_len(&self) -> usize {
        self.covariances.len() / self.len().max(1)
    }

    /// Sets a row from its mean and packed covariance.
    pub(super) fn set(
        &mut self,
        row: usize,
        mean: impl Iterator<Item = f64>,
        covariance: impl Iterator<Item = f64>,
    ) {
        let means = &mut self.means[row * self.dim..][..self.dim];
        for (out, v) in means.iter_mut().zip(mean) {
            *out = single(v);
        }
        let width = self.covariance_len();
        let diagonal = width == self.dim && self.dim > 1;
        let out = &mut self.covariances[row * width..][..width];
        for (k, v) in covariance.enumerate() {
            if !diagonal {
                out[k] = single(v);
            } else if let Some(p) = (0..self.dim).find(|p| packed(*p, *p) == k) {
                out[p] = single(v);
            }
        }
    }

    /// Copies a row of another set of rows of the same kind.
    pub(super) fn copy_row(&mut self, row: usize, from: &Self, k: usize) {
        let (dim, width) = (self.dim, self.covariance_len());
        if let Some(weight) = self.inverse_weights.get_mut(row) {
            *weight = from.inverse_weights[k];
        }
        self.means[row * dim..][..dim].copy_from_slice(&from.means[k * dim..][..dim]);
        self.covariances[row * width..][..width]
            .copy_from_slice(&from.covariances[k * width..][..width]);
    }

    pub(super) fn mean(&self, row: usize) -> &[f32] {
        &self.means[row * self.dim..][..self.dim]
    }

    fn row(&self, row: usize) -> Row {
        let width = self.covariance_len();
        let kept = &self.covariances[row * width..][..width];
        let mut covariance = vec![0.0; self.dim * (self.dim + 1) / 2];
        if width == covariance.len() {
            for (c, k) in covariance.iter_mut().zip(kept) {
                *c = f64::from(*k);
            }
        } else {
            for (p, k) in kept.iter().enumerate() {
                covariance[packed(p, p)] = f64::from(*k);
            }
        }
        Row {
            mean: self.mean(row).iter().map(|m| f64::from(*m)).collect(),
            covariance,
            inverse_weight: self.inverse_weights.get(row).map_or(1.0, |w| f64::from(*w)),
        }
    }

    fn arrays(&self) -> (Array, Array) {
        let (n, width) = (self.len(), self.covariance_len());
        (
            Array::f32(&[n, self.dim], self.means.clone()),
            Array::f32(&[n, width], self.covariances.clone()),
        )
    }
}

/// `q` of one user or item, `w = (bias, factors)`: in a fit, folded in, or nothing but the prior.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub(super) mean: Vec<f64>,
    pub(super) covariance: Vec<f64>, // packed lower triangle
    pub(super) inverse_weight: f64,  // E 1/λ
}

impl Row {
    /// A row of which nothing is known.
    pub(super) fn unknown(prior: &RowPrior, noise_dof: Option<f64>) -> Self {
        let weight = noise_dof.map_or(Weight::UNIT, |dof| Weight::new(dof, 0.0, 0.0));
        Self {
            inverse_weight: weight.inverse_mean(),
            mean: vec![0.0; prior.covariance.rows()],
            covariance: pack(&prior.covariance),
        }
    }

    /// `E w`: bias, then factors.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// `Cov w`, `(rank + 1) × (rank + 1)`.
    pub fn covariance(&self) -> Matrix {
        let dim = self.mean.len();
        Matrix::from_fn(dim, dim, |p, q| self.covariance[packed(p.max(q), p.min(q))])
    }
}

impl FactorPosterior {
    /// The number of factors.
    pub fn rank(&self) -> usize {
        self.layout.dim - 1
    }

    /// The number of users that were kept.
    pub fn n_users(&self) -> usize {
        self.users.len()
    }

    /// The number of items.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// Posterior mean and standard deviation of `μ`.
    pub fn mu(&self) -> (f64, f64) {
        (self.mu, self.mu_variance.sqrt())
    }

    /// The learnt `σ`.
    pub fn noise_sd(&self) -> f64 {
        self.noise.sqrt()
    }

    /// The learnt degrees of freedom `ν` of the users' own noise; `None` where noise is shared.
    pub fn noise_dof(&self) -> Option<f64> {
        self.noise_dof
    }

    /// The learnt prior covariance of users' `(a, A)`; the roots of its diagonal are `κ_a`, `κ_A`.
    pub fn user_prior_covariance(&self) -> &Matrix {
        &self.user_prior.covariance
    }

    /// The learnt prior covariance of items' `(b, B)`; the roots of its diagonal are `κ_b`, `κ_B`.
    pub fn item_prior_covariance(&self) -> &Matrix {
        &self.item_prior.covariance
    }

    /// The same fit with its items in another order: item `j` is item `order[j]` of this one, or one
    /// that it does not know (`None`). Users are left out.
    ///
    /// This is how a fit serves as a warm start for data whose items are numbered differently.
    #[must_use]
    pub fn with_items(&self, order: &[Option<usize>]) -> Self {
        let mut items = Rows::at_prior(&self.item_prior, self.diagonal, order.len());
        for (row, from) in order.iter().enumerate() {
            if let Some(from) = from.filter(|from| *from < self.items.len()) {
                items.copy_row(row, &self.items, from);
            }
        }
        Self {
            items,
            ..self.clone().without_users()
        }
    }

    /// The same fit without its users, who are then [folded in](Self::fold_in).
    #[must_use]
    pub fn without_users(self) -> Self {
        Self {
            users: Rows::at_prior(&self.user_prior, self.diagonal, 0).with_noise(self.noise_dof),
            ..self
        }
    }

    /// `q` of a user; of an unknown one (`None`, or out of range) the prior.
    pub fn user(&self, user: Option<usize>) -> Row {
        match user.filter(|u| *u < self.users.len()) {
            Some(user) => self.users.row(user),
            None => Row::unknown(&self.user_prior, self.noise_dof),
        }
    }

    /// `q` of an item; of an unknown one (`None`, or out of range) the prior.
    pub fn item(&self, item: Option<usize>) -> Row {
        match item.filter(|i| *i < self.items.len()) {
            Some(item) => self.items.row(item),
            None => Row::unknown(&self.item_prior, None),
        }
    }

    /// Posterior means of all users' `(bias, factors)`; (`n_users`, `rank` + 1), row-major.
    pub fn user_means(&self) -> &[f32] {
        &self.users.means
    }

    /// Posterior means of all items' `(bias, factors)`; (`n_items`, `rank` + 1), row-major.
    pub fn item_means(&self) -> &[f32] {
        &self.items.means
    }
}

impl Posterior for FactorPosterior {
    fn to_arrays(&self) -> Arrays {
        let dim = self.layout.dim;
        let matrix = |m: &Matrix| Array::f64(&[dim, dim], m.as_slice().to_vec());
        let (user_means, user_covariances) = self.users.arrays();
        let (item_means, item_covariances) = self.items.arrays();
        let mut arrays = Arrays::from([
            (
                "mu".into(),
                Array::f64(&[2], vec![self.mu, self.mu_variance]),
            ),
            ("noise_variance".into(), Array::scalar(self.noise)),
            (
                "user_prior_covariance".into(),
                matrix(&self.user_prior.covariance),
            ),
            (
                "item_prior_covariance".into(),
                matrix(&self.item_prior.covariance),
            ),
            ("user_means".into(), user_means),
            ("user_covariances".into(), user_covariances),
            ("item_means".into(), item_means),
            ("item_covariances".into(), item_covariances),
        ]);
        if let Some(dof) = self.noise_dof {
            let weights = &self.users.inverse_weights;
            arrays.insert("noise_dof".into(), Array::scalar(dof));
            arrays.insert(
                "user_inverse_weights".into(),
                Array::f32(&[weights.len()], weights.clone()),
            );
        }
        arrays
    }

    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError> {
        let missing =
            |name| ModelError::data(format!("the fit has no array '{name}'; it is damaged"));
        let prior = arrays
            .get("user_prior_covariance")
            .ok_or_else(|| missing("user_prior_covariance"))?;
        let dim = prior.shape().first().copied().unwrap_or(0).max(1);
        let layout = Layout { dim };
        let covariance = |name| {
            let entries = expect_array(arrays, name, &[dim, dim])?.to_f64();
            RowPrior::new(Matrix::from_vec(dim, dim, entries))
        };
        let mu = expect_array(arrays, "mu", &[2])?.to_f64();
        let items = read_rows(arrays, dim, "item_means", "item_covariances")?;
        let diagonal = items.covariance_len() != layout.triangle();
        let mut users = read_rows(arrays, dim, "user_means", "user_covariances")?;
        let noise_dof = match arrays.get("noise_dof") {
            Some(_) => Some(expect_array(arrays, "noise_dof", &[])?.to_f64()[0]),
            None => None,
        };
        if noise_dof.is_some() {
            let weights = expect_array(arrays, "user_inverse_weights", &[users.len()])?;
            users.inverse_weights = weights.to_f32();
        }
        Ok(Self {
            layout,
            diagonal,
            mu: mu[0],
            mu_variance: mu[1],
            noise: expect_array(arrays, "noise_variance", &[])?.to_f64()[0],
            noise_dof,
            user_prior: covariance("user_prior_covariance")?,
            item_prior: covariance("item_prior_covariance")?,
            users,
            items,
        })
    }

    /// `mu` alone: rows are too many for a table of draws; see [`draw_rows`](Self::draw_rows).
    fn draw_names(&self) -> Vec<String> {
        vec!["mu".into()]
    }

    fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        vec![self.mu + self.mu_variance.sqrt() * standard_normal(rng)]
    }
}

fn read_rows(
    arrays: &Arrays,
    dim: usize,
    means: &'static str,
    covariances: &'static str,
) -> Result<Rows, ModelError> {
    let missing = |name| ModelError::data(format!("the fit has no array '{name}'; it is damaged"));
    let n = |name: &str, axis: usize| arrays.get(name).and_then(|a| a.shape().get(axis).copied());
    let rows = n(means, 0).ok_or_else(|| missing(means))?;
    let width = n(covariances, 1).ok_or_else(|| missing(covariances))?;
    if rows > 0 && width != dim && width != dim * (dim + 1) / 2 {
        return Err(ModelError::data(format!(
            "array '{covariances}' of the fit has rows of {width} numbers; it is damaged"
        )));
    }
    Ok(Rows {
        dim,
        means: expect_array(arrays, means, &[rows, dim])?.to_f32(),
        inverse_weights: Vec::new(),
        covariances: expect_array(arrays, covariances, &[rows, width])?.to_f32(),
    })
}
