//! Student's t distribution with location and scale.

use elbo_math::random::{Rng, standard_normal};
use elbo_math::special::{LN_PI, beta_i, normal_cdf, normal_quantile};

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

/// From here on [`hill`] is exact to rounding, and the incomplete beta integral no longer is.
const NEARLY_NORMAL_FROM: f64 = 1e4;

/// The standard normal deviate with the tail probability that `z` has under Student's t.
///
/// # References
/// `[@hill1970student]`.
fn hill(z: f64, nu: f64) -> f64 {
    let a = nu - 0.5;
    let b = 48.0 * a * a;
    let square = a * ln_1p_square_over(z, nu);
    let w = square.sqrt();
    let numerator = ((4.0 * square + 33.0) * square + 240.0) * square + 855.0;
    let second = numerator / (10.0 * b * (b + 0.8 * square * square + 100.0));
    (w + w * ((square + 3.0) / b - second)).copysign(z)
}

/// `P(T ≤ z)` for `z ≤ 0`, by the formula that keeps its digits.
fn lower_tail(z: f64, nu: f64) -> f64 {
    let square = z * z;
    if nu >= NEARLY_NORMAL_FROM {
        normal_cdf(hill(z, nu))
    } else if square < 4.0 {
        // Subtracting from a half costs a tail its digits, so only near the centre.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.t`, SciPy 1.17.1: `(ν, z, P(T ≤ z))`.
    #[test]
    fn tails_agree_with_scipy_for_any_degrees_of_freedom() {
        for (nu, z, tail) in [
            (0.1, -40.0, 0.28861922164380993),
            (0.1, -7.0, 0.3435571270017005),
            (0.1, -3.0, 0.3738470769863422),
            (0.1, -1.9, 0.3911513379918462),
            (0.1, -0.001, 0.49985190814779157),
            (1.0, -40.0, 0.007956089912025812),
            (1.0, -7.0, 0.04516723530086655),
            (1.0, -3.0, 0.10241638234956672),
            (1.0, -1.9, 0.15421411445033348),
            (1.0, -0.001, 0.49968169021990794),
            (2.5, -40.0, 7.09781714524669e-05),
            (2.5, -7.0, 0.0052861847637957066),
            (2.5, -3.0, 0.036288047774515914),
            (2.5, -1.9, 0.08587302116686739),
            (2.5, -0.001, 0.49963819136039245),
            (30.0, -40.0, 6.863022597203209e-28),
            (30.0, -7.0, 4.434979333610325e-08),
            (30.0, -3.0, 0.0026949820328259727),
            (30.0, -1.9, 0.033541461999298465),
            (30.0, -0.001, 0.49960436788324253),
            (1000.0, -40.0, 5.239426077586636e-210),
            (1000.0, -7.0, 2.3437512833857203e-12),
            (1000.0, -3.0, 0.0013833545221190963),
            (1000.0, -1.9, 0.02886027935285224),
            (1000.0, -0.001, 0.4996011575092264),
            (9000.0, -7.0, 1.3714354229847298e-12),
            (9000.0, -3.0, 0.001353593926356387),
            (9000.0, -1.9, 0.028732524970776607),
            (9000.0, -0.001, 0.4996010688676706),
            (10000.0, -7.0, 1.3620157803399156e-12),
            (10000.0, -3.0, 0.001353224094998833),
            (10000.0, -1.9, 0.02873092841369304),
            (10000.0, -0.001, 0.4996010677595263),
            (1000000.0, -7.0, 1.280612055687042e-12),
            (1000000.0, -3.0, 0.0013499312707109),
            (1000000.0, -1.9, 0.028716703498269703),
            (1000000.0, -0.001, 0.4996010578858246),
            (1000000000.0, -7.0, 1.2798133431740966e-12),
            (1000000000.0, -3.0, 0.0013498980648689565),
            (1000000000.0, -1.9, 0.028716559959684043),
            (1000000000.0, -0.001, 0.4996010577861887),
        ] {
            let student_t = StudentT::new(nu, 0.0, 1.0).unwrap();
            let relative = student_t.cdf(z) / tail - 1.0;
            assert!(
                relative.abs() < 1e-11,
                "ν = {nu}, z = {z}: off by {relative:e}"
            );
            let quantile = student_t.quantile(tail);
            // Near the median SciPy's probabilities are right to 1e-14 of themselves.
            let tolerance = 1e-11 * z.abs() + 2e-13;
            assert!(
                (quantile - z).abs() < tolerance,
                "ν = {nu}, p = {tail}: {quantile}"
            );
        }
    }

    #[test]
    fn the_density_keeps_its_digits_for_huge_degrees_of_freedom() {
        // With ν → ∞ it is the standard normal's; the two differ by O(1/ν).
        let (t, normal) = (
            StudentT::new(1e13, 0.0, 1.0).unwrap(),
            crate::Normal::new(0.0, 1.0).unwrap(),
        );
        assert!((t.log_density(&1.5) - normal.log_density(&1.5)).abs() < 1e-12);
        assert!((t.entropy() - normal.entropy()).abs() < 1e-12);
    }
}
