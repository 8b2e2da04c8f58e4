//! Parallel loops and sums whose result does not depend on the number of threads.
//!
//! The one idea: work is cut into chunks of a size fixed by the caller, each chunk is folded
//! sequentially, and chunk results are combined in index order. Threads decide only *who* computes
//! a chunk. All loops run in the current rayon pool; [`with_threads`] chooses one.

use rayon::prelude::*;

/// Runs `work` with `threads` threads (0: as many as there are cores).
///
/// # Panics
/// If the operating system refuses to start the threads.
pub fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("the operating system starts the worker threads")
        .install(work)
}

/// The number of threads that the loops of this module use here.
pub fn current_threads() -> usize {
    rayon::current_num_threads()
}

/// Cuts `0..n` into chunks of `chunk` indices and maps each; results come in index order.
pub fn map_chunks<T: Send>(
    n: usize,
    chunk: usize,
    map: impl Fn(std::ops::Range<usize>) -> T + Sync + Send,
) -> Vec<T> {
    let chunk = chunk.max(1);
    (0..n.div_ceil(chunk))
        .into_par_iter()
        .map(|c| map(c * chunk..((c + 1) * chunk).min(n)))
        .collect()
}

/// `Σ term(i)` over `0..n`, in chunks of fixed size: the same bits for any number of threads.
pub fn sum(n: usize, chunk: usize, term: impl Fn(usize) -> f64 + Sync + Send) -> f64 {
    map_chunks(n, chunk, |range| range.map(&term).sum::<f64>())
        .into_iter()
        .sum()
}

/// Folds chunks of `0..n` into accumulators and combines these in index order.
///
/// At most `accumulators` of them exist: chunk boundaries depend on `n` and `accumulators` alone, so
/// the result is the same for any number of threads while memory stays bounded. Returns `None` for
/// `n = 0`.
pub fn fold_reduce<A: Send>(
    n: usize,
    accumulators: usize,
    zero: impl Fn() -> A + Sync + Send,
    fold: impl Fn(&mut A, std::ops::Range<usize>) + Sync + Send,
    combine: impl Fn(&mut A, A),
) -> Option<A> {
    let chunk = n.div_ceil(accumulators.max(1)).max(1);
    map_chunks(n, chunk, |range| {
        let mut acc = zero();
        fold(&mut acc, range);
        acc
    })
    .into_iter()
    .reduce(|mut a, b| {
        combine(&mut a, b);
        a
    })
}

/// Calls `work(index, chunk)` on consecutive chunks of a mutable slice, in parallel.
pub fn for_each_chunk<T: Send>(
    data: &mut [T],
    chunk: usize,
    work: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    data.par_chunks_mut(chunk.max(1))
        .enumerate()
        .for_each(|(i, part)| work(i, part));
}

/// Calls `work(index, chunk)` on consecutive chunks of a mutable slice and returns what it answers,
/// in index order.
pub fn map_chunks_mut<T: Send, R: Send>(
    data: &mut [T],
    chunk: usize,
    work: impl Fn(usize, &mut [T]) -> R + Sync + Send,
) -> Vec<R> {
    data.par_chunks_mut(chunk.max(1))
        .enumerate()
        .map(|(i, part)| work(i, part))
        .collect()
}

/// Runs two closures, in parallel when a thread is free.
pub fn join<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    rayon::join(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_the_same_bits_for_any_number_of_threads() {
        let term = |i: usize| (i as f64 * 0.7).sin() * 1e3;
        let one = with_threads(1, || sum(10_007, 64, term));
        for threads in [2, 7] {
            assert_eq!(
                one.to_bits(),
                with_threads(threads, || sum(10_007, 64, term)).to_bits()
            );
        }
    }

    #[test]
    fn fold_reduce_covers_every_index_once() {
        for n in [0, 1, 5, 16, 1000] {
            let seen = fold_reduce(
                n,
                16,
                Vec::new,
                |acc: &mut Vec<usize>, range| acc.extend(range),
                Extend::extend,
            );
            assert_eq!(seen.unwrap_or_default(), (0..n).collect::<Vec<_>>());
        }
    }
}
