//! Back through the steps that were taken.

use super::Problem;
use super::newton::{Newton, jacobian, shifted};
use super::stages::Stages;
use super::trajectory::{Step, Trajectory};
use crate::block::dense::{Lu, lane, set_lane, transposed};
use crate::program::Pooled;

/// The adjoints of (initial states, parameters) and of the times, from those of the states at each
/// time, step by step backward: `k̄_s = h (b_s λ + Σ_{r>s} a_rs ȳ_r)`, `ȳ_s = ∂f/∂yᵀ k̄_s`,
/// `λ ← λ + Σ ȳ_s`. Where the stage is implicit, `(I − γ h ∂f/∂yᵀ) w_s = k̄_s` comes between.
pub(super) fn adjoint<T: Pooled>(
    problem: &Problem<'_, T>,
    trajectory: &Trajectory<T>,
    adjoint: &[T],
) -> (Vec<T>, Vec<T>) {
    let (n, lanes) = (problem.system.n_states(), problem.lanes);
    let n_parameters = problem.system.n_parameters();
    let mut stages = Stages::new(problem);
    let tableau = stages.tableau;
    let mut of_states = vec![T::default(); n * lanes];
    let mut of_parameters = vec![T::default(); n_parameters * lanes];
    let mut of_times = vec![T::default(); problem.times.len()];
    let mut begin = problem.initial.to_vec();
    let mut points = vec![Vec::new(); tableau.stages()];
    let mut inputs = vec![vec![T::default(); n * lanes]; tableau.stages()];
    let mut weights = vec![T::default(); n * lanes];
    let mut products = vec![T::default(); (1 + 2 * n + n_parameters) * lanes];
    for back in 0..trajectory.len() {
        let mut steps = Vec::with_capacity(lanes);
        for l in 0..lanes {
            let step = trajectory.counted_from_end(l, back, &mut begin);
            stages.length[l] = problem.step_length(step, l);
            if let Some(step) = step.filter(|s| s.last) {
                for i in 0..n {
                    let a = adjoint[(step.interval * n + i) * lanes + l];
                    of_states[i * lanes + l] += a;
                }
            }
            steps.push(step);
        }
        again(problem, &mut stages, &steps, &begin, &mut points);
        // The adjoints of each lane's step length and of its beginning.
        let mut of_length = vec![T::default(); lanes];
        let mut of_begin = vec![T::default(); lanes];
        for s in (0..tableau.stages()).rev() {
            for (e, l) in (0..n).flat_map(|i| (0..lanes).map(move |l| (i * lanes + l, l))) {
                let mut sum = of_states[e].times(tableau.weights[s]);
                for r in s + 1..tableau.stages() {
                    sum += inputs[r][e].times(tableau.entry(r, s));
                }
                of_length[l] += sum * stages.slopes[s][e];
                weights[e] = sum * stages.length[l];
            }
            if let Some(gamma) = tableau.gamma {
                solve_transposed(problem, &stages, &points[s], gamma, &mut weights);
            }
            points[s].extend_from_slice(&weights);
            problem.system.products(&points[s], lanes, &mut products);
            for l in 0..lanes {
                of_begin[l] += products[l];
                of_length[l] += products[l].times(tableau.nodes[s]);
            }
            inputs[s].copy_from_slice(&products[lanes..(1 + n) * lanes]);
            if let Some(gamma) = tableau.gamma {
                for e in 0..n * lanes {
                    of_length[e % lanes] += (inputs[s][e] * stages.slopes[s][e]).times(gamma);
                }
            }
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

/// The stages of steps that were taken before, and the points at which `f` was evaluated.
fn again<T: Pooled>(
    problem: &Problem<'_, T>,
    stages: &mut Stages<T>,
    steps: &[Option<Step>],
    begin: &[T],
    points: &mut [Vec<T>],
) {
    let implicit = stages.tableau.gamma.is_some();
    if implicit {
        stages.step(problem, steps, begin, &mut Newton::default());
    }
    for (s, point) in points.iter_mut().enumerate() {
        stages.set_times(problem, steps, s);
        stages.set_states(begin, s);
        if !implicit {
            stages.evaluate(problem, s);
        }
        point.clone_from(&stages.point);
    }
}

/// Replaces `weights` with the solution of `(I − γ h Jᵀ) w = weights` at the point of a stage.
fn solve_transposed<T: Pooled>(
    problem: &Problem<'_, T>,
    stages: &Stages<T>,
    point: &[T],
    gamma: f64,
    weights: &mut [T],
) {
    let (n, lanes) = (problem.system.n_states(), problem.lanes);
    let jacobian = jacobian(problem, point);
    for l in 0..lanes {
        let j = transposed(&lane(&jacobian, lanes, l), n);
        let matrix = shifted(&j, stages.length[l].times(gamma), n);
        let solution = Lu::new(matrix, n).solve(&lane(weights, lanes, l), 1);
        set_lane(weights, lanes, l, &solution);
    }
}
