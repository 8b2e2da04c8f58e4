//! Do draws follow a distribution? Kolmogorov–Smirnov for reals, Pearson's χ² for counts.

use elbo_math::special::gamma_p;

/// A smaller p-value fails; with literal seeds a pass stays a pass.
const P_VALUE: f64 = 1e-5;

/// Expected count below which neighbouring cells of a χ² test are pooled.
const CELL: f64 = 10.0;

/// Asserts that draws of a real variable follow the distribution function `cdf`.
///
/// # Panics
/// If the Kolmogorov–Smirnov p-value is below 1e-5, printing seed, statistic and p-value.
#[track_caller]
pub fn assert_draws_follow(what: &str, seed: u64, draws: &[f64], cdf: impl Fn(f64) -> f64) {
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let statistic = sorted.iter().enumerate().fold(0.0_f64, |worst, (i, x)| {
        let f = cdf(*x);
        worst.max((i as f64 + 1.0) / n - f).max(f - i as f64 / n)
    });
    let p = kolmogorov_p_value(statistic * n.sqrt());
    assert!(
        p > P_VALUE,
        "{what}: seed {seed}, n {n}, KS statistic {statistic:.4}, p {p:.1e}"
    );
}

/// `P(√n D > t)` in the limit of many draws.
pub fn kolmogorov_p_value(t: f64) -> f64 {
    if t < 0.3 {
        // The series below converges slowly here, and the value is 1 to nine digits.
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * f64::from(k * k) * t * t).exp()
    };
    (1..=20).map(term).sum()
}

/// Asserts that counts per category follow `probabilities`, of which the rest is one more cell.
///
/// `observed[k]` is how many of `n_draws` fell into category `k`.
///
/// # Panics
/// If the χ² p-value is below 1e-5, printing seed, statistic, degrees of freedom and p-value.
#[track_caller]
pub fn assert_counts_follow(
    what: &str,
    seed: u64,
    observed: &[usize],
    probabilities: &[f64],
    n_draws: usize,
) {
    let n = n_draws as f64;
    let mut cells: Vec<(f64, f64)> = observed
        .iter()
        .zip(probabilities)
        .map(|(o, p)| (*o as f64, n * p))
        .collect();
    let (seen, expected) = cells.iter().fold((0.0, 0.0), |t, c| (t.0 + c.0, t.1 + c.1));
    cells.push((n - seen, n - expected));
    let cells = pool(&cells);
    let statistic: f64 = cells.iter().map(|(o, e)| (o - e).powi(2) / e).sum();
    let freedom = cells.len() as f64 - 1.0;
    let p = if freedom < 1.0 {
        1.0
    } else {
        1.0 - gamma_p(freedom / 2.0, statistic / 2.0)
    };
    assert!(
        p > P_VALUE,
        "{what}: seed {seed}, χ² {statistic:.2} on {freedom} cells, p {p:.1e}"
    );
}

/// Joins neighbouring cells until each is expected to hold enough draws.
fn pool(cells: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut pooled: Vec<(f64, f64)> = Vec::new();
    let mut open = (0.0, 0.0);
    for (o, e) in cells {
        open = (open.0 + o, open.1 + e);
        if open.1 >= CELL {
            pooled.push(open);
            open = (0.0, 0.0);
        }
    }
    match pooled.last_mut() {
        Some(last) => *last = (last.0 + open.0, last.1 + open.1),
        None => pooled.push(open),
    }
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assert_close;
    use elbo_math::random::{categorical, stream, uniform};

    /// `scipy.stats.kstwobign.sf`, SciPy 1.17.1.
    #[test]
    fn kolmogorov_p_values_agree_with_scipy() {
        assert_close("p", kolmogorov_p_value(0.8), 0.5441424115741981, 1e-12);
        assert_close("p", kolmogorov_p_value(1.5), 0.022217962616525127, 1e-12);
    }

    #[test]
    fn uniform_draws_follow_the_uniform_distribution() {
        let mut rng = stream(1, "testkit/ks", 0);
        let draws: Vec<f64> = (0..10_000).map(|_| uniform(&mut rng)).collect();
        assert_draws_follow("uniform", 1, &draws, |x| x);
    }

    #[test]
    #[should_panic(expected = "KS statistic")]
    fn squared_uniform_draws_do_not() {
        let mut rng = stream(1, "testkit/ks", 0);
        let draws: Vec<f64> = (0..1000).map(|_| uniform(&mut rng).powi(2)).collect();
        assert_draws_follow("uniform", 1, &draws, |x| x);
    }

    fn counts(weights: &[f64]) -> Vec<usize> {
        let mut rng = stream(2, "testkit/chi", 0);
        let mut counts = vec![0; weights.len()];
        for _ in 0..10_000 {
            counts[categorical(&mut rng, weights)] += 1;
        }
        counts
    }

    #[test]
    fn counts_follow_the_weights_that_made_them() {
        assert_counts_follow(
            "counts",
            2,
            &counts(&[0.2, 0.3, 0.5]),
            &[0.2, 0.3, 0.5],
            10_000,
        );
    }

    #[test]
    #[should_panic(expected = "χ²")]
    fn counts_do_not_follow_other_weights() {
        assert_counts_follow(
            "counts",
            2,
            &counts(&[0.2, 0.3, 0.5]),
            &[0.23, 0.3, 0.47],
            10_000,
        );
    }
}
