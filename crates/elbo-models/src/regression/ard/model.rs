//! Coordinate ascent over `q(w)`, `q(α)`, `q(τ)`, with jumps over the slow stretches and
//! switches between maxima.

use elbo_dist::Gamma;
use elbo_math::special::LN_2PI;

use super::posterior::ArdPosterior;
use super::prior::ArdConfig;
use crate::regression::least_squares::{Form, Moments};
use crate::regression::noise::{Noise, gamma_setting};
use crate::regression::precision::{Jump, Precisions};
use crate::regression::rows::Rows;
use crate::regression::scale::Scale;
use crate::regression::warm_start::Rescaling;
use crate::regression::weights::Weights;
use crate::{ConjugateModel, ModelError};

/// Steps in which only `q(w)` and `q(τ)` move.
const WARMUP: usize = 3;
/// A step that gains fewer nats ends the climb to a maximum, and others are looked for.
const SETTLED: f64 = 1.0;
/// Nats that decide between two maxima: fewer are no reason to start over.
const LEAST_GAIN: f64 = 0.01;

/// Relevance determination with its current `q`.
#[derive(Debug, Clone)]
pub struct ArdModel {
    form: Form,
    scale: Scale,
    q: Factors,
    /// Which precisions jump.
    jump: Jump,
    /// How far along the jump the last accepted proposal went.
    stride: f64,
    /// Steps left in which precisions stand still, until `q(w)` and the noise have seen the data.
    warmup: usize,
    /// Whether inputs are switched on and off where that raises the ELBO.
    switches: bool,
    /// The ELBO before the last step.
    last: f64,
}

/// The factors of `q`, which change together.
#[derive(Debug, Clone)]
struct Factors {
    weights: Weights,
    precisions: Precisions,
    noise: Noise,
}

impl ArdModel {
    pub(super) fn new(
        rows: &Rows,
        scale: Scale,
        config: &ArdConfig,
        always_gram: bool,
    ) -> Result<Self, ModelError> {
        let form = if always_gram {
            Form::Gram
        } else {
            Form::cheapest(rows)
        };
        let rate = config.rate(rows.total_weight(), scale.coding.inputs.len());
        let prior = gamma_setting("prior_shape and prior_rate", config.prior_shape, rate)?;
        Self::with_form(form, scale, prior, config)
    }

    pub(super) fn with_form(
        form: Form,
        scale: Scale,
        prior: Gamma,
        config: &ArdConfig,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let group_of = scale.coding.input_of_weight();
        let intercept = 1.0 / (config.intercept_sd * config.intercept_sd);
        let known = group_of.iter().map(|g| g.map_or(intercept, |_| 0.0));
        let precisions = Precisions::new(prior, group_of.clone(), known.collect())?;
        let model = Self {
            q: Factors {
                weights: form.prior(&precisions.expected())?,
                noise: Noise::new(config.noise, scale.unit)?,
                precisions,
            },
            form,
            scale,
            jump: Jump::Unrelated,
            stride: 1.0,
            warmup: WARMUP,
            switches: config.switches,
            last: f64::NEG_INFINITY,
        };
        match &config.warm_start {
            Some(earlier) => model.resumed(earlier),
            None => Ok(model),
        }
    }

    /// The model at an earlier fit's `q`.
    fn resumed(mut self, earlier: &ArdPosterior) -> Result<Self, ModelError> {
        let rescaling = Rescaling::new(&earlier.scale, &self.scale)?;
        let q = &mut self.q;
        q.precisions = q
            .precisions
            .resumed(&earlier.precisions, rescaling.ratios())?;
        q.noise = q.noise.resumed(&earlier.noise, rescaling.unit())?;
        match rescaling.weights(&earlier.weights, false)? {
            Some(weights) => {
                q.weights = weights;
                self.warmup = 0;
            }
            None => q.weights = self.form.prior(&q.precisions.expected())?,
        }
        Ok(self)
    }

