//! Whether a whole method can be trusted on a whole model: simulation-based calibration, and its
//! variational sibling.
//!
//! The one idea: if parameters come from the prior and data from the parameters, a correct posterior
//! ranks the true parameter uniformly among its draws `[@talts2018sbc]`. A U of ranks is a posterior too
//! narrow, a hump one too wide, a slope one that is off to a side. For approximations known to be too
//! narrow the question is only whether they are centred: then a rank is as likely to be low as high
//! `[@yao2018yes]`. Deliberately absent: plots, and a prior (the caller simulates).

use elbo_math::parallel;
use elbo_math::random::{Stream, stream};
use elbo_math::special::{erfc, gamma_q};

use crate::{Draws, ViError};

/// Cells of the uniformity test, at most; each expects at least five ranks.
const MOST_CELLS: usize = 20;
const LEAST_EXPECTED: usize = 5;

/// How many simulations, and draws of each answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalibrationConfig {
    /// Data sets to simulate.
    pub n_simulations: usize,
    /// Posterior draws per data set, independent of each other.
    pub n_draws: usize,
    /// The seed.
    pub seed: u64,
}

/// Ranks of one parameter, and what they say.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    /// How many draws of each simulation lie below the true parameter, from 0 to `n_draws`.
    pub ranks: Vec<usize>,
    /// The p-value of uniform ranks, by a χ² test.
    pub uniform: f64,
    /// How many standard errors the mean rank is too high: positive where posteriors lie too low.
    pub bias_z: f64,
    /// How many standard errors the ranks are too far from the middle: positive where posteriors are
    /// too narrow, negative where they are too wide.
    pub spread_z: f64,
    /// The p-value of ranks that are as likely to be low as high, by a Kolmogorov–Smirnov test of
    /// ranks against their mirror image: small where posteriors are off to one side.
    pub symmetric: f64,
}

/// One [`Ranks`] per coordinate.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Per coordinate.
    pub parameters: Vec<Ranks>,
}

impl Calibration {
    /// Whether no coordinate's ranks are less uniform than chance allows at `level`, which is shared
    /// among the coordinates.
    pub fn calibrated(&self, level: f64) -> bool {
        let each = level / self.parameters.len() as f64 / 3.0;
        let two_sided = |z: f64| erfc(z.abs() / std::f64::consts::SQRT_2);
        self.parameters
            .iter()
            .all(|p| p.uniform > each && two_sided(p.bias_z) > each && two_sided(p.spread_z) > each)
    }

    /// Whether no coordinate's ranks are more one-sided than chance allows at `level`: what may be
    /// asked of an approximation that is too narrow.
    pub fn centered(&self, level: f64) -> bool {
        let each = level / self.parameters.len() as f64;
        self.parameters.iter().all(|p| p.symmetric > each)
    }
}

/// Simulates, infers and ranks, in parallel over simulations.
///
/// `simulate` draws parameters from the prior and data given them, and answers the parameters on
/// unconstrained space with whatever `infer` needs (usually a density); `infer` answers independent
/// draws from what it takes to be the posterior, and is given a seed of its own.
///
/// ```
/// use elbo_math::random::standard_normal;
/// use elbo_vi::density::FromFn;
/// use elbo_vi::diagnostic::calibration::{CalibrationConfig, calibrate};
/// use elbo_vi::method::{AnyMethod, Laplace};
/// use elbo_vi::{FitConfig, fit};
///
/// // A normal mean with a standard normal prior and one observation.
/// let config = CalibrationConfig { n_simulations: 20, n_draws: 19, seed: 1 };
/// let ranks = calibrate(
///     &config,
///     |rng| {
///         let mean = standard_normal(rng);
///         (vec![mean], mean + standard_normal(rng))
///     },
///     |y, seed| {
///         let density = FromFn(|x: &[f64], g: &mut [f64]| {
///             g[0] = *y - 2.0 * x[0];
///             -0.5 * x[0] * x[0] - 0.5 * (*y - x[0]).powi(2)
///         });
///         let mut config = FitConfig::new(seed);
///         config.method = AnyMethod::Laplace(Laplace::default());
///         config.verdict.drift = None;
///         Ok(fit(&density, 1, &config)?.draws(19, seed))
///     },
/// )?;
/// assert!(ranks.calibrated(0.001));
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
///
/// # Errors
/// [`ViError::Setting`] for fewer than 20 simulations or no draws, [`ViError::Length`] if answers
/// and parameters differ in length, and what `infer` fails with.
pub fn calibrate<T: Send>(
    config: &CalibrationConfig,
    simulate: impl Fn(&mut Stream) -> (Vec<f64>, T) + Sync + Send,
    infer: impl Fn(&T, u64) -> Result<Draws, ViError> + Sync + Send,
) -> Result<Calibration, ViError> {
    let refuse = |name, value: usize, requirement| {
        Err(ViError::Setting {
            name,
            value: value.to_string(),
            requirement,
        })
    };
    if config.n_simulations < 20 {
        return refuse("n_simulations", config.n_simulations, "at least 20");
    }
    if config.n_draws == 0 {
        return refuse("n_draws", 0, "at least 1");
    }
    let simulations = parallel::map_chunks(config.n_simulations, 1, |range| {
        let index = range.start as u64;
        let (truth, data) = simulate(&mut stream(config.seed, "calibration/simulate", index));
        let draws = infer(&data, config.seed.wrapping_add(index))?;
        if draws.dimension() != truth.len() {
            return Err(ViError::Length {
                expected: truth.len(),
                got: draws.dimension(),
            });
        }
        if draws.n_draws() != config.n_draws {
            return Err(ViError::Setting {
                name: "draws of an answer",
                value: draws.n_draws().to_string(),
                requirement: "as many as n_draws",
            });
        }
        let below = |i: usize| {
            draws
                .coordinate(i)
                .iter()
                .filter(|v| **v < truth[i])
                .count()
        };
        Ok((0..truth.len()).map(below).collect::<Vec<usize>>())
    });
    let simulations: Vec<Vec<usize>> = simulations.into_iter().collect::<Result<_, ViError>>()?;
    let parameters = (0..simulations[0].len())
        .map(|i| Ranks::new(simulations.iter().map(|s| s[i]).collect(), config.n_draws))
        .collect();
    Ok(Calibration { parameters })
}

