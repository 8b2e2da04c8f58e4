//! What a fit or a sample of a program answers: draws, as many as asked.
//!
//! The one idea: a fit keeps the draws that its verdict is about, with their weights. Where the weights
//! can be trusted, draws are chosen among them in proportion; else they are drawn from the
//! approximation. A sample keeps its chains. What is chosen is unconstrained; blocks of it become the
//! program's own quantities, in parallel and in order.

use std::ops::Range;
use std::sync::atomic::Ordering;

use elbo::math::arrays::{Array, Arrays};
use elbo::math::parallel;
use elbo::math::random::{permutation, stream, uniform};
use elbo::stan::Quantities;
use elbo::vi::diagnostic::importance::WeightedDraws;
use elbo::vi::diagnostic::psis::Smoothed;
use elbo::vi::family;
use elbo::vi::reparameterised::Reparameterised;
use elbo::vi::sample::Sample;
use elbo::vi::{Approximation, Draws, Fit, LogDensity, Target};

use super::load::reload;
use super::{Loaded, is_of_program};
use crate::console::to_stderr;
use crate::failure::Failure;
use crate::stored::Stored;

/// Draws that one thread turns into the program's quantities at once: a multiple of the lanes.
const CHUNK: usize = 64;
/// Numbers of the program's quantities in memory at once, where they are handed on in blocks.
const BLOCK_NUMBERS: usize = 4_000_000;

/// Draws that can be asked for.
pub(crate) enum Source {
    /// Weighted draws from an approximation.
    Weighted(WeightedDraws),
    /// The approximation itself.
    Own(Box<dyn Approximation>),
    /// Chains of a sampler, one after the other.
    Chains {
        /// All draws.
        draws: Draws,
        /// The log density at each.
        log_density: Vec<f64>,
        /// How many chains.
        n_chains: usize,
    },
}

/// Unconstrained draws that were chosen.
pub(crate) struct Chosen {
    /// The draws.
    pub points: Draws,
    /// The log density at each.
    pub log_target: Vec<f64>,
    /// The approximation's log density at each; empty for a sampler's.
    pub log_q: Vec<f64>,
}

impl Source {
    /// That of a fit just made.
    pub(crate) fn of_fit(fit: Fit) -> Self {
        if fit.is_weighted() && fit.weighted.smoothed.is_some() {
            Self::Weighted(fit.weighted)
        } else {
            Self::Own(fit.approximation)
        }
    }

    /// How many different draws there are; `None` for as many as are asked for.
    pub(crate) fn n_kept(&self) -> Option<usize> {
        match self {
            Self::Weighted(weighted) => Some(weighted.draws.n_draws()),
            Self::Own(_) => None,
            Self::Chains { draws, .. } => Some(draws.n_draws()),
        }
    }

    /// `n` draws; the same seed chooses the same.
    ///
    /// # Errors
    /// If the density fails.
    pub(crate) fn choose(
        &self,
        model: &dyn LogDensity,
        n: usize,
        seed: u64,
    ) -> Result<Chosen, Failure> {
        let mut random = stream(seed, "stan/draws", 0);
        match self {
            Self::Weighted(weighted) => {
                let weights = weighted.smoothed.as_ref().map(Smoothed::weights);
                let chosen = systematic(&weights.unwrap_or_default(), n, uniform(&mut random));
                let order = permutation(&mut random, n);
                let indices: Vec<usize> = order.into_iter().map(|i| chosen[i]).collect();
                Ok(Chosen {
                    points: weighted.draws.select(&indices),
                    log_target: indices.iter().map(|&i| weighted.log_target[i]).collect(),
                    log_q: indices.iter().map(|&i| weighted.log_q[i]).collect(),
                })
            }
            Self::Own(approximation) => {
                let (points, log_q) = approximation.sample(n, &mut random);
                let target = Target::new(model, points.dimension())?;
                let log_target = target.log_densities(&points)?;
                Ok(Chosen {
                    points,
                    log_target,
                    log_q,
                })
            }
            Self::Chains {
                draws, log_density, ..
            } => {
                let indices: Vec<usize> = (0..n).map(|i| i * draws.n_draws() / n).collect();
                Ok(Chosen {
                    points: draws.select(&indices),
                    log_target: indices.iter().map(|&i| log_density[i]).collect(),
                    log_q: Vec::new(),
                })
            }
        }
    }
}

/// `n` indices in proportion to weights, with one random number: each occurs as often as its weight
/// says, up to one.
fn systematic(weights: &[f64], n: usize, u: f64) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let mut chosen = Vec::with_capacity(n);
    let (mut index, mut reached) = (0, weights[0]);
    for i in 0..n {
        let place = (i as f64 + u) / n as f64 * total;
        while reached <= place && index + 1 < weights.len() {
            index += 1;
            reached += weights[index];
        }
        chosen.push(index);
    }
    chosen
}

