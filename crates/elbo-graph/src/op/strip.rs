//! Strips of entries: repeated operands spread out, adjoints of these summed up.
//!
//! Entries are arrays of lanes, so that one is copied or added in a few wide instructions.

use multiversion::multiversion;

use crate::number::Number;
use crate::op::{Operand, Values};
use crate::shape::Shape;

/// Fills a strip with the entries from `first` on of an operand repeated to `shape`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn spread<T: Number, const W: usize>(
    arg: &Operand<'_, T>,
    shape: Shape,
    first: usize,
    strip: &mut [T],
) {
    let (strip, _) = strip.as_chunks_mut::<W>();
    match arg.values {
        Values::Lanes(values) => {
            let (values, _) = values.as_chunks::<W>();
            if arg.shape.is_scalar() {
                strip.fill(values[0]);
                return;
            }
            for_each_entry(arg.shape, shape, first, strip.len(), |i, entry| {
                strip[i] = values[entry];
            });
        }
        Values::Data(values) if arg.shape.is_scalar() => strip.fill([T::constant(values[0]); W]),
        Values::Data(values) if arg.shape == shape => {
            for (entry, value) in strip.iter_mut().zip(&values[first..]) {
                *entry = [T::constant(*value); W];
            }
        }
        Values::Data(values) => {
            for_each_entry(arg.shape, shape, first, strip.len(), |i, entry| {
                strip[i] = [T::constant(values[entry]); W];
            });
        }
    }
}

/// Adds a strip of adjoints into an operand of shape `to` that was repeated to `shape`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn collect<T: Number, const W: usize>(
    strip: &[T],
    shape: Shape,
    to: Shape,
    first: usize,
    gradient: &mut [T],
) {
    if to.is_scalar() {
        sum_lanes::<T, W>(strip, gradient);
        return;
    }
    let ((strip, _), (gradient, _)) = (strip.as_chunks::<W>(), gradient.as_chunks_mut::<W>());
    for_each_entry(to, shape, first, strip.len(), |i, entry| {
        for l in 0..W {
            gradient[entry][l] += strip[i][l];
        }
    });
}

/// Adds every entry to its lane's sum; in four partial sums, since one would wait for its own
/// additions.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn sum_lanes<T: Number, const W: usize>(strip: &[T], sums: &mut [T]) {
    const PARTS: usize = 4;
    let (entries, _) = strip.as_chunks::<W>();
    let (blocks, rest) = entries.as_chunks::<PARTS>();
    let mut parts = [[T::default(); W]; PARTS];
    for block in blocks {
        for p in 0..PARTS {
            for l in 0..W {
                parts[p][l] += block[p][l];
            }
        }
    }
    for entry in rest {
        for l in 0..W {
            parts[0][l] += entry[l];
        }
    }
    for l in 0..W {
        sums[l] += (parts[0][l] + parts[1][l]) + (parts[2][l] + parts[3][l]);
    }
}

/// `out += scale · x`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_multiple<T: Number>(out: &mut [T], x: &[T], scale: f64) {
    for (o, x) in out.iter_mut().zip(x) {
        *o += x.times(scale);
    }
}

/// Calls `visit(i, entry)` for each entry `first + i` of `to` with the entry of `from` that is
/// repeated there.
#[inline]
fn for_each_entry(
    from: Shape,
    to: Shape,
    first: usize,
    n: usize,
    mut visit: impl FnMut(usize, usize),
) {
    let row_stride = if from.rows == 1 { 0 } else { from.cols };
    let col_stride = usize::from(from.cols != 1);
    let (mut row, mut col) = (first / to.cols, first % to.cols);
    for i in 0..n {
        visit(i, row * row_stride + col * col_stride);
        col += 1;
        if col == to.cols {
            (row, col) = (row + 1, 0);
        }
    }
}
