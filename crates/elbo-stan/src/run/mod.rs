//! Running what needs no parameters: the declarations of the data, and transformed data.
//!
//! A machine walks the typed tree. It is bounded: steps, bytes and the depth of calls have limits
//! ([`RunLimits`]), so that an endless `while` in transformed data ends in an error that says where.
//! What it says (`print`) goes to an observer. Absent: parameters, densities; a
//! function that is not evaluated here is reported as such.

mod apart;
mod assign;
mod builtin;
mod callback;
mod constants;
mod constraint;
mod data;
mod decision;
mod density;
mod entry;
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
mod root;
mod symbols;
mod transformed;
mod unconstrain;
mod value;

use std::collections::HashMap;

use elbo_math::random::Stream;

use constants::Levels;
pub(crate) use decision::{Decision, as_int};
pub use entry::{Constants, Known, known};
pub(crate) use entry::{
    GENERATED, Lowered, Part, Values, dimension, generate, lower, unconstrain, unset,
};
pub use error::{RunError, RunErrorKind};
pub use json::read_json;
pub(crate) use random::RandomCall;
pub use rdump::{read_data, read_rdump};
pub(crate) use symbols::{collect, replaced};
pub use value::{Complex, Tensor, Value};

use crate::source::Span;
use crate::trace::{Jacobian, Number, Trace};
use crate::typed::{BlockKind, Program, Variable};

/// How much a run may ask of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunLimits {
    /// Statements and expressions evaluated, beside those that the data allow; a large value counts as
    /// several. Default eight million, about a second.
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

/// Numbers of a value that are computed in about the time of a step; those that are known, and those
/// whose computation is recorded.
const NUMBERS_PER_STEP: usize = 64;
/// See [`NUMBERS_PER_STEP`].
const SYMBOLS_PER_STEP: usize = 8;
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
        self.steps_of(1, span)
    }

    /// Counts the steps that computing a value is worth.
    fn steps_for(&mut self, value: &Value, span: Span) -> Run<()> {
        let per_step = if value.is_symbolic() {
            SYMBOLS_PER_STEP
        } else {
            NUMBERS_PER_STEP
        };
        self.steps_of((value.numbers() / per_step) as u64, span)
    }

    fn steps_of(&mut self, steps: u64, span: Span) -> Run<()> {
        self.steps = self.steps.saturating_add(steps);
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
