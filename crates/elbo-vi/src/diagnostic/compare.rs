//! A fit beside reference draws, coordinate by coordinate and jointly.
//!
//! The one idea: every figure is in units of the reference's standard deviations, so that one limit
//! serves every posterior. Deliberately absent: which of both is right; the reference's own error is
//! in its `sample::Sample`.

use crate::{Draws, ViError};

/// Draws that enter the joint comparison, at most; its cost is their square.
const MOST_PAIRS: usize = 1000;

/// How a fit's draws differ from a reference's.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Mean of the fit minus mean of the reference, in standard deviations; per coordinate.
    pub mean_errors: Vec<f64>,
    /// Standard deviation of the fit by that of the reference; per coordinate.
    pub sd_ratios: Vec<f64>,
    /// 1-Wasserstein distance of the marginals, in standard deviations; per coordinate.
    pub wasserstein: Vec<f64>,
    /// The squared maximum mean discrepancy of the joint distributions, unbiased (so it may be
    /// slightly negative) `[@gretton2012kernel, eq. 3]`, between 0 and 2.
    pub mmd_squared: f64,
    /// Its kernel is `exp(−‖x − y‖²/2h²)` on coordinates in units of the reference's standard
    /// deviations, with `h` the median distance between draws.
    pub bandwidth: f64,
}

impl Comparison {
    /// The largest error of a mean.
    pub fn worst_mean(&self) -> f64 {
        self.mean_errors.iter().fold(0.0, |m, e| m.max(e.abs()))
    }

    /// The largest relative error of a standard deviation.
    pub fn worst_sd(&self) -> f64 {
        self.sd_ratios
            .iter()
            .fold(0.0, |m, r| m.max((r - 1.0).abs()))
    }
}

/// Compares draws of a fit with draws of a reference; their numbers may differ.
///
/// # Errors
/// [`ViError::Length`] if the dimensions differ, [`ViError::Setting`] for fewer than two draws of
/// either.
pub fn compare(fit: &Draws, reference: &Draws) -> Result<Comparison, ViError> {
    let dimension = reference.dimension();
    if fit.dimension() != dimension {
        return Err(ViError::Length {
            expected: dimension,
            got: fit.dimension(),
        });
    }
    if let Some(n) = [fit, reference]
        .map(Draws::n_draws)
        .into_iter()
        .find(|n| *n < 2)
    {
        return Err(ViError::Setting {
            name: "n_draws",
            value: n.to_string(),
            requirement: "at least 2",
        });
    }
    let (mut mean_errors, mut sd_ratios, mut wasserstein, mut sds) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for i in 0..dimension {
        let (a, b) = (moments(fit.coordinate(i)), moments(reference.coordinate(i)));
        mean_errors.push((a.0 - b.0) / b.1);
        sd_ratios.push(a.1 / b.1);
        wasserstein.push(distance(fit.coordinate(i), reference.coordinate(i)) / b.1);
        sds.push(b.1);
    }
    let (mmd_squared, bandwidth) = discrepancy(&thinned(fit, &sds), &thinned(reference, &sds));
    Ok(Comparison {
        mean_errors,
        sd_ratios,
        wasserstein,
        mmd_squared,
        bandwidth,
    })
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// `∫ |F − G|` of two empirical distribution functions.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let step = |values: &[f64], sign: f64| {
        let size = sign / values.len() as f64;
        values.iter().map(|v| (*v, size)).collect::<Vec<_>>()
    };
    let mut steps = [step(a, 1.0), step(b, -1.0)].concat();
    steps.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut total, mut difference) = (0.0, 0.0_f64);
    for pair in steps.windows(2) {
        difference += pair[0].1;
        total += difference.abs() * (pair[1].0 - pair[0].0);
    }
    total
}

/// At most [`MOST_PAIRS`] draws, evenly spaced, scaled; one point per draw.
fn thinned(draws: &Draws, sds: &[f64]) -> Vec<Vec<f64>> {
    let n = draws.n_draws().min(MOST_PAIRS);
    (0..n)
        .map(|k| {
            let mut point = draws.draw(k * draws.n_draws() / n);
            for (v, sd) in point.iter_mut().zip(sds) {
                *v /= sd;
            }
            point
        })
        .collect()
}

