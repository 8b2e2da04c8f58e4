//! Pathfinder: quasi-Newton ascents from several starts, and the best Gaussian on each.
//!
//! The one idea: on its way from the tail to the mode an ascent passes the region where the
//! posterior's mass is, and its history models the curvature there; the Gaussian with the highest
//! ELBO on the way is the approximation `[@zhang2022pathfinder]`. In every step each path that has not
//! ended is given one evaluation, all paths together. Deliberately absent: any gradient of an ELBO;
//! smoothing of importance weights (`diagnostic`).

mod gaussian;
mod mixture;
mod path;
mod resample;

#[cfg(test)]
mod tests;

pub use gaussian::HistoryGaussian;
pub use mixture::PathMixture;
pub use resample::{Resampled, resample};

use elbo_math::parallel;
use elbo_math::random::stream;

use super::{Description, Info, Method, Start};
use crate::coupled::coupled_normals;
use crate::{Approximation, Draws, Target, ViError};
pub(super) use path::{Judging, Path};

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "pathfinder",
    summary: "the best Gaussians on several quasi-Newton paths to the mode, as a mixture",
    options: &[
        ("n_paths", "4", "starts"),
        ("history", "6", "pairs of steps and gradient changes kept"),
        (
            "n_first_draws",
            "4",
            "draws that choose the iterates worth more",
        ),
        (
            "n_elbo_draws",
            "16",
            "draws that judge the best three iterates",
        ),
        ("n_draws", "256", "draws that judge the mixture"),
        ("max_iterates", "1000", "steps of a path"),
        (
            "tolerance",
            "1e-4",
            "nats left to gain at which a path ends",
        ),
    ],
};

/// The settings; the defaults for paths and history are Stan's and the paper's. Draws are coupled and
/// fill blocks, which makes 16 of them as good as the 25 independent ones that are usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pathfinder {
    /// Starts; one path each.
    pub n_paths: usize,
    /// Pairs of steps and gradient changes kept.
    pub history: usize,
    /// Draws that every iterate gets.
    pub n_first_draws: usize,
    /// Draws that the best three iterates by those get.
    pub n_elbo_draws: usize,
    /// Draws that judge the mixture, shared among the paths.
    pub n_draws: usize,
    /// Steps of a path, at most.
    pub max_iterates: usize,
    /// A path ends when its model promises less gain than this, in nats.
    pub tolerance: f64,
}

impl Default for Pathfinder {
    fn default() -> Self {
        Self {
            n_paths: 4,
            history: 6,
            n_first_draws: 4,
            n_elbo_draws: 16,
            n_draws: 256,
            max_iterates: 1000,
            tolerance: 1e-4,
        }
    }
}

/// The paths so far.
#[derive(Debug, Clone, PartialEq)]
pub struct PathfinderState {
    seed: u64,
    paths: Vec<Path>,
}

impl Pathfinder {
    fn check(&self) -> Result<(), ViError> {
        let least = [
            ("n_paths", self.n_paths, 1),
            ("history", self.history, 1),
            ("n_first_draws", self.n_first_draws, 2),
            ("n_elbo_draws", self.n_elbo_draws, 2),
            ("n_draws", self.n_draws, 2),
            ("max_iterates", self.max_iterates, 1),
        ];
        for (name, value, least) in least {
            if value < least {
                return Err(ViError::Setting {
                    name,
                    value: value.to_string(),
                    requirement: if least == 1 {
                        "at least 1"
                    } else {
                        "at least 2"
                    },
                });
            }
        }
        if !(self.tolerance >= 0.0) {
            return Err(ViError::Setting {
                name: "tolerance",
                value: self.tolerance.to_string(),
                requirement: "at least 0",
            });
        }
        Ok(())
    }

