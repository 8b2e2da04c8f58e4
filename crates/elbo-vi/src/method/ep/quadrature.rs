//! The moments of a Gaussian times a factor, by the trapezoidal rule.
//!
//! The one idea: the rule converges geometrically for smooth integrands that vanish at both ends
//! `[@trefethen2014trapezoidal, thm. 5.1]`, and one set of values serves all three moments; so the
//! number of points is doubled until nothing changes. Deliberately absent: integrands with jumps.

use elbo_math::special::LN_2PI;

use super::factor::{Factor, Tilted};

/// How far below its peak, in nats, an integrand no longer matters.
const NEGLIGIBLE: f64 = 40.0;
/// Relative change of a moment at which refining ends.
const ENOUGH: f64 = 1e-11;
/// Change that may be rounding, once it no longer falls.
const ROUNDED: f64 = 1e-6;
/// Points at most: an integrand that needs more is none that can be trusted.
const MOST_POINTS: usize = 1 << 15;

/// The moments by the trapezoidal rule, refined until they no longer change.
pub(super) fn by_quadrature<F: Factor + ?Sized>(
    factor: &F,
    mean: f64,
    variance: f64,
) -> Option<Tilted> {
    let sd = variance.sqrt();
    let log_integrand = |s: f64| factor.log_value(s) - 0.5 * (s - mean).powi(2) / variance;
    let (from, to) = if factor.is_log_concave() {
        window_around_peak(factor, &log_integrand, mean, variance)?
    } else {
        // Beyond nine standard deviations the Gaussian alone is negligible.
        (mean - 9.0 * sd, mean + 9.0 * sd)
    };
    let mut points = 64;
    let mut best = trapezoid(&log_integrand, from, to, points)?;
    let mut last_change = f64::INFINITY;
    while points < MOST_POINTS {
        points *= 2;
        let now = trapezoid(&log_integrand, from, to, points)?;
        let change = (now.log_mass - best.log_mass)
            .abs()
            .max((now.mean - best.mean).abs() / now.variance.sqrt())
            .max((now.variance / best.variance).ln().abs());
        best = now;
        // Where the logarithms are large numbers their rounding ends the convergence earlier.
        let rounding = change < ROUNDED && change > 0.5 * last_change;
        if change < ENOUGH || rounding {
            best.log_mass -= 0.5 * (LN_2PI + variance.ln());
            return Some(best);
        }
        last_change = change;
    }
    None
}

/// The interval outside which the integrand is negligible, about its only peak.
fn window_around_peak<F: Factor + ?Sized>(
    factor: &F,
    log_integrand: &impl Fn(f64) -> f64,
    mean: f64,
    variance: f64,
) -> Option<(f64, f64)> {
    let rise = |s: f64| factor.slope(s) - (s - mean) / variance;
    let (mut low, mut high) = (mean, mean);
    let mut reach = variance.sqrt();
    while !(rise(low) > 0.0 && rise(high) < 0.0) {
        if rise(low) <= 0.0 {
            low = mean - reach;
        }
        if !(rise(high) < 0.0) {
            high = mean + reach;
        }
        reach *= 2.0;
        if !reach.is_finite() {
            return None;
        }
    }
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if rise(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let peak = f64::midpoint(low, high);
    let top = log_integrand(peak);
    let end = |direction: f64| {
        // Doubling from a distance at which nothing has changed yet; at most twice too far.
        let mut distance = 1e-8 * variance.sqrt();
        while top - log_integrand(peak + direction * distance) < NEGLIGIBLE {
            distance *= 2.0;
            if !distance.is_finite() {
                break;
            }
        }
        peak + direction * distance
    };
    let window = (end(-1.0), end(1.0));
    (top.is_finite() && window.0.is_finite() && window.1.is_finite()).then_some(window)
}

fn trapezoid(
    log_integrand: &impl Fn(f64) -> f64,
    from: f64,
    to: f64,
    points: usize,
) -> Option<Tilted> {
    let width = (to - from) / points as f64;
    let at = |k: usize| from + (k as f64 + 0.5) * width;
    let values: Vec<f64> = (0..points).map(|k| log_integrand(at(k))).collect();
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return None;
    }
    let weights: Vec<f64> = values.iter().map(|v| (v - top).exp()).collect();
    let mass: f64 = weights.iter().sum();
    let mean = weights
        .iter()
        .enumerate()
        .map(|(k, w)| w * at(k))
        .sum::<f64>()
        / mass;
    let square = |(k, w): (usize, &f64)| w * (at(k) - mean).powi(2);
    let variance = weights.iter().enumerate().map(square).sum::<f64>() / mass;
    (variance > 0.0 && mass.is_finite()).then(|| Tilted {
        log_mass: top + (mass * width).ln(),
        mean,
        variance,
    })
}
