//! Monte Carlo estimates that carry their own standard error.

/// How many standard errors an estimate may be off: one test in two million fails by chance.
const STANDARD_ERRORS: f64 = 5.0;

/// A mean over independent draws and its Monte Carlo standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The sample mean.
    pub mean: f64,
    /// The standard error of the mean.
    pub mcse: f64,
}

impl Estimate {
    /// The estimate from independent draws.
    ///
    /// # Panics
    /// With fewer than two draws.
    pub fn from_draws(draws: &[f64]) -> Self {
        assert!(draws.len() >= 2, "a standard error needs two draws");
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Self {
            mean,
            mcse: (variance / n).sqrt(),
        }
    }

    /// Asserts `|estimate − truth| < 5·mcse`.
    ///
    /// Where all draws are equal the mcse is 0; rounding is then allowed for.
    ///
    /// # Panics
    /// If the truth is farther off, printing seed, estimate, mcse and z.
    #[track_caller]
    pub fn assert_agrees(self, what: &str, seed: u64, truth: f64) {
        let off = (self.mean - truth).abs();
        let rounding = 1e-12 * truth.abs().max(1.0);
        let z = (self.mean - truth) / self.mcse;
        assert!(
            off < STANDARD_ERRORS * self.mcse + rounding,
            "{what}: seed {seed}, estimate {}, truth {truth}, mcse {}, z {z:.2}",
            self.mean,
            self.mcse
        );
    }
}

/// Asserts that the mean of independent draws is `truth` to within 5 standard errors.
///
/// # Panics
/// If it is not, printing seed, estimate, mcse and z.
#[track_caller]
pub fn assert_mean(what: &str, seed: u64, draws: &[f64], truth: f64) {
    Estimate::from_draws(draws).assert_agrees(what, seed, truth);
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_math::random::{standard_normal, stream};

    fn draws(seed: u64) -> Vec<f64> {
        let mut rng = stream(seed, "testkit/monte_carlo", 0);
        (0..10_000).map(|_| standard_normal(&mut rng)).collect()
    }

    #[test]
    fn a_true_mean_passes() {
        assert_mean("normal mean", 1, &draws(1), 0.0);
    }

    #[test]
    #[should_panic(expected = "seed 1, estimate")]
    fn a_mean_seven_standard_errors_off_fails() {
        assert_mean("normal mean", 1, &draws(1), 0.07);
    }
}
