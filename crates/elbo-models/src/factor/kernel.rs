//! The two inner loops: summing records over ratings, and solving many small systems at once.
//!
//! Plain loops over whole vectors, compiled for several instruction sets and chosen at run time.
//! Products and sums stay separate operations (no fused multiply-add) and their order is fixed by
//! the data alone, so every machine and every number of threads gives the same bits.

#![expect(
    clippy::inline_always,
    reason = "a helper must be compiled with the instruction set of the variant that calls it"
)]

use multiversion::multiversion;

use super::layout::{Layout, VECTOR};

/// Systems that are solved side by side.
pub(super) const LANES: usize = 8;

/// One number of each of [`LANES`] systems.
pub(super) type Lanes = [f64; LANES];

/// Ratings that pass by one tile after the other: their records stay in the nearest cache meanwhile.
const GROUP: usize = 16;

/// Numbers that are summed together: few enough for registers, enough to hide latency.
const TILE: usize = 64;

/// The precision in which records are stored.
pub(super) trait Real: Copy + Default + Send + Sync + std::fmt::Debug {
    /// Whether storing loses digits that the bound would notice.
    const ROUNDS: bool;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;

    /// `out += Σ_k [record_k | (value_k − offset) · head of record_k]` over some rows.
    fn gather(layout: Layout, ratings: &RowRatings<'_, Self>, out: &mut [f64]);
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

    fn gather(layout: Layout, ratings: &RowRatings<'_, f32>, out: &mut [f64]) {
        gather_single(layout, ratings, out);
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

    fn gather(layout: Layout, ratings: &RowRatings<'_, f64>, out: &mut [f64]) {
        gather_double(layout, ratings, out);
    }
}

/// Rounds a record to storage precision.
pub(super) fn store<T: Real>(record: &[f64], out: &mut [T]) {
    for (o, r) in out.iter_mut().zip(record) {
        *o = T::from_f64(*r);
    }
}

/// Reads a record in double precision.
pub(super) fn load<T: Real>(stored: &[T], record: &mut [f64]) {
    for (r, s) in record.iter_mut().zip(stored) {
        *r = s.to_f64();
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
fn gather_single(layout: Layout, ratings: &RowRatings<'_, f32>, out: &mut [f64]) {
    gather(layout, ratings, out);
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn gather_double(layout: Layout, ratings: &RowRatings<'_, f64>, out: &mut [f64]) {
    gather(layout, ratings, out);
}

/// Sums tile by tile: the sums of a tile stay in registers while the ratings pass by.
#[inline(always)]
fn gather<T: Real>(layout: Layout, ratings: &RowRatings<'_, T>, out: &mut [f64]) {
    let width = layout.width();
    let (sums, heads) = out.split_at_mut(width);
    let chunks = ratings.rows.chunks(GROUP).zip(ratings.values.chunks(GROUP));
    for (rows, values) in chunks {
        let part = RowRatings {
            rows,
            values,
            ..*ratings
        };
        let (tiles, rest) = sums.as_chunks_mut::<TILE>();
        let start = tiles.len() * TILE;
        for (k, out) in tiles.iter_mut().enumerate() {
            add_tile(&part, width, k * TILE, out);
        }
        for (k, out) in rest.as_chunks_mut::<VECTOR>().0.iter_mut().enumerate() {
            add_tile(&part, width, start + k * VECTOR, out);
        }
        for (k, out) in heads.as_chunks_mut::<VECTOR>().0.iter_mut().enumerate() {
            add_weighted_tile(&part, width, k * VECTOR, out);
        }
    }
}

/// Adds the numbers from `at` on of the records of a few ratings.
#[inline(always)]
fn add_tile<T: Real, const L: usize>(
    ratings: &RowRatings<'_, T>,
    width: usize,
    at: usize,
    out: &mut [f64; L],
) {
    let mut sum = *out;
    for row in ratings.rows {
        let record = tile::<T, L>(ratings.records, *row as usize * width + at);
        for l in 0..L {
            sum[l] += record[l].to_f64();
        }
    }
    *out = sum;
}

/// Adds the numbers from `at` on of the records of a few ratings, weighted by these.
#[inline(always)]
fn add_weighted_tile<T: Real, const L: usize>(
    ratings: &RowRatings<'_, T>,
    width: usize,
    at: usize,
    out: &mut [f64; L],
) {
    let mut sum = *out;
    for (row, value) in ratings.rows.iter().zip(ratings.values) {
        let weight = f64::from(*value) - ratings.offset;
        let record = tile::<T, L>(ratings.records, *row as usize * width + at);
        for l in 0..L {
            sum[l] += weight * record[l].to_f64();
        }
    }
    *out = sum;
}

#[inline(always)]
fn tile<T, const L: usize>(records: &[T], at: usize) -> &[T; L] {
    records[at..]
        .first_chunk()
        .expect("records are padded to whole vectors")
}

/// Inverts [`LANES`] positive definite matrices, packed lower triangles, at once.
///
/// The loops over entries index on purpose: their bounds checks keep the compiler from vectorising
/// over entries, with gathers, instead of over lanes.
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

/// Right-looking Cholesky, two columns at a time so that the trailing matrix, which does not fit the
/// nearest cache, is gone through half as often; `columns` is scratch.
#[inline(always)]
fn factorise(dim: usize, a: &mut [Lanes], columns: &mut [Lanes]) -> Lanes {
    let mut log_det = LogDet::default();
    // The second column is needed only where there are rows below two columns.
    let (first, second) = columns.split_at_mut(dim);
    for k in (0..dim).step_by(2) {
        log_det.push(scale_column(dim, a, k, first), k + 1 == dim);
        if k + 1 == dim {
            break;
        }
        let factor = first[k + 1];
        for p in k + 1..dim {
            let entry = &mut a[p * (p + 1) / 2 + k + 1];
            for l in 0..LANES {
                entry[l] -= factor[l] * first[p][l];
            }
        }
        log_det.push(scale_column(dim, a, k + 1, second), k + 2 == dim);
        for p in k + 2..dim {
            let start = p * (p + 1) / 2;
            let (f, g) = (first[p], second[p]);
            for q in k + 2..=p {
                let (c, d) = (first[q], second[q]);
                let entry = &mut a[start + q];
                for l in 0..LANES {
                    entry[l] -= f[l] * c[l] + g[l] * d[l];
                }
            }
        }
    }
    log_det.sum
}

/// Divides column `k` by the root of its pivot, copies it as far as `column` reaches, and returns the
/// pivot.
#[inline(always)]
fn scale_column(dim: usize, a: &mut [Lanes], k: usize, column: &mut [Lanes]) -> Lanes {
    let pivot = a[k * (k + 3) / 2];
    let mut scale = [0.0; LANES];
    for l in 0..LANES {
        scale[l] = 1.0 / pivot[l].sqrt();
    }
    for p in k..dim {
        let entry = &mut a[p * (p + 1) / 2 + k];
        for l in 0..LANES {
            entry[l] *= scale[l];
        }
        if let Some(copy) = column.get_mut(p) {
            *copy = *entry;
        }
    }
    pivot
}

/// The sum of the logarithms of pivots, taken of products of a few: those cannot overflow, and
/// logarithms are slow.
#[derive(Default)]
struct LogDet {
    sum: Lanes,
    product: Option<Lanes>,
    count: usize,
}

impl LogDet {
    #[inline(always)]
    fn push(&mut self, pivot: Lanes, last: bool) {
        let mut product = self.product.take().unwrap_or([1.0; LANES]);
        for l in 0..LANES {
            product[l] *= pivot[l];
        }
        self.count += 1;
        if self.count.is_multiple_of(8) || last {
            for l in 0..LANES {
                self.sum[l] += product[l].ln();
            }
        } else {
            self.product = Some(product);
        }
    }
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
            for q in 0..=k {
                let x = above[start + q];
                let r = &mut row[q];
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

/// `X ↦ Xᵀ X` of a lower triangle `X`, two of its rows at a time.
#[inline(always)]
fn square_inverse(dim: usize, x: &[Lanes], out: &mut [Lanes]) {
    out.fill([0.0; LANES]);
    let row = |k: usize| &x[k * (k + 1) / 2..][..=k];
    for k in (0..dim).step_by(2) {
        let upper = row(k);
        let lower = if k + 1 < dim { row(k + 1) } else { &[] };
        for p in 0..=k {
            let at = p * (p + 1) / 2;
            if lower.is_empty() {
                for q in 0..=p {
                    let (u, o) = (upper[q], &mut out[at + q]);
                    for l in 0..LANES {
                        o[l] += upper[p][l] * u[l];
                    }
                }
            } else {
                let (f, g) = (upper[p], lower[p]);
                for q in 0..=p {
                    let (u, v, o) = (upper[q], lower[q], &mut out[at + q]);
                    for l in 0..LANES {
                        o[l] += f[l] * u[l] + g[l] * v[l];
                    }
                }
            }
        }
        // The longer row of the pair has a last entry of its own.
        if let Some(last) = lower.last() {
            let at = (k + 1) * (k + 2) / 2;
            for (o, s) in out[at..=at + k + 1].iter_mut().zip(lower) {
                for l in 0..LANES {
                    o[l] += last[l] * s[l];
                }
            }
        }
    }
}