impl Ranks {
    fn new(ranks: Vec<usize>, n_draws: usize) -> Self {
        let n = ranks.len() as f64;
        // In (0, 1), symmetric, and spread like the midpoints of the L + 1 possible ranks.
        let scaled: Vec<f64> = ranks
            .iter()
            .map(|r| (*r as f64 + 0.5) / (n_draws as f64 + 1.0))
            .collect();
        let levels = n_draws as f64 + 1.0;
        let (mut variance, mut fourth) = (0.0, 0.0);
        for r in 0..=n_draws {
            let d = (r as f64 + 0.5) / levels - 0.5;
            variance += d * d / levels;
            fourth += d.powi(4) / levels;
        }
        let mean = scaled.iter().sum::<f64>() / n;
        let square = scaled.iter().map(|u| (u - 0.5).powi(2)).sum::<f64>() / n;
        Self {
            uniform: uniformity(&ranks, n_draws),
            bias_z: (mean - 0.5) / (variance / n).sqrt(),
            spread_z: (square - variance) / ((fourth - variance * variance) / n).sqrt(),
            symmetric: symmetry(&scaled),
            ranks,
        }
    }
}

/// The p-value of a χ² test with as many equal cells as the ranks allow.
fn uniformity(ranks: &[usize], n_draws: usize) -> f64 {
    let most = MOST_CELLS.min(ranks.len() / LEAST_EXPECTED);
    let Some(cells) = (2..=most).rev().find(|c| (n_draws + 1).is_multiple_of(*c)) else {
        // No equal cells: nothing was tested.
        return 1.0;
    };
    let width = (n_draws + 1) / cells;
    let mut counts = vec![0.0; cells];
    for r in ranks {
        counts[r / width] += 1.0;
    }
    let expected = ranks.len() as f64 / cells as f64;
    let statistic: f64 = counts
        .iter()
        .map(|c| (c - expected).powi(2) / expected)
        .sum();
    gamma_q((cells as f64 - 1.0) / 2.0, statistic / 2.0)
}

