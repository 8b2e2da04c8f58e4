//! The equations of an implicit method's stages.
//!
//! `k = f(t, y + γ h k)` is solved with one factored `I − γ h J` per lane and step, whose numbers have
//! no tangents: it only decides how fast the iteration gets to the solution, tangents included.

use super::Problem;
use super::stages::Stages;
use super::trajectory::Step;
use crate::block::dense::{Lu, lane};
use crate::number::Number;
use crate::program::Pooled;

/// Iterations after which a shorter step is better.
const MOST_ITERATIONS: usize = 12;

/// How far from the solution, in units of what is tolerated of a step, an iteration may end.
const ENOUGH: f64 = 1e-5;

/// The factored matrices of all lanes, and which lanes have failed.
#[derive(Default)]
pub(super) struct Newton {
    factors: Vec<Lu<f64>>,
    pub failed: Vec<bool>,
}

/// `∂f/∂y` at a point, for every lane, row by row (states × states × lanes).
pub(super) fn jacobian<T: Pooled>(problem: &Problem<'_, T>, point: &[T]) -> Vec<T> {
    let (n, lanes) = (problem.system.n_states(), problem.lanes);
    let mut with_weights = point.to_vec();
    with_weights.resize(point.len() + n * lanes, T::default());
    let mut products = vec![T::default(); with_weights.len()];
    let mut rows = Vec::with_capacity(n * n * lanes);
    for i in 0..n {
        let weights = &mut with_weights[point.len()..];
        weights.fill(T::default());
        weights[i * lanes..(i + 1) * lanes].fill(T::constant(1.0));
        problem.system.products(&with_weights, lanes, &mut products);
        rows.extend_from_slice(&products[lanes..(1 + n) * lanes]);
    }
    rows
}

/// `I − c J` of one lane.
pub(super) fn shifted<T: Number>(jacobian: &[T], c: T, n: usize) -> Vec<T> {
    let entries = jacobian.iter().enumerate();
    entries
        .map(|(e, j)| {
            let one = if e.is_multiple_of(n + 1) { 1.0 } else { 0.0 };
            T::constant(one) - c * *j
        })
        .collect()
}

impl Newton {
    /// Factors the matrices of a step, at its beginning.
    pub(super) fn prepare<T: Pooled>(
        &mut self,
        problem: &Problem<'_, T>,
        stages: &mut Stages<T>,
        steps: &[Option<Step>],
        begin: &[T],
        gamma: f64,
    ) {
        let (n, lanes) = (problem.system.n_states(), problem.lanes);
        for (l, step) in steps.iter().enumerate() {
            if let Some(step) = step {
                stages.point[l] = problem.time(step.interval, step.begin, l);
            }
        }
        stages.point[lanes..(1 + n) * lanes].copy_from_slice(begin);
        let jacobian: Vec<f64> = jacobian(problem, &stages.point)
            .iter()
            .map(|j| j.value())
            .collect();
        self.factors = (0..lanes)
            .map(|l| {
                let c = gamma * stages.length[l].value();
                Lu::new(shifted(&lane(&jacobian, lanes, l), c, n), n)
            })
            .collect();
        self.failed = vec![false; lanes];
    }

    /// Solves for the slopes of stage `s`.
    pub(super) fn solve<T: Pooled>(
        &mut self,
        problem: &Problem<'_, T>,
        stages: &mut Stages<T>,
        begin: &[T],
        s: usize,
    ) {
        let (n, lanes) = (problem.system.n_states(), problem.lanes);
        let mut slopes = vec![T::default(); n * lanes];
        // Tangents follow values: one more iteration for them.
        let mut after = 0;
        for iteration in 0..MOST_ITERATIONS {
            stages.set_states(begin, s);
            problem
                .system
                .derivatives(&stages.point, lanes, &mut slopes);
            let mut most = 0.0_f64;
            for l in 0..lanes {
                let residual: Vec<T> = (0..n)
                    .map(|i| slopes[i * lanes + l] - stages.slopes[s][i * lanes + l])
                    .collect();
                let change = self.factors[l].solve_known(&residual);
                let mut size = 0.0_f64;
                for (i, change) in change.into_iter().enumerate() {
                    let e = i * lanes + l;
                    stages.slopes[s][e] += change;
                    let tolerated = problem.tolerated(begin[e].value().abs());
                    size = size.max((change * stages.length[l]).value().abs() / tolerated);
                }
                let enough = size <= ENOUGH;
                most = most.max(if self.failed[l] || enough { 0.0 } else { 1.0 });
                if iteration + 1 == MOST_ITERATIONS && !enough || !size.is_finite() {
                    self.failed[l] = true;
                }
            }
            after += usize::from(most == 0.0);
            if after == 2 {
                break;
            }
        }
    }

    /// Passes an error through the matrix, without which stiff parts would look inaccurate
    /// (`[@hairer1996solving, §IV.8]`).
    pub(super) fn filter(&self, lane: usize, error: &[f64]) -> Vec<f64> {
        self.factors[lane].solve(error, 1)
    }
}
