//! The two inner loops: summing records over ratings, and solving many small systems at once.
//!
//! Plain loops over whole vectors, compiled for several instruction sets and chosen at run time.
//! Products and sums stay separate operations (no fused multiply-add) and their order is fixed by
//! the data alone, so every machine and every number of threads gives the same bits.

#![expect(
    clippy::inline_always,
    reason = "a helper must be compiled with the instruction set of the variant that calls it"
)]

use std::ops::{Add, AddAssign, Mul};

use multiversion::multiversion;

use super::layout::{Layout, VECTOR};

/// Systems that are solved side by side.
pub(super) const LANES: usize = 8;

/// One number of each of [`LANES`] systems.
pub(super) type Lanes = [f64; LANES];

/// Ratings that are summed in storage precision before the sum moves on to double precision.
const FLUSH: usize = 32;

/// The precision in which records are stored.
pub(super) trait Real:
    Copy + Default + Send + Sync + std::fmt::Debug + AddAssign + Add<Output = Self> + Mul<Output = Self>
{
    /// Whether storing loses digits that the bound would notice.
    const ROUNDS: bool;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;

    /// `out += Σ_k [record_k | (value_k − offset) · head of record_k]` over some rows.
    fn gather(
        layout: Layout,
        ratings: &RowRatings<'_, Self>,
        scratch: &mut [Self],
        out: &mut [f64],
    );
}

/// The ratings of one row, and the records that they point to.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowRatings<'a, T> {
    pub records: &'a [T],
    pub rows: &'a [u32],
    pub values: &'a [f32],
    /// Subtracted from every value.
    pub offset: f64,
}

impl Real for f32 {
    const ROUNDS: bool = true;

