//! Where runs begin: what a program is run for, and on which stack.

use std::collections::BTreeMap;

use elbo_math::random::stream;

use super::{Decision, Machine, RandomCall, Run, RunError, RunErrorKind, RunLimits, Value};
use crate::source::Span;
use crate::trace::{Jacobian, Trace};
use crate::typed::{BlockKind, Program, VariableId};

/// Values of data and transformed data.
#[derive(Clone, Debug)]
pub struct Known {
    values: Vec<Option<Value>>,
    names: BTreeMap<String, VariableId>,
    /// How many numbers the data have.
    numbers: u64,
}

impl Known {
    /// The value of a variable of `data` or `transformed data` by its index in the program's frame.
    pub fn value(&self, id: VariableId) -> Option<&Value> {
        self.values.get(id.0)?.as_ref()
    }

    /// The value of a variable by its name.
    pub fn by_name(&self, name: &str) -> Option<&Value> {
        self.value(*self.names.get(name)?)
    }
}

/// Checks data against their declarations and runs `transformed data`.
///
/// Names in `data` that the program does not declare are left alone. Numbers given as ints may stand
/// for reals; a complex number is a list of its two parts.
///
/// # Errors
///
/// A variable that is missing, of the wrong type or shape, or outside its constraint, named with the
/// index; and whatever ends `transformed data` early.
pub fn known(
    program: &Program,
    data: &BTreeMap<String, Value>,
    limits: &RunLimits,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Known, RunError> {
    // A program may call itself inside deep expressions, and the caller's stack may be small: the
    // machine has one of its own, which its limit on depth cannot exhaust.
    let numbers = data.values().map(|value| value.numbers() as u64).sum();
    let run = || {
        let mut machine = Machine::new(program, limits, say).for_data(numbers);
        machine.random = Some(stream(limits.seed, "stan/transformed data", 0));
        machine.read_data(data)?;
        machine.transformed_data()?;
        Ok(machine.frame)
    };
    let frame = with_stack(run)?;
    let names = program
        .variables
        .iter()
        .enumerate()
        .filter(|(_, variable)| {
            variable.role == crate::typed::Role::Global
                && variable.block <= BlockKind::TransformedData
        })
        .map(|(i, variable)| (variable.name.to_string(), VariableId(i)))
        .collect();
    Ok(Known {
        values: frame,
        names,
        numbers,
    })
}

/// A program run up to the end of its model, or up to an error, with symbols for its parameters.
#[derive(Debug)]
pub(crate) struct Lowered {
    /// What was computed.
    pub(crate) trace: Trace,
    /// The values of the program's frame.
    pub(crate) frame: Vec<Option<Value>>,
    /// What parameters decided on the way.
    pub(crate) decisions: Vec<Decision>,
    /// Random numbers that were asked for, in order.
    pub(crate) random_calls: Vec<RandomCall>,
    /// How it ended.
    pub(crate) end: Run<()>,
}

/// What is run after the transformed parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The log density.
    Model(Jacobian, Constants),
    /// Generated quantities, with symbols for random numbers.
    Generated,
}

/// Whether a log density has terms that depend on data only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Constants {
    /// All terms count, as an ELBO needs them.
    #[default]
    Kept,
    /// `~` and the endings `_lupdf` and `_lupmf` drop what Stan drops; other endings keep everything.
    Dropped,
}

