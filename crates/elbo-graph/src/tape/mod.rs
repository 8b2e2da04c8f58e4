//! A graph of small values as straight-line code over single numbers, a register each.
//!
//! The one idea: the right-hand side of a differential equation is a few operations, run thousands of
//! times per draw, so that finding operands would cost more than computing. Rows, columns and gathers
//! are only names here; a register holds a number for each lane, and how many those are is a constant
//! of the loop. Operations on whole matrices run as they do in programs. Deliberately absent: plates.

mod written;

use std::collections::BTreeMap;

use multiversion::multiversion;

use written::{Code, Whole, Writer};

use crate::block::Run;
use crate::graph::{Graph, NodeId};
use crate::op::pointwise::MOST_ARGS;
use crate::op::{Gradients, Operand, Values};
use crate::run::{self, Extent, InstructionSpace, Output};
pub(crate) use written::Step;

/// Straight-line code; the inputs are the first registers.
#[derive(Debug, Clone)]
pub(crate) struct Tape {
    n_inputs: usize,
    n_registers: usize,
    constants: BTreeMap<u64, usize>,
    steps: Vec<Step>,
    whole: Vec<Whole>,
    outputs: Vec<usize>,
}

/// Working memory for operations on whole values.
#[derive(Debug, Default)]
pub(crate) struct Scratch<T> {
    args: Vec<Vec<T>>,
    gradient: Vec<T>,
    instruction: InstructionSpace<T>,
}

impl Tape {
    /// The code for the entries of `outputs`, given the graph's parameters.
    pub(crate) fn new(graph: &Graph, outputs: NodeId) -> Self {
        let mut writer = Writer::new(graph);
        let outputs = writer.write(outputs);
        Self {
            n_inputs: graph.n_parameters(),
            n_registers: writer.n_registers(),
            constants: writer.constants,
            steps: writer.steps,
            whole: writer.whole,
            outputs,
        }
    }

    /// Registers for as many lanes, with their constants.
    pub(crate) fn registers<T: Run>(&self, lanes: usize, registers: &mut Vec<T>) {
        registers.clear();
        registers.resize(self.n_registers * lanes, T::default());
        for (bits, register) in &self.constants {
            let value = T::constant(f64::from_bits(*bits));
            registers[register * lanes..(register + 1) * lanes].fill(value);
        }
    }

    /// Computes all registers from the inputs, and copies the outputs.
    pub(crate) fn forward<T: Run, const W: usize>(
        &self,
        registers: &mut [T],
        outputs: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        forward::<T, W>(&self.steps, &self.whole, registers, scratch);
        for (to, from) in outputs.chunks_exact_mut(W).zip(&self.outputs) {
            to.copy_from_slice(&registers[from * W..(from + 1) * W]);
        }
    }

    /// Adds to the adjoints of the inputs, which come first, those that follow from adjoints of the
    /// outputs.
    pub(crate) fn backward<T: Run, const W: usize>(
        &self,
        registers: &[T],
        of_outputs: &[T],
        adjoints: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        adjoints[self.n_inputs * W..].fill(T::default());
        for (from, to) in of_outputs.chunks_exact(W).zip(&self.outputs) {
            for (to, from) in adjoints[to * W..].iter_mut().zip(from) {
                *to += *from;
            }
        }
        backward::<T, W>(&self.steps, &self.whole, registers, adjoints, scratch);
    }
}

/// Runs steps; the registers that they read come first.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn forward<T: Run, const W: usize>(
    steps: &[Step],
    all_whole: &[Whole],
    registers: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let registers: &mut [[T; W]] = registers.as_chunks_mut().0;
    for step in steps {
        let (before, rest) = registers.split_at_mut(step.out);
        let (a, b) = (&before[step.args[0]], &before[step.args[1]]);
        let out = &mut rest[0];
        match step.code {
            Code::Add => {
                for l in 0..W {
                    out[l] = a[l] + b[l];
                }
            }
            Code::Subtract => {
                for l in 0..W {
                    out[l] = a[l] - b[l];
                }
            }
            Code::Multiply => {
                for l in 0..W {
                    out[l] = a[l] * b[l];
                }
            }
            Code::Divide => {
                for l in 0..W {
                    out[l] = a[l] / b[l];
                }
            }
            Code::Other(function) => {
                function.forward(out, &slices(step, before)[..step.n_args]);
            }
            Code::Whole(number) => {
                let whole = &all_whole[number];
                let out = &mut rest[..whole.shape.len()];
                whole_forward::<T, W>(
                    whole,
                    before.as_flattened(),
                    out.as_flattened_mut(),
                    scratch,
                );
            }
        }
    }
}

