//! How far averages over chains may be off: R̂, effective sample sizes and standard errors.
//!
//! The one idea: everything is one estimate of an effective sample size, applied to transformed
//! draws: ranks for the bulk, indicators for quantiles, squares for standard deviations
//! `[@vehtari2021rank]`. A quantity comes as its chains, slices of one length. Deliberately absent:
//! weights; for draws with importance weights see `psis`.

use elbo_math::special::normal_quantile;

/// Fewer draws per chain than this cannot be split and correlated.
const FEWEST: usize = 4;

/// One quantity over all chains. NaN where the chains are too short or not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub sd: f64,
    /// The standard error of the mean.
    pub mcse_mean: f64,
    /// The standard error of the standard deviation.
    pub mcse_sd: f64,
    /// Rank-normalised split R̂, the larger of location's and scale's.
    pub rhat: f64,
    /// The effective sample size for the bulk.
    pub bulk_ess: f64,
    /// The effective sample size for the 5% and 95% quantiles, the smaller one.
    pub tail_ess: f64,
}

impl Summary {
    /// Of one quantity's chains.
    pub fn of(chains: &[&[f64]]) -> Self {
        let all = chains.concat();
        let n = all.len() as f64;
        let mean = all.iter().sum::<f64>() / n;
        let sd = (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        Self {
            mean,
            sd,
            mcse_mean: mcse_mean(chains),
            mcse_sd: mcse_sd(chains),
            rhat: rhat(chains),
            bulk_ess: bulk_ess(chains),
            tail_ess: tail_ess(chains),
        }
    }
}

/// Rank-normalised split R̂ `[@vehtari2021rank]`.
pub fn rhat(chains: &[&[f64]]) -> f64 {
    if !usable(chains) {
        return f64::NAN;
    }
    let split = split(chains);
    let middle = quantile(&split.concat(), 0.5);
    let folded = map(&split, |v| (v - middle).abs());
    plain_rhat(&rank_normalized(&split)).max(plain_rhat(&rank_normalized(&folded)))
}

/// The effective sample size of the ranks `[@vehtari2021rank]`.
pub fn bulk_ess(chains: &[&[f64]]) -> f64 {
    if !usable(chains) {
        return f64::NAN;
    }
    effective_sample_size(&rank_normalized(&split(chains)))
}

/// The smaller effective sample size of the 5% and 95% quantiles `[@vehtari2021rank]`.
pub fn tail_ess(chains: &[&[f64]]) -> f64 {
    quantile_ess(chains, 0.05).min(quantile_ess(chains, 0.95))
}

/// The effective sample size of the mean.
pub fn mean_ess(chains: &[&[f64]]) -> f64 {
    if !usable(chains) {
        return f64::NAN;
    }
    effective_sample_size(&split(chains))
}

/// The effective sample size of the `p`-quantile `[@vehtari2021rank]`.
pub fn quantile_ess(chains: &[&[f64]], p: f64) -> f64 {
    if !usable(chains) {
        return f64::NAN;
    }
    let at = quantile(&chains.concat(), p);
    effective_sample_size(&map(&split(chains), |v| f64::from(v <= at)))
}

/// The standard error of the mean.
pub fn mcse_mean(chains: &[&[f64]]) -> f64 {
    variance(&chains.concat()).sqrt() / mean_ess(chains).sqrt()
}

/// The standard error of the standard deviation, by the delta method `[@vehtari2021rank]`.
pub fn mcse_sd(chains: &[&[f64]]) -> f64 {
    if !usable(chains) {
        return f64::NAN;
    }
    let center = mean(&chains.concat());
    let owned: Vec<Vec<f64>> = chains.iter().map(|c| c.to_vec()).collect();
    let squares = map(&owned, |v| (v - center).powi(2));
    let borrowed: Vec<&[f64]> = squares.iter().map(Vec::as_slice).collect();
    let all = squares.concat();
    let second = mean(&all);
    let fourth = all.iter().map(|v| v * v).sum::<f64>() / all.len() as f64;
    let of_variance = (fourth - second * second) / mean_ess(&borrowed);
    (of_variance / second).sqrt() / 2.0
}

/// The standard error of the `p`-quantile: half the interval that order statistics give it
/// `[@vehtari2021rank]`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions within the sorted draws"
)]
pub fn mcse_quantile(chains: &[&[f64]], p: f64) -> f64 {
    let ess = quantile_ess(chains, p);
    if ess.is_nan() {
        return f64::NAN;
    }
    let mut sorted = chains.concat();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() as f64 - 1.0;
    let (a, b) = (ess * p + 1.0, ess * (1.0 - p) + 1.0);
    // One standard deviation of a normal to each side.
    let [low, high] = [0.158_655_3, 0.841_344_7]
        .map(|level| beta_quantile(a, b, level) * sorted.len() as f64 - 1.0);
    let (low, high) = (low.max(0.0).floor(), high.min(last).ceil());
    (sorted[high as usize] - sorted[low as usize]) / 2.0
}

