//! The two hot loops: log densities under every component, and weighted moments.
//!
//! The one idea: rows are lanes. A block of rows is transposed so that each operation of the
//! one-row algorithm runs over [`LANES`] rows at once, in registers; what differs between rows is
//! only data. The moments look at the rows of a component alone: a row whose responsibility is
//! below [`NEGLIGIBLE`] cannot change a sum at rounding level and is left out.
//!
//! The vector width is chosen at run time. Every sum has a fixed order of its own and no fused
//! multiply-add is used, so all instruction sets give the same bits. Deliberately absent: threads,
//! missing entries and priors (`sweep.rs`).

use elbo_math::simd;
use multiversion::multiversion;

use super::statistics::{GmmStatistics, MomentsMut};
use super::view::{Shape, View};

/// Rows that are processed side by side: four registers of AVX-512.
pub(crate) const LANES: usize = 32;
/// Rows of a block; its responsibilities are all that is ever stored of the `n × K` matrix.
pub(crate) const BLOCK: usize = 512;
/// Lanes of a moment's partial sums; two such fill a tile.
const PARTIAL: usize = 16;
/// `n` rows of this responsibility together weigh less than `10⁻¹⁶` of one row for any `n < 10¹²`.
const NEGLIGIBLE: f64 = 1e-28;

pub(crate) type Lanes = [f64; LANES];

/// Up to [`BLOCK`] transposed rows and their responsibilities; reused from block to block.
#[derive(Debug, Default)]
pub(crate) struct Block {
    n: usize,
    dim: usize,
    n_components: usize,
    x: Vec<Lanes>,                // (tiles, dim)
    responsibilities: Vec<Lanes>, // (tiles, n_components)
    log_sums: Vec<Lanes>,         // (tiles)
    scratch: Scratch,
}

/// The rows that a component has a share in.
#[derive(Debug, Default)]
struct Scratch {
    deviations: Vec<Lanes>,        // (dim), for one tile
    chosen: Vec<usize>,            // rows, up to BLOCK
    weighted: Vec<[f64; PARTIAL]>, // responsibilities × weights of the chosen
    columns: Vec<[f64; PARTIAL]>,  // (dim, chunks): deviations of the chosen
    products: Vec<[f64; PARTIAL]>, // (chunks): weighted deviations of one column
}

