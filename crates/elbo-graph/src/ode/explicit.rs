//! The pair of Dormand and Prince, lanes side by side, and its adjoint
//! (`[@hairer1993solving, §II.4–5]`).

use super::Problem;
use super::trajectory::{Step, Trajectory};
use crate::program::Pooled;

/// Stages that the solution is made of; a seventh, at its end, only estimates the error.
const STAGES: usize = 6;

const NODES: [f64; STAGES] = [0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0];

const MATRIX: [[f64; STAGES - 1]; STAGES] = [
    [0.0; 5],
    [0.2, 0.0, 0.0, 0.0, 0.0],
    [3.0 / 40.0, 9.0 / 40.0, 0.0, 0.0, 0.0],
    [44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0, 0.0, 0.0],
    [
        19372.0 / 6561.0,
        -25360.0 / 2187.0,
        64448.0 / 6561.0,
        -212.0 / 729.0,
        0.0,
    ],
    [
        9017.0 / 3168.0,
        -355.0 / 33.0,
        46732.0 / 5247.0,
        49.0 / 176.0,
        -5103.0 / 18656.0,
    ],
];

const WEIGHTS: [f64; STAGES] = [
    35.0 / 384.0,
    0.0,
    500.0 / 1113.0,
    125.0 / 192.0,
    -2187.0 / 6784.0,
    11.0 / 84.0,
];

/// The solution's weights less those of the embedded one of order 4.
const ERROR: [f64; STAGES + 1] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339_200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];

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

/// Stages of one step of all lanes.
struct Stages<T> {
    /// Time, states and parameters, as the system reads them.
    point: Vec<T>,
    /// Derivatives at each stage, the one at the end of the step included.
    slopes: Vec<Vec<T>>,
    /// Each lane's step.
    length: Vec<T>,
    n: usize,
    lanes: usize,
}

impl<T: Pooled> Stages<T> {
    fn new(problem: &Problem<'_, T>) -> Self {
        let (n, lanes) = (problem.system.n_states(), problem.lanes);
        let mut point = vec![T::default(); (1 + n) * lanes];
        point.extend_from_slice(problem.parameters);
        Self {
            point,
            slopes: vec![vec![T::default(); n * lanes]; STAGES + 1],
            length: vec![T::default(); lanes],
            n,
            lanes,
        }
    }

    /// Places a lane's time for stage `s` of a step.
    fn set_time(&mut self, problem: &Problem<'_, T>, lane: usize, step: Step, s: usize) {
        let node = NODES.get(s).copied().unwrap_or(1.0);
        self.point[lane] = problem.time(step.interval, step.begin + node * step.fraction, lane);
    }

    /// Places the states of stage `s`: those at the beginning and a sum of earlier slopes.
    fn set_states(&mut self, begin: &[T], s: usize) {
        let weights = MATRIX.get(s).map_or(&WEIGHTS[..], |row| &row[..s]);
        let lanes = self.lanes;
        let states = &mut self.point[lanes..(1 + self.n) * lanes];
        for (e, state) in states.iter_mut().enumerate() {
            let mut sum = T::default();
            for (slope, weight) in self.slopes.iter().zip(weights) {
                sum += slope[e].times(*weight);
            }
            *state = begin[e] + sum * self.length[e % lanes];
        }
    }

    fn states(&self) -> &[T] {
        &self.point[self.lanes..(1 + self.n) * self.lanes]
    }

