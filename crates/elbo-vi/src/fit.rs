//! One call from a density to an answer with a verdict.
//!
//! The one idea: a fit is more than its approximation. It keeps the draws that judged it, so that
//! moments and draws can be weighted towards the posterior wherever that can be trusted.
//! Deliberately absent: methods, judgement, files.

use elbo_math::random::stream;

use crate::diagnostic::importance::{Moments, WeightedDraws};
use crate::diagnostic::verdict::{Verdict, VerdictConfig};
use crate::driver::{self, DriverConfig, Fitted, Observer, Outcome, silent};
use crate::method::auto::Rung;
use crate::method::probes::probes;
use crate::method::{AnyMethod, Method, Start};
use crate::reparameterised::{Learnt, Reparameterised};
use crate::{Approximation, Draws, LogDensity, Target, ViError};

/// How to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FitConfig {
    /// The method; `auto` by default.
    pub method: AnyMethod,
    /// Where to begin.
    pub start: Start,
    /// The seed of everything random: the same seed gives the same bits for any number of threads.
    pub seed: u64,
    /// The budget.
    pub driver: DriverConfig,
    /// How the result is judged.
    pub verdict: VerdictConfig,
}

impl FitConfig {
    /// `auto` from random starts.
    pub fn new(seed: u64) -> Self {
        Self {
            method: AnyMethod::default(),
            start: Start::Random,
            seed,
            driver: DriverConfig::default(),
            verdict: VerdictConfig::default(),
        }
    }
}

/// An approximation with everything that is known about it.
pub struct Fit {
    /// The approximation.
    pub approximation: Box<dyn Approximation>,
    /// The method that found it; for `auto` that of the best rung.
    pub method: &'static str,
    /// Whether to believe it.
    pub verdict: Verdict,
    /// How the run went.
    pub outcome: Outcome,
    /// The error that ended the run early, where one did; the approximation is then the last good one.
    pub failure: Option<ViError>,
    /// The draws that judged it, with their weights.
    pub weighted: WeightedDraws,
    /// Every method that was tried, its verdict, and its gradient evaluations, in order.
    pub tried: Vec<(&'static str, Verdict, u64)>,
    /// Gradients computed in all, the verdict's included.
    pub gradient_evaluations: u64,
    /// The degrees of centring that the fit was made with, where it was made in other coordinates
    /// than the user's; what they mean is the density's to say.
    pub degrees: Option<Vec<f64>>,
    /// Of the user's coordinates, until the fit is told in them.
    original_moments: Option<Vec<Moments>>,
}

/// Fits a density of `dimension` unconstrained numbers.
///
/// ```
/// use elbo_vi::density::FromFn;
/// use elbo_vi::{FitConfig, fit};
///
/// // A regression line's slope and intercept, unit noise, flat enough priors.
/// let (x, y) = ([0.0, 1.0, 2.0, 3.0], [0.9, 3.1, 5.2, 6.8]);
/// let density = FromFn(|p: &[f64], g: &mut [f64]| {
///     let mut value = -0.5 * (p[0] * p[0] + p[1] * p[1]) / 100.0;
///     g[0] = -p[0] / 100.0;
///     g[1] = -p[1] / 100.0;
///     for (x, y) in x.iter().zip(&y) {
///         let residual = y - p[0] * x - p[1];
///         value -= 0.5 * residual * residual;
///         g[0] += residual * x;
///         g[1] += residual;
///     }
///     value
/// });
/// let fit = fit(&density, 2, &FitConfig::new(1))?;
/// assert_eq!(fit.verdict.grade.to_string(), "good");
/// assert!((fit.means()[0] - 2.0).abs() < 0.1);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
///
/// # Errors
/// What makes any fit impossible: [`ViError::ZeroDimension`], a start outside the support, a density
/// that fails, settings out of range, an improper posterior.
pub fn fit(density: &dyn LogDensity, dimension: usize, config: &FitConfig) -> Result<Fit, ViError> {
    fit_observed(density, dimension, config, &mut silent)
}

/// As [`fit`], reporting every step to an observer, which may stop it.
///
/// # Errors
/// As [`fit`].
pub fn fit_observed(
    density: &dyn LogDensity,
    dimension: usize,
    config: &FitConfig,
    observer: &mut Observer<'_>,
) -> Result<Fit, ViError> {
    let target = Target::new(density, dimension)?;
    let (start, seed) = (&config.start, config.seed);
    if let AnyMethod::Auto(auto) = &config.method {
        let mut auto = auto.clone();
        auto.verdict = config.verdict;
        if let Some(learnt) = learnt(density, dimension, config)? {
            let target = Target::in_coordinates(&*learnt.coordinates, dimension)?;
            let start = learnt.start(start);
            let given = learnt.gaussian.clone();
            let driver = &config.driver;
            let (rungs, best) = auto.climb_from(&target, given, &start, seed, driver, observer)?;
            return Ok(Fit::new(rungs, best, &target).in_original(learnt));
        }
        let (rungs, best) = auto.climb(&target, start, seed, &config.driver, observer)?;
        return Ok(Fit::new(rungs, best, &target));
    }
    let method = &config.method;
    let found = method.run(&target, start, seed, &config.driver, observer)?;
    judged(method.name(), found, &target, config)
}

/// Coordinates for `auto`, where the density knows some and their degrees can be learnt.
fn learnt(
    density: &dyn LogDensity,
    dimension: usize,
    config: &FitConfig,
) -> Result<Option<Learnt>, ViError> {
    let Some(geometry) = density.geometry() else {
        return Ok(None);
    };
    match Learnt::new(geometry, dimension, &config.start, config.seed) {
        Ok(learnt) => Ok(Some(learnt)),
        Err(error @ (ViError::Density(_) | ViError::Panicked { .. })) => Err(error),
        // The user's coordinates may still do.
        Err(_) => Ok(None),
    }
}

/// As [`fit_observed`], with a method that is not among [`AnyMethod`]'s: one of your own, or one that
/// needs more than a density, such as [`Ep`](crate::method::Ep).
///
/// # Errors
/// As [`fit`].
pub fn fit_with<M: Method>(
    name: &'static str,
    method: &M,
    density: &dyn LogDensity,
    dimension: usize,
    config: &FitConfig,
    observer: &mut Observer<'_>,
) -> Result<Fit, ViError> {
    let target = Target::new(density, dimension)?;
    let (start, seed) = (&config.start, config.seed);
    let found = driver::fit(method, &target, start, seed, &config.driver, observer)?;
    judged(name, found, &target, config)
}

fn judged(
    name: &'static str,
    found: Fitted,
    target: &Target<'_>,
    config: &FitConfig,
) -> Result<Fit, ViError> {
    let seed = config.seed;
    let others = probes(target, &config.start, &*found.approximation, seed);
    let rung = Rung::new(name, found, target, &others, &config.verdict, seed)?;
    Ok(Fit::new(vec![rung], 0, target))
}

impl Fit {
    fn new(mut rungs: Vec<Rung>, best: usize, target: &Target<'_>) -> Self {
        let tried = rungs
            .iter()
            .map(|r| {
                let evaluations = r.outcome.gradient_evaluations;
                (r.method, r.judged.verdict.clone(), evaluations)
            })
            .collect();
        let rung = rungs.swap_remove(best);
        Self {
            approximation: rung.approximation,
            method: rung.method,
            verdict: rung.judged.verdict,
            outcome: rung.outcome,
            failure: rung.failure,
            weighted: rung.judged.weighted,
            tried,
            gradient_evaluations: target.gradient_evaluations(),
            degrees: None,
            original_moments: rung.judged.original_moments,
        }
    }

