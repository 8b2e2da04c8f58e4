//! Iteratively reweighted least squares, with a local step in closed form.

use std::sync::Arc;

use elbo_math::linalg::Matrix;
use elbo_math::log_space::log1p_exp;
use elbo_math::special::LN_2PI;

use super::expectation::expected_log_sigmoid;
use super::posterior::LogisticPosterior;
use super::prior::{LogisticConfig, WeightPrior};
use crate::regression::least_squares::{Form, Moments};
use crate::regression::precision::{Jump, Precisions};
use crate::regression::relevance::check_certainty;
use crate::regression::rows::Rows;
use crate::regression::scale::Scale;
use crate::regression::warm_start::Rescaling;
use crate::regression::weights::Weights;
use crate::{ConjugateModel, ModelError, Statistics};

/// Logistic regression with its current `q(w) q(α)`.
#[derive(Debug, Clone)]
pub struct LogisticModel {
    /// All rows, where there are more weights than rows.
    wide: Option<Arc<Rows>>,
    scale: Scale,
    weights: Weights,
    precisions: Precisions,
    /// Which precisions jump.
    jump: Jump,
    /// How far along the jump the last accepted proposal went.
    stride: f64,
}

impl LogisticModel {
    pub(super) fn new(
        rows: &Rows,
        scale: Scale,
        config: &LogisticConfig,
        always_gram: bool,
    ) -> Result<Self, ModelError> {
        let wide = !always_gram && rows.x.cols() > rows.len();
        Self::with_form(wide.then(|| Arc::new(rows.clone())), scale, config)
    }

    /// Through the rows given, or else through their Gram matrix.
    pub(super) fn with_form(
        wide: Option<Arc<Rows>>,
        scale: Scale,
        config: &LogisticConfig,
    ) -> Result<Self, ModelError> {
        check_certainty(config.sign_certainty)?;
        let precisions = config.precisions(&scale.coding)?;
        // `q(w)` starts close to 0: a wide one would flatten the first quadratics, understate what
        // the data say, and switch inputs off that are needed.
        let start = vec![100.0 * scale.coding.n_weights() as f64; scale.coding.n_weights()];
        let weights = if wide.is_some() {
            Weights::prior_low_rank(&start)?
        } else {
            Weights::prior(&start)?
        };
        let model = Self {
            wide,
            scale,
            weights,
            precisions,
            jump: Jump::Unrelated,
            stride: 1.0,
        };
        match &config.warm_start {
            Some(earlier) => model.resumed(earlier),
            None => Ok(model),
        }
    }

    /// The same model, with other precisions jumping.
    pub(super) fn jumping(self, jump: Jump) -> Self {
        Self { jump, ..self }
    }

    /// The model at an earlier fit's `q`.
    fn resumed(mut self, earlier: &LogisticPosterior) -> Result<Self, ModelError> {
        let rescaling = Rescaling::new(&earlier.scale, &self.scale)?;
        let ratios = rescaling.ratios();
        self.precisions = self.precisions.resumed(&earlier.precisions, ratios)?;
        if let Some(weights) = rescaling.weights(&earlier.weights, false)? {
            self.weights = weights;
        }
        Ok(self)
    }

    /// The least-squares problem that the quadratic bound makes of the statistics.
    fn form(&self, statistics: &Moments) -> Form {
        self.wide.as_ref().map_or(Form::Gram, |rows| {
            Form::dual(&working_rows(rows, statistics.as_slice()))
        })
    }

    /// The bound as a function of `q(w)` and `q(α)` while every `ξ` stands still, up to a constant;
    /// at the optimum of `q(w)` for `q(α)`, where `tr(XᵀKX V) = Σ (1 − α_d V_dd)`.
    fn working_bound(
        form: &Form,
        statistics: &Moments,
        weights: &Weights,
        precisions: &Precisions,
    ) -> f64 {
        let alpha = precisions.expected();
        let pairs = alpha.iter().zip(&weights.variances);
        let determined: f64 = pairs.map(|(a, v)| 1.0 - a * v).sum();
        let misfit = form.residual(statistics, &weights.mean) + determined;
        -0.5 * misfit + 0.5 * weights.log_det + precisions.bound(&weights.second_moments())
    }

    /// `q(w)`, then `q(α)` by a proposal that goes further where that raises the bound, else
    /// plainly, and `q(w)` again.
    fn ascend(&mut self, statistics: &Moments) -> Result<(), ModelError> {
        let form = self.form(statistics);
        let solve = |precisions: &Precisions| form.solve(statistics, &precisions.expected(), 1.0);
        let weights = solve(&self.precisions)?;
        if self.precisions.posterior().is_empty() {
            self.weights = weights;
            return Ok(());
        }
        let bound = |w: &Weights, p: &Precisions| Self::working_bound(&form, statistics, w, p);
        let current = bound(&weights, &self.precisions);
        let plain = self.precisions.step(&weights.second_moments(), 1.0)?;
        let alone = form.diagonal(statistics);
        let far = self.precisions.jump(&weights, &alone, &plain, self.jump)?;
        let mut stride = self.stride;
        while stride > 0.2 {
            let precisions = plain.between(&far, stride)?;
            let proposed = solve(&precisions)?;
            if bound(&proposed, &precisions) > current {
                (self.weights, self.precisions) = (proposed, precisions);
                self.stride = (2.0 * stride).min(1.0);
                return Ok(());
            }
            stride *= 0.5;
        }
        self.stride = 1.0;
        (self.weights, self.precisions) = (solve(&plain)?, plain);
        Ok(())
    }