/// A program with the draws that a directory keeps.
pub(crate) struct Answer {
    /// The program with its data.
    pub loaded: Loaded,
    /// The draws.
    pub source: Source,
}

impl Answer {
    /// Opens a directory.
    ///
    /// # Errors
    /// If it is of another model, or damaged.
    pub(crate) fn open(stored: &Stored) -> Result<Self, Failure> {
        let record = &stored.fit().record;
        if !is_of_program(record) {
            return Err(Failure::input(format!(
                "{} is a fit of {}, not of a Stan program",
                stored.path().display(),
                record.model
            ))
            .help("give a directory that `elbo fit` or `elbo sample` of a program has written"));
        }
        let loaded = reload(stored.path(), &record.model, record.seed)?;
        let source = restore(stored, &loaded)?;
        Ok(Self { loaded, source })
    }
}

/// The names of what is kept beside an approximation's own arrays.
const DRAWS: &str = "kept.draws";
const LOG_TARGET: &str = "kept.log_density";
const LOG_Q: &str = "kept.log_q";
const DEGREES: &str = "degrees";

/// The arrays of a fit.
pub(crate) fn arrays_of_fit(fit: &Fit) -> Arrays {
    let mut arrays = fit.approximation.arrays();
    let weighted = &fit.weighted;
    put_draws(&mut arrays, &weighted.draws, &weighted.log_target);
    let n = weighted.log_q.len();
    // Infinite: a draw that q cannot give has no weight.
    let number = |x: &f64| if x.is_nan() { f64::INFINITY } else { *x };
    let log_q = weighted.log_q.iter().map(number).collect();
    arrays.insert(LOG_Q.into(), Array::f64(&[n], log_q));
    arrays
}

/// The arrays of a sample.
pub(crate) fn arrays_of_sample(sample: &Sample) -> Arrays {
    let mut arrays = Arrays::new();
    let log_density: Vec<f64> = sample.trajectories.iter().map(|t| t.log_density).collect();
    put_draws(&mut arrays, &sample.draws, &log_density);
    arrays
}

fn put_draws(arrays: &mut Arrays, draws: &Draws, log_density: &[f64]) {
    let shape = [draws.dimension(), draws.n_draws()];
    // A draw of q that overflowed, or where the log density is none, has no weight; what is kept of it
    // must be numbers all the same.
    let known = |x: f64, otherwise: f64| if x.is_nan() { otherwise } else { x };
    let coordinates = draws.as_slice().iter().map(|x| known(*x, f64::INFINITY));
    arrays.insert(DRAWS.into(), Array::f64(&shape, coordinates.collect()));
    let values = log_density.iter().map(|x| known(*x, f64::NEG_INFINITY));
    let values = Array::f64(&[log_density.len()], values.collect());
    arrays.insert(LOG_TARGET.into(), values);
}

fn restore(stored: &Stored, loaded: &Loaded) -> Result<Source, Failure> {
    let record = &stored.fit().record;
    let damaged = || {
        Failure::input(format!(
            "{}: its arrays are not those of this program",
            stored.path().display()
        ))
        .help("the fit is damaged; fit again")
    };
    let arrays = &stored.fit().arrays;
    let numbers = |name: &str| arrays.get(name).map(Array::to_f64).ok_or_else(damaged);
    let (kept, log_target) = (numbers(DRAWS)?, numbers(LOG_TARGET)?);
    let (dimension, n) = (loaded.model.dimension(), log_target.len());
    if n == 0 || kept.len() != dimension * n {
        return Err(damaged());
    }
    let draws = Draws::from_vec(dimension, n, kept);
    if let Some(n_chains) = record
        .extra
        .get("chains")
        .and_then(serde_json::Value::as_u64)
    {
        return Ok(Source::Chains {
            draws,
            log_density: log_target,
            n_chains: usize::try_from(n_chains).map_err(|_| damaged())?,
        });
    }
    let log_q = numbers(LOG_Q)?;
    if log_q.len() != n {
        return Err(damaged());
    }
    let trusted = record
        .extra
        .get("weighted")
        .and_then(serde_json::Value::as_bool);
    let weighted = WeightedDraws::from_parts(draws, log_target, log_q);
    if trusted == Some(true) && weighted.smoothed.is_some() {
        return Ok(Source::Weighted(weighted));
    }
    let own: Arrays = arrays
        .iter()
        .filter(|(name, _)| ![DRAWS, LOG_TARGET, LOG_Q, DEGREES].contains(&name.as_str()))
        .map(|(name, array)| (name.clone(), array.clone()))
        .collect();
    let name = record
        .extra
        .get("family")
        .and_then(serde_json::Value::as_str);
    let approximation = family::restore(name.unwrap_or_default(), &own)?;
    let Some(degrees) = arrays.get(DEGREES).map(Array::to_f64) else {
        return Ok(Source::Own(approximation));
    };
    let geometry = loaded.model.geometry().ok_or_else(damaged)?;
    if geometry.n_degrees() != degrees.len() {
        return Err(damaged());
    }
    let coordinates = geometry.at(&degrees);
    let outer = Reparameterised::new(approximation, coordinates, degrees);
    Ok(Source::Own(Box::new(outer)))
}

