//! Priors of a standard form, as functions of a standard normal variable and back.
//!
//! With `F` the distribution function, `w = F⁻¹(Φ(z))` has the prior if `z` is standard normal, and
//! `∂w/∂z = φ(z) / f(w)`. The one idea: both tails are computed from the smaller of `F` and `1 − F`,
//! in logarithms, so that neither loses digits. Deliberately absent: distributions without a closed
//! form of `F⁻¹`.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_PI_2, LN_2, PI};

use super::rewrite::Formula;
use crate::graph::NodeId;
use crate::pointwise::Function;

const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// Below this `z` a half-normal variable is proportional to its distribution function: the next term
/// but one of the series is `(π p²)² ~ 1e-8` squared.
const FAR_BELOW: f64 = -4.0;

/// The distribution of a variable of location 0 and scale 1; of its logarithm where it is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standard {
    /// Normal already, or not to be changed.
    Normal,
    /// Cauchy.
    Cauchy,
    /// Laplace.
    Laplace,
    /// Logistic, as the logit of a uniform variable is.
    Logistic,
    /// The logarithm of a half-Cauchy variable.
    LogHalfCauchy,
    /// The logarithm of a half-normal variable.
    LogHalfNormal,
    /// The logarithm of an exponential variable.
    LogExponential,
}

impl Standard {
    /// `w` and `log ∂w/∂z`.
    pub(super) fn of_normal(self, f: &mut Formula<'_>, z: NodeId) -> (NodeId, NodeId) {
        let square = f.one(Function::Square, z);
        let exponent = f.times(square, -0.5);
        let log_phi = f.plus(exponent, -HALF_LOG_TWO_PI);
        let minus_z = f.one(Function::Negate, z);
        let below = f.one(Function::StdNormalLcdf, z);
        let above = f.one(Function::StdNormalLcdf, minus_z);
        match self {
            Self::Normal => {
                let zero = f.times(z, 0.0);
                (z, zero)
            }
            Self::Logistic => {
                let w = f.two(Function::Subtract, below, above);
                let sum = f.two(Function::Add, below, above);
                (w, f.two(Function::Subtract, log_phi, sum))
            }
            Self::Laplace => {
                let (below, above) = (f.plus(below, LN_2), f.plus(above, LN_2));
                let zero = f.number(0.0);
                let left = f.two(Function::Minimum, below, zero);
                let right = f.two(Function::Minimum, above, zero);
                let w = f.two(Function::Subtract, left, right);
                // log f = −|w| − log 2, and |w| = −left − right.
                let sum = f.two(Function::Add, left, right);
                let log_f = f.plus(sum, -LN_2);
                (w, f.two(Function::Subtract, log_phi, log_f))
            }
            Self::Cauchy | Self::LogHalfCauchy => {
                let [a, b] = [below, above].map(|log_p| {
                    let p = f.one(Function::Exp, log_p);
                    let angle = f.times(p, FRAC_PI_2);
                    f.one(Function::Sin, angle)
                });
                self.of_angle(f, log_phi, a, b)
            }
            Self::LogHalfNormal => {
                let w = log_half_normal(f, z, minus_z, below, above);
                // log f(w) = ½ log(2/π) − e²ʷ/2 + w.
                let x = f.one(Function::Exp, w);
                let square = f.one(Function::Square, x);
                let half = f.times(square, -0.5);
                let log_f = f.two(Function::Add, half, w);
                let log_f = f.plus(log_f, 0.5 * FRAC_2_PI.ln());
                (w, f.two(Function::Subtract, log_phi, log_f))
            }
            Self::LogExponential => {
                let x = f.one(Function::Negate, above);
                let w = f.one(Function::Log, x);
                // log f(w) = w − x.
                let log_f = f.two(Function::Add, w, above);
                (w, f.two(Function::Subtract, log_phi, log_f))
            }
        }
    }

