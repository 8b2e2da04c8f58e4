//! Batch and match: Gaussians fitted by matching scores, without gradients of a bound.
//!
//! The one idea: at the posterior's Gaussian the gradients of `log p` and `log q` agree everywhere, so
//! each step draws a batch from `q`, in lanes, and moves to the Gaussian whose gradients agree best on
//! it while staying close to `q` `[@cai2024bam]`. There is no step size: the proximity `λ` follows a
//! schedule, first the paper's `B D/(t+1)`, and once the batches' log ratios stop improving one that
//! averages the batches' noise away. It starts from a quasi-Newton path. Deliberately absent: other
//! families; batches of one with an infinite `λ` (the method called GSM), which `λ` approaches.

mod matching;
mod patch;
mod update;

#[cfg(test)]
mod tests;

use elbo_math::random::stream;

use super::pathfinder::{HistoryGaussian, PathfinderState};
use super::{Description, Info, Method, Pathfinder, Start};
use crate::family::{FullRank, LowRank, MeanField};
use crate::{Approximation, Target, ViError};
use matching::{Gaussian, Matching};
use update::{Moments, mean_of};

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "bam",
    summary: "batch and match: a full-rank or low-rank Gaussian whose gradients match the posterior's",
    options: &[
        ("batch_size", "32", "draws per step"),
        ("rank", "0", "columns of a low-rank factor; 0: full rank"),
        (
            "averaging_steps",
            "100",
            "steps that average the batches' noise away",
        ),
    ],
};

/// A batch whose log ratios differ by less than this has `KL ≈ ½ · 10⁻⁶`: the fit is exact.
const EXACT: f64 = 1e-3;
/// A step after which the median log ratio is lower by this many nats went wrong.
const DISASTER: f64 = 20.0;

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bam {
    /// Draws per step.
    pub batch_size: usize,
    /// Columns of the low-rank factor; 0: a full covariance.
    pub rank: usize,
    /// Steps that average the batches' noise away.
    pub averaging_steps: usize,
}

impl Default for Bam {
    fn default() -> Self {
        Self {
            batch_size: 32,
            rank: 0,
            averaging_steps: 100,
        }
    }
}

/// Where a fit is.
#[derive(Debug, Clone, PartialEq)]
pub struct BamState {
    seed: u64,
    /// The start's neighbourhood, should the path find nothing.
    fallback: Vec<f64>,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Path(PathfinderState),
    Matching(Box<Matching>),
}

impl Bam {
    fn check(&self, dimension: usize) -> Result<(), ViError> {
        let unusable = |name, value: usize, requirement| {
            Err(ViError::Setting {
                name,
                value: value.to_string(),
                requirement,
            })
        };
        if self.batch_size < 2 {
            return unusable("batch_size", self.batch_size, "at least 2");
        }
        if self.rank >= dimension && self.rank > 0 {
            return unusable("rank", self.rank, "below the dimension (0: full rank)");
        }
        Ok(())
    }

    fn path() -> Pathfinder {
        Pathfinder {
            n_paths: 1,
            n_draws: 16,
            ..Pathfinder::default()
        }
    }

    /// The Gaussian that a path found, in this fit's form.
    fn of_path(&self, found: &HistoryGaussian, seed: u64) -> Result<Gaussian, ViError> {
        /// Rounds of EM from scratch.
        const ROUNDS: usize = 50;
        let mean = mean_of(found);
        if self.rank == 0 {
            return Ok(Gaussian::Full(FullRank::from_covariance(
                mean,
                &found.covariance(),
            )?));
        }
        let sds = found.standard_deviations().unwrap_or_default();
        let start = self.near(&MeanField::new(mean.clone(), sds.clone())?, seed)?;
        let times = |m: &elbo_math::linalg::Matrix| found.covariance_times_columns(m);
        let variances = patch::squares(&sds);
        let (variances, factor) =
            patch::factor_analysis(times, &variances, variances.clone(), start.factor(), ROUNDS)?;
        let scales = variances.into_iter().map(f64::sqrt).collect();
        Ok(Gaussian::LowRank(LowRank::new(mean, scales, factor)?))
    }

    fn near(&self, start: &MeanField, seed: u64) -> Result<LowRank, ViError> {
        LowRank::near(start, self.rank, &mut stream(seed, "bam/factor", 0))
    }

    fn at_point(&self, point: &[f64], seed: u64) -> Result<Gaussian, ViError> {
        let start = MeanField::new(point.to_vec(), vec![1.0; point.len()])?;
        if self.rank == 0 {
            let identity = elbo_math::linalg::Matrix::identity(point.len());
            Ok(Gaussian::Full(FullRank::from_covariance(
                point.to_vec(),
                &identity,
            )?))
        } else {
            Ok(Gaussian::LowRank(self.near(&start, seed)?))
        }
    }