/// Names of the program's quantities.
pub(crate) fn names(loaded: &Loaded) -> Vec<String> {
    let columns = loaded.model.columns().iter();
    columns.map(|column| column.name.clone()).collect()
}

/// Draws in the program's own quantities, handed to `each` one by one, in order, in blocks that bound
/// the memory.
///
/// # Errors
/// If a quantity cannot be computed for any draw, or what `each` reports.
pub(crate) fn each_draw<E: From<Failure>>(
    loaded: &Loaded,
    points: &Draws,
    seed: u64,
    mut each: impl FnMut(usize, &[f64]) -> Result<(), E>,
) -> Result<(), E> {
    let (n, width) = (points.n_draws(), loaded.model.columns().len());
    let block = (BLOCK_NUMBERS / width.max(1)).next_multiple_of(CHUNK);
    let mut row = vec![0.0; width];
    let (mut n_refused, mut refusal) = (0, None);
    for begin in (0..n).step_by(block) {
        let end = n.min(begin + block);
        let chunks = parallel::map_chunks(end - begin, CHUNK, |range| {
            let range = begin + range.start..begin + range.end;
            constrained(loaded, points, range.clone(), seed).map(|values| (range, values))
        });
        for chunk in chunks {
            let (range, quantities) = chunk?;
            n_refused += quantities.n_refused;
            refusal = refusal.or(quantities.refusal);
            let values = quantities.numbers;
            let m = range.len();
            for s in 0..m {
                for (c, x) in row.iter_mut().enumerate() {
                    *x = values[c * m + s];
                }
                each(range.start + s, &row)?;
            }
        }
    }
    if let Some(error) = refusal {
        loaded.n_refused.fetch_add(n_refused, Ordering::Relaxed);
        let reason = loaded.describe(&error);
        to_stderr(&format!(
            "warning: generated quantities of {n_refused} of {n} draws are NaN, since the program \
             refuses them; the first because {reason}"
        ));
    }
    Ok(())
}

/// Notes in a fit for how many draws the program refused to generate quantities, if for any.
pub(crate) fn note_refused(loaded: &Loaded, keys: &mut serde_json::Map<String, serde_json::Value>) {
    let n = loaded.n_refused.load(Ordering::Relaxed);
    if n > 0 {
        keys.insert("refused_draws".into(), n.into());
    }
}

/// The quantities of a range of draws.
fn constrained(
    loaded: &Loaded,
    points: &Draws,
    range: Range<usize>,
    seed: u64,
) -> Result<Quantities, Failure> {
    let (first, n) = (range.start as u64, range.len());
    let some = points.slice(range);
    let values = loaded.model.constrain_from(some.as_slice(), n, seed, first);
    values.map_err(|error| loaded.failure(&error))
}

/// The program's quantities, a column each.
///
/// # Errors
/// As [`each_draw`].
pub(crate) fn columns(
    loaded: &Loaded,
    points: &Draws,
    seed: u64,
) -> Result<Vec<Vec<f64>>, Failure> {
    let width = loaded.model.columns().len();
    let mut columns = vec![Vec::with_capacity(points.n_draws()); width];
    each_draw::<Failure>(loaded, points, seed, |_, row| {
        for (column, x) in columns.iter_mut().zip(row) {
            column.push(*x);
        }
        Ok(())
    })?;
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_occurs_as_often_as_its_weight_says() {
        let weights = [0.1, 0.0, 0.55, 0.35];
        for u in [0.0, 0.3, 0.999] {
            let chosen = systematic(&weights, 100, u);
            for (i, w) in weights.iter().enumerate() {
                let count = chosen.iter().filter(|c| **c == i).count() as f64;
                assert!((count - 100.0 * w).abs() <= 1.0, "{i}: {count}");
            }
        }
        assert_eq!(systematic(&[1.0], 3, 0.5), [0, 0, 0]);
    }
}