    /// Cauchy variables from the sine `a` and the cosine `b` of `Φ(z) π/2`.
    fn of_angle(
        self,
        f: &mut Formula<'_>,
        log_phi: NodeId,
        a: NodeId,
        b: NodeId,
    ) -> (NodeId, NodeId) {
        let product = f.two(Function::Multiply, a, b);
        let log_product = f.one(Function::Log, product);
        if self == Self::LogHalfCauchy {
            let [log_a, log_b] = [a, b].map(|x| f.one(Function::Log, x));
            let w = f.two(Function::Subtract, log_a, log_b);
            // log f(w) = log(2/π) + log ab.
            let change = f.two(Function::Subtract, log_phi, log_product);
            return (w, f.plus(change, FRAC_PI_2.ln()));
        }
        // tan(Φ(z) π − π/2) = (a² − b²)/(2ab), and f = (2ab)²/π.
        let [a2, b2] = [a, b].map(|x| f.one(Function::Square, x));
        let difference = f.two(Function::Subtract, a2, b2);
        let twice = f.times(product, 2.0);
        let w = f.two(Function::Divide, difference, twice);
        let log_f = f.times(log_product, 2.0);
        let log_f = f.plus(log_f, 2.0 * LN_2 - PI.ln());
        (w, f.two(Function::Subtract, log_phi, log_f))
    }

    /// `z` of `w`.
    pub(super) fn to_normal(self, f: &mut Formula<'_>, w: NodeId) -> NodeId {
        let minus_w = f.one(Function::Negate, w);
        let (below, above) = match self {
            Self::Normal => return w,
            Self::Logistic => (
                f.one(Function::LogInvLogit, w),
                f.one(Function::LogInvLogit, minus_w),
            ),
            Self::Laplace => {
                let zero = f.number(0.0);
                let [left, right] = [w, minus_w].map(|x| f.two(Function::Minimum, x, zero));
                (f.plus(left, -LN_2), f.plus(right, -LN_2))
            }
            Self::Cauchy => {
                let one = f.number(1.0);
                let [below, above] = [minus_w, w].map(|x| {
                    let angle = f.two(Function::Atan2, one, x);
                    let log = f.one(Function::Log, angle);
                    f.plus(log, -PI.ln())
                });
                (below, above)
            }
            Self::LogHalfCauchy => {
                let [below, above] = [w, minus_w].map(|l| {
                    let x = f.one(Function::Exp, l);
                    let angle = f.one(Function::Atan, x);
                    let log = f.one(Function::Log, angle);
                    f.plus(log, FRAC_2_PI.ln())
                });
                (below, above)
            }
            Self::LogHalfNormal => {
                let x = f.one(Function::Exp, w);
                let scaled = f.times(x, FRAC_1_SQRT_2);
                let p = f.one(Function::Erf, scaled);
                let minus_x = f.one(Function::Negate, x);
                let tail = f.one(Function::StdNormalLcdf, minus_x);
                (f.one(Function::Log, p), f.plus(tail, LN_2))
            }
            Self::LogExponential => {
                let x = f.one(Function::Exp, w);
                let minus_x = f.one(Function::Negate, x);
                (f.one(Function::Log1mExp, minus_x), minus_x)
            }
        };
        let lower = f.two(Function::Less, below, above);
        let [from_below, from_above] = [below, above].map(|p| f.one(Function::StdNormalLogQf, p));
        let from_above = f.one(Function::Negate, from_above);
        f.three(Function::Select, lower, from_below, from_above)
    }
}

/// `log x` with `erf(x/√2) = Φ(z)`.
fn log_half_normal(
    f: &mut Formula<'_>,
    z: NodeId,
    minus_z: NodeId,
    below: NodeId,
    _above: NodeId,
) -> NodeId {
    // x = √2 erfc⁻¹(Φ(−z)), which loses digits far below.
    let limit = f.number(-FAR_BELOW);
    let near = f.two(Function::Minimum, minus_z, limit);
    let tail = f.one(Function::Phi, near);
    let quantile = f.one(Function::InvErfc, tail);
    let log_quantile = f.one(Function::Log, quantile);
    let main = f.plus(log_quantile, 0.5 * LN_2);
    // x = p √(π/2) (1 + π p²/12 + …) with p = Φ(z).
    let p = f.one(Function::Exp, below);
    let p2 = f.one(Function::Square, p);
    let correction = f.times(p2, PI / 12.0);
    let leading = f.plus(below, 0.5 * FRAC_PI_2.ln());
    let series = f.two(Function::Add, leading, correction);
    let bound = f.number(FAR_BELOW);
    let far = f.two(Function::Less, z, bound);
    f.three(Function::Select, far, series, main)
}
