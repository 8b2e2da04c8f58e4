//! Hidden Markov models with finitely many states: the log density of what was observed, hidden paths
//! summed out, and the probabilities of the states.
//!
//! The one idea: both passes over time are scaled by the same numbers (`[@rabiner1989tutorial, §V.A]`),
//! so nothing underflows, and the adjoint is written in what the passes leave behind. Deliberately
//! absent: paths that are drawn or most probable, which have no derivatives.

use super::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// `log Σ_z ρ(z_1) Π_t Γ(z_{t−1}, z_t) Π_t ω_t(z_t)`, from `log ω` (times × states), `Γ` (rows sum to
/// 1) and `ρ` (a vector).
#[derive(Debug, Clone, Copy)]
pub struct HiddenMarkov {
    /// The number of times.
    pub times: usize,
    /// The number of states.
    pub states: usize,
}

/// The probability of each state at each time given everything observed (times × states), from the
/// arguments of [`HiddenMarkov`].
#[derive(Debug, Clone, Copy)]
pub struct HiddenStateProbabilities {
    /// The number of times.
    pub times: usize,
    /// The number of states.
    pub states: usize,
}

fn check(times: usize, states: usize, args: &[Shape]) {
    assert_eq!(args[0], Shape::matrix(times, states), "log ω");
    assert_eq!(args[1], Shape::matrix(states, states), "transitions");
    assert_eq!(args[2].len(), states, "initial probabilities");
}

/// What the passes leave, for all lanes. Notation: `p` predicted and `a` filtered probabilities, `w`
/// the weights `ω_t` divided by their largest, `c` the scale `Σ w p`, `b` the backward messages, each
/// divided by its time's scale.
struct Passes<T> {
    n: usize,
    lanes: usize,
    times: usize,
    transitions: Vec<T>,
    weights: Vec<T>,
    predicted: Vec<T>,
    filtered: Vec<T>,
    scale: Vec<T>,
    backward: Vec<T>,
    total: Vec<T>,
}

impl<T: Number> Passes<T> {
    fn forward(n: usize, lanes: usize, args: &[&[T]]) -> Self {
        let size = n * lanes;
        let times = args[0].len() / size.max(1);
        let mut passes = Self {
            n,
            lanes,
            times,
            transitions: args[1].to_vec(),
            weights: args[0].to_vec(),
            predicted: vec![T::default(); times * size],
            filtered: vec![T::default(); times * size],
            scale: vec![T::default(); times * lanes],
            backward: Vec::new(),
            total: vec![T::default(); lanes],
        };
        for t in 0..times {
            for l in 0..lanes {
                passes.step(t, l, args[2]);
            }
        }
        passes
    }

    fn step(&mut self, t: usize, l: usize, initial: &[T]) {
        let (n, lanes) = (self.n, self.lanes);
        let at = |t: usize, k: usize| (t * n + k) * lanes + l;
        // A number without tangent: what is divided out is put back.
        let largest = (0..n).map(|k| self.weights[at(t, k)].value());
        let largest = largest.fold(f64::NEG_INFINITY, f64::max);
        let shift = if largest.is_finite() { largest } else { 0.0 };
        let mut scale = T::default();
        for k in 0..n {
            let mut predicted = T::default();
            if t == 0 {
                predicted = initial[k * lanes + l];
            } else {
                for j in 0..n {
                    predicted += self.filtered[at(t - 1, j)] * self.transitions[at(j, k)];
                }
            }
            let weight = self.weights[at(t, k)].plus(-shift).exp();
            self.weights[at(t, k)] = weight;
            self.predicted[at(t, k)] = predicted;
            scale += weight * predicted;
        }
        self.scale[t * lanes + l] = scale;
        self.total[l] += scale.ln().plus(shift);
        for k in 0..n {
            let joint = self.weights[at(t, k)] * self.predicted[at(t, k)];
            self.filtered[at(t, k)] = joint / scale;
        }
    }

    fn backward(&mut self) {
        let (n, lanes) = (self.n, self.lanes);
        self.backward = vec![T::constant(1.0); self.times * n * lanes];
        for t in (1..self.times).rev() {
            for l in 0..lanes {
                for j in 0..n {
                    let mut sum = T::default();
                    for k in 0..n {
                        sum += self.transitions[(j * n + k) * lanes + l] * self.message(t, k, l);
                    }
                    self.backward[((t - 1) * n + j) * lanes + l] = sum;
                }
            }
        }
    }

    /// `w_t(k) b_t(k) / c_t`.
    fn message(&self, t: usize, k: usize, l: usize) -> T {
        let at = (t * self.n + k) * self.lanes + l;
        self.weights[at] * self.backward[at] / self.scale[t * self.lanes + l]
    }
}