/// Runs parameters, transformed parameters and a further part.
///
/// Where parameters decide, the decisions of `path` are taken first, and then those that fall at
/// `point`.
///
/// # Errors
/// If there is no thread to run in.
pub(crate) fn lower(
    program: &Program,
    known: &Known,
    limits: &RunLimits,
    say: &mut (dyn FnMut(&str) + Send),
    part: Part,
    point: &[f64],
    path: &[i32],
) -> Run<Lowered> {
    with_stack(|| {
        let mut machine = Machine::new(program, limits, say).for_data(known.numbers);
        machine.frame.clone_from(&known.values);
        machine.point = point;
        machine.path = path.to_vec();
        machine.levels.drops = matches!(part, Part::Model(_, Constants::Dropped));
        machine.jacobian = match part {
            Part::Model(jacobian, _) => jacobian,
            Part::Generated => Jacobian::Included,
        };
        machine.records_random = part == Part::Generated;
        let end = machine.run(part);
        Ok(Lowered {
            trace: machine.trace,
            frame: machine.frame,
            decisions: machine.decisions,
            random_calls: machine.random_calls,
            end,
        })
    })
}

/// Variables of a program with their values.
pub(crate) type Values = Vec<(VariableId, Value)>;

/// The number of free coordinates of the parameters.
pub(crate) fn dimension(program: &Program, known: &Known, limits: &RunLimits) -> Run<usize> {
    let mut silent = |_: &str| {};
    with_stack(|| {
        let mut machine = Machine::new(program, limits, &mut silent).for_data(known.numbers);
        machine.frame.clone_from(&known.values);
        machine.parameters()?;
        Ok(machine.free.len())
    })
}

/// Values of the variables of a block before anything is assigned to them.
pub(crate) fn unset(
    program: &Program,
    known: &Known,
    limits: &RunLimits,
    block: BlockKind,
) -> Run<Values> {
    let mut silent = |_: &str| {};
    with_stack(|| {
        let mut machine = Machine::new(program, limits, &mut silent).for_data(known.numbers);
        machine.frame.clone_from(&known.values);
        let mut values = Vec::new();
        for declaration in program.declarations(block) {
            let value = machine.unset(&declaration.r#type)?;
            let ids = declaration.variables.iter();
            values.extend(ids.map(|(id, _)| (*id, value.clone())));
        }
        Ok(values)
    })
}

/// The free coordinates of values of the parameters.
pub(crate) fn unconstrain(
    program: &Program,
    known: &Known,
    limits: &RunLimits,
    values: &BTreeMap<String, Value>,
) -> Run<Vec<f64>> {
    let mut silent = |_: &str| {};
    with_stack(|| {
        let mut machine = Machine::new(program, limits, &mut silent).for_data(known.numbers);
        machine.frame.clone_from(&known.values);
        machine.unconstrain(values)
    })
}

/// What random numbers of generated quantities are for.
pub(crate) const GENERATED: &str = "stan/generated quantities";

/// Generated quantities for one draw after another, each with the values of parameters and
/// transformed parameters. What ends a draw's run is its result. Random numbers depend on the seed
/// and the draw's number, which counts from `first`.
pub(crate) fn generate(
    program: &Program,
    known: &Known,
    limits: &RunLimits,
    seed: u64,
    first: u64,
    draws: impl Iterator<Item = Values> + Send,
) -> Run<Vec<Run<Values>>> {
    let mut silent = |_: &str| {};
    with_stack(move || {
        Ok(draws
            .zip(first..)
            .map(|(values, draw)| {
                let mut machine =
                    Machine::new(program, limits, &mut silent).for_data(known.numbers);
                machine.random = Some(stream(seed, GENERATED, draw));
                machine.frame.clone_from(&known.values);
                for (id, value) in values {
                    machine.frame[id.0] = Some(value);
                }
                machine.generated()
            })
            .collect())
    })
}

/// Runs on a stack that the machine's limit on depth cannot exhaust.
fn with_stack<T: Send>(run: impl FnOnce() -> Run<T> + Send) -> Run<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("stan program".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, run);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(RunError::new(
                RunErrorKind::Limit,
                Span { start: 0, end: 0 },
                format!("no thread to run in: {error}"),
            )),
        }
    })
}

/// The machine's stack, in bytes: [`DEPTH`] times what a level takes without optimisation, with a
/// margin of three.
const STACK: usize = 128 << 20;