impl Block {
    /// Copies the given columns of `n` rows in; the last row pads the last tile.
    pub(crate) fn load<'a>(
        &mut self,
        n: usize,
        columns: &[usize],
        row: impl Fn(usize) -> &'a [f64],
    ) {
        let tiles = n.div_ceil(LANES);
        self.n = n;
        self.dim = columns.len();
        self.x.resize(tiles * self.dim, [0.0; LANES]);
        for lane in 0..tiles * LANES {
            let row = row(lane.min(n - 1));
            let tile = &mut self.x[lane / LANES * self.dim..][..self.dim];
            for (lanes, j) in tile.iter_mut().zip(columns) {
                lanes[lane % LANES] = row[*j];
            }
        }
    }

    /// Fills responsibilities and log normalisers from the components.
    pub(crate) fn assign(&mut self, view: &View) {
        self.evaluate(view);
        self.log_sums.resize(self.n.div_ceil(LANES), [0.0; LANES]);
        let tiles = self.responsibilities.chunks_exact_mut(self.n_components);
        for (tile, log_sum) in tiles.zip(&mut self.log_sums) {
            softmax(tile, log_sum);
        }
    }

    /// Puts log densities in the place of the responsibilities.
    fn evaluate(&mut self, view: &View) {
        let tiles = self.n.div_ceil(LANES);
        self.n_components = view.n_components();
        self.responsibilities
            .resize(tiles * self.n_components, [0.0; LANES]);
        self.scratch.deviations.resize(self.dim, [0.0; LANES]);
        log_densities(
            view,
            &self.x,
            &mut self.scratch.deviations,
            &mut self.responsibilities,
        );
    }

    /// The component with the highest log density for each row; ties go to the first.
    pub(crate) fn most_likely(&mut self, view: &View) -> Vec<usize> {
        self.evaluate(view);
        let best = |row: usize| {
            let density = |k: usize| self.responsibility(row, k);
            (1..self.n_components).fold(
                0,
                |best, k| {
                    if density(k) > density(best) { k } else { best }
                },
            )
        };
        (0..self.n).map(best).collect()
    }

    /// Sets the responsibilities to given ones.
    pub(crate) fn assign_given(
        &mut self,
        n_components: usize,
        mut responsibility: impl FnMut(usize, &mut [f64]),
    ) {
        self.n_components = n_components;
        self.responsibilities
            .resize(self.n.div_ceil(LANES) * n_components, [0.0; LANES]);
        let mut row = vec![0.0; n_components];
        for lane in 0..self.n {
            responsibility(lane, &mut row);
            let tile = &mut self.responsibilities[lane / LANES * n_components..][..n_components];
            for (lanes, r) in tile.iter_mut().zip(&row) {
                lanes[lane % LANES] = *r;
            }
        }
    }

    /// `log Σ_k p_k(x)` of a row.
    pub(crate) fn log_sum(&self, row: usize) -> f64 {
        self.log_sums[row / LANES][row % LANES]
    }

    /// The responsibility of component `k` for a row.
    pub(crate) fn responsibility(&self, row: usize, k: usize) -> f64 {
        self.responsibilities[row / LANES * self.n_components + k][row % LANES]
    }

    /// Adds the block's moments about the means of `view`.
    pub(crate) fn accumulate(
        &mut self,
        view: &View,
        weight: impl Fn(usize) -> f64,
        statistics: &mut GmmStatistics,
    ) {
        for k in 0..self.n_components {
            self.choose(k);
            let chosen = self.scratch.chosen.len();
            if chosen == 0 {
                continue;
            }
            // Copying rows one by one pays as long as most of them are left out.
            if chosen * 4 < self.n {
                self.gather(k, view.mean(k), &weight);
            } else {
                self.take_all(k, view.mean(k), &weight);
            }
            let scratch = &mut self.scratch;
            moments(
                view.shape,
                &scratch.weighted,
                &scratch.columns,
                &mut scratch.products,
                statistics.component_mut(k),
            );
        }
    }

    /// Lists the rows of which component `k` takes more than a negligible share.
    fn choose(&mut self, k: usize) {
        let chosen = &mut self.scratch.chosen;
        chosen.resize(BLOCK, 0);
        let mut count = 0;
        let tiles = self.responsibilities.chunks_exact(self.n_components);
        for (tile, r) in tiles.enumerate().take(self.n.div_ceil(LANES)) {
            for lane in 0..LANES.min(self.n - tile * LANES) {
                // Free of branches: the place is written in any case and kept by advancing.
                chosen[count] = tile * LANES + lane;
                count += usize::from(r[k][lane] > NEGLIGIBLE);
            }
        }
        chosen.truncate(count);
    }

    fn resize_scratch(&mut self, chunks: usize) {
        let scratch = &mut self.scratch;
        scratch.weighted.resize(chunks, [0.0; PARTIAL]);
        scratch.products.resize(chunks, [0.0; PARTIAL]);
        scratch.columns.resize(self.dim * chunks, [0.0; PARTIAL]);
    }

    /// Copies the chosen rows' deviations and weighted responsibilities, padded with zeros.
    fn gather(&mut self, k: usize, mean: &[f64], weight: &impl Fn(usize) -> f64) {
        let chunks = self.scratch.chosen.len().div_ceil(PARTIAL);
        self.resize_scratch(chunks);
        let scratch = &mut self.scratch;
        let r = self.responsibilities.as_flattened();
        let weighted = scratch.weighted.as_flattened_mut();
        for (w, row) in weighted.iter_mut().zip(&scratch.chosen) {
            let at = (row / LANES * self.n_components + k) * LANES + row % LANES;
            *w = r[at] * weight(*row);
        }
        weighted[scratch.chosen.len()..].fill(0.0);
        for row in &mut scratch.chosen {
            *row = *row / LANES * self.dim * LANES + *row % LANES;
        }
        let x = self.x.as_flattened();
        for (j, m) in mean.iter().enumerate() {
            let column = scratch.columns[j * chunks..(j + 1) * chunks].as_flattened_mut();
            let x = &x[j * LANES..];
            for (d, at) in column.iter_mut().zip(&scratch.chosen) {
                *d = x[*at] - m;
            }
            column[scratch.chosen.len()..].fill(0.0);
        }
    }

    /// The same for all rows; those that pad the last tile get weight 0.
    fn take_all(&mut self, k: usize, mean: &[f64], weight: &impl Fn(usize) -> f64) {
        let tiles = self.n.div_ceil(LANES);
        self.resize_scratch(tiles * (LANES / PARTIAL));
        let scratch = &mut self.scratch;
        let weighted = scratch.weighted.as_flattened_mut().chunks_exact_mut(LANES);
        for (tile, w) in weighted.enumerate() {
            let r = &self.responsibilities[tile * self.n_components + k];
            for (lane, w) in w.iter_mut().enumerate() {
                let row = tile * LANES + lane;
                *w = if row < self.n {
                    r[lane] * weight(row)
                } else {
                    0.0
                };
            }
        }
        let columns = scratch
            .columns
            .as_flattened_mut()
            .chunks_exact_mut(tiles * LANES);
        for (j, (column, m)) in columns.zip(mean).enumerate() {
            for (tile, column) in column.chunks_exact_mut(LANES).enumerate() {
                column.copy_from_slice(&minus(self.x[tile * self.dim + j], *m));
            }
        }
    }
}

