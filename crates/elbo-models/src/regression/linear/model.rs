//! The normal–gamma family as a conjugate model.

use elbo_math::linalg::dot;
use elbo_math::special::{LN_2PI, ln_gamma};

use super::posterior::LinearPosterior;
use super::prior::{LinearConfig, PriorPrecision};
use crate::regression::least_squares::{Form, Moments};
use crate::regression::noise::{Noise, NoisePrior};
use crate::regression::rows::Rows;
use crate::regression::scale::Scale;
use crate::regression::warm_start::Rescaling;
use crate::regression::weights::Weights;
use crate::{ConjugateModel, ModelError};

/// Linear regression with its current `q(w, τ) = N(w | m, V/τ) q(τ)`.
///
/// `V⁻¹ = Λ + XᵀX` after a unit step, `Λ = diag(λ₀, λ, …, λ)`.
#[derive(Debug, Clone)]
pub struct LinearModel {
    form: Form,
    scale: Scale,
    learn_lambda: bool,
    lambda: f64,
    intercept_lambda: f64,
    noise: Noise,
    weights: Weights,
}

impl LinearModel {
    /// A model whose `q` is the prior; `always_gram` for rows that come in mini-batches.
    pub(super) fn new(
        rows: &Rows,
        scale: Scale,
        config: &LinearConfig,
        always_gram: bool,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let form = if always_gram {
            Form::Gram
        } else {
            Form::cheapest(rows)
        };
        Self::with_form(form, scale, config)
    }

    pub(super) fn with_form(
        form: Form,
        scale: Scale,
        config: &LinearConfig,
    ) -> Result<Self, ModelError> {
        let noise = Noise::new(config.noise, scale.unit)?;
        // With known noise precisions are absolute; inside, all are relative to the noise's.
        let unit = match config.noise {
            NoisePrior::Fixed { .. } => 1.0 / noise.expected(),
            NoisePrior::Gamma { .. } => 1.0,
        };
        let (learn_lambda, lambda) = match config.prior_precision {
            PriorPrecision::Learnt => (true, 1.0),
            PriorPrecision::Fixed(value) => (false, value * unit),
        };
        let intercept_lambda = unit / (config.intercept_sd * config.intercept_sd);
        let precisions = precisions(&scale, lambda, intercept_lambda);
        let model = Self {
            weights: form.prior(&precisions)?,
            form,
            scale,
            learn_lambda,
            lambda,
            intercept_lambda,
            noise,
        };
        match &config.warm_start {
            Some(earlier) => model.resumed(earlier),
            None => Ok(model),
        }
    }

    /// The model at an earlier fit's `q` and, where it is learnt, its prior precision.
    fn resumed(mut self, earlier: &LinearPosterior) -> Result<Self, ModelError> {
        let rescaling = Rescaling::new(&earlier.scale, &self.scale)?;
        let both_learnt = self.noise.is_learnt() && earlier.noise.is_learnt();
        self.noise = self.noise.resumed(&earlier.noise, rescaling.unit())?;
        if self.learn_lambda && both_learnt {
            // Relative to the noise, as the covariance of `q(w)` is.
            let ratios = rescaling
                .ratios()
                .iter()
                .map(|r| (rescaling.unit() / r).powi(2));
            let mean = ratios.sum::<f64>() / rescaling.ratios().len() as f64;
            self.lambda = earlier.prior_precision * mean;
        }
        if let Some(weights) = rescaling.weights(&earlier.weights, true)? {
            self.weights = weights;
        }
        Ok(self)
    }

    fn precisions(&self) -> Vec<f64> {
        precisions(&self.scale, self.lambda, self.intercept_lambda)
    }