    /// The mixture that a state stands for; [`finish`](Method::finish) with its own type.
    ///
    /// # Errors
    /// [`ViError::Improper`] where a path runs away or the density does not depend on a coordinate;
    /// [`ViError::NotFinite`] or [`ViError::Numerical`] if no path has a Gaussian.
    pub fn mixture(
        &self,
        target: &Target<'_>,
        state: &PathfinderState,
    ) -> Result<PathMixture, ViError> {
        let usable: Vec<&Path> = state
            .paths
            .iter()
            .filter(|p| p.best().is_some() && p.runs_away().is_none())
            .collect();
        if usable.is_empty() {
            if let Some((elbo, coordinate)) = state.paths.iter().find_map(Path::runs_away) {
                return Err(ViError::Improper { elbo, coordinate });
            }
            return Err(target.rejections().unwrap_or(ViError::Numerical {
                what: "every path of Pathfinder",
                advice: "start closer to the mode, or use another method",
            }));
        }
        let mut components: Vec<HistoryGaussian> = usable
            .iter()
            .filter_map(|p| p.best_gaussian().cloned())
            .collect();
        let elbo = usable
            .iter()
            .filter_map(|p| p.best().map(|b| b.elbo))
            .fold(f64::NEG_INFINITY, f64::max);
        let idle = |i: usize| state.paths.iter().all(|p| !p.touched[i]);
        if (0..target.dimension()).any(idle) {
            let mut stream = stream(state.seed, "pathfinder/idle", 0);
            let (points, _) = components[0].sample(LOOKED_AT, &mut stream);
            refuse_idle_coordinates(target, &points, elbo)?;
        }
        // A single path's share needs no draws to be known.
        if components.len() == 1 {
            return Ok(PathMixture::single(components.swap_remove(0)));
        }
        let each = self.n_draws.div_ceil(components.len());
        let mut draws = Draws::zeros(target.dimension(), each * components.len());
        for (k, component) in components.iter().enumerate() {
            let mut stream = stream(state.seed, "pathfinder/weights", k as u64);
            draws.put(k * each, &component.sample(each, &mut stream).0);
        }
        let log_p = target.log_densities(&draws)?;
        let log_p: Vec<Vec<f64>> = log_p.chunks_exact(each).map(<[f64]>::to_vec).collect();
        let draws: Vec<Draws> = (0..components.len())
            .map(|k| draws.slice(k * each..(k + 1) * each))
            .collect();
        Ok(PathMixture::weighted(components, &draws, &log_p))
    }
}

/// Iterates of a path that get all draws.
const KEPT: usize = 3;

/// Draws whose gradients are looked at.
const LOOKED_AT: usize = 16;

/// A coordinate that no gradient depends on has no posterior.
fn refuse_idle_coordinates(target: &Target<'_>, draws: &Draws, elbo: f64) -> Result<(), ViError> {
    let (values, gradients) = target.log_densities_and_gradients(draws)?;
    if values.iter().filter(|v| v.is_finite()).count() < 2 {
        return Ok(());
    }
    let idle = |i: &usize| gradients.coordinate(*i).iter().all(|g| *g == 0.0);
    match (0..target.dimension()).find(idle) {
        Some(coordinate) => Err(ViError::Improper { elbo, coordinate }),
        None => Ok(()),
    }
}

impl Method for Pathfinder {
    type State = PathfinderState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        self.check()?;
        let paths = (0..self.n_paths)
            .map(|k| {
                let begin = if k == 0 {
                    start.first_evaluated(target, seed, 0)?
                } else {
                    start.another_evaluated(target, seed, k as u64)?
                };
                let mut rng = stream(seed, "pathfinder/noise", k as u64);
                let noise = coupled_normals(target.dimension(), self.n_elbo_draws, &mut rng);
                let judging = Judging {
                    noise,
                    n_first: self.n_first_draws.min(self.n_elbo_draws),
                    n_kept: KEPT,
                    rise: 0.0,
                };
                Ok(Path::new(begin, judging))
            })
            .collect::<Result<_, ViError>>()?;
        Ok(PathfinderState { seed, paths })
    }

    /// Every path that has not ended is given one evaluation.
    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        // A path that was not answered asks the same again: after an error the state is as it was.
        let asked: Vec<(usize, Vec<f64>)> = state
            .paths
            .iter_mut()
            .enumerate()
            .filter_map(|(k, path)| Some((k, path.ask(self)?)))
            .collect();
        if !asked.is_empty() {
            let points: Vec<&[f64]> = asked.iter().map(|(_, point)| point.as_slice()).collect();
            let points = Draws::from_points(target.dimension(), &points);
            let (values, gradients) = target.log_densities_and_gradients(&points)?;
            for (s, (k, _)) in asked.iter().enumerate() {
                state.paths[*k].tell(values[s], gradients.draw(s));
            }
        }
        let judged = parallel::map_chunks_mut(&mut state.paths, 1, |_, path| path[0].judge(target));
        judged.into_iter().collect::<Result<(), ViError>>()?;
        let best = state
            .paths
            .iter()
            .filter_map(Path::best)
            .max_by(|a, b| a.elbo.total_cmp(&b.elbo));
        Ok(Info {
            elbo: best.map(|b| b.elbo),
            elbo_error: best.map_or(0.0, |b| b.elbo_error),
            converged: state.paths.iter().all(|p| p.ended.is_some()),
            ..Info::default()
        })
    }

    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        Ok(Box::new(self.mixture(target, &state)?))
    }
}
