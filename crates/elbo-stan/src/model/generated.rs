//! Draws as the program names them.

use elbo_graph::LaneBlock;
use elbo_math::parallel::map_chunks;
use elbo_math::random::stream;

use super::generation::Generation;
use super::path::Path;
use super::{Model, columns};
use crate::run::{self, RunError, RunErrorKind, Values, replaced};
use crate::trace::Number;

/// Draws in the program's own quantities.
#[derive(Clone, Debug)]
pub struct Quantities {
    /// `columns × n_draws` numbers, draws innermost.
    pub numbers: Vec<f64>,
    /// For how many draws the program refused to generate quantities, which are NaN then.
    pub n_refused: usize,
    /// Why it refused the first of them.
    pub refusal: Option<RunError>,
}

/// Draws that one thread runs at a time.
const CHUNK: usize = 64;

impl Model {
    /// Parameters, transformed parameters and generated quantities at unconstrained points.
    ///
    /// `points` holds `dimension × n_draws` numbers, draws innermost; the result `columns × n_draws`.
    /// Random numbers of draw `s` depend on `seed` and `s` alone. Where the program refuses to generate quantities for a draw, they are NaN.
    ///
    /// # Errors
    /// If something cannot be evaluated for any draw.
    ///
    /// # Panics
    /// If `points` has another length.
    pub fn constrain(
        &self,
        points: &[f64],
        n_draws: usize,
        seed: u64,
    ) -> Result<Vec<f64>, RunError> {
        let quantities = self.constrain_from(points, n_draws, seed, 0)?;
        Ok(quantities.numbers)
    }

    /// As [`constrain`](Self::constrain), of a part of the draws: the number of its first one tells
    /// which random numbers are theirs.
    ///
    /// # Errors
    /// As [`constrain`](Self::constrain).
    ///
    /// # Panics
    /// As [`constrain`](Self::constrain).
    pub fn constrain_from(
        &self,
        points: &[f64],
        n_draws: usize,
        seed: u64,
        first_draw: u64,
    ) -> Result<Quantities, RunError> {
        let dimension = self.dimension();
        assert_eq!(points.len(), dimension * n_draws, "dimension × draws");
        let mut all = vec![f64::NAN; self.columns.len() * n_draws];
        let values = self.values(points, n_draws)?;
        let mut row = Vec::new();
        for (s, values) in values.iter().enumerate() {
            row.clear();
            for (id, value) in values {
                columns::flatten(value, &self.program.variables[id.0].r#type, &mut row);
            }
            for (c, number) in row.iter().enumerate() {
                all[c * n_draws + s] = *number;
            }
        }
        let first = row.len();
        let mut refusals = Vec::new();
        if first == self.columns.len() {
            return Ok(Quantities {
                numbers: all,
                n_refused: 0,
                refusal: None,
            });
        }
        let generated = self.generate(points, n_draws, seed, first_draw, &values)?;
        for (s, values) in generated.into_iter().enumerate() {
            let values = match values {
                Ok(values) => values,
                Err(error) => {
                    refusals.push(error);
                    continue;
                }
            };
            row.clear();
            for (id, value) in &values {
                columns::flatten(value, &self.program.variables[id.0].r#type, &mut row);
            }
            for (c, number) in row.iter().enumerate() {
                all[(first + c) * n_draws + s] = *number;
            }
        }
        Ok(Quantities {
            numbers: all,
            n_refused: refusals.len(),
            refusal: refusals.into_iter().next(),
        })
    }

    /// Generated quantities of each draw, or why the program refuses.
    fn generate(
        &self,
        points: &[f64],
        n_draws: usize,
        seed: u64,
        first_draw: u64,
        values: &[Values],
    ) -> Result<Vec<Result<Values, RunError>>, RunError> {
        let stream = |s: usize| stream(seed, run::GENERATED, first_draw + s as u64);
        if !self.is_branching()
            && let Some(generation) = self.main.generation.get_or_init(|| {
                let dimension = self.dimension();
                Generation::new(&self.program, &self.known, &self.limits, dimension, &[])
            })
        {
            let mut generated = Vec::with_capacity(n_draws);
            for block in LaneBlock::all(points, n_draws) {
                let lanes = block.lanes();
                let first = generated.len();
                let here = lanes.min(n_draws - first);
                let mut random: Vec<_> = (first..first + here).map(stream).collect();
                let limit = self.limits.bytes;
                let values = generation.run(block.numbers(), lanes, &mut random, limit);
                generated.extend(values);
            }
            return Ok(generated);
        }
        // Draw by draw, in chunks that any thread may run.
        let generated = map_chunks(n_draws, CHUNK, |range| {
            let first = first_draw + range.start as u64;
            let values = values[range].iter().cloned();
            run::generate(
                &self.program,
                &self.known,
                &self.limits,
                seed,
                first,
                values,
            )
        });
        let mut all = Vec::with_capacity(n_draws);
        for chunk in generated {
            for values in chunk? {
                match values {
                    Err(error) if !is_of_draw(error.kind) => return Err(error),
                    values => all.push(values),
                }
            }
        }
        Ok(all)
    }

    /// Values of parameters and transformed parameters for each draw.
    fn values(&self, points: &[f64], n_draws: usize) -> Result<Vec<Values>, RunError> {
        let mut values = Vec::with_capacity(n_draws);
        if !self.is_branching() {
            for block in LaneBlock::all(points, n_draws) {
                let lanes = block.lanes();
                let symbols = symbols(&self.main, block.numbers(), lanes);
                let here = lanes.min(n_draws - values.len());
                values.extend((0..here).map(|lane| filled(&self.main, &symbols, lanes, lane)));
            }
            return Ok(values);
        }
        for s in 0..n_draws {
            let point: Vec<f64> = points.iter().skip(s).step_by(n_draws).copied().collect();
            let path = self.path_at(&point)?;
            values.push(filled(&path, &symbols(&path, &point, 1), 1, 0));
        }
        Ok(values)
    }
}

/// Whether an error is of one draw and not of the program.
fn is_of_draw(kind: RunErrorKind) -> bool {
    matches!(
        kind,
        RunErrorKind::Reject | RunErrorKind::Value | RunErrorKind::Constraint
    )
}

fn symbols(path: &Path, points: &[f64], lanes: usize) -> Vec<f64> {
    path.symbols
        .as_ref()
        .map_or_else(Vec::new, |program| program.outputs(points, lanes).concat())
}

/// A path's values with the symbols of a lane.
fn filled(path: &Path, symbols: &[f64], lanes: usize, lane: usize) -> Values {
    let numbers = symbols.iter().skip(lane).step_by(lanes);
    let mut numbers = numbers.map(|x| Number::Known(*x));
    let values = path.values.iter();
    values
        .map(|(id, value)| (*id, replaced(value, &mut numbers)))
        .collect()
}