/// `c_k − ½ |F_k (x − m_k)|²` for all tiles and components.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn log_densities(view: &View, x: &[Lanes], deviations: &mut [Lanes], out: &mut [Lanes]) {
    let k = view.n_components();
    for (x, out) in x.chunks_exact(view.dim).zip(out.chunks_exact_mut(k)) {
        for (k, out) in out.iter_mut().enumerate() {
            for ((d, x), m) in deviations.iter_mut().zip(x).zip(view.mean(k)) {
                *d = minus(*x, *m);
            }
            let mut squared = [0.0; LANES];
            let mut factor = view.factor(k);
            for i in 0..view.dim {
                let mut y = [0.0; LANES];
                let used = match view.shape {
                    Shape::Triangular => &deviations[..=i],
                    Shape::Diagonal => &deviations[i..=i],
                };
                let (row, rest) = factor.split_at(used.len());
                factor = rest;
                for (f, d) in row.iter().zip(used) {
                    for l in 0..LANES {
                        y[l] += f * d[l];
                    }
                }
                for l in 0..LANES {
                    squared[l] += y[l] * y[l];
                }
            }
            for l in 0..LANES {
                out[l] = view.log_constants[k] - 0.5 * squared[l];
            }
        }
    }
}

/// By value: in place, the compiler would vectorise over coordinates instead of over lanes.
#[expect(
    clippy::inline_always,
    reason = "must be compiled for its caller's instruction set"
)]
#[inline(always)]
fn minus(mut x: Lanes, m: f64) -> Lanes {
    for v in &mut x {
        *v -= m;
    }
    x
}

