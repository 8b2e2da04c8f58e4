//! What the data say about one precision, all others standing still: the ELBO as its function.
//!
//! The one idea: seen from weight `d` alone the data are a Gaussian of precision `s` and linear term
//! `r`, so with `q(w)` at its optimum the ELBO, as a function of `α = E[α_g]`, is
//!
//! ```text
//! F(α) = a log α − b₀ α + ½ Σ_d [r_d² / (α + s_d) − log(α + s_d)] + const
//! ```
//!
//! exactly for a group of one weight, and for uncorrelated weights otherwise. With a vague prior it
//! has two maxima, one where the input is on and one, near `a / b₀`, where it is off. Plain updates
//! climb to the one on whose side they happen to be.
//!
//! # References
//! `[@tipping2003fast]` for the same function of the evidence, which has one maximum.

/// How far `log α` may go in search of a maximum; a prior so vague that its limit lies beyond leaves
/// the rest to the next step.
const LONGEST: f64 = 40.0;
/// Steps of `log α` between evaluations: maxima that matter lie further apart.
const STRIDE: f64 = 0.25;
/// The ELBO as a function of one group's `E[α]`.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    /// `a`, the shape of `q(α)`.
    shape: f64,
    /// `b₀`, the rate of the prior.
    prior_rate: f64,
    /// `(s_d, r_d²)`.
    weights: Vec<(f64, f64)>,
}

impl Evidence {
    pub(crate) fn new(shape: f64, prior_rate: f64) -> Self {
        Self {
            shape,
            prior_rate,
            weights: Vec::new(),
        }
    }

    /// Adds a weight with `q(w_d) = N(mean, variance)` under the precision `alpha`.
    pub(crate) fn push(&mut self, alpha: f64, mean: f64, variance: f64) {
        let total = 1.0 / variance;
        let r = mean * total;
        self.weights.push(((total - alpha).max(0.0), r * r));
    }

    /// `F` at `log α`.
    pub(crate) fn value(&self, log_alpha: f64) -> f64 {
        let alpha = log_alpha.exp();
        let term = |(s, r2): &(f64, f64)| {
            let total = alpha + s;
            0.5 * (r2 / total - total.ln())
        };
        let data: f64 = self.weights.iter().map(term).sum();
        self.shape * log_alpha - self.prior_rate * alpha + data
    }

    /// `dF / dα` at `log α`.
    fn slope(&self, log_alpha: f64) -> f64 {
        let alpha = log_alpha.exp();
        let pull = |(s, r2): &(f64, f64)| {
            let total = alpha + s;
            0.5 * (r2 / (total * total) + 1.0 / total)
        };
        let data: f64 = self.weights.iter().map(pull).sum();
        self.shape / alpha - self.prior_rate - data
    }

    /// `log α` at the maximum that lies uphill of `start`: the limit of plain updates.
    pub(crate) fn uphill(&self, start: f64) -> f64 {
        let up = if self.slope(start) > 0.0 { 1.0 } else { -1.0 };
        // Short strides do not step over the first maximum.
        let mut far = start + STRIDE * up;
        while self.slope(far) * up > 0.0 && (far - start).abs() < LONGEST {
            far += STRIDE * up;
        }
        let near = far - STRIDE * up;
        self.bisect(near.min(far), near.max(far))
    }

    /// `log α` at the highest of all maxima.
    pub(crate) fn highest(&self) -> f64 {
        // No maximum lies beyond `a / b₀`, nor below the precision at which `E[w²]` is largest.
        let largest = (self.shape / self.prior_rate).ln();
        let square = |(s, r2): &(f64, f64)| r2 / (s * s) + 1.0 / s;
        let spread: f64 = self.weights.iter().map(square).sum();
        let smallest = (self.shape / (self.prior_rate + 0.5 * spread)).ln();
        let mut best = largest;
        let mut left = smallest.max(largest - 2.0 * LONGEST) - STRIDE;
        while left < largest {
            let right = left + STRIDE;
            if self.slope(left) > 0.0 && self.slope(right) <= 0.0 {
                let maximum = self.bisect(left, right);
                if self.value(maximum) > self.value(best) {
                    best = maximum;
                }
            }
            left = right;
        }
        best
    }

    /// The root of the slope in a stretch at whose left end it is positive.
    fn bisect(&self, mut left: f64, mut right: f64) -> f64 {
        for _ in 0..40 {
            let middle = 0.5 * (left + right);
            if self.slope(middle) > 0.0 {
                left = middle;
            } else {
                right = middle;
            }
        }
        0.5 * (left + right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One weight with data of precision 1 and estimate `z`, a₀ = ½.
    fn one(z: f64, prior_rate: f64) -> Evidence {
        Evidence {
            shape: 1.0,
            prior_rate,
            weights: vec![(1.0, z * z)],
        }
    }

    #[test]
    fn slope_is_the_derivative_of_the_value() {
        let evidence = Evidence {
            weights: vec![(1.0, 9.0), (3.0, 2.0)],
            ..one(0.0, 0.01)
        };
        for x in [-2.0, 0.0, 1.5, 4.0] {
            let h = 1e-5;
            let difference = (evidence.value(x + h) - evidence.value(x - h)) / (2.0 * h);
            let slope = evidence.slope(x) * f64::exp(x);
            // The central difference is exact to h² times a third derivative of a few.
            assert!(
                (difference - slope).abs() < 1e-8,
                "{x}: {difference} {slope}"
            );
        }
    }

    /// Without a prior the fixed points solve x² + (3 − z²) x + 2 = 0 for `x = α / s`.
    #[test]
    fn a_vague_prior_leaves_the_closed_form_maximum() {
        let b = 3.0f64.powi(2) - 3.0;
        let x = 0.5 * (b - (b * b - 8.0).sqrt());
        // The prior shifts the root by about its rate.
        assert!((one(3.0, 1e-12).uphill(-5.0) - x.ln()).abs() < 1e-10);
    }

    /// Of a fine grid, by brute force; z = 2.9 and 3.6 lie on both sides of where the maxima of this
    /// prior are equally high, though updates from below find the nearer one for both.
    #[test]
    fn the_highest_maximum_is_found_wherever_the_search_starts() {
        for z in [0.5, 2.9, 3.6, 6.0] {
            let evidence = one(z, 1e-3);
            let grid = (0..200_000).map(|i| -6.0 + 14.0 * f64::from(i) / 200_000.0);
            let brute = grid.max_by(|a, b| evidence.value(*a).total_cmp(&evidence.value(*b)));
            // The grid's spacing.
            let brute = brute.expect("the grid is not empty");
            assert!((evidence.highest() - brute).abs() < 1e-4, "{z}");
        }
        let (off, on) = (one(2.9, 1e-3), one(3.6, 1e-3));
        assert!(off.highest() > 5.0 && off.uphill(-5.0) < 0.0);
        assert!(on.highest() < 0.0);
    }
}
