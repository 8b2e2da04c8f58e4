//! The noise precision τ: known, or with a gamma prior and a gamma factor of `q`.

use elbo_dist::{Distribution, ExponentialFamily, Gamma, Moments};
use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;
use elbo_math::special::ln_gamma;

use crate::ModelError;
use crate::posterior::expect_array;

/// What is known about the noise beforehand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoisePrior {
    /// The noise's standard deviation is known, in the target's units.
    Fixed {
        /// The standard deviation.
        sd: f64,
    },
    /// The precision has a `Gamma(shape, rate)` prior, in units of the standardised target.
    Gamma {
        /// The shape.
        shape: f64,
        /// The rate.
        rate: f64,
    },
}

impl Default for NoisePrior {
    /// A proper prior that 10⁻⁶ observations would outweigh, as scikit-learn's.
    fn default() -> Self {
        Self::Gamma {
            shape: 1e-6,
            rate: 1e-6,
        }
    }
}

/// The noise's prior and its factor of `q`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Noise {
    Fixed { precision: f64 },
    Learnt { prior: Gamma, posterior: Gamma },
}

impl Noise {
    /// Starts at the variance of the (standardised) target.
    pub(crate) fn new(prior: NoisePrior, target_scale: f64) -> Result<Self, ModelError> {
        match prior {
            NoisePrior::Fixed { sd } => {
                if !(sd > 0.0 && sd.is_finite()) {
                    return Err(ModelError::setting(
                        "noise_sd",
                        sd,
                        "give a positive number",
                    ));
                }
                let standardized = sd / target_scale;
                Ok(Self::Fixed {
                    precision: 1.0 / (standardized * standardized),
                })
            }
            NoisePrior::Gamma { shape, rate } => Ok(Self::Learnt {
                prior: gamma_setting("noise_shape and noise_rate", shape, rate)?,
                posterior: gamma(1.0, 1.0)?,
            }),
        }
    }

    /// Starts at an earlier fit's noise, for a target whose residuals are now `unit` times as large;
    /// what is known stays as it is.
    pub(crate) fn resumed(&self, earlier: &Self, unit: f64) -> Result<Self, ModelError> {
        let Self::Learnt { prior, .. } = *self else {
            return Ok(*self);
        };
        let squared = unit * unit;
        let posterior = match earlier {
            Self::Fixed { precision } => gamma(1.0, squared / precision)?,
            Self::Learnt { posterior, .. } => gamma(posterior.shape(), posterior.rate() * squared)?,
        };
        Ok(Self::Learnt { prior, posterior })
    }

    /// `E[τ]`.
    pub(crate) fn expected(&self) -> f64 {
        match self {
            Self::Fixed { precision } => *precision,
            Self::Learnt { posterior, .. } => posterior.mean(),
        }
    }

    /// `E[log τ]`.
    pub(crate) fn expected_log(&self) -> f64 {
        match self {
            Self::Fixed { precision } => precision.ln(),
            Self::Learnt { posterior, .. } => posterior.mean_log(),
        }
    }

    /// `−KL(q(τ) ‖ p(τ))`.
    pub(crate) fn bound(&self) -> f64 {
        match self {
            Self::Fixed { .. } => 0.0,
            Self::Learnt { prior, posterior } => -posterior.kl(prior),
        }
    }

    /// Moves `q(τ)` by ρ towards `Gamma(prior.shape + count / 2, prior.rate + squares / 2)`.
    pub(crate) fn step(
        &self,
        count: f64,
        squares: f64,
        step_size: f64,
    ) -> Result<Self, ModelError> {
        let Self::Learnt { prior, posterior } = *self else {
            return Ok(*self);
        };
        let mix = |old: f64, new: f64| (1.0 - step_size) * old + step_size * new;
        let shape = mix(posterior.shape(), prior.shape() + 0.5 * count);
        let rate = mix(posterior.rate(), prior.rate() + 0.5 * squares);
        Ok(Self::Learnt {
            prior,
            posterior: gamma(shape, rate)?,
        })
    }
}

