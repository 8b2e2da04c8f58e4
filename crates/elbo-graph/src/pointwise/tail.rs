//! Distribution functions and densities that are sums without a closed form: von Mises, beta-binomial,
//! first passages.
//!
//! The one idea: as in [`super::incomplete`], a sum is evaluated on numbers with a tangent, and its
//! derivatives come out of the same loop. Deliberately absent: locations and scales, which densities
//! put around these.

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

use super::Library;
use crate::number::Number;

/// Terms that are always affordable.
const MOST_TERMS: f64 = 2e6;

/// `G(x, κ) = ½ + ∫_0^x e^{κ cos t} dt / (2π I_0(κ))`, for any angle.
pub(crate) struct VonMisesIntegral;

impl Library<2> for VonMisesIntegral {
    fn value<T: Number>([x, kappa]: [T; 2]) -> T {
        von_mises_integral(x, kappa)
    }
}

/// The ratios `I_n/I_{n−1}` of the Fourier series by backward recursion (`[@hill1977algorithm]`), and
/// where that would be long, `Φ(s) − s φ(s)/(8κ)` with `s = 2 √κ sin(x/2)`, up to `κ⁻²`.
fn von_mises_integral<T: Number>(x: T, kappa: T) -> T {
    let k = kappa.value();
    if !(k >= 0.0) || !x.value().is_finite() {
        return T::constant(f64::NAN);
    }
    let turns = (x.value() / TAU).round();
    let y = x.plus(-turns * TAU);
    if k > 1e8 {
        let s = y.times(0.5).sin() * kappa.sqrt().times(2.0);
        let phi = s.square().times(-0.5).exp().times(1.0 / TAU.sqrt());
        let below = s.times(-FRAC_1_SQRT_2).erfc().times(0.5);
        return (below - s * phi / kappa.times(8.0)).plus(turns);
    }
    // I_n/I_0 is about exp(−n²/(2κ)), or (κ/2)ⁿ/n! for small κ; κ is at most 10⁸ here.
    let n_terms = 25.0 + 10.0 * k.sqrt();
    let (mut ratio, mut sum) = (T::default(), T::default());
    let mut n = n_terms.floor();
    while n >= 1.0 {
        ratio = kappa / (kappa * ratio).plus(2.0 * n);
        sum = ratio * (y.times(n).sin().times(1.0 / n) + sum);
        n -= 1.0;
    }
    (y.times(0.5) + sum).times(1.0 / PI).plus(0.5 + turns)
}

/// `log P(X ≤ n)` of a beta-binomial: `n`, the number of trials, `α`, `β`.
pub(crate) struct BetaBinomialLcdf;

impl Library<4> for BetaBinomialLcdf {
    fn value<T: Number>([n, trials, alpha, beta]: [T; 4]) -> T {
        let (n, trials) = (n.value(), trials.value());
        if n < 0.0 {
            return T::constant(f64::NEG_INFINITY);
        }
        if n >= trials {
            return T::constant(0.0);
        }
        // The shorter tail, unless it leaves nothing of the other one's digits.
        let above = trials - n - 1.0;
        if n <= above {
            return beta_binomial_tail(n, trials, alpha, beta);
        }
        let upper = beta_binomial_tail(above, trials, beta, alpha);
        if upper.value() > -1e-3 && n <= MOST_TERMS {
            return beta_binomial_tail(n, trials, alpha, beta);
        }
        // Rounding may leave the other tail more than everything.
        if upper.value() >= 0.0 {
            return T::constant(f64::NEG_INFINITY);
        }
        (-upper.exp()).ln_1p()
    }
}

/// The sum of the probabilities of 0 … `n`, from `n` downwards.
fn beta_binomial_tail<T: Number>(n: f64, trials: f64, alpha: T, beta: T) -> T {
    // log Γ(n + a)/(Γ(a) n!), whichever of n and a is the larger.
    let ways = |a: T, n: f64| {
        let after = T::constant(n + 1.0);
        if a.value() > n {
            a.ln_rising(T::constant(n)) - after.ln_gamma_positive()
        } else {
            after.ln_rising(a.plus(-1.0)) - a.ln_gamma_positive()
        }
    };
    let last = ways(alpha, n) + ways(beta, trials - n) - ways(alpha + beta, trials);
    let (mut term, mut sum) = (T::constant(1.0), T::constant(1.0));
    let (mut k, mut taken_out) = (n, 0.0);
    while k >= 1.0 {
        // P(k − 1)/P(k).
        let ratio = beta.plus(trials - k) / alpha.plus(k - 1.0);
        term = term * ratio.times(k / (trials - k + 1.0));
        sum += term;
        if sum.value() > 1e200 {
            (term, sum) = (term.times(1e-200), sum.times(1e-200));
            taken_out += 200.0 * std::f64::consts::LN_10;
        }
        k -= 1.0;
    }
    last + sum.ln().plus(taken_out)
}

/// The logarithm of the density of the time `t` at which a Brownian motion that begins at `b` and is
/// stopped at 0 reaches 1 (`[@navarro2009fast, eqs. 5–6]`, seen from the other boundary).
pub(crate) struct LogFirstPassage;

impl Library<2> for LogFirstPassage {
    fn value<T: Number>([t, b]: [T; 2]) -> T {
        // Each series has all digits on its side.
        if t.value() < 0.3 {
            early(t, b)
        } else {
            late(t, b)
        }
    }
}

/// Reflections: `Σ_{c = 1, 3, …} (c − b) e^{−(c − b)²/2t} − (c + b) e^{−(c + b)²/2t}`, as
/// `Σ_c e^{−(c − b)²/2t} (−c (e^{−2cb/t} − 1) − b (1 + e^{−2cb/t}))`, which keeps the digits of a small
/// `b`.
fn early<T: Number>(t: T, b: T) -> T {
    if !(t.value() > 0.0) {
        return T::constant(f64::NEG_INFINITY);
    }
    let distance = T::constant(1.0) - b;
    let mut sum = T::default();
    for c in [1.0, 3.0, 5.0, 7.0] {
        let near = T::constant(c) - b;
        let twice = (b / t).times(-2.0 * c);
        let pair = -(twice.exp_m1().times(c) + b * twice.exp().plus(1.0));
        // (c − b)² − (1 − b)².
        let further = (near - distance) * (near + distance);
        sum += (further / t.times(-2.0)).exp() * pair;
    }
    let scale = t.ln().times(-1.5).plus(-0.5 * TAU.ln());
    scale - distance * distance / t.times(2.0) + sum.ln()
}

/// Eigenfunctions: `π Σ_k k e^{−k²π²t/2} sin(kπ(1 − b))`.
fn late<T: Number>(t: T, b: T) -> T {
    let rate = t.times(-0.5 * PI * PI);
    let mut sum = T::default();
    for k in 1..=8_u32 {
        // sin(kπ(1 − b)) = −(−1)ᵏ sin(kπb): the smaller angle has the digits.
        let odd = k % 2 == 1;
        let k = f64::from(k);
        let small = b.value() < 0.5;
        let angle = T::select(small, b, T::constant(1.0) - b).times(k * PI);
        let sign = if small && !odd { -k } else { k };
        sum += (rate.times(k * k - 1.0).exp() * angle.sin()).times(sign);
    }
    rate + sum.ln().plus(PI.ln())
}
