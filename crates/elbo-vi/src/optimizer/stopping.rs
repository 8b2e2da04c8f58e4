//! When to stop, or to shrink the step, where the objective is only seen through noise.
//!
//! The one idea, from `[@welandawe2022raabbvi]`: with a fixed step an optimiser first travels, then
//! wanders. Wandering is recognised as a sampler's convergence is, by an `R̂` of the iterates; from
//! then on their average is the answer at that step, with a Monte Carlo error of its own. The step is
//! halved until what the next halving would gain, extrapolated from the last one, is not worth having
//! or not worth its cost. All errors are in nats of Kullback–Leibler divergence. Deliberately absent:
//! the objective's values, whose noise is larger than what is left to gain.

use std::collections::VecDeque;

use super::{AveragingKind, IterateAverage, in_range, positive};
use crate::ViError;

/// When iterates count as stationary, and when it is enough.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppingConfig {
    /// Iterates with a split `R̂` below this are stationary; 1.1 in the paper.
    pub rhat: f64,
    /// The fewest iterates that are judged.
    pub window: usize,
    /// Enough: nats that the noise of an average or the step size may still cost.
    pub tolerance: f64,
    /// Another stage must promise at least this share of the tolerance for each doubling of the
    /// iterations.
    pub least_gain: f64,
}

impl Default for StoppingConfig {
    fn default() -> Self {
        Self {
            rhat: 1.1,
            window: 20,
            tolerance: 0.01,
            least_gain: 1.0,
        }
    }
}

impl StoppingConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`ViError::Setting`].
    pub fn check(&self) -> Result<(), ViError> {
        in_range("rhat", self.rhat, self.rhat > 1.0, "above 1")?;
        let window = self.window as f64;
        in_range("window", window, self.window >= 8, "at least 8")?;
        positive("tolerance", self.tolerance)?;
        positive("least_gain", self.least_gain)?;
        Ok(())
    }
}

/// What to do after an iterate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// Go on with the same step.
    Continue,
    /// The iterates are stationary, but their average is not yet as exact as asked: go on, or make
    /// the steps less noisy.
    Noisy,
    /// The iterates are stationary and their average is as exact as asked.
    Stationary,
}

/// The iterates since the last change of the step: their average, and a few watched functions of each
/// for `R̂` and errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    config: StoppingConfig,
    history: VecDeque<Vec<f64>>, // what is watched, one entry per iterate
    total: usize,
    current: IterateAverage,
    next: IterateAverage, // of the iterates since `next_began`
    next_began: usize,
    last_halves: Option<[Vec<f64>; 2]>,
    error: f64,
}

impl Stage {
    /// Before the first iterate of `n_params` numbers.
    ///
    /// # Errors
    /// [`ViError::Setting`].
    pub fn new(config: &StoppingConfig, n_params: usize) -> Result<Self, ViError> {
        config.check()?;
        let empty = IterateAverage::new(AveragingKind::Uniform, n_params)?;
        Ok(Self {
            config: config.clone(),
            history: VecDeque::new(),
            total: 0,
            current: empty.clone(),
            next: empty,
            next_began: config.window / 2,
            last_halves: None,
            error: f64::INFINITY,
        })
    }

    /// Takes an iterate in. `costs[i]` is the number of nats that an error of 1 in `watched[i]` costs,
    /// squared: ½ for a mean in standard deviations, 1 for a log scale; more where it stands for others
    /// that are not watched.
    ///
    /// # Panics
    /// If the lengths differ from the stage's.
    pub fn push(&mut self, params: &[f64], watched: &[f64], costs: &[f64]) -> Decision {
        self.current.push(params);
        if self.total >= self.next_began {
            self.next.push(params);
        }
        self.history.push_back(watched.to_vec());
        self.total += 1;
        // At twice the count at which the younger average began it takes over: what is averaged is
        // always the later half of the stage, up to three quarters of it.
        if self.total >= 2 * self.next_began {
            self.next_began = self.total;
            self.last_halves = self.cut();
            let kept = self.total / 2;
            self.history
                .drain(..self.history.len().saturating_sub(kept));
            let fresh = IterateAverage::new(AveragingKind::Uniform, params.len())
                .expect("uniform averages have no settings");
            self.current = std::mem::replace(&mut self.next, fresh);
        }
        let n = self.history.len();
        if n < self.config.window || !n.is_multiple_of(self.config.window / 2) {
            return Decision::Continue;
        }
        self.judge(costs)
    }

