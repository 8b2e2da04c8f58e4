//! The generalised Pareto law of exceedances over a high threshold, and its fit.
//!
//! The one idea: a profile likelihood in one parameter, averaged over a fixed grid, needs no
//! optimiser and has no failure modes. Deliberately absent: prior knowledge on the shape, which
//! belongs to whoever has it (`psis`).

use elbo_math::log_space::log_sum_exp;
use elbo_math::simd;

/// Fewer exceedances than this say nothing about a tail `[@vehtari2024psis]`.
pub(crate) const FEWEST: usize = 5;

/// `P(X > x) = (1 + kx/σ)^(−1/k)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneralizedPareto {
    /// `k`: moments of order `1/k` and higher are infinite.
    pub shape: f64,
    /// `σ`.
    pub scale: f64,
}

impl GeneralizedPareto {
    /// The quasi-Bayesian estimate of `[@zhang2009pareto]`.
    ///
    /// `exceedances` ascend and are positive. `None` where they are fewer than five, all equal, or
    /// too small for reciprocals.
    pub fn fit(exceedances: &[f64]) -> Option<Self> {
        let n = exceedances.len();
        let (first, last) = (*exceedances.first()?, *exceedances.last()?);
        if n < FEWEST || !(last > first) {
            return None;
        }
        let quartile = exceedances[(n + 2) / 4 - 1];
        let n_grid = 30 + n.isqrt();
        let mean_log =
            |b: f64| exceedances.iter().map(|x| (-b * x).ln_1p()).sum::<f64>() / n as f64;
        // On the grid all digits of small arguments are not worth as much as a vector's width.
        let mut logs = vec![0.0; n];
        let mut mean_log_of_grid = |b: f64| {
            for (l, x) in logs.iter_mut().zip(exceedances) {
                *l = 1.0 - b * x;
            }
            simd::ln(&mut logs);
            logs.iter().sum::<f64>() / n as f64
        };
        let (mut grid, mut profile) = (Vec::with_capacity(n_grid), Vec::with_capacity(n_grid));
        for j in 0..n_grid {
            let b =
                1.0 / last + (1.0 - (n_grid as f64 / (j as f64 + 0.5)).sqrt()) / (3.0 * quartile);
            let shape = mean_log_of_grid(b);
            grid.push(b);
            profile.push(n as f64 * ((-b / shape).ln() - shape - 1.0));
        }
        let total = log_sum_exp(&profile);
        let weighted = grid.iter().zip(&profile);
        let b: f64 = weighted.map(|(b, l)| b * (l - total).exp()).sum();
        let shape = mean_log(b);
        let law = Self {
            shape,
            scale: -shape / b,
        };
        (law.shape.is_finite() && law.scale > 0.0 && law.scale.is_finite()).then_some(law)
    }

    /// The value that is exceeded with probability `1 − p`.
    pub fn quantile(&self, p: f64) -> f64 {
        let log_tail = (-p).ln_1p();
        if self.shape.abs() < f64::EPSILON {
            -self.scale * log_tail
        } else {
            self.scale * (-self.shape * log_tail).exp_m1() / self.shape
        }
    }
}

#[cfg(test)]
mod tests {
    use elbo_math::random::{stream, uniform};
    use elbo_testkit::assert_close;

    use super::*;

    #[test]
    fn the_fit_finds_the_law_that_draws_came_from() {
        let n = 20_000;
        for (index, shape) in [-0.4, 0.0, 0.3, 0.7, 1.5].into_iter().enumerate() {
            let law = GeneralizedPareto { shape, scale: 2.0 };
            let mut rng = stream(5, "generalized_pareto/test", index as u64);
            let mut draws: Vec<f64> = (0..n)
                .map(|_| law.quantile(uniform(&mut rng)))
                .filter(|x| *x > 0.0)
                .collect();
            draws.sort_by(f64::total_cmp);
            let fit = GeneralizedPareto::fit(&draws).unwrap();
            // Asymptotic standard deviations [@zhang2009pareto]: (1 + k)/√n of the shape,
            // σ √(2 (1 + k)/n) of the scale, for k > −½.
            let off = 5.0 * (1.0 + shape) / f64::from(n).sqrt();
            assert!((fit.shape - shape).abs() < off, "{shape}: {fit:?}");
            let off = 5.0 * 2.0 * (2.0 * (1.0 + shape) / f64::from(n)).sqrt();
            assert!((fit.scale - 2.0).abs() < off, "{shape}: {fit:?}");
        }
    }

    #[test]
    fn quantiles_invert_the_distribution_function() {
        for shape in [-0.5, 0.0, 1e-9, 0.8] {
            let law = GeneralizedPareto { shape, scale: 3.0 };
            for p in [0.01, 0.5, 0.999] {
                let x = law.quantile(p);
                let tail = if shape == 0.0 {
                    (-x / 3.0_f64).exp()
                } else {
                    (1.0 + shape * x / 3.0).powf(-1.0 / shape)
                };
                // At shape 1e-9 the naive power loses nine digits; hence the looser bound.
                assert_close("tail", 1.0 - tail, p, 1e-6);
            }
        }
    }

    #[test]
    fn too_few_or_equal_exceedances_have_no_law() {
        assert_eq!(GeneralizedPareto::fit(&[]), None);
        assert_eq!(GeneralizedPareto::fit(&[1.0, 2.0, 3.0, 4.0]), None);
        assert_eq!(GeneralizedPareto::fit(&[1.0; 10]), None);
    }
}
