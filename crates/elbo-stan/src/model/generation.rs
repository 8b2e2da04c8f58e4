//! Generated quantities as a program over lanes of draws.
//!
//! The one idea: random numbers are coordinates that are filled in stages: first those that depend on
//! parameters only, then those that depend on these. What a draw's stream gives is taken stage by
//! stage, place by place. Absent: quantities where random numbers decide what is run, or depend on
//! random numbers of the same place; those are run draw by draw ([`super::generated`]).

use elbo_graph::{Program as Compiled, Shape};
use elbo_math::random::Stream;

use crate::run::{
    self, Known, Part, RandomCall, RunError, RunLimits, Value, Values, collect, replaced,
};
use crate::trace::{Emission, Number, Symbol};
use crate::typed::{BlockKind, Program};

/// Generated quantities of one path.
#[derive(Debug)]
pub(super) struct Generation {
    /// The quantities, with symbols.
    values: Values,
    symbols: Option<Compiled>,
    stages: Vec<Stage>,
    /// Coordinates: those of the parameters, then random numbers.
    dimension: usize,
}

/// Random numbers that depend on earlier ones only.
#[derive(Debug)]
struct Stage {
    /// The symbols in the calls' arguments, in order.
    arguments: Option<Compiled>,
    /// Calls, and where among the coordinates their numbers go.
    calls: Vec<(RandomCall, usize)>,
}

impl Generation {
    /// `None` if the quantities cannot be had in this way.
    pub(super) fn new(
        program: &Program,
        known: &Known,
        limits: &RunLimits,
        dimension: usize,
        decisions: &[i32],
    ) -> Option<Self> {
        let point = vec![0.0; dimension];
        let mut silent = |_: &str| {};
        let part = Part::Generated;
        let mut lowered =
            run::lower(program, known, limits, &mut silent, part, &point, decisions).ok()?;
        lowered.end.as_ref().ok()?;
        let mut values = Vec::new();
        for declaration in program.declarations(BlockKind::GeneratedQuantities) {
            for (id, _) in &declaration.variables {
                values.push((*id, lowered.frame[id.0].take()?));
            }
        }
        let trace = &lowered.trace;
        let places = trace.random_stages()?;
        let order: Vec<u32> = places.concat();
        let mut firsts = std::collections::HashMap::new();
        let mut end = dimension;
        for group in &order {
            firsts.insert(*group, end);
            end += trace.entries(*group);
        }
        let compiled = |symbols: &[Symbol]| {
            if symbols.is_empty() {
                return Some(None);
            }
            let emission = Emission {
                density: None,
                outputs: symbols,
                random: &order,
            };
            let mut emitted = trace.emit(emission).ok()?;
            let numbers: Vec<Number> = symbols.iter().copied().map(Number::Symbol).collect();
            let node = emitted.node(&numbers, Shape::vector(numbers.len()));
            Some(Some(Compiled::report(emitted.graph(), &[node])))
        };
        let mut stages = Vec::new();
        for groups in &places {
            let mut calls = Vec::new();
            for group in groups {
                let here = lowered.random_calls.iter();
                for call in here.filter(|call| call.first.group == *group) {
                    calls.push((call.clone(), firsts[group] + call.first.entry as usize));
                }
            }
            let mut symbols = Vec::new();
            for (call, _) in &calls {
                for argument in &call.arguments {
                    collect(argument, &mut symbols);
                }
            }
            stages.push(Stage {
                arguments: compiled(&symbols)?,
                calls,
            });
        }
        let mut symbols = Vec::new();
        for (_, value) in &values {
            collect(value, &mut symbols);
        }
        Some(Self {
            symbols: compiled(&symbols)?,
            values,
            stages,
            dimension: end,
        })
    }

    /// The quantities of each lane, or why a draw has none. `random` has a stream for each.
    pub(super) fn run(
        &self,
        points: &[f64],
        lanes: usize,
        random: &mut [Stream],
        limit: usize,
    ) -> Vec<Result<Values, RunError>> {
        let mut coordinates = points.to_vec();
        coordinates.resize(self.dimension * lanes, 0.0);
        let mut failed: Vec<Option<RunError>> = vec![None; random.len()];
        for stage in &self.stages {
            let numbers = outputs(stage.arguments.as_ref(), &coordinates, lanes);
            for (lane, random) in random.iter_mut().enumerate() {
                let mut numbers = lane_of(&numbers, lanes, lane);
                for (call, first) in &stage.calls {
                    let arguments: Vec<Value> = call
                        .arguments
                        .iter()
                        .map(|argument| replaced(argument, &mut numbers))
                        .collect();
                    match call.draw(&arguments, random, limit) {
                        Ok(drawn) => {
                            for (i, number) in drawn.into_iter().enumerate() {
                                coordinates[(first + i) * lanes + lane] = number;
                            }
                        }
                        Err(error) => {
                            failed[lane].get_or_insert(error);
                        }
                    }
                }
            }
        }
        let numbers = outputs(self.symbols.as_ref(), &coordinates, lanes);
        failed
            .into_iter()
            .enumerate()
            .map(|(lane, failed)| {
                if let Some(error) = failed {
                    return Err(error);
                }
                let mut numbers = lane_of(&numbers, lanes, lane);
                let values = self.values.iter();
                Ok(values
                    .map(|(id, value)| (*id, replaced(value, &mut numbers)))
                    .collect())
            })
            .collect()
    }
}

fn outputs(program: Option<&Compiled>, coordinates: &[f64], lanes: usize) -> Vec<f64> {
    program.map_or_else(Vec::new, |program| {
        // A program has the coordinates that it was built with, which are all.
        program
            .outputs(&coordinates[..program.dimension() * lanes], lanes)
            .concat()
    })
}

fn lane_of(numbers: &[f64], lanes: usize, lane: usize) -> impl Iterator<Item = Number> {
    let numbers = numbers.iter().skip(lane).step_by(lanes);
    numbers.map(|x| Number::Known(*x))
}