/// The p-value of the two-sample Kolmogorov–Smirnov test of values against their mirror image.
///
/// The two samples are each other's mirror, so the statistic is that of a test of symmetry, whose
/// limit is the maximum of a Brownian motion on [0, 1] rather than of a bridge
/// `[@butler1969symmetry]`.
fn symmetry(scaled: &[f64]) -> f64 {
    // Walk from the outside in: how many more of the outermost lie on one side than on the other.
    let mut distances: Vec<(f64, f64)> = scaled
        .iter()
        .map(|u| ((u - 0.5).abs(), (u - 0.5).signum()))
        .filter(|(d, _)| *d > 0.0)
        .collect();
    distances.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut walk, mut most) = (0.0_f64, 0.0_f64);
    let mut previous = f64::INFINITY;
    for (distance, sign) in &distances {
        // Ties are one step.
        if *distance < previous {
            most = most.max(walk.abs());
        }
        previous = *distance;
        walk += sign;
    }
    most = most.max(walk.abs());
    let t = most / (distances.len().max(1) as f64).sqrt();
    // P(max |W| > t) = 1 − (4/π) Σ (−1)^k/(2k + 1) exp(−(2k + 1)² π²/8t²).
    if t == 0.0 {
        return 1.0;
    }
    let inside: f64 = (0..50)
        .map(|k| {
            let odd = f64::from(2 * k + 1);
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            sign / odd * (-(odd * std::f64::consts::PI / t).powi(2) / 8.0).exp()
        })
        .sum();
    (1.0 - 4.0 / std::f64::consts::PI * inside).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use elbo_math::linalg::{Cholesky, Matrix};
    use elbo_math::random::standard_normal;

    use super::*;
    use crate::Approximation;
    use crate::family::{FullRank, MeanField};

    /// θ ~ N(0, I) in two dimensions, three observations of sums that correlate the posterior:
    /// precision `I + AᵀA`, mean `Σ Aᵀ y`.
    const A: [[f64; 2]; 3] = [[2.0, 1.8], [1.5, 1.7], [1.0, 1.1]];

    fn simulate(rng: &mut Stream) -> (Vec<f64>, Vec<f64>) {
        let theta = vec![standard_normal(rng), standard_normal(rng)];
        let y = A
            .iter()
            .map(|a| a[0] * theta[0] + a[1] * theta[1] + standard_normal(rng))
            .collect();
        (theta, y)
    }

    fn posterior(y: &[f64]) -> (Vec<f64>, Matrix) {
        let precision = Matrix::from_fn(2, 2, |i, j| {
            f64::from(i == j) + A.iter().map(|a| a[i] * a[j]).sum::<f64>()
        });
        let covariance = Cholesky::new(&precision).unwrap().inverse();
        let score: Vec<f64> = (0..2)
            .map(|i| A.iter().zip(y).map(|(a, y)| a[i] * y).sum())
            .collect();
        (covariance.matvec(&score), precision)
    }

    const CONFIG: CalibrationConfig = CalibrationConfig {
        n_simulations: 1000,
        n_draws: 99,
        seed: 21,
    };

    fn ranks(
        of: impl Fn(Vec<f64>, &Matrix) -> Box<dyn Approximation> + Sync + Send,
    ) -> Calibration {
        calibrate(&CONFIG, simulate, |y, seed| {
            let (mean, precision) = posterior(y);
            let q = of(mean, &precision);
            Ok(
                q.sample(CONFIG.n_draws, &mut stream(seed, "calibration/test", 0))
                    .0,
            )
        })
        .unwrap()
    }

    #[test]
    fn the_exact_posterior_is_calibrated() {
        let exact =
            ranks(|mean, precision| Box::new(FullRank::from_precision(mean, precision).unwrap()));
        assert!(exact.calibrated(1e-3), "{exact:?}");
        assert!(exact.centered(1e-3));
        let total: usize = exact.parameters[0].ranks.iter().sum();
        // Mean rank 49.5, five standard errors of 28.9/√1000.
        assert!((total as f64 / 1000.0 - 49.5).abs() < 4.6);
    }

    #[test]
    fn a_biased_posterior_is_found_out_with_its_direction() {
        let high = ranks(|mut mean, precision| {
            mean[1] += 0.3 / precision[(1, 1)].sqrt();
            Box::new(FullRank::from_precision(mean, precision).unwrap())
        });
        assert!(!high.calibrated(1e-3));
        assert!(!high.centered(1e-3));
        assert!(
            high.parameters[1].bias_z < -2.0,
            "{}",
            high.parameters[1].bias_z
        );
        // The other parameter is right.
        assert!(high.parameters[0].symmetric > 1e-3);
    }

    #[test]
    fn mean_field_on_a_correlated_posterior_is_too_narrow_but_centered() {
        let narrow = ranks(|mean, precision| {
            let sds = precision.diagonal().iter().map(|p| p.powf(-0.5)).collect();
            Box::new(MeanField::new(mean, sds).unwrap())
        });
        assert!(!narrow.calibrated(1e-3));
        for parameter in &narrow.parameters {
            assert!(parameter.spread_z > 5.0, "{}", parameter.spread_z);
            assert!(parameter.uniform < 1e-6);
        }
        assert!(narrow.centered(1e-3), "{narrow:?}");
        let wide = ranks(|mean, precision| {
            let sds = precision
                .diagonal()
                .iter()
                .map(|p| 8.0 * p.powf(-0.5))
                .collect();
            Box::new(MeanField::new(mean, sds).unwrap())
        });
        assert!(wide.parameters[0].spread_z < -5.0);
    }

    #[test]
    fn ranks_do_not_depend_on_the_number_of_threads() {
        let run = |threads| {
            parallel::with_threads(threads, || {
                ranks(|mean, precision| {
                    Box::new(FullRank::from_precision(mean, precision).unwrap())
                })
            })
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn the_test_of_symmetry_has_its_level() {
        // 2000 samples of 200 symmetric values: p-values below 5% in 5%, up to the discreteness of
        // a walk, which is conservative; five binomial standard errors are 2.4%.
        let rejected = (0..2000)
            .filter(|s| {
                let mut rng = stream(4, "calibration/symmetry", *s);
                let values: Vec<f64> = (0..200)
                    .map(|_| elbo_math::random::uniform(&mut rng))
                    .collect();
                symmetry(&values) < 0.05
            })
            .count();
        assert!((30..=150).contains(&rejected), "{rejected}");
    }

    #[test]
    fn unusable_settings_are_refused() {
        let config = CalibrationConfig {
            n_simulations: 3,
            ..CONFIG
        };
        let answer = |_: &Vec<f64>, _| Ok(Draws::zeros(2, 99));
        assert!(calibrate(&config, simulate, answer).is_err());
        let wrong = |_: &Vec<f64>, _| Ok(Draws::zeros(1, 99));
        assert!(matches!(
            calibrate(&CONFIG, simulate, wrong),
            Err(ViError::Length { .. })
        ));
    }
}