    /// The same model, with other precisions jumping.
    pub(super) fn jumping(self, jump: Jump) -> Self {
        Self { jump, ..self }
    }

    /// `E‖y − Xw‖²`.
    fn expected_residual(&self, statistics: &Moments, weights: &Weights) -> f64 {
        self.form.residual(statistics, &weights.mean) + self.form.spread(statistics, weights)
    }

    fn bound(&self, statistics: &Moments, q: &Factors, expected_residual: f64) -> f64 {
        let n = self.form.total_weight(statistics);
        let likelihood = 0.5 * n * (q.noise.expected_log() - LN_2PI)
            - 0.5 * q.noise.expected() * expected_residual;
        let entropy = 0.5 * (q.weights.len() as f64 * (1.0 + LN_2PI) + q.weights.log_det);
        likelihood + q.precisions.bound(&q.weights.second_moments()) + entropy + q.noise.bound()
            - n * self.scale.unit.ln()
    }

    /// `q(w)` at its optimum for the other factors, and `E‖y − Xw‖²` under it.
    fn with_best_weights(
        &self,
        statistics: &Moments,
        precisions: Precisions,
        noise: Noise,
    ) -> Result<(Factors, f64), ModelError> {
        let (alpha, tau) = (precisions.expected(), noise.expected());
        let weights = self.form.solve(statistics, &alpha, tau)?;
        // At the optimum V⁻¹ = A + τ XᵀX, hence τ tr(XᵀX V) = Σ (1 − α_d V_dd).
        let determined = determined(&alpha, &weights.variances);
        let residual = self.form.residual(statistics, &weights.mean) + determined / tau;
        let q = Factors {
            weights,
            precisions,
            noise,
        };
        Ok((q, residual))
    }

    /// One coordinate-ascent step of all factors, from a proposal that goes further where that
    /// raises the ELBO, else plain.
    fn ascend(&mut self, statistics: &Moments) -> Result<(), ModelError> {
        if self.warmup > 0 {
            return self.warm_up(statistics);
        }
        let n = self.form.total_weight(statistics);
        let residual = self.expected_residual(statistics, &self.q.weights);
        let current = self.bound(statistics, &self.q, residual);
        let rise = current - self.last;
        self.last = current;
        if self.switches && rise < SETTLED && self.switch(statistics, current)? {
            return Ok(());
        }
        let plain = self
            .q
            .precisions
            .step(&self.q.weights.second_moments(), 1.0)?;
        let noise = self.q.noise.step(n, residual, 1.0)?;
        let tau = self.q.noise.expected();
        let squares = self.form.diagonal(statistics);
        let alone: Vec<f64> = squares.iter().map(|v| tau * v).collect();
        let far = self
            .q
            .precisions
            .jump(&self.q.weights, &alone, &plain, self.jump)?;
        let far_noise = self.far_noise(statistics, n)?;
        let mut stride = self.stride;
        while stride > 0.2 {
            let precisions = plain.between(&far, stride)?;
            let noise = noise.between(&far_noise, stride)?;
            let (q, residual) = self.with_best_weights(statistics, precisions, noise)?;
            if self.bound(statistics, &q, residual) > current {
                self.q = q;
                self.stride = (2.0 * stride).min(1.0);
                return Ok(());
            }
            stride *= 0.5;
        }
        self.stride = 1.0;
        self.q = self.with_best_weights(statistics, plain, noise)?.0;
        Ok(())
    }

    /// Switches inputs on or off for which that is better, all of them or else the one that gains
    /// most; tells whether the ELBO rose.
    ///
    /// Where an input is off, updates leave it off however much the others change, and the climb
    /// may have switched it off too early: of inputs that say the same, all were half wanted.
    fn switch(&mut self, statistics: &Moments, current: f64) -> Result<bool, ModelError> {
        let mut switches = self.q.precisions.switches(&self.q.weights, LEAST_GAIN);
        switches.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        let mut tried = switches.len();
        while tried > 0 {
            let precisions = self.q.precisions.switched(&switches[..tried])?;
            let (q, residual) = self.with_best_weights(statistics, precisions, self.q.noise)?;
            if self.bound(statistics, &q, residual) > current {
                self.q = q;
                self.stride = 1.0;
                return Ok(true);
            }
            tried /= 2;
        }
        Ok(false)
    }