    /// The log evidence `log p(y | λ)` of the statistics, in nats, on the user's scale, and its
    /// derivative by `log λ`.
    ///
    /// # References
    /// `[@bishop2006prml, eq. 3.86 and exercise 3.23]`.
    fn log_evidence(
        &self,
        statistics: &Moments,
        log_lambda: f64,
    ) -> Result<(f64, f64), ModelError> {
        let lambda = log_lambda.exp();
        let precisions = precisions(&self.scale, lambda, self.intercept_lambda);
        let weights = self.form.solve(statistics, &precisions, 1.0)?;
        let penalised = self.penalised_residual(statistics, &weights, &precisions);
        let n = self.form.total_weight(statistics);
        let log_precisions: f64 = precisions.iter().map(|v| v.ln()).sum();
        let volume = 0.5 * (log_precisions + weights.log_det);
        let (likelihood, tau) = match self.noise {
            Noise::Fixed { precision } => {
                let constant = 0.5 * n * (precision.ln() - LN_2PI);
                (constant - 0.5 * precision * penalised, precision)
            }
            Noise::Learnt { prior, .. } => {
                let (c, d) = (prior.shape(), prior.rate());
                let (c_n, d_n) = (c + 0.5 * n, d + 0.5 * penalised);
                let constant = c * d.ln() + ln_gamma(c_n) - ln_gamma(c) - 0.5 * n * LN_2PI;
                (constant - c_n * d_n.ln(), c_n / d_n)
            }
        };
        let first = usize::from(self.scale.coding.intercept);
        let pairs = weights.mean.iter().zip(&weights.variances).skip(first);
        let slope = pairs.map(|(m, v)| 1.0 - lambda * (v + tau * m * m));
        let value = likelihood + volume - n * self.scale.unit.ln();
        Ok((value, 0.5 * slope.sum::<f64>()))
    }

    /// `‖y − Xm‖² + mᵀΛm`.
    fn penalised_residual(
        &self,
        statistics: &Moments,
        weights: &Weights,
        precisions: &[f64],
    ) -> f64 {
        let shrinkage = weights.mean.iter().zip(precisions).map(|(m, l)| l * m * m);
        self.form.residual(statistics, &weights.mean) + shrinkage.sum::<f64>()
    }

    /// The λ with the highest log evidence: a grid over 16 decades, then the root of the slope.
    fn best_lambda(&self, statistics: &Moments) -> Result<f64, ModelError> {
        let at = |log_lambda: f64| self.log_evidence(statistics, log_lambda);
        let (value, slope) = at(self.lambda.ln())?;
        if slope.abs() <= 1e-9 * self.weights.len() as f64 {
            return Ok(self.lambda);
        }
        let step = std::f64::consts::LN_10;
        let mut best = (self.lambda.ln(), value);
        for decade in -8..=8 {
            let log_lambda = f64::from(decade) * step;
            let value = at(log_lambda)?.0;
            if value > best.1 {
                best = (log_lambda, value);
            }
        }
        let slope_at = |log_lambda: f64| Ok(at(log_lambda)?.1);
        let found = falling_root(slope_at, best.0 - step, best.0 + step)?;
        let improves = at(found)?.0 > value;
        Ok(if improves { found.exp() } else { self.lambda })
    }

    /// The fitted posterior.
    pub(super) fn posterior(&self, log_evidence: f64) -> LinearPosterior {
        let unit = match self.noise {
            Noise::Fixed { precision } => precision,
            Noise::Learnt { .. } => 1.0,
        };
        LinearPosterior {
            scale: self.scale.clone(),
            weights: self.weights.clone(),
            noise: self.noise,
            prior_precision: self.lambda * unit,
            log_evidence,
        }
    }
}

fn precisions(scale: &Scale, lambda: f64, intercept_lambda: f64) -> Vec<f64> {
    let inputs = scale.coding.input_of_weight().into_iter();
    inputs
        .map(|input| input.map_or(intercept_lambda, |_| lambda))
        .collect()
}