/// The effective sample size of chains as they are: Geyer's initial monotone sequence of
/// autocorrelations `[@vehtari2021rank]`.
fn effective_sample_size(chains: &[Vec<f64>]) -> f64 {
    let n = chains[0].len();
    let all = chains.concat();
    let (least, most) = all
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| {
            (l.min(*v), m.max(*v))
        });
    if most <= least {
        return all.len() as f64;
    }
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    // Mean over chains of the autocovariance at one lag, with divisor n.
    let autocovariance = |lag: usize| {
        let per_chain = chains.iter().zip(&means).map(|(c, m)| {
            let products = c.iter().zip(&c[lag..]).map(|(a, b)| (a - m) * (b - m));
            products.sum::<f64>() / n as f64
        });
        per_chain.sum::<f64>() / chains.len() as f64
    };
    let length = n as f64;
    let within = autocovariance(0) * length / (length - 1.0);
    let mut total = within * (length - 1.0) / length;
    if chains.len() > 1 {
        total += variance(&means);
    }
    let correlation = |lag: usize| 1.0 - (within - autocovariance(lag)) / total;

    let mut rho = vec![1.0, correlation(1)];
    let (mut even, mut odd) = (rho[0], rho[1]);
    let mut t = 1;
    while t + 3 < n && even + odd > 0.0 {
        (even, odd) = (correlation(t + 1), correlation(t + 2));
        let pair = if even + odd >= 0.0 {
            [even, odd]
        } else {
            [0.0; 2]
        };
        rho.extend(pair);
        t += 2;
    }
    // The last pair ended the sequence; its even part counts once if it is positive.
    let end = rho.len() - 2;
    if end > 0 {
        rho.truncate(end);
        rho.push(even.max(0.0));
    }
    for t in (2..end.saturating_sub(1)).step_by(2) {
        if rho[t] + rho[t + 1] > rho[t - 2] + rho[t - 1] {
            let smoothed = f64::midpoint(rho[t - 2], rho[t - 1]);
            (rho[t], rho[t + 1]) = (smoothed, smoothed);
        }
    }
    let tau = -1.0 + 2.0 * rho[..end].iter().sum::<f64>() + rho[end];
    let n_draws = all.len() as f64;
    // Antithetic chains may be worth more than independent draws, within reason.
    n_draws / tau.max(1.0 / n_draws.log10())
}

fn plain_rhat(chains: &[Vec<f64>]) -> f64 {
    let n = chains[0].len() as f64;
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    let within = chains.iter().map(|c| variance(c)).sum::<f64>() / chains.len() as f64;
    let between = n * variance(&means);
    if within == 0.0 && between == 0.0 {
        return f64::NAN;
    }
    ((between / within + n - 1.0) / n).sqrt()
}

/// Normal scores of the ranks over all chains, ties sharing their mean rank.
fn rank_normalized(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let all = chains.concat();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*a].total_cmp(&all[*b]));
    let mut scores = vec![0.0; all.len()];
    let mut first = 0;
    while first < order.len() {
        let value = all[order[first]];
        let tied = order[first..]
            .iter()
            .take_while(|s| all[**s] == value)
            .count();
        let rank = first as f64 + f64::midpoint(tied as f64, 1.0);
        // Blom's offset [@vehtari2021rank].
        let score = normal_quantile((rank - 0.375) / (all.len() as f64 + 0.25));
        for s in &order[first..first + tied] {
            scores[*s] = score;
        }
        first += tied;
    }
    scores
        .chunks(chains[0].len())
        .map(<[f64]>::to_vec)
        .collect()
}

fn usable(chains: &[&[f64]]) -> bool {
    let n = chains.first().map_or(0, |c| c.len());
    n >= FEWEST
        && chains
            .iter()
            .all(|c| c.len() == n && c.iter().all(|v| v.is_finite()))
}

/// First halves, then second halves; a middle draw is left out.
fn split(chains: &[&[f64]]) -> Vec<Vec<f64>> {
    let half = chains[0].len() / 2;
    let first = chains.iter().map(|c| c[..half].to_vec());
    let second = chains.iter().map(|c| c[c.len() - half..].to_vec());
    first.chain(second).collect()
}

fn map(chains: &[Vec<f64>], f: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
    chains
        .iter()
        .map(|c| c.iter().map(|v| f(*v)).collect())
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    values.iter().map(|v| (v - center).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// The quantile of R's type 7.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position within the sorted draws"
)]
pub(crate) fn quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = p * (sorted.len() as f64 - 1.0);
    let below = position.floor();
    let next = sorted[(below as usize + 1).min(sorted.len() - 1)];
    let here = sorted[below as usize];
    here + (position - below) * (next - here)
}