    /// `x m` and `sqrt(x V xᵀ)` for every row.
    fn linear_predictor(&self, x: &Matrix) -> Vec<(f64, f64)> {
        let means = x.matvec(&self.weights.mean);
        let variances = self.weights.quadratic_forms(x);
        let pairs = means.into_iter().zip(variances);
        pairs.map(|(m, v)| (m, v.sqrt())).collect()
    }

    /// The ELBO of the current `q`, its expectations of `log σ` integrated numerically.
    pub(super) fn elbo(&self, rows: &Rows) -> f64 {
        let predictor = self.linear_predictor(&rows.x);
        let term = |i: usize| {
            let (mean, sd) = predictor[i];
            let sign = 2.0 * rows.y[i] - 1.0;
            rows.weight(i) * expected_log_sigmoid(sign * mean, sd)
        };
        elbo_math::parallel::sum(rows.len(), 256, term) + self.divergence_terms()
    }

    /// `−KL(q(w, α) ‖ p(w, α))`.
    fn divergence_terms(&self) -> f64 {
        let dim = self.weights.len() as f64;
        let entropy = 0.5 * (dim * (1.0 + LN_2PI) + self.weights.log_det);
        entropy + self.precisions.bound(&self.weights.second_moments())
    }

    /// The fitted posterior.
    pub(super) fn posterior(
        &self,
        config: &LogisticConfig,
        elbo: f64,
        bound: f64,
    ) -> LogisticPosterior {
        LogisticPosterior {
            scale: self.scale.clone(),
            weights: self.weights.clone(),
            precisions: self.precisions.posterior().to_vec(),
            determines_relevance: matches!(config.prior, WeightPrior::Relevance { .. }),
            sign_certainty: config.sign_certainty,
            elbo,
            bound,
        }
    }
}

/// `2 λ(ξ) = tanh(ξ/2) / (2ξ)`, the curvature of the quadratic bound.
fn curvature(xi: f64) -> f64 {
    if xi < 1e-4 {
        0.25 - xi * xi / 48.0
    } else {
        (0.5 * xi).tanh() / (2.0 * xi)
    }
}

/// Rows whose weighted least squares has the bound's natural parameters.
fn working_rows(rows: &Rows, curvatures: &[f64]) -> Rows {
    let targets = rows.y.iter().zip(curvatures);
    let weights = curvatures.iter().enumerate();
    Rows {
        x: rows.x.clone(),
        y: targets.map(|(y, k)| (y - 0.5) / k).collect(),
        weights: Some(weights.map(|(i, k)| rows.weight(i) * k).collect()),
    }
}

impl ConjugateModel for LogisticModel {
    type Batch = Rows;
    type Statistics = Moments;

    fn zero_statistics(&self) -> Moments {
        let dim = self.weights.len();
        match &self.wide {
            None => Moments::zeros(dim),
            Some(rows) => Moments::per_row(rows.len(), dim),
        }
    }

    fn batch_len(batch: &Rows) -> usize {
        batch.len()
    }

    /// `ξ_n² = E[η_n²]`, at which the bound's quadratic terms cancel.
    fn local_step(&self, batch: &Rows, statistics: &mut Moments) -> Result<f64, ModelError> {
        if batch.x.cols() != self.weights.len() {
            return Err(ModelError::Shape {
                what: "columns of a batch",
                expected: self.weights.len(),
                got: batch.x.cols(),
            });
        }
        let mut bound = 0.0;
        let mut curvatures = Vec::with_capacity(batch.len());
        for (i, (mean, sd)) in self.linear_predictor(&batch.x).into_iter().enumerate() {
            let xi = mean.hypot(sd);
            // log σ(ξ) − ξ/2 + (y − ½) m
            let log_sigmoid = -log1p_exp(-xi);
            bound += batch.weight(i) * ((batch.y[i] - 0.5) * mean + log_sigmoid - 0.5 * xi);
            curvatures.push(curvature(xi));
        }
        if self.wide.is_some() {
            statistics.as_mut_slice().copy_from_slice(&curvatures);
        } else {
            statistics.add_rows(&working_rows(batch, &curvatures));
        }
        Ok(bound)
    }

    fn global_step(&mut self, statistics: &Moments, step_size: f64) -> Result<(), ModelError> {
        if step_size == 1.0 {
            return self.ascend(statistics);
        }
        let form = self.form(statistics);
        let alpha = self.precisions.expected();
        let weights = form.step(&self.weights, statistics, &alpha, 1.0, step_size)?;
        self.precisions = self.precisions.step(&weights.second_moments(), step_size)?;
        self.weights = weights;
        Ok(())
    }

    fn global_bound(&self, _statistics: &Moments) -> f64 {
        self.divergence_terms()
    }
}
