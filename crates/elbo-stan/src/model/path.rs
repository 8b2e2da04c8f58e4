//! One path through a program, compiled.

use elbo_graph::{NodeId, Program as Compiled, Shape};

use std::sync::OnceLock;

use super::generation::Generation;
use super::{DensityOptions, Model};
use crate::run::{
    self, Decision, Known, Lowered, Part, RunError, RunErrorKind, RunLimits, Values, as_int,
    collect,
};
use crate::trace::{Emission, Emitted, Jacobian, Number, Symbol, Trace};
use crate::typed::Program;

/// What holds for all points where parameters decide alike.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) dimension: usize,
    pub(super) decisions: Vec<i32>,
    /// The numbers that decide; `None` where none does.
    deciding: Option<Compiled>,
    /// The log density; `None` where the program rejects.
    pub(super) density: Option<Compiled>,
    /// Parameters and transformed parameters, with symbols.
    pub(super) values: Values,
    /// What those symbols are, in order.
    pub(super) symbols: Option<Compiled>,
    /// Generated quantities, once they are asked for; `None` inside where they are run draw by draw.
    pub(super) generation: OnceLock<Option<Generation>>,
}

impl Path {
    /// Runs the program; see [`run::lower`].
    pub(super) fn new(
        program: &Program,
        known: &Known,
        limits: &RunLimits,
        say: &mut (dyn FnMut(&str) + Send),
        point: &[f64],
        start: &[i32],
        options: DensityOptions,
    ) -> Result<Self, RunError> {
        let part = Part::Model(options.jacobian, options.constants);
        let lowered = run::lower(program, known, limits, say, part, point, start)?;
        match lowered.end {
            Ok(()) => Self::compiled(program, lowered, options.jacobian, point.len()),
            // Where a parameter led to a value that is refused, the points are.
            Err(error) if error.kind == RunErrorKind::Reject && !lowered.decisions.is_empty() => {
                let decisions = lowered.decisions;
                let mut emitted = emit(&lowered.trace, None, &symbols_of(&decisions))?;
                Ok(Self {
                    dimension: point.len(),
                    deciding: deciding(&mut emitted, &decisions),
                    decisions: decisions.iter().map(|d| d.value).collect(),
                    density: None,
                    values: Vec::new(),
                    symbols: None,
                    generation: OnceLock::new(),
                })
            }
            Err(error) => Err(error),
        }
    }

    fn compiled(
        program: &Program,
        lowered: Lowered,
        jacobian: Jacobian,
        dimension: usize,
    ) -> Result<Self, RunError> {
        let Lowered {
            trace,
            mut frame,
            decisions,
            ..
        } = lowered;
        let mut values = Vec::new();
        for block in Model::blocks() {
            for declaration in program.declarations(block) {
                for (id, _) in &declaration.variables {
                    if let Some(value) = frame[id.0].take() {
                        values.push((*id, value));
                    }
                }
            }
        }
        let mut symbols = Vec::new();
        for (_, value) in &values {
            collect(value, &mut symbols);
        }
        let mut outputs = symbols.clone();
        outputs.extend(symbols_of(&decisions));
        let mut emitted = emit(&trace, Some(jacobian), &outputs)?;
        describe(program, &values, &mut emitted);
        let density = Compiled::new(emitted.graph());
        let deciding = deciding(&mut emitted, &decisions);
        let symbols =
            node(&mut emitted, &symbols).map(|node| Compiled::report(emitted.graph(), &[node]));
        Ok(Self {
            dimension,
            decisions: decisions.iter().map(|d| d.value).collect(),
            deciding,
            density: Some(density),
            values,
            symbols,
            generation: OnceLock::new(),
        })
    }

    /// Whether the path's first decisions are these.
    pub(super) fn begins_with(&self, start: &[i32]) -> bool {
        self.decisions.starts_with(start)
    }

    /// The decisions at a point up to the first that is not this path's, with that one; `None` if the
    /// point takes this path.
    pub(super) fn first_other(&self, point: &[f64]) -> Option<Vec<i32>> {
        let numbers = self.deciding.as_ref()?.outputs(point, 1).concat();
        let at = numbers
            .iter()
            .zip(&self.decisions)
            .position(|(number, decision)| *number != f64::from(*decision))?;
        let mut start = self.decisions[..at].to_vec();
        // What is no int is refused when the path is run.
        start.push(as_int(numbers[at]).unwrap_or(i32::MIN));
        Some(start)
    }
}

fn emit(trace: &Trace, density: Option<Jacobian>, outputs: &[Symbol]) -> Result<Emitted, RunError> {
    trace
        .emit(Emission {
            density,
            outputs,
            random: &[],
        })
        .map_err(|(site, message)| RunError::new(RunErrorKind::Value, site.span, message))
}

fn symbols_of(decisions: &[Decision]) -> Vec<Symbol> {
    decisions
        .iter()
        .filter_map(|d| match d.number {
            Number::Symbol(symbol) => Some(symbol),
            Number::Known(_) => None,
        })
        .collect()
}

fn node(emitted: &mut Emitted, symbols: &[Symbol]) -> Option<NodeId> {
    if symbols.is_empty() {
        return None;
    }
    let numbers: Vec<Number> = symbols.iter().copied().map(Number::Symbol).collect();
    Some(emitted.node(&numbers, Shape::vector(numbers.len())))
}

fn deciding(emitted: &mut Emitted, decisions: &[Decision]) -> Option<Compiled> {
    let node = node(emitted, &symbols_of(decisions))?;
    Some(Compiled::report(emitted.graph(), &[node]))
}

/// Names of parameters, for whoever reads a summary.
fn describe(program: &Program, values: &Values, emitted: &mut Emitted) {
    for (id, value) in values {
        let variable = &program.variables[id.0];
        if variable.block != crate::typed::BlockKind::Parameters {
            continue;
        }
        let mut symbols = Vec::new();
        collect(value, &mut symbols);
        if let [first, ..] = symbols.as_slice() {
            let constraint = String::new();
            if let Some(node) = emitted.whole(*first) {
                emitted
                    .graph()
                    .describe_parameter(&variable.name, node, constraint);
            }
        }
    }
}