/// The quantile of a beta distribution, by bisection of its distribution function.
fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if elbo_math::special::beta_i(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use elbo_math::random::{standard_normal, stream};
    use elbo_testkit::assert_close;

    use super::*;

    /// Four autoregressions driven by a congruential generator that two languages run alike;
    /// `shift` moves each chain from the one before.
    fn chains(phi: f64, n: usize, shift: f64) -> Vec<Vec<f64>> {
        let mut s = 1_u64;
        (0..4)
            .map(|c| {
                let mut x = 0.0;
                (0..n)
                    .map(|_| {
                        s = (1_103_515_245 * s + 12_345) % (1 << 31);
                        x = phi * x + s as f64 / f64::from(1_u32 << 31) - 0.5;
                        x + shift * f64::from(c)
                    })
                    .collect()
            })
            .collect()
    }

    /// phi, draws, shift; R̂, bulk and tail effective sample size, and the standard errors of
    /// mean, standard deviation and 10% quantile.
    const GOLDEN: [(f64, usize, f64, [f64; 6]); 5] = [
        (
            0.0,
            250,
            0.0,
            [
                1.0062637046117524,
                848.0311592494485,
                820.9875888323334,
                0.00987518295730432,
                0.004038432664261457,
                0.012316935695707798,
            ],
        ),
        (
            0.9,
            401,
            0.0,
            [
                1.0661590606118594,
                74.18967684344071,
                159.79120757305012,
                0.07885915569516107,
                0.03259142467119336,
                0.08976874619736303,
            ],
        ),
        (
            -0.5,
            100,
            0.0,
            [
                1.0040113056025965,
                1040.823996531185,
                440.2224719313322,
                0.009916247285788746,
                0.010750428686504932,
                0.01992365667447535,
            ],
        ),
        (
            0.6,
            200,
            0.3,
            [
                1.4650344247162848,
                8.08156192999904,
                229.85975373274852,
                0.1902327319680017,
                0.030141141064700665,
                0.1134960714398339,
            ],
        ),
        (
            0.3,
            8,
            0.0,
            [
                1.2488991860494285,
                48.16479930623699,
                48.16479930623699,
                0.04290766059422687,
                0.019143811229079526,
                0.0538740601260215,
            ],
        ),
    ];

    #[test]
    fn every_figure_agrees_with_arviz() {
        // arviz 0.23.4 on the same chains x: az.rhat(x), az.ess(x, method="bulk" | "tail"),
        // az.mcse(x, method="mean" | "sd"), az.mcse(x, method="quantile", prob=0.1)
        for (phi, n, shift, expected) in GOLDEN {
            let chains = chains(phi, n, shift);
            let chains: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
            let summary = Summary::of(&chains);
            let ours = [
                summary.rhat,
                summary.bulk_ess,
                summary.tail_ess,
                summary.mcse_mean,
                summary.mcse_sd,
                mcse_quantile(&chains, 0.1),
            ];
            for (i, (o, e)) in ours.into_iter().zip(expected).enumerate() {
                // The normal quantiles differ in the tenth digit.
                assert_close(&format!("phi {phi}, n {n}, figure {i}"), o, e, 1e-7);
            }
        }
    }

    #[test]
    fn the_standard_error_of_an_autoregression_is_the_one_it_has() {
        // x_t = φ x_{t−1} + ε: the mean of n has variance 1/((1 − φ)² n).
        let (phi, n) = (0.8, 20_000);
        let chains: Vec<Vec<f64>> = (0..4)
            .map(|c| {
                let mut rng = stream(7, "monte_carlo_error/test", c);
                let mut x = 0.0;
                (0..n)
                    .map(|_| {
                        x = phi * x + standard_normal(&mut rng);
                        x
                    })
                    .collect()
            })
            .collect();
        let chains: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
        let exact = 1.0 / ((1.0 - phi) * (4.0 * f64::from(n)).sqrt());
        // The estimate of the autocorrelation time from 8·10⁴ draws is good to a few percent.
        assert!((mcse_mean(&chains) / exact - 1.0).abs() < 0.1);
    }

    #[test]
    fn what_cannot_be_judged_is_not_a_number() {
        assert!(rhat(&[]).is_nan());
        assert!(bulk_ess(&[&[1.0, 2.0, 3.0]]).is_nan());
        assert!(mcse_mean(&[&[1.0, f64::NAN, 3.0, 4.0, 5.0]]).is_nan());
        // Chains that never move have no R̂, and differ in nothing.
        assert!(rhat(&[&[1.0; 10], &[1.0; 10]]).is_nan());
    }
}