/// Replaces the log densities of a tile by responsibilities.
fn softmax(tile: &mut [Lanes], log_sum: &mut Lanes) {
    let mut max = [f64::NEG_INFINITY; LANES];
    subtract_max(tile, &mut max);
    simd::exp(tile.as_flattened_mut());
    normalise(tile, log_sum);
    simd::ln(log_sum);
    for l in 0..LANES {
        log_sum[l] += max[l];
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn subtract_max(tile: &mut [Lanes], max: &mut Lanes) {
    for lanes in tile.iter() {
        for l in 0..LANES {
            max[l] = if lanes[l] > max[l] { lanes[l] } else { max[l] };
        }
    }
    for lanes in tile {
        for l in 0..LANES {
            lanes[l] -= max[l];
        }
    }
}

/// Divides a tile by its sums, which it returns.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn normalise(tile: &mut [Lanes], sum: &mut Lanes) {
    *sum = [0.0; LANES];
    for lanes in tile.iter() {
        for l in 0..LANES {
            sum[l] += lanes[l];
        }
    }
    let mut inverse = [0.0; LANES];
    for l in 0..LANES {
        inverse[l] = 1.0 / sum[l];
    }
    for lanes in tile {
        for l in 0..LANES {
            lanes[l] *= inverse[l];
        }
    }
}

/// Adds `Σ w`, `Σ w d`, `Σ w d dᵀ` over columns of deviations `d`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn moments(
    shape: Shape,
    weights: &[[f64; PARTIAL]],
    columns: &[[f64; PARTIAL]],
    products: &mut [[f64; PARTIAL]],
    sums: MomentsMut<'_>,
) {
    let chunks = weights.len();
    let mut total = [0.0; PARTIAL];
    for w in weights {
        for l in 0..PARTIAL {
            total[l] += w[l];
        }
    }
    *sums.count += sum_lanes(total);
    let mut second = sums.second;
    for (i, column) in columns.chunks_exact(chunks).enumerate() {
        let mut total = [0.0; PARTIAL];
        for ((p, w), d) in products.iter_mut().zip(weights).zip(column) {
            for l in 0..PARTIAL {
                p[l] = w[l] * d[l];
                total[l] += p[l];
            }
        }
        sums.first[i] += sum_lanes(total);
        let start = match shape {
            Shape::Triangular => 0,
            Shape::Diagonal => i,
        };
        let (row, rest) = second.split_at_mut(i + 1 - start);
        second = rest;
        // Several columns at a time share the loads of the products and hide each other's latency.
        let mut columns = &columns[start * chunks..];
        for part in row.chunks_mut(4) {
            match part.len() {
                4 => add_dots::<4>(products, columns, part),
                3 => add_dots::<3>(products, columns, part),
                2 => add_dots::<2>(products, columns, part),
                _ => add_dots::<1>(products, columns, part),
            }
            columns = &columns[part.len() * chunks..];
        }
    }
}

/// Adds the inner products of one column with the first `N` of `columns`.
#[expect(
    clippy::inline_always,
    reason = "must be compiled for its caller's instruction set"
)]
#[inline(always)]
fn add_dots<const N: usize>(
    products: &[[f64; PARTIAL]],
    columns: &[[f64; PARTIAL]],
    sums: &mut [f64],
) {
    let chunks = products.len();
    let columns: [&[[f64; PARTIAL]]; N] =
        std::array::from_fn(|n| &columns[n * chunks..(n + 1) * chunks]);
    let mut total = [[0.0; PARTIAL]; N];
    for (c, p) in products.iter().enumerate() {
        for n in 0..N {
            let d = &columns[n][c];
            for l in 0..PARTIAL {
                total[n][l] += p[l] * d[l];
            }
        }
    }
    for (sum, total) in sums.iter_mut().zip(total) {
        *sum += sum_lanes(total);
    }
}

/// Adds the lanes pairwise, halves first.
#[expect(
    clippy::inline_always,
    reason = "must be compiled for its caller's instruction set"
)]
#[inline(always)]
fn sum_lanes(mut v: [f64; PARTIAL]) -> f64 {
    let mut width = PARTIAL / 2;
    while width > 0 {
        for l in 0..width {
            v[l] += v[l + width];
        }
        width /= 2;
    }
    v[0]
}