impl Noise {
    /// `q(τ)` with the mean at which plain updates settle when the mean residual `Σ(y − xm)²` and
    /// the number of determined weights stand still.
    pub(crate) fn settle(
        &self,
        count: f64,
        residual: f64,
        determined: f64,
    ) -> Result<Self, ModelError> {
        let Self::Learnt { prior, .. } = *self else {
            return Ok(*self);
        };
        let tau = (prior.shape() + 0.5 * (count - determined)) / (prior.rate() + 0.5 * residual);
        let shape = prior.shape() + 0.5 * count;
        Ok(Self::Learnt {
            prior,
            posterior: gamma(shape, shape / tau)?,
        })
    }

    /// The geometric path from `self` (0) to `other` (1) in the rate.
    pub(crate) fn between(&self, other: &Self, t: f64) -> Result<Self, ModelError> {
        let (Self::Learnt { prior, posterior }, Self::Learnt { posterior: far, .. }) =
            (*self, other)
        else {
            return Ok(*self);
        };
        let rate = posterior.rate() * (far.rate() / posterior.rate()).powf(t);
        Ok(Self::Learnt {
            prior,
            posterior: gamma(posterior.shape(), rate)?,
        })
    }

    /// Adds the noise to a fit's arrays: one number if it is known, four if it is learnt.
    pub(crate) fn store(&self, arrays: &mut Arrays) {
        let values = match self {
            Self::Fixed { precision } => vec![*precision],
            Self::Learnt { prior, posterior } => vec![
                prior.shape(),
                prior.rate(),
                posterior.shape(),
                posterior.rate(),
            ],
        };
        arrays.insert("noise".to_string(), Array::f64(&[values.len()], values));
    }

    /// The inverse of [`store`](Self::store).
    pub(crate) fn load(arrays: &Arrays) -> Result<Self, ModelError> {
        let known = arrays.get("noise").is_some_and(|a| a.shape() == [1]);
        if known {
            let precision = expect_array(arrays, "noise", &[1])?.to_f64()[0];
            return Ok(Self::Fixed { precision });
        }
        let v = expect_array(arrays, "noise", &[4])?.to_f64();
        Ok(Self::Learnt {
            prior: gamma(v[0], v[1])?,
            posterior: gamma(v[2], v[3])?,
        })
    }

    /// A draw of τ.
    pub(crate) fn draw(&self, rng: &mut Stream) -> f64 {
        match self {
            Self::Fixed { precision } => *precision,
            Self::Learnt { posterior, .. } => posterior.sample(rng),
        }
    }

    pub(crate) fn is_learnt(&self) -> bool {
        matches!(self, Self::Learnt { .. })
    }

    /// Degrees of freedom of the Student-t that τ's uncertainty makes of a normal; infinite when τ
    /// is known.
    pub(crate) fn degrees_of_freedom(&self) -> f64 {
        match self {
            Self::Fixed { .. } => f64::INFINITY,
            Self::Learnt { posterior, .. } => 2.0 * posterior.shape(),
        }
    }

    /// `E[τ^(−1/2)]`, the noise's expected standard deviation; infinite for a shape of ½ or less.
    pub(crate) fn expected_sd(&self) -> f64 {
        match self {
            Self::Fixed { precision } => 1.0 / precision.sqrt(),
            Self::Learnt { posterior, .. } if posterior.shape() > 0.5 => {
                let a = posterior.shape();
                (ln_gamma(a - 0.5) - ln_gamma(a)).exp() * posterior.rate().sqrt()
            }
            Self::Learnt { .. } => f64::INFINITY,
        }
    }
}

/// A factor of `q`; only a numerical failure makes its parameters unusable.
pub(crate) fn gamma(shape: f64, rate: f64) -> Result<Gamma, ModelError> {
    Gamma::new(shape, rate).map_err(|error| ModelError::data(error.to_string()))
}

/// A prior that the user chose.
pub(crate) fn gamma_setting(
    name: &'static str,
    shape: f64,
    rate: f64,
) -> Result<Gamma, ModelError> {
    Gamma::new(shape, rate).map_err(|_| {
        ModelError::setting(
            name,
            format!("{shape} and {rate}"),
            "give two positive numbers",
        )
    })
}