/// Where a function that starts positive and ends negative crosses 0; the end that it does not
/// leave if it does not cross.
///
/// # References
/// The Illinois variant of false position, `[@dowell1971illinois]`.
fn falling_root(
    f: impl Fn(f64) -> Result<f64, ModelError>,
    mut low: f64,
    mut high: f64,
) -> Result<f64, ModelError> {
    let (mut f_low, mut f_high) = (f(low)?, f(high)?);
    if !(f_low > 0.0) || !(f_high < 0.0) {
        return Ok(if f_low > 0.0 { high } else { low });
    }
    let mut kept = 0; // which end stayed last time: -1 low, 1 high
    for _ in 0..60 {
        let middle = (low * f_high - high * f_low) / (f_high - f_low);
        let f_middle = f(middle)?;
        if f_middle == 0.0 || high - low < 1e-13 {
            return Ok(middle);
        }
        if f_middle > 0.0 {
            (low, f_low) = (middle, f_middle);
            f_high *= if kept == 1 { 0.5 } else { 1.0 };
            kept = 1;
        } else {
            (high, f_high) = (middle, f_middle);
            f_low *= if kept == -1 { 0.5 } else { 1.0 };
            kept = -1;
        }
        if f_middle.abs() < 1e-11 {
            return Ok(middle);
        }
    }
    Ok(0.5 * (low + high))
}

impl ConjugateModel for LinearModel {
    type Batch = Rows;
    type Statistics = Moments;

    fn zero_statistics(&self) -> Moments {
        self.form.zero_statistics(self.weights.len())
    }

    fn batch_len(batch: &Rows) -> usize {
        batch.len()
    }

    fn local_step(&self, batch: &Rows, statistics: &mut Moments) -> Result<f64, ModelError> {
        self.form.add_rows(batch, statistics)?;
        Ok(0.0)
    }

    /// Natural parameters of a normal–gamma are `(V⁻¹, V⁻¹m, c, d + ½ mᵀV⁻¹m)`; all move by ρ.
    fn global_step(&mut self, statistics: &Moments, step_size: f64) -> Result<(), ModelError> {
        let precisions = self.precisions();
        let form = &self.form;
        let weights = form.step(&self.weights, statistics, &precisions, 1.0, step_size)?;
        let n = form.total_weight(statistics);
        let quadratic = weights.precision_form();
        let target = form.squares(statistics);
        let noise = if step_size == 1.0 {
            // The same as `target − quadratic`, without the cancellation.
            let penalised = self.penalised_residual(statistics, &weights, &precisions);
            self.noise.step(n, penalised, 1.0)?
        } else {
            let before = self.weights.precision_form();
            let kept = (1.0 - step_size) * before - quadratic;
            self.noise.step(n, target + kept / step_size, step_size)?
        };
        (self.weights, self.noise) = (weights, noise);
        Ok(())
    }

    fn global_bound(&self, statistics: &Moments) -> f64 {
        let precisions = self.precisions();
        let (tau, log_tau) = (self.noise.expected(), self.noise.expected_log());
        let n = self.form.total_weight(statistics);
        let dim = precisions.len() as f64;
        let spread = self.form.spread(statistics, &self.weights);
        let prior_spread = dot(&precisions, &self.weights.variances);
        let penalised = self.penalised_residual(statistics, &self.weights, &precisions);
        let log_precisions: f64 = precisions.iter().map(|v| v.ln()).sum();
        // E[log p(y, w | τ)] − E[log q(w | τ)]; the terms in p/2 · log(τ/2π) cancel.
        let likelihood = 0.5 * n * (log_tau - LN_2PI) - 0.5 * (tau * penalised + spread);
        let weights = 0.5 * (log_precisions + self.weights.log_det + dim - prior_spread);
        likelihood + weights + self.noise.bound() - n * self.scale.unit.ln()
    }

    fn update_hyperparameters(
        &mut self,
        statistics: &Moments,
        step_size: f64,
    ) -> Result<(), ModelError> {
        if !self.learn_lambda {
            return Ok(());
        }
        let best = self.best_lambda(statistics)?;
        let mixed = (1.0 - step_size) * self.lambda.ln() + step_size * best.ln();
        self.lambda = mixed.exp();
        // `q` follows, so that the bound stays the evidence.
        if step_size == 1.0 {
            self.global_step(statistics, 1.0)?;
        }
        Ok(())
    }

    fn statistics_depend_on_posterior(&self) -> bool {
        false
    }
}