    /// One batch: judge `q`, then move.
    fn match_batch(
        &self,
        target: &Target<'_>,
        seed: u64,
        matching: &mut Matching,
    ) -> Result<Info, ViError> {
        let mut rng = stream(seed, "bam/batch", matching.steps);
        let q = matching.q.approximation();
        let (points, log_q) = q.sample(self.batch_size, &mut rng);
        let (log_p, gradients) = target.log_densities_and_gradients(&points)?;
        let usable: Vec<usize> = (0..self.batch_size)
            .filter(|s| log_p[*s].is_finite())
            .collect();
        let ratios: Vec<f64> = usable.iter().map(|s| log_p[*s] - log_q[*s]).collect();
        matching.steps += 1;
        let median = if 2 * usable.len() > self.batch_size {
            median(&ratios)
        } else {
            f64::NEG_INFINITY
        };
        if median < matching.best.1 - DISASTER || usable.len() < 2 {
            matching.q = matching.best.0.clone();
            matching.damping *= 0.25;
            return Ok(self.report(matching, true, &[]));
        }
        if median > matching.best.1 {
            matching.best = (matching.q.clone(), median);
        }
        let info = self.report(matching, false, &ratios);
        self.schedule(matching, median, spread(&ratios), &usable);
        if matching.done {
            return Ok(Info {
                converged: true,
                ..info
            });
        }
        let moments = Moments::new(
            &mean_of(matching.q.approximation()),
            &points.select(&usable),
            &gradients.select(&usable),
            matching.lambda(self.batch_size),
        );
        // An update that cannot be made leaves the Gaussian as it was.
        let updated = matching.q.updated(&moments);
        let rejected = updated.is_err();
        match updated {
            Ok(next) => matching.q = next,
            Err(_) => matching.damping *= 0.25,
        }
        Ok(Info { rejected, ..info })
    }

    /// When averaging begins and when it ends.
    fn schedule(&self, matching: &mut Matching, median: f64, spread: f64, usable: &[usize]) {
        if usable.len() == self.batch_size && spread < EXACT {
            matching.done = true;
        }
        match matching.averaging_since {
            Some(since) => {
                matching.done |= matching.steps - since >= self.averaging_steps as u64;
            }
            None => {
                if matching.stagnates(median) {
                    matching.averaging_since = Some(matching.steps);
                }
            }
        }
    }

    fn report(&self, matching: &Matching, bad: bool, ratios: &[f64]) -> Info {
        let n = ratios.len() as f64;
        let complete = ratios.len() == self.batch_size;
        Info {
            elbo: complete.then(|| ratios.iter().sum::<f64>() / n),
            elbo_error: if complete {
                spread(ratios) / n.sqrt()
            } else {
                0.0
            },
            converged: matching.done,
            rejected: bad,
            widest: Some(matching.q.widest()),
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The standard deviation.
fn spread(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

impl Method for Bam {
    type State = BamState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        self.check(target.dimension())?;
        let fallback = start.first_point(target, seed, 0)?;
        let path = Self::path().init(target, &Start::Point(fallback.clone()), seed)?;
        Ok(BamState {
            seed,
            fallback,
            phase: Phase::Path(path),
        })
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        match &mut state.phase {
            Phase::Path(path) => {
                let info = Self::path().step(target, path)?;
                if info.converged {
                    let q = match Self::path().mixture(target, path) {
                        Ok(mixture) => self.of_path(&mixture.components()[0], state.seed)?,
                        Err(ViError::Numerical { .. } | ViError::NotFinite { .. }) => {
                            self.at_point(&state.fallback, state.seed)?
                        }
                        Err(error) => return Err(error),
                    };
                    state.phase = Phase::Matching(Box::new(Matching::new(q)));
                }
                Ok(Info {
                    converged: false,
                    ..info
                })
            }
            Phase::Matching(matching) if !matching.done => {
                let mut next = Matching::clone(matching);
                let info = self.match_batch(target, state.seed, &mut next)?;
                let (coordinate, sd) = next.q.widest();
                if sd > 1e10 {
                    return Err(ViError::Improper {
                        elbo: info.elbo.unwrap_or(f64::NEG_INFINITY),
                        coordinate,
                    });
                }
                **matching = next;
                Ok(info)
            }
            Phase::Matching(_) => Ok(Info {
                converged: true,
                ..Info::default()
            }),
        }
    }

    fn finish(
        &self,
        _: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        let q = match state.phase {
            Phase::Matching(matching) => matching.q,
            Phase::Path(_) => self.at_point(&state.fallback, state.seed)?,
        };
        Ok(match q {
            Gaussian::Full(q) => Box::new(q),
            Gaussian::LowRank(q) => Box::new(q),
        })
    }
}
