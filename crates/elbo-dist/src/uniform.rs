//! The uniform distribution on an interval.

use elbo_math::random::{self, Rng};

use crate::error::Check;
use crate::root::quantile_at;
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, Moments};

const CHECK: Check = Check("uniform");

/// `Uniform(x | a, b)`, with density `1/(b − a)` on `a ≤ x ≤ b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform {
    lower: f64,
    upper: f64,
}

impl Uniform {
    /// Builds the distribution from its bounds.
    ///
    /// # Errors
    /// [`DistError`] unless both are finite, `lower < upper`, and their distance is finite.
    pub fn new(lower: f64, upper: f64) -> Result<Self, DistError> {
        CHECK.finite("lower", lower)?;
        let ok = upper > lower && (upper - lower).is_finite();
        CHECK.require(
            ok,
            "upper",
            upper,
            "greater than lower, at a finite distance",
        )?;
        Ok(Self { lower, upper })
    }

    /// The lower bound.
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper bound.
    pub fn upper(&self) -> f64 {
        self.upper
    }

    fn width(&self) -> f64 {
        self.upper - self.lower
    }
}

impl Distribution for Uniform {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x < self.lower || *x > self.upper {
            return f64::NEG_INFINITY;
        }
        // A NaN stays one.
        -self.width().ln() + 0.0 * x
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        self.quantile(random::uniform(rng))
    }
}

impl Moments for Uniform {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.lower + 0.5 * self.width()
    }

    fn variance(&self) -> f64 {
        self.width() * self.width() / 12.0
    }
}

impl Entropy for Uniform {
    fn entropy(&self) -> f64 {
        self.width().ln()
    }
}

impl Cumulative for Uniform {
    fn cdf(&self, x: f64) -> f64 {
        ((x - self.lower) / self.width()).clamp(0.0, 1.0)
    }

    fn quantile(&self, p: f64) -> f64 {
        quantile_at(p, (self.lower, self.upper), |p| {
            self.lower + p * self.width()
        })
    }
}