    /// A step of `q(τ)` and `q(w)` alone. While τ is far too small everything looks irrelevant, and
    /// an input that a jump has switched off does not always come back.
    fn warm_up(&mut self, statistics: &Moments) -> Result<(), ModelError> {
        let n = self.form.total_weight(statistics);
        let noise = if self.warmup == WARMUP {
            // The prior's `q(w)` says nothing about the noise.
            self.q.noise
        } else {
            let residual = self.expected_residual(statistics, &self.q.weights);
            self.q.noise.step(n, residual, 1.0)?
        };
        let precisions = self.q.precisions.clone();
        self.q = self.with_best_weights(statistics, precisions, noise)?.0;
        self.warmup -= 1;
        Ok(())
    }

    /// `q(τ)` where plain updates would settle if the number of determined weights stood still.
    ///
    /// # References
    /// `[@mackay1992bayesian, sec. 4]`.
    fn far_noise(&self, statistics: &Moments, n: f64) -> Result<Noise, ModelError> {
        let weights = &self.q.weights;
        let determined = determined(&self.q.precisions.expected(), &weights.variances);
        let residual = self.form.residual(statistics, &weights.mean);
        let free = n - determined;
        if !(free > 0.0) {
            return Ok(self.q.noise);
        }
        self.q.noise.settle(n, residual, determined)
    }

    /// The fitted posterior.
    pub(super) fn posterior(&self, config: &ArdConfig) -> ArdPosterior {
        ArdPosterior::new(
            self.scale.clone(),
            self.q.weights.clone(),
            *self.q.precisions.prior(),
            self.q.precisions.posterior().to_vec(),
            self.q.noise,
            config.sign_certainty,
        )
    }
}

/// `Σ (1 − α_d V_dd)`, the number of weights that the data determine.
fn determined(alpha: &[f64], variances: &[f64]) -> f64 {
    alpha.iter().zip(variances).map(|(a, v)| 1.0 - a * v).sum()
}

impl ConjugateModel for ArdModel {
    type Batch = Rows;
    type Statistics = Moments;

    fn zero_statistics(&self) -> Moments {
        self.form.zero_statistics(self.q.weights.len())
    }

    fn batch_len(batch: &Rows) -> usize {
        batch.len()
    }

    fn local_step(&self, batch: &Rows, statistics: &mut Moments) -> Result<f64, ModelError> {
        self.form.add_rows(batch, statistics)?;
        Ok(0.0)
    }

    fn global_step(&mut self, statistics: &Moments, step_size: f64) -> Result<(), ModelError> {
        if step_size == 1.0 {
            return self.ascend(statistics);
        }
        let Factors {
            weights,
            precisions,
            noise,
        } = &self.q;
        let (alpha, tau) = (precisions.expected(), noise.expected());
        let weights = self
            .form
            .step(weights, statistics, &alpha, tau, step_size)?;
        let n = self.form.total_weight(statistics);
        let residual = self.expected_residual(statistics, &weights);
        self.q = Factors {
            precisions: precisions.step(&weights.second_moments(), step_size)?,
            noise: noise.step(n, residual, step_size)?,
            weights,
        };
        self.warmup = 0;
        self.last = f64::NEG_INFINITY;
        Ok(())
    }

    fn global_bound(&self, statistics: &Moments) -> f64 {
        let residual = self.expected_residual(statistics, &self.q.weights);
        self.bound(statistics, &self.q, residual)
    }

    fn statistics_depend_on_posterior(&self) -> bool {
        false
    }
}