    fn from_f64(value: f64) -> Self {
        single(value)
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn gather(layout: Layout, ratings: &RowRatings<'_, f32>, scratch: &mut [f32], out: &mut [f64]) {
        gather_single(layout, ratings, scratch, out);
    }
}

impl Real for f64 {
    const ROUNDS: bool = false;

    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn gather(layout: Layout, ratings: &RowRatings<'_, f64>, scratch: &mut [f64], out: &mut [f64]) {
        gather_double(layout, ratings, scratch, out);
    }
}

/// Rounds to single precision.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to storage precision is the point"
)]
pub(super) fn single(value: f64) -> f32 {
    value as f32
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn gather_single(
    layout: Layout,
    ratings: &RowRatings<'_, f32>,
    scratch: &mut [f32],
    out: &mut [f64],
) {
    gather(layout, ratings, scratch, out);
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn gather_double(
    layout: Layout,
    ratings: &RowRatings<'_, f64>,
    scratch: &mut [f64],
    out: &mut [f64],
) {
    gather(layout, ratings, scratch, out);
}

#[inline(always)]
fn gather<T: Real>(
    layout: Layout,
    ratings: &RowRatings<'_, T>,
    scratch: &mut [T],
    out: &mut [f64],
) {
    let width = layout.width();
    let record = |row: u32| &ratings.records[row as usize * width..][..width];
    let centred = |value: f32| T::from_f64(f64::from(value) - ratings.offset);
    let one = T::from_f64(1.0);
    let chunks = ratings.rows.chunks(FLUSH).zip(ratings.values.chunks(FLUSH));
    for (rows, values) in chunks {
        scratch.fill(T::default());
        let (sums, heads) = scratch.split_at_mut(width);
        let (row_quads, row_rest) = rows.as_chunks::<4>();
        let (value_quads, value_rest) = values.as_chunks::<4>();
        for (rows, values) in row_quads.iter().zip(value_quads) {
            let r = rows.map(record);
            add_four(sums, r);
            add_four_weighted(heads, r, values.map(centred));
        }
        for (row, value) in row_rest.iter().zip(value_rest) {
            add_weighted(sums, record(*row), one);
            add_weighted(heads, record(*row), centred(*value));
        }
        for (o, s) in out.iter_mut().zip(&*scratch) {
            *o += s.to_f64();
        }
    }
}

#[inline(always)]
fn add_four<T: Real>(sums: &mut [T], [a, b, c, d]: [&[T]; 4]) {
    let (a, b) = (a.as_chunks::<VECTOR>().0, b.as_chunks::<VECTOR>().0);
    let (c, d) = (c.as_chunks::<VECTOR>().0, d.as_chunks::<VECTOR>().0);
    let sums = sums.as_chunks_mut::<VECTOR>().0;
    for ((((s, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        for l in 0..VECTOR {
            s[l] += (a[l] + b[l]) + (c[l] + d[l]);
        }
    }
}

#[inline(always)]
fn add_four_weighted<T: Real>(sums: &mut [T], [a, b, c, d]: [&[T]; 4], [wa, wb, wc, wd]: [T; 4]) {
    let (a, b) = (a.as_chunks::<VECTOR>().0, b.as_chunks::<VECTOR>().0);
    let (c, d) = (c.as_chunks::<VECTOR>().0, d.as_chunks::<VECTOR>().0);
    let sums = sums.as_chunks_mut::<VECTOR>().0;
    for ((((s, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        for l in 0..VECTOR {
            s[l] += (wa * a[l] + wb * b[l]) + (wc * c[l] + wd * d[l]);
        }
    }
}

#[inline(always)]
fn add_weighted<T: Real>(sums: &mut [T], a: &[T], weight: T) {
    let a = a.as_chunks::<VECTOR>().0;
    for (s, a) in sums.as_chunks_mut::<VECTOR>().0.iter_mut().zip(a) {
        for l in 0..VECTOR {
            s[l] += weight * a[l];
        }
    }
}

/// Inverts [`LANES`] positive definite matrices, packed lower triangles, at once.
///
/// `precision` becomes `L⁻¹` (with `precision = L Lᵀ` on entry) and `covariance` the inverse;
/// returns `log |precision|`, not finite in the lanes whose matrix is not positive definite.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub(super) fn invert(dim: usize, precision: &mut [Lanes], covariance: &mut [Lanes]) -> Lanes {
    let log_det = factorise(dim, precision, covariance);
    invert_lower(dim, precision, covariance);
    square_inverse(dim, precision, covariance);
    log_det
}

/// Right-looking Cholesky; `column` is scratch.
#[inline(always)]
fn factorise(dim: usize, a: &mut [Lanes], column: &mut [Lanes]) -> Lanes {
    let mut log_det = [0.0; LANES];
    let mut pivots = [1.0; LANES];
    for k in 0..dim {
        let pivot = a[k * (k + 3) / 2];
        let mut scale = [0.0; LANES];
        for l in 0..LANES {
            scale[l] = 1.0 / pivot[l].sqrt();
            pivots[l] *= pivot[l];
        }
        // A product of a few pivots cannot overflow, and logarithms are slow.
        if k % 8 == 7 || k + 1 == dim {
            for l in 0..LANES {
                log_det[l] += pivots[l].ln();
            }
            pivots = [1.0; LANES];
        }
        for p in k..dim {
            let entry = &mut a[p * (p + 1) / 2 + k];
            for l in 0..LANES {
                entry[l] *= scale[l];
            }
            column[p] = *entry;
        }
        for p in k + 1..dim {
            let start = p * (p + 1) / 2;
            let factor = column[p];
            let row = &mut a[start + k + 1..=start + p];
            for (entry, c) in row.iter_mut().zip(&column[k + 1..=p]) {
                for l in 0..LANES {
                    entry[l] -= factor[l] * c[l];
                }
            }
        }
    }
    log_det
}

/// `L ← L⁻¹`, row by row; `row` is scratch.
#[inline(always)]
fn invert_lower(dim: usize, a: &mut [Lanes], row: &mut [Lanes]) {
    for p in 0..dim {
        let (above, rest) = a.split_at_mut(p * (p + 1) / 2);
        let own = &mut rest[..=p];
        row[..p].fill([0.0; LANES]);
        for k in 0..p {
            let factor = own[k];
            let start = k * (k + 1) / 2;
            for (r, x) in row[..=k].iter_mut().zip(&above[start..=start + k]) {
                for l in 0..LANES {
                    r[l] += factor[l] * x[l];
                }
            }
        }
        for l in 0..LANES {
            own[p][l] = 1.0 / own[p][l];
        }
        let scale = own[p];
        for (o, r) in own[..p].iter_mut().zip(&row[..p]) {
            for l in 0..LANES {
                o[l] = -scale[l] * r[l];
            }
        }
    }
}

/// `X ↦ Xᵀ X` of a lower triangle `X`.
#[inline(always)]
fn square_inverse(dim: usize, x: &[Lanes], out: &mut [Lanes]) {
    out.fill([0.0; LANES]);
    for k in 0..dim {
        let start = k * (k + 1) / 2;
        let row = &x[start..=start + k];
        for p in 0..=k {
            let factor = row[p];
            let at = p * (p + 1) / 2;
            for (o, r) in out[at..=at + p].iter_mut().zip(&row[..=p]) {
                for l in 0..LANES {
                    o[l] += factor[l] * r[l];
                }
            }
        }
    }
}