impl Block for HiddenMarkov {
    fn name(&self) -> &'static str {
        "hmm_marginal"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        check(self.times, self.states, args);
        Shape::SCALAR
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        out.copy_from_slice(&Passes::forward(self.states, lanes, args).total);
    }

    /// The derivative by `log ω` is the states' probabilities; by `Γ(j, k)` it is
    /// `Σ_t a_{t−1}(j) w_t(k) b_t(k) / c_t`.
    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            which,
            args,
            adjoint,
            gradient,
            ..
        } = call;
        let n = self.states;
        let mut passes = Passes::forward(n, lanes, args);
        passes.backward();
        match which {
            0 => {
                let probabilities = passes.filtered.iter().zip(&passes.backward);
                for (e, (g, (a, b))) in gradient.iter_mut().zip(probabilities).enumerate() {
                    *g += adjoint[e % lanes] * *a * *b;
                }
            }
            1 => {
                for t in 1..self.times {
                    for (e, g) in gradient.iter_mut().enumerate() {
                        let (j, k, l) = (e / lanes / n, e / lanes % n, e % lanes);
                        let before = passes.filtered[((t - 1) * n + j) * lanes + l];
                        *g += adjoint[l] * before * passes.message(t, k, l);
                    }
                }
            }
            _ if self.times > 0 => {
                for (e, g) in gradient.iter_mut().enumerate() {
                    *g += adjoint[e % lanes] * passes.message(0, e / lanes, e % lanes);
                }
            }
            _ => {}
        }
    }
}

impl Block for HiddenStateProbabilities {
    fn name(&self) -> &'static str {
        "hmm_hidden_state_prob"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        check(self.times, self.states, args);
        args[0]
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        let mut passes = Passes::forward(self.states, lanes, args);
        passes.backward();
        let probabilities = passes.filtered.iter().zip(&passes.backward);
        for (out, (a, b)) in out.iter_mut().zip(probabilities) {
            *out = *a * *b;
        }
    }

    /// Back through the backward pass, forward in time, then back through the forward pass.
    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            which,
            args,
            adjoint,
            gradient,
            ..
        } = call;
        let n = self.states;
        let mut passes = Passes::forward(n, lanes, args);
        passes.backward();
        for l in 0..lanes {
            let mut reverse = Reverse::new(&passes, adjoint, l);
            reverse.run();
            let parts = [
                &reverse.of_weights,
                &reverse.of_transitions,
                &reverse.of_initial,
            ];
            for (k, part) in parts[which].iter().enumerate() {
                gradient[k * lanes + l] += *part;
            }
        }
    }
}

/// The adjoint of the probabilities in one lane.
struct Reverse<'a, T> {
    passes: &'a Passes<T>,
    l: usize,
    /// Adjoints of the filtered probabilities, of the backward messages and of the scales.
    of_filtered: Vec<T>,
    of_backward: Vec<T>,
    of_scale: Vec<T>,
    /// Adjoints of `log ω`, `Γ` and `ρ`.
    of_weights: Vec<T>,
    of_transitions: Vec<T>,
    of_initial: Vec<T>,
}

impl<'a, T: Number> Reverse<'a, T> {
    fn new(passes: &'a Passes<T>, adjoint: &[T], l: usize) -> Self {
        let (n, times, lanes) = (passes.n, passes.times, passes.lanes);
        let product = |other: &[T]| -> Vec<T> {
            let pairs = adjoint.iter().zip(other).skip(l).step_by(lanes);
            pairs.map(|(a, b)| *a * *b).collect()
        };
        Self {
            passes,
            l,
            of_filtered: product(&passes.backward),
            of_backward: product(&passes.filtered),
            of_scale: vec![T::default(); times],
            of_weights: vec![T::default(); times * n],
            of_transitions: vec![T::default(); n * n],
            of_initial: vec![T::default(); n],
        }
    }

    fn get(&self, values: &[T], e: usize) -> T {
        values[e * self.passes.lanes + self.l]
    }

    fn run(&mut self) {
        let (passes, n) = (self.passes, self.passes.n);
        for t in 1..passes.times {
            for k in 0..n {
                let e = t * n + k;
                let (weight, backward) =
                    (self.get(&passes.weights, e), self.get(&passes.backward, e));
                let scale = self.get(&passes.scale, t);
                let message = passes.message(t, k, self.l);
                let mut of_message = T::default();
                for j in 0..n {
                    let bar = self.of_backward[(t - 1) * n + j];
                    of_message += bar * self.get(&passes.transitions, j * n + k);
                    self.of_transitions[j * n + k] += bar * message;
                }
                // By log ω: the message is proportional to ω.
                self.of_weights[e] += of_message * message;
                self.of_backward[e] += of_message * weight / scale;
                self.of_scale[t] =
                    self.of_scale[t] - of_message * weight * backward / scale / scale;
            }
        }
        for t in (0..passes.times).rev() {
            let scale = self.get(&passes.scale, t);
            let mut of_scale = self.of_scale[t];
            for k in 0..n {
                let filtered = self.get(&passes.filtered, t * n + k);
                of_scale = of_scale - self.of_filtered[t * n + k] * filtered / scale;
            }
            for k in 0..n {
                let e = t * n + k;
                let of_joint = self.of_filtered[e] / scale + of_scale;
                let weight = self.get(&passes.weights, e);
                let predicted = self.get(&passes.predicted, e);
                self.of_weights[e] += of_joint * weight * predicted;
                let of_predicted = of_joint * weight;
                if t == 0 {
                    self.of_initial[k] = of_predicted;
                    continue;
                }
                for j in 0..n {
                    let before = self.get(&passes.filtered, e - k - n + j);
                    self.of_transitions[j * n + k] += before * of_predicted;
                    let transition = self.get(&passes.transitions, j * n + k);
                    self.of_filtered[e - k - n + j] += transition * of_predicted;
                }
            }
        }
    }
}
