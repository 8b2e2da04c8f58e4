//! Student's t distribution with location and scale.

use elbo_math::random::{Rng, standard_normal};
use elbo_math::special::{LN_PI, beta_i, normal_quantile};

use crate::error::Check;
use crate::gamma_ratio::{digamma_difference, ln_gamma_ratio};
use crate::root::{quantile_at, solve_increasing};
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, Moments};

const CHECK: Check = Check("Student-t");

/// `t_ν(x | m, s)`, with density `∝ (1 + ((x − m)/s)²/ν)^(−(ν+1)/2)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudentT {
    degrees_of_freedom: f64,
    location: f64,
    scale: f64,
}

impl StudentT {
    /// Builds the distribution from its degrees of freedom `ν`, location `m` and scale `s`.
    ///
    /// # Errors
    /// [`DistError`] unless `degrees_of_freedom` and `scale` are positive and `location` is finite.
    pub fn new(degrees_of_freedom: f64, location: f64, scale: f64) -> Result<Self, DistError> {
        let degrees_of_freedom = CHECK.positive("degrees_of_freedom", degrees_of_freedom)?;
        let location = CHECK.finite("location", location)?;
        let scale = CHECK.positive("scale", scale)?;
        Ok(Self {
            degrees_of_freedom,
            location,
            scale,
        })
    }

    /// The degrees of freedom `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// The location `m`.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The scale `s`, which is not the standard deviation.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    fn standardise(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }

    /// `log Γ((ν+1)/2) − log Γ(ν/2) − ½ log νπ − log s`.
    fn log_constant(&self) -> f64 {
        let nu = self.degrees_of_freedom;
        ln_gamma_ratio(nu / 2.0, 1) - 0.5 * (nu.ln() + LN_PI) - self.scale.ln()
    }
}

impl Distribution for StudentT {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        let nu = self.degrees_of_freedom;
        self.log_constant() - 0.5 * (nu + 1.0) * ln_1p_square_over(self.standardise(*x), nu)
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        self.location + self.scale * standard_normal(rng) * inverse_mixing(self, rng)
    }
}

fn inverse_mixing(t: &StudentT, rng: &mut impl Rng) -> f64 {
    ln_mixing(t.degrees_of_freedom, rng).exp()
}

/// `log √(ν/χ²_ν)`, the scale of the normal of which a Student-t is a mixture.
pub(crate) fn ln_mixing(degrees_of_freedom: f64, rng: &mut impl Rng) -> f64 {
    let half = 0.5 * degrees_of_freedom;
    0.5 * (half.ln() - crate::gamma::ln_standard_gamma(half, rng))
}

/// `log(1 + z²/ν)`, also where `z²` overflows.
fn ln_1p_square_over(z: f64, nu: f64) -> f64 {
    let ratio = z * (z / nu);
    if ratio.is_finite() {
        ratio.ln_1p()
    } else {
        2.0 * z.abs().ln() - nu.ln()
    }
}

impl Moments for StudentT {
    type Mean = f64;
    type Variance = f64;

    /// NaN for `ν ≤ 1`.
    fn mean(&self) -> f64 {
        if self.degrees_of_freedom > 1.0 {
            self.location
        } else {
            f64::NAN
        }
    }

    /// Infinite for `1 < ν ≤ 2`, NaN for `ν ≤ 1`.
    fn variance(&self) -> f64 {
        let nu = self.degrees_of_freedom;
        if nu > 2.0 {
            self.scale * self.scale * nu / (nu - 2.0)
        } else if nu > 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        }
    }
}

impl Entropy for StudentT {
    fn entropy(&self) -> f64 {
        let nu = self.degrees_of_freedom;
        0.5 * (nu + 1.0) * digamma_difference(nu / 2.0, 1) - self.log_constant()
    }
}

impl Cumulative for StudentT {
    fn cdf(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        let tail = lower_tail(-z.abs(), self.degrees_of_freedom);
        if z > 0.0 { 1.0 - tail } else { tail }
    }

    fn quantile(&self, p: f64) -> f64 {
        quantile_at(p, (f64::NEG_INFINITY, f64::INFINITY), |p| {
            let tail = lower_quantile(p.min(1.0 - p), self.degrees_of_freedom);
            self.location + self.scale * if p > 0.5 { -tail } else { tail }
        })
    }
}

/// `P(T ≤ z)` for `z ≤ 0`, by whichever incomplete beta integral keeps its digits.
fn lower_tail(z: f64, nu: f64) -> f64 {
    let square = z * z;
    if square < nu {
        0.5 - 0.5 * beta_i(0.5, 0.5 * nu, square / (nu + square))
    } else {
        // Written so that an overflowing square gives 0.
        0.5 * beta_i(0.5 * nu, 0.5, (1.0 + z * (z / nu)).recip())
    }
}

/// The quantile for `0 < p ≤ ½`, solved in `log(−z)` on the logarithm of the tail.
fn lower_quantile(p: f64, nu: f64) -> f64 {
    if p == 0.5 {
        return 0.0;
    }
    let unit = StudentT {
        degrees_of_freedom: nu,
        location: 0.0,
        scale: 1.0,
    };
    let start = (-normal_quantile(p)).ln();
    let u = solve_increasing(-100.0, 709.0, start, |u| {
        let z = -u.exp();
        let tail = lower_tail(z, nu);
        (p.ln() - tail.ln(), (unit.log_density(&z) + u).exp() / tail)
    });
    -u.exp()
}
