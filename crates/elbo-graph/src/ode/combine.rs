//! Sums over stages, for all lanes: the innermost loops beside the right-hand side.

#![expect(
    clippy::inline_always,
    reason = "cores are compiled with the instruction set of their caller"
)]

use multiversion::multiversion;

use crate::number::Number;

/// `out = begin + h Σ_s w_s k_s`, where `k_s` are rows of `slopes` and `h` is each lane's step.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn advance<T: Number, const W: usize>(
    out: &mut [T],
    begin: &[T],
    length: &[T],
    slopes: &[T],
    weights: &[f64],
) {
    let size = begin.len();
    let length = first::<T, W>(length);
    let entries = out.as_chunks_mut::<W>().0.iter_mut();
    for (i, (out, begin)) in entries.zip(begin.as_chunks::<W>().0).enumerate() {
        let sum = weighted::<T, W>(slopes, (i, size), weights);
        for l in 0..W {
            out[l] = begin[l] + sum[l] * length[l];
        }
    }
}

/// `out = Σ_s w_s k_s + w x`: how a slope's adjoint is made from those of later stages' states and of
/// the states at the end.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn collect<T: Number, const W: usize>(
    out: &mut [T],
    end: &[T],
    end_weight: f64,
    later: &[T],
    weights: &[f64],
) {
    let size = end.len();
    let entries = out.as_chunks_mut::<W>().0.iter_mut();
    for (i, (out, end)) in entries.zip(end.as_chunks::<W>().0).enumerate() {
        let sum = weighted::<T, W>(later, (i, size), weights);
        for l in 0..W {
            out[l] = sum[l] + end[l].times(end_weight);
        }
    }
}

/// Entry `i` of `Σ_s w_s k_s`; each row of `rows` has `size` numbers.
#[inline(always)]
fn weighted<T: Number, const W: usize>(
    rows: &[T],
    (i, size): (usize, usize),
    weights: &[f64],
) -> [T; W] {
    let mut sum = [T::default(); W];
    for (s, weight) in weights.iter().enumerate() {
        if *weight == 0.0 {
            continue;
        }
        let row = first::<T, W>(&rows[s * size + i * W..]);
        for l in 0..W {
            sum[l] += row[l].times(*weight);
        }
    }
    sum
}

/// What the error of a step is measured with.
pub(super) struct Scale {
    pub absolute: f64,
    pub relative: f64,
    /// One over the order of the error.
    pub exponent: f64,
}

/// Each lane's error in units of what is tolerated of it, and the factor by which the next step had
/// better be longer. `errors` are those of the states.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn judge<T: Number, const W: usize>(
    errors: &[f64],
    begin: &[T],
    end: &[T],
    scale: &Scale,
) -> ([f64; W], [f64; W]) {
    let n = (begin.len() / W) as f64;
    let mut sum = [0.0; W];
    let states = begin.as_chunks::<W>().0.iter().zip(end.as_chunks::<W>().0);
    for (errors, (begin, end)) in errors.as_chunks::<W>().0.iter().zip(states) {
        for l in 0..W {
            let (a, b) = (begin[l].value().abs(), end[l].value().abs());
            let size = if a > b { a } else { b };
            let ratio = errors[l] / (scale.absolute + scale.relative * size);
            sum[l] += ratio * ratio;
        }
    }
    let mut factors = [0.2; W];
    for l in 0..W {
        sum[l] = (sum[l] / n).sqrt();
        // An error of 0 has the logarithm −∞, and the factor is cut off.
        let wanted = 0.9 * Number::exp(Number::ln(sum[l]) * -scale.exponent);
        if sum[l].is_finite() {
            factors[l] = if wanted < 0.2 {
                0.2
            } else if wanted < 5.0 {
                wanted
            } else {
                5.0
            };
        }
    }
    (sum, factors)
}

/// Values of `h Σ_s e_s k_s`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn errors<T: Number, const W: usize>(
    out: &mut [f64],
    length: &[T],
    slopes: &[T],
    weights: &[f64],
) {
    let size = out.len();
    let length = first::<T, W>(length);
    for (i, out) in out.as_chunks_mut::<W>().0.iter_mut().enumerate() {
        let sum = weighted::<T, W>(slopes, (i, size), weights);
        for l in 0..W {
            out[l] = (length[l] * sum[l]).value();
        }
    }
}

#[inline(always)]
fn first<T, const W: usize>(numbers: &[T]) -> &[T; W] {
    numbers.first_chunk().expect("a number for every lane")
}