fn discrepancy(a: &[Vec<f64>], b: &[Vec<f64>]) -> (f64, f64) {
    let squared =
        |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(u, v)| (u - v).powi(2)).sum() };
    let mut distances: Vec<f64> = a
        .iter()
        .zip(b)
        .chain(b.iter().zip(&b[1..]))
        .map(|(x, y)| squared(x, y))
        .collect();
    distances.sort_by(f64::total_cmp);
    let bandwidth = distances[distances.len() / 2].sqrt();
    let kernel = |x: &[f64], y: &[f64]| (-squared(x, y) / (2.0 * bandwidth * bandwidth)).exp();
    let within = |points: &[Vec<f64>]| {
        let n = points.len();
        let sum: f64 = elbo_math::parallel::sum(n, 16, |i| {
            points[i + 1..].iter().map(|y| kernel(&points[i], y)).sum()
        });
        2.0 * sum / (n * (n - 1)) as f64
    };
    let between =
        elbo_math::parallel::sum(a.len(), 16, |i| b.iter().map(|y| kernel(&a[i], y)).sum());
    let between = between / (a.len() * b.len()) as f64;
    (within(a) + within(b) - 2.0 * between, bandwidth)
}

#[cfg(test)]
mod tests {
    use elbo_math::random::stream;

    use super::*;
    use crate::family::standard_normal_draws;

    fn normal(n: usize, mean: f64, sd: f64, index: u64) -> Draws {
        let mut draws = standard_normal_draws(1, n, &mut stream(3, "compare/test", index));
        for v in draws.as_mut_slice() {
            *v = mean + sd * *v;
        }
        draws
    }

    #[test]
    fn figures_of_two_normals_are_the_closed_forms() {
        let n = 40_000;
        let reference = normal(n, 1.0, 2.0, 0);
        // Monte Carlo errors of all figures are below 2/√n = 0.01; five of them below 0.05.
        let moved = compare(&normal(n / 2, 2.0, 2.0, 1), &reference).unwrap();
        assert!((moved.mean_errors[0] - 0.5).abs() < 0.05);
        assert!((moved.sd_ratios[0] - 1.0).abs() < 0.05);
        assert!((moved.wasserstein[0] - 0.5).abs() < 0.05);
        // For unit normals half a unit apart: 2h/√(h² + 2) · (1 − exp(−δ²/2(h² + 2))).
        let h = moved.bandwidth * moved.bandwidth + 2.0;
        let exact = 2.0 * moved.bandwidth / h.sqrt() * (1.0 - (-0.125 / h).exp());
        // 1000 draws of each: five standard errors of about 4 √(exact/1000).
        assert!((moved.mmd_squared - exact).abs() < 20.0 * (exact / 1000.0).sqrt());
        assert!(moved.mmd_squared > 0.5 * exact);

        let narrow = compare(&normal(n, 1.0, 1.0, 2), &reference).unwrap();
        assert!((narrow.sd_ratios[0] - 0.5).abs() < 0.05);
        assert!((narrow.worst_sd() - 0.5).abs() < 0.05);
        // |s − 1| E|z|.
        let exact = 0.5 * (2.0 / std::f64::consts::PI).sqrt();
        assert!((narrow.wasserstein[0] - exact).abs() < 0.05);
        // The same distribution: no bias, so nothing but noise of order 1/1000.
        let same = compare(&normal(n, 1.0, 2.0, 3), &reference).unwrap();
        assert!(same.mmd_squared.abs() < 0.005, "{}", same.mmd_squared);
        assert!(same.worst_mean() < 0.05);
    }

    #[test]
    fn a_sample_equals_itself() {
        let draws = normal(500, 0.0, 1.0, 0);
        let same = compare(&draws, &draws).unwrap();
        assert_eq!(same.wasserstein, [0.0]);
        assert_eq!(same.worst_mean(), 0.0);
        assert_eq!(same.worst_sd(), 0.0);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let draws = normal(5, 0.0, 1.0, 0);
        assert!(compare(&Draws::zeros(2, 5), &draws).is_err());
        assert!(compare(&draws.slice(0..1), &draws).is_err());
    }
}