    fn judge(&mut self, costs: &[f64]) -> Decision {
        self.error = 0.0;
        let share = 0.1 * self.config.tolerance / costs.len() as f64;
        let (mut above, mut highest) = (0, 1.0_f64);
        let series_of =
            |column: usize| -> Vec<f64> { self.history.iter().map(|row| row[column]).collect() };
        for (column, cost) in costs.iter().enumerate() {
            let series = series_of(column);
            // A drift that costs next to nothing is none: the last digits of an exact mean, say.
            if cost * half_difference(&series).powi(2) > share {
                let rhat = split_rhat(&series);
                above += usize::from(!(rhat <= self.config.rhat));
                highest = highest.max(rhat);
            }
        }
        // Of many series that stand still a few look as if they moved: one in ten may, a little.
        if 10 * above > costs.len() || highest > 1.0 + 3.0 * (self.config.rhat - 1.0) {
            self.error = f64::INFINITY;
            return Decision::Continue;
        }
        // Series that still move have the longest memories, and errors that mean nothing.
        for (column, cost) in costs.iter().enumerate() {
            self.error += cost * mean_error(&series_of(column)).powi(2);
        }
        if self.error < self.config.tolerance {
            Decision::Stationary
        } else {
            Decision::Noisy
        }
    }

    /// How many iterates the average holds.
    pub fn count(&self) -> u64 {
        self.current.count()
    }

    /// The average of the later iterates.
    pub fn average(&self) -> &[f64] {
        self.current.mean()
    }

    /// The averages of the two parts that the [average](Self::average) is of, the earlier first, where
    /// there are both; iterates that stand still make them agree.
    pub fn halves(&self) -> Option<[Vec<f64>; 2]> {
        self.cut().or_else(|| self.last_halves.clone())
    }

    fn cut(&self) -> Option<[Vec<f64>; 2]> {
        let (all, later) = (self.current.count() as f64, self.next.count() as f64);
        if later < 1.0 || all <= later {
            return None;
        }
        let pairs = self.current.mean().iter().zip(self.next.mean());
        let earlier = pairs.map(|(a, b)| (all * a - later * b) / (all - later));
        Some([earlier.collect(), self.next.mean().to_vec()])
    }

    /// Nats that the average's noise costs, as last judged; infinite before iterates are stationary.
    pub fn error(&self) -> f64 {
        self.error
    }
}

/// What another stage with half the step would gain, from what the last halving did.
///
/// The bias of a stage is proportional to its step `[@dieuleveut2020bridging]`, so the divergence from
/// the optimum to its square. If halving moved the average by `moved` nats, as much separates it from
/// the optimum still, of which the next halving gains three quarters.
pub fn predicted_gain(moved: f64) -> f64 {
    0.75 * moved
}

/// Whether another stage is worth its iterations: it has to gain more than the tolerance, and, where
/// it costs more than all stages before it, more in proportion.
pub fn worth_it(config: &StoppingConfig, moved: f64, last_stage: usize, total: usize) -> bool {
    let doublings = 2.0 * last_stage as f64 / total.max(1) as f64; // half the step, twice the length
    predicted_gain(moved) > config.least_gain * config.tolerance * doublings.max(1.0)
}

/// The potential scale reduction of one series cut in two `[@gelman2013bda, sec. 11.4]`; 1 for a
/// series that does not move.
///
/// # Panics
/// With fewer than four numbers.
pub fn split_rhat(series: &[f64]) -> f64 {
    assert!(series.len() >= 4, "R̂ needs two halves of two");
    let n = series.len() / 2;
    let halves = [&series[..n], &series[series.len() - n..]];
    let stats = halves.map(|half| {
        let mean = half.iter().sum::<f64>() / n as f64;
        let variance = half.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        (mean, variance)
    });
    let within = 0.5 * (stats[0].1 + stats[1].1);
    let between = 0.5 * (stats[0].0 - stats[1].0).powi(2); // the variance of the two means
    // Below the rounding of the numbers themselves nothing moves.
    let rounding = (1e-14 * stats[0].0.abs()).powi(2);
    if between <= rounding {
        return 1.0;
    }
    ((n - 1) as f64 / n as f64 + between / within).sqrt()
}

/// The difference of the means of two halves.
fn half_difference(series: &[f64]) -> f64 {
    let n = series.len() / 2;
    let mean = |half: &[f64]| half.iter().sum::<f64>() / n as f64;
    mean(&series[..n]) - mean(&series[series.len() - n..])
}

