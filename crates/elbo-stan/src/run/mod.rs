//! Running what needs no parameters: the declarations of the data, and transformed data.
//!
//! A machine walks the typed tree. It is bounded: steps, bytes and the depth of calls have limits
//! ([`RunLimits`]), so that an endless `while` in transformed data ends in an error that says where.
//! What it says (`print`) goes to an observer. Absent: parameters, densities; a
//! function that is not evaluated here is reported as such.

mod assign;
mod builtin;
mod callback;
mod constants;
mod constraint;
mod data;
mod decision;
mod density;
mod equation;
mod error;
mod evaluate;
mod execute;
mod index;
mod integral;
mod json;
mod operator;
mod parameters;
mod random;
mod rdump;
mod symbols;
mod transformed;
mod unconstrain;
mod value;

use std::collections::{BTreeMap, HashMap};

use elbo_math::random::{Stream, stream};

use constants::Levels;
pub(crate) use decision::{Decision, as_int};
pub use error::{RunError, RunErrorKind};
pub use json::read_json;
pub(crate) use random::RandomCall;
pub use rdump::{read_data, read_rdump};
pub(crate) use symbols::{collect, replaced};
pub use value::{Complex, Tensor, Value};

use crate::source::Span;
use crate::trace::{Jacobian, Number, Trace};
use crate::typed::{BlockKind, Program, Variable, VariableId};

/// How much a run may ask of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunLimits {
    /// Statements and expressions evaluated, beside those that the data allow. Default eight million,
    /// about a second.
    pub steps: u64,
    /// Statements and expressions evaluated for each number in the data: a program that is honest goes
    /// through its data a few times. Default three hundred.
    pub steps_per_number: u64,
    /// Rounds of one `while` loop, which nothing else bounds. Default one million.
    pub rounds: u64,
    /// Bytes of one value. Default 1 GiB.
    pub bytes: usize,
    /// Calls of the program's functions inside each other. Default 200.
    pub calls: usize,
    /// The key of the random numbers that `transformed data` draws. Default 0.
    pub seed: u64,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            steps: 8_000_000,
            steps_per_number: 300,
            rounds: 1_000_000,
            bytes: 1 << 30,
            calls: 200,
            seed: 0,
        }
    }
}

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
/// Statements and expressions inside each other.
const DEPTH: usize = 10_000;

/// The state of a run.
struct Machine<'p> {
    program: &'p Program,
    /// The variables of the frame.
    variables: &'p [Variable],
    limits: &'p RunLimits,
    say: &'p mut (dyn FnMut(&str) + Send),
    frame: Vec<Option<Value>>,
    steps: u64,
    /// As many as there may be.
    most_steps: u64,
    calls: usize,
    /// Statements and expressions inside each other, those of calls included.
    depth: usize,
    /// Where `_rng` functions draw from; `None` where nothing is random.
    random: Option<Stream>,
    /// What is computed from parameters.
    trace: Trace,
    /// The sequence of calls that is being run, by number; 0 outside functions.
    calls_so_far: u32,
    /// A number for every place of a call within a sequence of calls.
    call_sites: HashMap<(u32, Span), u32>,
    /// The free coordinates, in order.
    free: Vec<Number>,
    /// Where parameters decide.
    point: &'p [f64],
    /// How they decided before.
    path: Vec<i32>,
    /// Whether every way is taken where parameters decide.
    takes_all_paths: bool,
    decisions: Vec<Decision>,
    /// Whether random numbers are asked for later.
    records_random: bool,
    random_calls: Vec<RandomCall>,
    /// Whether the log density so far counts changes of variables.
    jacobian: Jacobian,
    /// What the running function knows of its call.
    levels: Levels,
    /// What the function that is called next will know.
    handed: Option<Levels>,
}

type Run<T> = Result<T, RunError>;

impl<'p> Machine<'p> {
    fn new(
        program: &'p Program,
        limits: &'p RunLimits,
        say: &'p mut (dyn FnMut(&str) + Send),
    ) -> Self {
        Self {
            program,
            variables: &program.variables,
            limits,
            say,
            frame: vec![None; program.variables.len()],
            steps: 0,
            most_steps: limits.steps,
            calls: 0,
            depth: 0,
            random: None,
            trace: Trace::new(),
            calls_so_far: 0,
            call_sites: HashMap::new(),
            free: Vec::new(),
            point: &[],
            path: Vec::new(),
            takes_all_paths: false,
            decisions: Vec::new(),
            records_random: false,
            random_calls: Vec::new(),
            jacobian: Jacobian::Included,
            levels: Levels::default(),
            handed: None,
        }
    }
}

impl Machine<'_> {
    /// The same with more steps for more data.
    fn for_data(mut self, numbers: u64) -> Self {
        let more = self.limits.steps_per_number.saturating_mul(numbers);
        self.most_steps = self.limits.steps.saturating_add(more);
        self
    }

    /// Parameters, transformed parameters, and a further part.
    fn run(&mut self, part: Part) -> Run<()> {
        let program = self.program;
        self.parameters()?;
        self.block(program.block(BlockKind::TransformedParameters))?;
        for declaration in program.declarations(BlockKind::TransformedParameters) {
            self.check_transformed(declaration)?;
        }
        let last = match part {
            Part::Model(..) => BlockKind::Model,
            Part::Generated => BlockKind::GeneratedQuantities,
        };
        self.block(program.block(last))?;
        Ok(())
    }

    /// Generated quantities, and what they declare.
    fn generated(&mut self) -> Run<Values> {
        let program = self.program;
        self.block(program.block(BlockKind::GeneratedQuantities))?;
        let mut values = Vec::new();
        for declaration in program.declarations(BlockKind::GeneratedQuantities) {
            self.check_declared(declaration)?;
            for (id, _) in &declaration.variables {
                if let Some(value) = self.frame[id.0].take() {
                    values.push((*id, value));
                }
            }
        }
        Ok(values)
    }

    /// Counts a step.
    fn step(&mut self, span: Span) -> Run<()> {
        self.steps += 1;
        if self.steps > self.most_steps {
            return Err(RunError::new(
                RunErrorKind::Limit,
                span,
                format!(
                    "the run took more than {} steps, the limit",
                    self.most_steps
                ),
            ));
        }
        Ok(())
    }

    /// Goes one level deeper for the time of `inside`.
    fn deeper<T>(&mut self, span: Span, inside: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        self.step(span)?;
        if self.depth >= DEPTH {
            return Err(RunError::new(
                RunErrorKind::Limit,
                span,
                format!("statements and expressions are more than {DEPTH} levels deep, the limit"),
            ));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    /// A shape whose value fits into the limit.
    fn allowed(&self, shape: &[usize], span: Span) -> Run<()> {
        let places = shape
            .iter()
            .try_fold(1_usize, |product, &n| product.checked_mul(n));
        match places.and_then(|places| places.checked_mul(8)) {
            Some(bytes) if bytes <= self.limits.bytes => Ok(()),
            _ => Err(RunError::new(
                RunErrorKind::Limit,
                span,
                format!(
                    "a value of shape {shape:?} needs more than {} bytes, the limit",
                    self.limits.bytes
                ),
            )),
        }
    }
}

/// An argument, an index or a size without a meaning.
fn bad(span: Span, message: impl Into<String>) -> RunError {
    RunError::new(RunErrorKind::Value, span, message)
}
