//! The Laplace distribution.

use elbo_math::random::{Rng, uniform};
use rand_distr::Distribution as _;
use std::f64::consts::LN_2;

use crate::error::Check;
use crate::root::quantile_at;
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("Laplace");

/// `Laplace(x | m, s)`, with density `exp(−|x − m|/s) / 2s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Laplace {
    location: f64,
    scale: f64,
}

impl Laplace {
    /// Builds the distribution from its location `m` and scale `s`.
    ///
    /// # Errors
    /// [`DistError`] unless `location` is finite and `scale` is positive.
    pub fn new(location: f64, scale: f64) -> Result<Self, DistError> {
        let location = CHECK.finite("location", location)?;
        Ok(Self {
            location,
            scale: CHECK.positive("scale", scale)?,
        })
    }

    /// The location `m`.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The scale `s`.
    pub fn scale(&self) -> f64 {
        self.scale
    }
}

impl Distribution for Laplace {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        -(x - self.location).abs() / self.scale - self.log_partition()
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let distance: f64 = rand_distr::Exp1.sample(rng);
        let sign = if uniform(rng) < 0.5 { -1.0 } else { 1.0 };
        self.location + sign * self.scale * distance
    }
}

impl Moments for Laplace {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.location
    }

    fn variance(&self) -> f64 {
        2.0 * self.scale * self.scale
    }
}

impl Entropy for Laplace {
    fn entropy(&self) -> f64 {
        1.0 + self.log_partition()
    }
}

impl Cumulative for Laplace {
    fn cdf(&self, x: f64) -> f64 {
        let z = (x - self.location) / self.scale;
        if z <= 0.0 {
            0.5 * z.exp()
        } else {
            1.0 - 0.5 * (-z).exp()
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        quantile_at(p, (f64::NEG_INFINITY, f64::INFINITY), |p| {
            let z = if p <= 0.5 {
                (2.0 * p).ln()
            } else {
                -(2.0 * (1.0 - p)).ln()
            };
            self.location + self.scale * z
        })
    }
}

/// `η = −1/s`, `T = |x − m|`, with `m` fixed.
impl ExponentialFamily for Laplace {
    fn natural_params(&self) -> Vec<f64> {
        vec![-self.scale.recip()]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 1)?;
        Self::new(self.location, -natural[0].recip())
    }

    fn log_partition(&self) -> f64 {
        LN_2 + self.scale.ln()
    }

    fn sufficient_stats(&self, x: &f64) -> Vec<f64> {
        vec![(x - self.location).abs()]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.scale]
    }

    #[expect(clippy::float_cmp, reason = "the statistics agree only if the bits do")]
    fn is_same_family(&self, other: &Self) -> bool {
        self.location == other.location
    }

    /// Also for different locations, where the two are not one exponential family.
    fn kl(&self, other: &Self) -> f64 {
        let (ratio, shift) = (
            self.scale / other.scale,
            (self.location - other.location).abs(),
        );
        ratio * (-shift / self.scale).exp() + shift / other.scale - 1.0 - ratio.ln()
    }
}