/// The standard error of the mean of a correlated series: `√(γ₀ τ / n)`, the autocorrelation time `τ`
/// summed over pairs while they are positive and fall `[@geyer1992practical]`.
///
/// # Panics
/// With fewer than two numbers.
pub fn mean_error(series: &[f64]) -> f64 {
    let n = series.len();
    assert!(n >= 2, "an error needs two numbers");
    let mean = series.iter().sum::<f64>() / n as f64;
    let covariance = |lag: usize| {
        (0..n - lag)
            .map(|t| (series[t] - mean) * (series[t + lag] - mean))
            .sum::<f64>()
            / n as f64
    };
    let variance = covariance(0);
    if !(variance > 0.0) {
        return 0.0;
    }
    let (mut sum, mut smallest) = (-variance, f64::INFINITY);
    for k in 0..n / 2 {
        let pair = covariance(2 * k)
            + if 2 * k + 1 < n {
                covariance(2 * k + 1)
            } else {
                0.0
            };
        if pair <= 0.0 {
            break;
        }
        smallest = smallest.min(pair);
        sum += 2.0 * smallest;
    }
    // Anticorrelated series may sum to nothing; the independent error is the least that is believed.
    (sum.max(variance / n as f64) / n as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_math::random::{standard_normal, stream};
    use elbo_testkit::assert_close;

    fn autoregression(phi: f64, n: usize, seed: u64) -> Vec<f64> {
        let mut rng = stream(seed, "stopping", 0);
        let mut x = standard_normal(&mut rng) / (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                x = phi * x + standard_normal(&mut rng);
                x
            })
            .collect()
    }

    #[test]
    fn rhat_of_a_worked_example() {
        // Halves (0, 2), (3, 5): within 2, means 1 and 4 with variance 4.5; √(½ + 2.25).
        let found = split_rhat(&[0.0, 2.0, 3.0, 5.0]);
        assert_close("R̂", found, 2.75_f64.sqrt(), 1e-15);
        assert_eq!(split_rhat(&[7.0; 10]), 1.0);
        assert!(split_rhat(&(0..100).map(f64::from).collect::<Vec<_>>()) > 1.7);
    }

    #[test]
    fn the_error_of_a_mean_is_that_of_its_autoregression() {
        for phi in [0.0, 0.5, 0.9] {
            let n = 200_000;
            let found = mean_error(&autoregression(phi, n, 5));
            // var of the mean of an AR(1): 1/(1−φ)²/n. The estimated autocorrelation time of 2·10⁵
            // numbers is off by a few per cent.
            let truth = 1.0 / ((1.0 - phi) * (n as f64).sqrt());
            assert_close("mcse", found / truth, 1.0, 0.1);
        }
        assert_eq!(mean_error(&[3.0; 5]), 0.0);
    }

    #[test]
    fn a_trend_is_not_stationary_and_noise_around_a_value_is() {
        let config = StoppingConfig::default();
        let noise = autoregression(0.3, 4000, 6);
        let mut stage = Stage::new(&config, 1).unwrap();
        // Travelling: never stationary.
        for (t, e) in noise.iter().enumerate().take(500) {
            let x = [0.1 * t as f64 + e];
            let decision = stage.push(&x, &x, &[1.0]);
            assert_eq!(decision, Decision::Continue, "{t}");
        }
        // Wandering around 2 with an error of the mean below √0.01 = 0.1.
        let mut stage = Stage::new(&config, 1).unwrap();
        let stopped = noise
            .iter()
            .position(|e| stage.push(&[2.0 + e], &[2.0 + e], &[1.0]) == Decision::Stationary);
        let n = stopped.expect("it is stationary");
        // mcse² = 1/(0.7² n) < 0.01 needs about 200 iterates; the estimate of it is noisy.
        assert!((60..800).contains(&n), "{n}");
        assert!((stage.average()[0] - 2.0).abs() < 5.0 * 0.1);
        assert!(stage.error() < 0.01);
    }

    #[test]
    fn the_average_forgets_where_the_travel_began() {
        let mut stage = Stage::new(&StoppingConfig::default(), 1).unwrap();
        for t in 0..4000 {
            let x = [if t < 40 { 1e6 } else { 1.0 }];
            stage.push(&x, &x, &[1.0]);
        }
        assert_eq!(stage.average()[0], 1.0);
    }

    #[test]
    fn the_halves_are_the_averages_of_the_two_parts() {
        let mut stage = Stage::new(&StoppingConfig::default(), 1).unwrap();
        assert_eq!(stage.halves(), None);
        // The windows begin at 10, 20 and 40: at 50 the average is of 20 to 49, cut at 40.
        for t in 0..50 {
            let x = [if t < 40 { 1.0 } else { 4.0 }];
            stage.push(&x, &x, &[1.0]);
        }
        let [earlier, later] = stage.halves().unwrap();
        assert_close("earlier", earlier[0], 1.0, 1e-14);
        assert_close("later", later[0], 4.0, 1e-14);
        assert_close("average", stage.average()[0], 2.0, 1e-14);
    }

    #[test]
    fn a_stage_that_costs_more_has_to_gain_more() {
        let config = StoppingConfig::default();
        assert!(worth_it(&config, 0.1, 100, 1000));
        assert!(!worth_it(&config, 0.01, 100, 1000));
        assert!(!worth_it(&config, 0.02, 1000, 1000));
        assert!(worth_it(&config, 0.02, 500, 1000));
    }
}
