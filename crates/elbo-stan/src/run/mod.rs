//! Running what needs no parameters: the declarations of the data, and transformed data.
//!
//! A machine walks the typed tree. It is bounded: steps, bytes and the depth of calls have limits
//! ([`RunLimits`]), so that an endless `while` in transformed data ends in an error that says where.
//! What it says (`print`) goes to an observer. Absent: parameters, densities; a
//! function that is not evaluated here is reported as such.

mod assign;
mod builtin;
mod constraint;
mod data;
mod error;
mod evaluate;
mod execute;
mod index;
mod json;
mod operator;
mod rdump;
mod value;

use std::collections::BTreeMap;

use elbo_math::random::{Stream, stream};

pub use error::{RunError, RunErrorKind};
pub use json::read_json;
pub use rdump::{read_data, read_rdump};
pub use value::{Complex, Tensor, Value};

use crate::source::Span;
use crate::typed::{BlockKind, Program, Variable, VariableId};

/// How much a run may ask of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunLimits {
    /// Statements and expressions evaluated. Default two hundred million.
    pub steps: u64,
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
            steps: 200_000_000,
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
    let run = || {
        let mut machine = Machine {
            program,
            variables: &program.variables,
            limits,
            say,
            frame: vec![None; program.variables.len()],
            steps: 0,
            calls: 0,
            depth: 0,
            random: Some(stream(limits.seed, "stan/transformed data", 0)),
        };
        machine.read_data(data)?;
        machine.transformed_data()?;
        Ok(machine.frame)
    };
    let frame = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("transformed data".to_owned())
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
    })?;
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
    calls: usize,
    /// Statements and expressions inside each other, those of calls included.
    depth: usize,
    /// Where `_rng` functions draw from; `None` where nothing is random.
    random: Option<Stream>,
}

type Run<T> = Result<T, RunError>;

impl Machine<'_> {
    /// Counts a step.
    fn step(&mut self, span: Span) -> Run<()> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            return Err(RunError::new(
                RunErrorKind::Limit,
                span,
                format!(
                    "the run took more than {} steps, the limit",
                    self.limits.steps
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