    fn evaluate(&mut self, problem: &Problem<'_, T>, s: usize) {
        problem
            .system
            .derivatives(&self.point, self.lanes, &mut self.slopes[s]);
    }
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
    while progress.iter().any(|p| p.running) {
        let steps: Vec<Step> = (0..lanes).map(|l| next(problem, &progress[l], l)).collect();
        for l in 0..lanes {
            stages.length[l] = problem
                .length(steps[l].interval, l)
                .times(steps[l].fraction);
        }
        for s in 1..=STAGES {
            for (l, step) in steps.iter().enumerate() {
                stages.set_time(problem, l, *step, s);
            }
            stages.set_states(&states, s);
            stages.evaluate(problem, s);
        }
        for (l, step) in steps.iter().enumerate() {
            if !progress[l].running {
                continue;
            }
            let error = error(problem, &stages, &states, l);
            progress[l].adapt(error, stages.length[l].value().abs(), *step);
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
            let (ends, first) = stages.slopes.split_at_mut(STAGES);
            for e in (0..n).map(|i| i * lanes + l) {
                states[e] = stages.point[lanes + e];
                // The slope at the end is that at the beginning of the next step.
                ends[0][e] = first[0][e];
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
    let (n, lanes) = (stages.n, problem.lanes);
    stages.point[..lanes].copy_from_slice(&problem.times[..lanes]);
    stages.point[lanes..(1 + n) * lanes].copy_from_slice(problem.initial);
    stages.evaluate(problem, 0);
    let tolerances = problem.tolerances;
    let first = |l: usize| {
        let (mut size, mut slope) = (0.0_f64, 0.0_f64);
        for e in (0..n).map(|i| i * lanes + l) {
            let y = problem.initial[e].value().abs();
            let scale = tolerances.absolute + tolerances.relative * y;
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
    fn adapt(&mut self, error: f64, length: f64, step: Step) {
        self.tried += 1;
        let factor = if error.is_finite() {
            (0.9 * error.powf(-0.2)).clamp(0.2, 5.0)
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
fn next<T: Pooled>(problem: &Problem<'_, T>, progress: &Progress, lane: usize) -> Step {
    if !progress.running {
        return Step {
            interval: 0,
            begin: 0.0,
            fraction: 0.0,
            last: false,
        };
    }
    let length = problem.length(progress.interval, lane).value().abs();
    let rest = 1.0 - progress.done;
    let fraction = progress.step / length;
    // No sliver is left over for a step of its own. An interval without length is one step.
    let last = !(fraction * 1.01 < rest);
    Step {
        interval: progress.interval,
        begin: progress.done,
        fraction: if last { rest } else { fraction },
        last,
    }
}

/// The error of a lane's step in units of what is tolerated.
fn error<T: Pooled>(problem: &Problem<'_, T>, stages: &Stages<T>, begin: &[T], lane: usize) -> f64 {
    let (n, lanes) = (stages.n, problem.lanes);
    let mut sum = 0.0;
    for e in (0..n).map(|i| i * lanes + lane) {
        let mut error = 0.0;
        for (slope, weight) in stages.slopes.iter().zip(ERROR) {
            error += slope[e].value() * weight;
        }
        let size = begin[e].value().abs().max(stages.states()[e].value().abs());
        let scale = problem.tolerances.absolute + problem.tolerances.relative * size;
        sum += (error * stages.length[lane].value() / scale).powi(2);
    }
    (sum / n as f64).sqrt()
}

/// The adjoints of (initial states, parameters) and of the times, from those of the states at each
/// time, step by step backward: `k̄_s = h (b_s λ + Σ_{r>s} a_rs ȳ_r)`, `ȳ_s = k̄_sᵀ ∂f/∂y`,
/// `λ ← λ + Σ ȳ_s`.
pub(super) fn adjoint<T: Pooled>(
    problem: &Problem<'_, T>,
    trajectory: &Trajectory<T>,
    adjoint: &[T],
) -> (Vec<T>, Vec<T>) {
    let (n, lanes) = (problem.system.n_states(), problem.lanes);
    let n_parameters = problem.system.n_parameters();
    let mut stages = Stages::new(problem);
    let mut of_states = vec![T::default(); n * lanes];
    let mut of_parameters = vec![T::default(); n_parameters * lanes];
    let mut of_times = vec![T::default(); problem.times.len()];
    let mut begin = problem.initial.to_vec();
    let mut points = vec![Vec::new(); STAGES];
    let mut inputs = vec![vec![T::default(); n * lanes]; STAGES];
    let mut weights = vec![T::default(); n * lanes];
    let mut products = vec![T::default(); (1 + 2 * n + n_parameters) * lanes];
    for back in 0..trajectory.len() {
        let mut steps = Vec::with_capacity(lanes);
        for l in 0..lanes {
            let step = trajectory.counted_from_end(l, back, &mut begin);
            stages.length[l] = step.map_or(T::default(), |step| {
                problem.length(step.interval, l).times(step.fraction)
            });
            if let Some(step) = step.filter(|s| s.last) {
                for i in 0..n {
                    let a = adjoint[(step.interval * n + i) * lanes + l];
                    of_states[i * lanes + l] += a;
                }
            }
            steps.push(step);
        }
        for s in 0..STAGES {
            for (l, step) in steps.iter().enumerate() {
                if let Some(step) = step {
                    stages.set_time(problem, l, *step, s);
                }
            }
            stages.set_states(&begin, s);
            stages.evaluate(problem, s);
            points[s].clone_from(&stages.point);
        }
        // The adjoints of each lane's step length and of its beginning.
        let mut of_length = vec![T::default(); lanes];
        let mut of_begin = vec![T::default(); lanes];
        for s in (0..STAGES).rev() {
            for e in 0..n * lanes {
                let mut sum = of_states[e].times(WEIGHTS[s]);
                for r in s + 1..STAGES {
                    sum += inputs[r][e].times(MATRIX[r][s]);
                }
                of_length[e % lanes] += sum * stages.slopes[s][e];
                weights[e] = sum * stages.length[e % lanes];
            }
            points[s].extend_from_slice(&weights);
            problem.system.products(&points[s], lanes, &mut products);
            for l in 0..lanes {
                of_begin[l] += products[l];
                of_length[l] += products[l].times(NODES[s]);
            }
            inputs[s].copy_from_slice(&products[lanes..(1 + n) * lanes]);
            let product = &products[(1 + n) * lanes..];
            for (to, from) in of_parameters.iter_mut().zip(product) {
                *to += *from;
            }
        }
        for input in &inputs {
            for (to, from) in of_states.iter_mut().zip(input) {
                *to += *from;
            }
        }
        for (l, step) in steps.iter().enumerate() {
            if let Some(step) = step {
                // The step begins at a fraction of its interval and takes a fraction of it.
                let later = of_begin[l].times(step.begin) + of_length[l].times(step.fraction);
                of_times[(step.interval + 1) * lanes + l] += later;
                of_times[step.interval * lanes + l] += of_begin[l] - later;
            }
        }
    }
    of_states.extend(of_parameters);
    (of_states, of_times)
}
