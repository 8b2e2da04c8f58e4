//! Steps of every lane until its last time, as long as their errors allow
//! (`[@hairer1993solving, §II.4]`).

use super::combine::{Scale, errors, judge};
use super::newton::Newton;
use super::stages::{Stages, zeros};
use super::trajectory::{Step, Trajectory};
use super::{Problem, Tolerances};
use crate::block::Run;

/// Working memory of a solution, and the steps that it took.
#[derive(Debug, Default)]
pub(super) struct Solver<T> {
    pub stages: Stages<T>,
    pub newton: Newton<T>,
    pub trajectory: Trajectory<T>,
    progress: Vec<Progress>,
    steps: Vec<Step>,
    states: Vec<T>,
    errors: Vec<f64>,
}

/// The part of an interval below which a step is none; an interval may begin at time 0.
const LEAST_STEP: f64 = 1e-20;

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

impl<T: Run> Solver<T> {
    /// Writes the states at every time (times × states × lanes), and keeps the accepted steps.
    pub(super) fn solve<const W: usize>(&mut self, problem: &Problem<'_, T>, out: &mut [T]) {
        let n_times = problem.n_times();
        let tableau = problem.method.tableau();
        let Tolerances {
            absolute, relative, ..
        } = problem.tolerances;
        let scale = Scale {
            absolute,
            relative,
            exponent: tableau.exponent,
        };
        out.fill(T::constant(f64::NAN));
        self.begin::<W>(problem);
        while self.progress.iter().any(|p| p.running) {
            let lanes = self.steps.iter_mut().zip(&self.progress).enumerate();
            for (l, (step, progress)) in lanes {
                *step = next(problem, progress, l);
            }
            let stages = &mut self.stages;
            stages.set_steps(problem, &self.steps);
            stages.step::<W>(problem, &self.states, &mut self.newton);
            let weights = tableau.error;
            errors::<T, W>(&mut self.errors, &stages.length, &stages.slopes, weights);
            if tableau.gamma.is_some() {
                self.newton.filter::<W>(&mut self.errors);
            }
            let (sizes, factors) =
                judge::<T, W>(&self.errors, &self.states, stages.states(), &scale);
            for l in 0..W {
                let (step, progress) = (self.steps[l], &mut self.progress[l]);
                if !step.is_some() {
                    continue;
                }
                let (error, length) = (sizes[l], stages.length[l].value().abs());
                progress.adapt(error, factors[l] * length, step);
                if !(error <= 1.0) {
                    let time = stages.files[0][l].value().abs();
                    let interval = problem.length(step.interval, l).value().abs();
                    // A step that time does not feel: this lane stays NaN.
                    let least = (4.0 * f64::EPSILON * time).max(LEAST_STEP * interval);
                    progress.running &= progress.step > least;
                    progress.running &= progress.tried < problem.tolerances.most_steps;
                    continue;
                }
                self.trajectory.push(l, step, &self.states, problem.initial);
                let ends = stages.states();
                for e in (l..self.states.len()).step_by(W) {
                    self.states[e] = ends[e];
                }
                if tableau.gamma.is_none() {
                    // The slope at the end is that at the beginning of the next step. (An implicit
                    // method starts its first iteration wherever its last step began.)
                    let size = self.states.len();
                    for e in (l..size).step_by(W) {
                        stages.slopes[e] = stages.slopes[tableau.stages() * size + e];
                    }
                }
                if step.last {
                    let out = &mut out[step.interval * self.states.len()..];
                    for e in (l..self.states.len()).step_by(W) {
                        out[e] = self.states[e];
                    }
                    progress.interval += 1;
                    progress.done = 0.0;
                    progress.running = progress.interval < n_times;
                } else {
                    progress.done += step.fraction;
                }
                progress.running &= progress.tried < problem.tolerances.most_steps;
            }
        }
    }

    /// First slopes and first steps, which the slopes suggest (`[@hairer1993solving, §II.4]`, less
    /// the second slope: the first error corrects the guess).
    fn begin<const W: usize>(&mut self, problem: &Problem<'_, T>) {
        let n = problem.system.n_states();
        let stages = &mut self.stages;
        stages.prepare(problem, 1);
        self.trajectory.clear(W);
        self.states.clear();
        self.states.extend_from_slice(problem.initial);
        zeros(&mut self.errors, n * W);
        self.steps.clear();
        self.steps.resize(W, Step::NONE);
        stages.files[0][..W].copy_from_slice(&problem.times[..W]);
        stages.files[0][W..(1 + n) * W].copy_from_slice(problem.initial);
        stages.evaluate::<W>(problem, 0, 0);
        let first = |l: usize| {
            let (mut size, mut slope) = (0.0_f64, 0.0_f64);
            for e in (l..n * W).step_by(W) {
                let y = problem.initial[e].value().abs();
                let scale = problem.tolerated(y);
                size = size.max(y / scale);
                slope = slope.max(stages.slopes[e].value().abs() / scale);
            }
            let guess = 0.01 * size / slope;
            Progress {
                interval: 0,
                done: 0.0,
                step: if size >= 1e-5 && slope >= 1e-5 && guess > 0.0 && guess.is_finite() {
                    guess
                } else {
                    1e-6
                },
                running: problem.n_times() > 0,
                tried: 0,
            }
        };
        self.progress.clear();
        self.progress.extend((0..W).map(first));
    }
}

impl Progress {
    /// Sets the next step after one with this error, from which `wanted` follows.
    fn adapt(&mut self, error: f64, wanted: f64, step: Step) {
        self.tried += 1;
        // A step that a time cut short, to nothing even, does not shorten those that follow.
        if !(step.last && error <= 1.0 && wanted < self.step) {
            self.step = wanted;
        }
    }
}

/// A lane's next step: as long as it would be, or to the end of the interval.
fn next<T: Run>(problem: &Problem<'_, T>, progress: &Progress, lane: usize) -> Step {
    if !progress.running {
        return Step::NONE;
    }
    let length = problem.length(progress.interval, lane).value().abs();
    let rest = 1.0 - progress.done;
    // A fraction of 0 means no step.
    let fraction = (progress.step / length).max(f64::MIN_POSITIVE);
    // No sliver is left over for a step of its own. An interval without length is one step.
    let last = !(fraction * 1.01 < rest);
    Step {
        interval: progress.interval,
        begin: progress.done,
        fraction: if last { rest } else { fraction },
        last,
    }
}
