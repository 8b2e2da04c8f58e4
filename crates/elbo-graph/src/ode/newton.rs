//! The equations of an implicit method's stages.
//!
//! `k = f(t, y + γ h k)` is solved with one factored `I − γ h J` per lane and step, whose numbers have
//! no tangents: it only decides how fast the iteration gets to the solution, tangents included.

use super::Problem;
use super::stages::{Stages, weights, zeros};
use crate::block::Run;
use crate::block::dense::Lu;
use crate::number::Number;
use crate::tape::Scratch;

/// Iterations after which a shorter step is better.
const MOST_ITERATIONS: usize = 12;

/// How far from the solution, in units of what is tolerated of a step, an iteration may end.
const ENOUGH: f64 = 1e-5;

/// The factored matrices of all lanes, and which lanes have failed.
#[derive(Debug, Default)]
pub(super) struct Newton<T> {
    factors: Vec<Lu<f64>>,
    failed: Vec<bool>,
    jacobian: Jacobian<T>,
    slopes: Vec<T>,
    residual: Vec<T>,
    change: Vec<T>,
    error: Vec<f64>,
    filtered: Vec<f64>,
}

/// `∂f/∂y` for every lane, row by row (states × states × lanes).
#[derive(Debug, Default)]
pub(super) struct Jacobian<T> {
    pub entries: Vec<T>,
    weights: Vec<T>,
    adjoints: Vec<T>,
}

impl<T: Run> Jacobian<T> {
    /// At the point whose registers are given.
    pub(super) fn compute<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        registers: &[T],
        scratch: &mut Scratch<T>,
    ) {
        let n = problem.system.n_states();
        self.entries.clear();
        for i in 0..n {
            zeros(&mut self.weights, n * W);
            self.weights[i * W..(i + 1) * W].fill(T::constant(1.0));
            zeros(&mut self.adjoints, registers.len());
            let tape = &problem.system.tape;
            tape.backward::<T, W>(registers, &self.weights, &mut self.adjoints, scratch);
            self.entries
                .extend_from_slice(&self.adjoints[W..(1 + n) * W]);
        }
    }

    /// The entries of `I − c J` of one lane, or of its transpose, row by row.
    pub(super) fn shifted(
        &self,
        c: T,
        (n, lanes, lane): (usize, usize, usize),
        transposed: bool,
    ) -> impl Iterator<Item = T> {
        (0..n * n).map(move |e| {
            let one = if e.is_multiple_of(n + 1) { 1.0 } else { 0.0 };
            let e = if transposed { e % n * n + e / n } else { e };
            T::constant(one) - c * self.entries[e * lanes + lane]
        })
    }
}

impl<T: Run> Newton<T> {
    /// Factors the matrices of a step, at its beginning.
    pub(super) fn prepare<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        stages: &mut Stages<T>,
        begin: &[T],
    ) {
        let n = problem.system.n_states();
        let gamma = problem.method.tableau().gamma.unwrap_or(0.0);
        stages.set_times(0, 0.0);
        stages.files[0][W..(1 + n) * W].copy_from_slice(begin);
        zeros(&mut self.slopes, n * W);
        let tape = &problem.system.tape;
        tape.forward::<T, W>(&mut stages.files[0], &mut self.slopes, &mut stages.scratch);
        let registers = &stages.files[0];
        self.jacobian
            .compute::<W>(problem, registers, &mut stages.scratch);
        self.factors.resize_with(W, Lu::default);
        for (l, factors) in self.factors.iter_mut().enumerate() {
            let c = stages.length[l].times(gamma);
            let matrix = self.jacobian.shifted(c, (n, W, l), false);
            factors.factor(n, matrix.map(Number::value));
        }
        self.failed.clear();
        self.failed.resize(W, false);
    }

    /// Solves for the slopes of stage `s`.
    pub(super) fn solve<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        stages: &mut Stages<T>,
        begin: &[T],
        s: usize,
    ) {
        let n = problem.system.n_states();
        let weights = weights(problem.method.tableau(), s);
        // Tangents follow values: one more iteration for them.
        let mut after = 0;
        for iteration in 0..MOST_ITERATIONS {
            stages.set_states::<W>(0, begin, weights);
            let tape = &problem.system.tape;
            tape.forward::<T, W>(&mut stages.files[0], &mut self.slopes, &mut stages.scratch);
            let mut all_done = true;
            for l in 0..W {
                self.residual.clear();
                let old = stages.slope(s);
                let entries = (l..n * W).step_by(W);
                self.residual
                    .extend(entries.map(|e| self.slopes[e] - old[e]));
                self.factors[l].solve_known(&self.residual, &mut self.change);
                let mut size = 0.0_f64;
                let length = stages.length[l];
                let slopes = stages.slope_mut(s);
                for (change, e) in self.change.iter().zip((l..n * W).step_by(W)) {
                    slopes[e] += *change;
                    let tolerated = problem.tolerated(begin[e].value().abs());
                    size = size.max((*change * length).value().abs() / tolerated);
                }
                let enough = size <= ENOUGH;
                all_done &= self.failed[l] || enough;
                if iteration + 1 == MOST_ITERATIONS && !enough || !size.is_finite() {
                    self.failed[l] = true;
                }
            }
            after += usize::from(all_done);
            if after == 2 {
                break;
            }
        }
    }

    /// Passes errors through the matrices, without which stiff parts would look inaccurate
    /// (`[@hairer1996solving, §IV.8]`); NaN where the equations were not solved.
    pub(super) fn filter<const W: usize>(&mut self, errors: &mut [f64]) {
        for (l, factors) in self.factors.iter().enumerate() {
            self.error.clear();
            self.error.extend(errors.iter().skip(l).step_by(W));
            factors.solve_known(&self.error, &mut self.filtered);
            let failed = self.failed[l];
            for (to, from) in errors.iter_mut().skip(l).step_by(W).zip(&self.filtered) {
                *to = if failed { f64::NAN } else { *from };
            }
        }
    }
}
