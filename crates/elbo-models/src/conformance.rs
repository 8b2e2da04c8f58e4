//! The claims that every model must keep, checked by one call from each model's tests.

use std::fmt::Debug;

use elbo_math::parallel::with_threads;

use crate::driver::{
    BatchSource, CoordinateAscentConfig, StochasticConfig, Visit, Whole, coordinate_ascent, silent,
    stochastic,
};
use crate::{ConjugateModel, ModelError, Statistics};

/// A list of batches in memory, visited in order: the shards of a data set.
pub(crate) struct Shards<B>(pub Vec<B>, pub usize);

impl<B> BatchSource for Shards<B> {
    type Batch = B;

    fn n_total(&self) -> usize {
        self.1
    }

    fn for_each(&mut self, _pass: usize, visit: &mut Visit<'_, B>) -> Result<(), ModelError> {
        for batch in &self.0 {
            if visit(batch)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Runs all conformance checks on `model` with the whole data and the same data in shards.
///
/// `parameters` lists the numbers that define `q` and the hyperparameters.
pub(crate) fn check<M>(
    model: &M,
    whole: &M::Batch,
    shards: Vec<M::Batch>,
    parameters: impl Fn(&M) -> Vec<f64> + Sync,
) where
    M: ConjugateModel + Clone + Send,
    M::Batch: Sized,
{
    elbo_never_falls(model, whole);
    shard_statistics_add_up(model, whole, &shards);
    streaming_equals_batch(model, whole, shards, &parameters);
    full_batch_stochastic_equals_batch(model, whole, &parameters);
    bits_do_not_depend_on_threads(model, whole, &parameters);
}

fn config(max_iters: usize) -> CoordinateAscentConfig {
    CoordinateAscentConfig {
        max_iters,
        rel_tol: 0.0,
        ..CoordinateAscentConfig::default()
    }
}

fn elbo_never_falls<M: ConjugateModel + Clone>(model: &M, whole: &M::Batch)
where
    M::Batch: Sized,
{
    let mut model = model.clone();
    let mut source = Whole::new(whole, M::batch_len(whole));
    let outcome = coordinate_ascent(&mut model, &mut source, &config(50), &mut silent).unwrap();
    let fall = outcome.largest_relative_decrease();
    assert!(
        fall <= 1e-9,
        "the ELBO fell by {fall:e} of its size: {:?}",
        outcome.trace
    );
}

fn shard_statistics_add_up<M: ConjugateModel>(model: &M, whole: &M::Batch, shards: &[M::Batch])
where
    M::Batch: Sized,
{
    let mut expected = model.zero_statistics();
    let expected_bound = model.local_step(whole, &mut expected).unwrap();
    let mut got = model.zero_statistics();
    let mut bound = 0.0;
    for shard in shards {
        let mut part = model.zero_statistics();
        bound += model.local_step(shard, &mut part).unwrap();
        got.add(&part);
    }
    assert_close(&[bound], &[expected_bound], 1e-10, "local bounds of shards");
    assert_close(
        got.as_slice(),
        expected.as_slice(),
        1e-9,
        "statistics of shards",
    );
}

fn streaming_equals_batch<M: ConjugateModel + Clone>(
    model: &M,
    whole: &M::Batch,
    shards: Vec<M::Batch>,
    parameters: &impl Fn(&M) -> Vec<f64>,
) where
    M::Batch: Sized,
{
    let (mut in_memory, mut streamed) = (model.clone(), model.clone());
    let n = M::batch_len(whole);
    coordinate_ascent(
        &mut in_memory,
        &mut Whole::new(whole, n),
        &config(4),
        &mut silent,
    )
    .unwrap();
    coordinate_ascent(
        &mut streamed,
        &mut Shards(shards, n),
        &config(4),
        &mut silent,
    )
    .unwrap();
    assert_close(
        &parameters(&streamed),
        &parameters(&in_memory),
        1e-7,
        "parameters, streamed",
    );
}

fn full_batch_stochastic_equals_batch<M: ConjugateModel + Clone>(
    model: &M,
    whole: &M::Batch,
    parameters: &impl Fn(&M) -> Vec<f64>,
) where
    M::Batch: Sized,
{
    let (mut by_batch, mut by_step) = (model.clone(), model.clone());
    let mut source = Whole::new(whole, M::batch_len(whole));
    // The batch driver leaves the last global step out.
    coordinate_ascent(&mut by_batch, &mut source, &config(4), &mut silent).unwrap();
    let unit_steps = StochasticConfig {
        max_passes: 3,
        forgetting_rate: 0.0,
        rel_tol: 0.0,
        ..StochasticConfig::default()
    };
    stochastic(&mut by_step, &mut source, &unit_steps, None, &mut silent).unwrap();
    assert_close(
        &parameters(&by_step),
        &parameters(&by_batch),
        1e-10,
        "parameters, ρ = 1",
    );
}

fn bits_do_not_depend_on_threads<M: ConjugateModel + Clone + Send>(
    model: &M,
    whole: &M::Batch,
    parameters: &(impl Fn(&M) -> Vec<f64> + Sync),
) where
    M::Batch: Sized,
{
    let run = |threads| {
        with_threads(threads, || {
            let mut model = model.clone();
            let mut source = Whole::new(whole, M::batch_len(whole));
            let outcome =
                coordinate_ascent(&mut model, &mut source, &config(4), &mut silent).unwrap();
            (outcome.elbo.to_bits(), bits(&parameters(&model)))
        })
    };
    let one = run(1);
    assert_eq!(one, run(2), "2 threads change the bits");
    assert_eq!(one, run(7), "7 threads change the bits");
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Every pair within `tolerance`, relative to the larger of 1 and the expected value.
pub(crate) fn assert_close<V: AsRef<[f64]> + Debug>(
    got: V,
    expected: V,
    tolerance: f64,
    what: &str,
) {
    let (got, expected) = (got.as_ref(), expected.as_ref());
    assert_eq!(got.len(), expected.len(), "{what}: lengths differ");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let scale = e.abs().max(1.0);
        assert!(
            (g - e).abs() <= tolerance * scale,
            "{what}[{i}]: {g} != {e}"
        );
    }
}
