//! Steps of every lane until its last time, as long as their errors allow
//! (`[@hairer1993solving, §II.4]`).

use super::Problem;
use super::newton::Newton;
use super::stages::Stages;
use super::trajectory::{Step, Trajectory};
use crate::program::Pooled;

/// How a lane proceeds.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The interval, and the fraction of it that is done.
    interval: usize,
    done: f64,
    /// The length of the next step, if nothing is in the way.
    step: f64,
    running: bool,
    tried: usize,
}

/// Writes the states at every time (times × states × lanes), and the accepted steps.
pub(super) fn solve<T: Pooled>(
    problem: &Problem<'_, T>,
    out: &mut [T],
    mut trajectory: Option<&mut Trajectory<T>>,
) {
    let (n, lanes) = (problem.system.n_states(), problem.lanes);
    let n_times = problem.n_times();
    out.fill(T::constant(f64::NAN));
    let mut states = problem.initial.to_vec();
    let mut stages = Stages::new(problem);
    let mut progress = begin(problem, &mut stages);
    let mut newton = Newton::default();
    while progress.iter().any(|p| p.running) {
        let steps: Vec<Option<Step>> = (0..lanes).map(|l| next(problem, &progress[l], l)).collect();
        for (l, step) in steps.iter().enumerate() {
            stages.length[l] = problem.step_length(*step, l);
        }
        stages.step(problem, &steps, &states, &mut newton);
        for (l, step) in steps.iter().enumerate() {
            let Some(step) = step else {
                continue;
            };
            let error = error(problem, &stages, &newton, &states, l);
            let exponent = stages.tableau.exponent;
            progress[l].adapt(error, stages.length[l].value().abs(), *step, exponent);
            if !(error <= 1.0) {
                let time = stages.point[l].value().abs();
                // A step that time does not feel, or no end of steps: this lane stays NaN.
                let stuck = progress[l].step <= 4.0 * f64::EPSILON * time;
                progress[l].running &= !stuck && progress[l].tried < problem.tolerances.most_steps;
                continue;
            }
            if let Some(trajectory) = trajectory.as_deref_mut() {
                trajectory.push(l, *step, &states);
            }
            let (ends, first) = stages.slopes.split_at_mut(stages.tableau.stages());
            for e in (0..n).map(|i| i * lanes + l) {
                states[e] = stages.point[lanes + e];
                // The slope at the end is that at the beginning of the next step. (An implicit
                // method starts its first iteration wherever its last step began.)
                if stages.tableau.gamma.is_none() {
                    ends[0][e] = first[0][e];
                }
            }
            if step.last {
                for i in 0..n {
                    out[(step.interval * n + i) * lanes + l] = states[i * lanes + l];
                }
                progress[l].interval += 1;
                progress[l].done = 0.0;
                progress[l].running = progress[l].interval < n_times;
            } else {
                progress[l].done += step.fraction;
            }
            progress[l].running &= progress[l].tried < problem.tolerances.most_steps;
        }
    }
}

/// First slopes and first steps, which the slopes suggest (`[@hairer1993solving, §II.4]`, less the
/// second slope: the first error corrects the guess).
fn begin<T: Pooled>(problem: &Problem<'_, T>, stages: &mut Stages<T>) -> Vec<Progress> {
    let (n, lanes) = (problem.system.n_states(), problem.lanes);
    stages.point[..lanes].copy_from_slice(&problem.times[..lanes]);
    stages.point[lanes..(1 + n) * lanes].copy_from_slice(problem.initial);
    stages.evaluate(problem, 0);
    let first = |l: usize| {
        let (mut size, mut slope) = (0.0_f64, 0.0_f64);
        for e in (0..n).map(|i| i * lanes + l) {
            let y = problem.initial[e].value().abs();
            let scale = problem.tolerated(y);
            size = size.max(y / scale);
            slope = slope.max(stages.slopes[0][e].value().abs() / scale);
        }
        let guess = 0.01 * size / slope;
        Progress {
            interval: 0,
            done: 0.0,
            step: if size < 1e-5 || slope < 1e-5 || !guess.is_finite() {
                1e-6
            } else {
                guess
            },
            running: problem.n_times() > 0,
            tried: 0,
        }
    };
    (0..lanes).map(first).collect()
}

impl Progress {
    /// Sets the next step from the error of one of length `length`.
    fn adapt(&mut self, error: f64, length: f64, step: Step, exponent: f64) {
        self.tried += 1;
        let factor = if error.is_finite() {
            (0.9 * error.powf(-exponent)).clamp(0.2, 5.0)
        } else {
            0.2
        };
        // A step that a time cut short does not shorten those that follow.
        if !(step.last && error <= 1.0 && factor * length < self.step) {
            self.step = factor * length;
        }
        if length == 0.0 {
            self.step = self.step.max(1e-6);
        }
    }
}

/// A lane's next step: as long as it would be, or to the end of the interval.
fn next<T: Pooled>(problem: &Problem<'_, T>, progress: &Progress, lane: usize) -> Option<Step> {
    if !progress.running {
        return None;
    }
    let length = problem.length(progress.interval, lane).value().abs();
    let rest = 1.0 - progress.done;
    let fraction = progress.step / length;
    // No sliver is left over for a step of its own. An interval without length is one step.
    let last = !(fraction * 1.01 < rest);
    Some(Step {
        interval: progress.interval,
        begin: progress.done,
        fraction: if last { rest } else { fraction },
        last,
    })
}

/// The error of a lane's step in units of what is tolerated; NaN if its equations were not solved.
fn error<T: Pooled>(
    problem: &Problem<'_, T>,
    stages: &Stages<T>,
    newton: &Newton,
    begin: &[T],
    lane: usize,
) -> f64 {
    let (n, lanes) = (problem.system.n_states(), problem.lanes);
    let length = stages.length[lane].value();
    let entries = (0..n).map(|i| i * lanes + lane);
    let mut errors: Vec<f64> = entries
        .clone()
        .map(|e| {
            let slopes = stages.slopes.iter().zip(stages.tableau.error);
            length * slopes.map(|(s, weight)| s[e].value() * weight).sum::<f64>()
        })
        .collect();
    if stages.tableau.gamma.is_some() {
        if newton.failed[lane] {
            return f64::NAN;
        }
        errors = newton.filter(lane, &errors);
    }
    let mut sum = 0.0;
    for (error, e) in errors.iter().zip(entries) {
        let size = begin[e].value().abs().max(stages.states()[e].value().abs());
        sum += (error / problem.tolerated(size)).powi(2);
    }
    (sum / n as f64).sqrt()
}