    /// The same fit in the user's coordinates.
    fn in_original(mut self, learnt: Learnt) -> Self {
        self.weighted = self.weighted.in_original(&*learnt.coordinates);
        self.verdict.moments = self.original_moments.take().unwrap_or_default();
        self.gradient_evaluations += learnt.gradient_evaluations;
        self.degrees = Some(learnt.degrees.clone());
        self.approximation = Box::new(Reparameterised::new(
            self.approximation,
            learnt.coordinates,
            learnt.degrees,
        ));
        self
    }

    /// Whether the weights can be trusted; moments and draws are weighted if they can.
    pub fn is_weighted(&self) -> bool {
        self.verdict.khat <= self.verdict.khat_threshold
    }

    /// Posterior means: weighted where the weights can be trusted, else those of `q`.
    pub fn means(&self) -> Vec<f64> {
        let moments = &self.verdict.moments;
        if moments.is_empty() {
            return self.own(mean);
        }
        let weighted = self.is_weighted();
        let pick = |m: &Moments| if weighted { m.mean.mean } else { m.own_mean };
        moments.iter().map(pick).collect()
    }

    /// Posterior standard deviations, likewise.
    pub fn standard_deviations(&self) -> Vec<f64> {
        let moments = &self.verdict.moments;
        if moments.is_empty() {
            return self.own(|values| {
                let center = mean(values);
                let squares: f64 = values.iter().map(|v| (v - center).powi(2)).sum();
                (squares / (values.len() as f64 - 1.0)).sqrt()
            });
        }
        let weighted = self.is_weighted();
        let pick = |m: &Moments| if weighted { m.sd.mean } else { m.own_sd };
        moments.iter().map(pick).collect()
    }

    /// `n` draws from the posterior: resampled by their weights, with replacement, where the weights
    /// can be trusted; else draws of `q`.
    pub fn draws(&self, n: usize, seed: u64) -> Draws {
        let mut rng = stream(seed, "fit/draws", 0);
        match &self.weighted.smoothed {
            Some(smoothed) if self.is_weighted() => {
                self.weighted.draws.select(&smoothed.resample(n, &mut rng))
            }
            _ => self.approximation.sample(n, &mut rng).0,
        }
    }

    fn own(&self, of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let draws = &self.weighted.draws;
        (0..draws.dimension())
            .map(|i| of(draws.coordinate(i)))
            .collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