/// Adds to adjoints of what the steps read those that follow from what they wrote.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn backward<T: Run, const W: usize>(
    steps: &[Step],
    all_whole: &[Whole],
    registers: &[T],
    adjoints: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let registers: &[[T; W]] = registers.as_chunks().0;
    let adjoints: &mut [[T; W]] = adjoints.as_chunks_mut().0;
    for step in steps.iter().rev() {
        let (before, rest) = adjoints.split_at_mut(step.out);
        let bar = &rest[0];
        let [first, second, ..] = step.args;
        let (a, b) = (&registers[first], &registers[second]);
        let moves = step.moves;
        match step.code {
            Code::Add => {
                for (which, to) in [first, second].into_iter().enumerate() {
                    if moves[which] {
                        for l in 0..W {
                            before[to][l] += bar[l];
                        }
                    }
                }
            }
            Code::Subtract => {
                if moves[0] {
                    for l in 0..W {
                        before[first][l] += bar[l];
                    }
                }
                if moves[1] {
                    for l in 0..W {
                        before[second][l] = before[second][l] - bar[l];
                    }
                }
            }
            Code::Multiply => {
                for (which, to, other) in [(0, first, b), (1, second, a)] {
                    if moves[which] {
                        for l in 0..W {
                            before[to][l] += bar[l] * other[l];
                        }
                    }
                }
            }
            Code::Divide => {
                let out = &registers[step.out];
                if moves[0] {
                    for l in 0..W {
                        before[first][l] += bar[l] / b[l];
                    }
                }
                if moves[1] {
                    for l in 0..W {
                        before[second][l] = before[second][l] - bar[l] * out[l] / b[l];
                    }
                }
            }
            Code::Other(function) => {
                let args = slices(step, registers);
                for (which, to) in step.args[..step.n_args].iter().enumerate() {
                    if moves[which] {
                        let gradient = &mut before[*to];
                        let args = &args[..step.n_args];
                        function.backward(which, gradient, bar, &registers[step.out], args);
                    }
                }
            }
            Code::Whole(number) => {
                let whole = &all_whole[number];
                let len = whole.shape.len();
                whole_backward::<T, W>(
                    whole,
                    before.as_flattened_mut(),
                    rest[..len].as_flattened(),
                    registers.as_flattened(),
                    registers[step.out..step.out + len].as_flattened(),
                    scratch,
                );
            }
        }
    }
}

/// The arguments of a function.
#[inline]
fn slices<'a, T, const W: usize>(step: &Step, registers: &'a [[T; W]]) -> [&'a [T]; MOST_ARGS] {
    let mut slices: [&[T]; MOST_ARGS] = [&[]; MOST_ARGS];
    // Not `map`, whose closure is then called and not inlined.
    for (slice, arg) in slices.iter_mut().zip(&step.args[..step.n_args]) {
        *slice = &registers[*arg];
    }
    slices
}

fn gather_args<T: Run, const W: usize>(whole: &Whole, registers: &[T], args: &mut Vec<Vec<T>>) {
    args.resize_with(args.len().max(whole.args.len()), Vec::new);
    for (buffer, (from, _)) in args.iter_mut().zip(&whole.args) {
        buffer.clear();
        for register in from {
            buffer.extend_from_slice(&registers[register * W..(register + 1) * W]);
        }
    }
}

fn whole_forward<T: Run, const W: usize>(
    whole: &Whole,
    registers: &[T],
    out: &mut [T],
    scratch: &mut Scratch<T>,
) {
    gather_args::<T, W>(whole, registers, &mut scratch.args);
    let args = &scratch.args;
    run::forward(
        (&whole.kind, whole.args.len(), false),
        out,
        Extent {
            shape: whole.shape,
            lanes: W,
        },
        |k| Operand {
            values: Values::Lanes(&args[k]),
            shape: whole.args[k].1,
        },
        &[],
        &mut scratch.instruction,
    );
}

/// The adjoint of one argument.
struct One<'a, T>(usize, &'a mut [T]);

impl<T> Gradients<T> for One<'_, T> {
    fn of(&mut self, which: usize) -> Option<&mut [T]> {
        (which == self.0).then_some(&mut *self.1)
    }
}

fn whole_backward<T: Run, const W: usize>(
    whole: &Whole,
    adjoints: &mut [T],
    bar: &[T],
    registers: &[T],
    values: &[T],
    scratch: &mut Scratch<T>,
) {
    gather_args::<T, W>(whole, registers, &mut scratch.args);
    let Scratch {
        args,
        gradient,
        instruction,
    } = scratch;
    for (which, (to, _)) in whole.args.iter().enumerate() {
        gradient.clear();
        gradient.resize(to.len() * W, T::default());
        run::backward(
            (&whole.kind, whole.args.len()),
            Output {
                adjoint: bar,
                values,
                extent: Extent {
                    shape: whole.shape,
                    lanes: W,
                },
            },
            |k| Operand {
                values: Values::Lanes(&args[k]),
                shape: whole.args[k].1,
            },
            &[],
            instruction,
            &mut One(which, gradient),
        );
        for (part, register) in gradient.chunks_exact(W).zip(to) {
            for (to, from) in adjoints[register * W..].iter_mut().zip(part) {
                *to += *from;
            }
        }
    }
}
