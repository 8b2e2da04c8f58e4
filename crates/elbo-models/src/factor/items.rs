//! `q` of the items: records for the users' steps, natural parameters for natural-gradient steps.

use elbo_math::linalg::Cholesky;
use elbo_math::{parallel, random};

use super::kernel::{LANES, Lanes, Real, invert, load, store};
use super::layout::{Layout, packed, packed_inner_product};
use super::model::not_definite;
use super::posterior::Row;
use super::prior::{RowPrior, pack};
use super::records::Records;
use super::system::{Side, Workspace};
use crate::ModelError;

/// Items per parallel task.
const CHUNK: usize = 4 * LANES;
/// Spread of `q` around random initial factors, relative to theirs.
const START_SPREAD: f64 = 0.1;

/// All items' `q`.
#[derive(Debug, Clone)]
pub(super) struct Items<T: Real> {
    /// Moments as the users' steps read them; (`n_items`, `layout.width()`).
    pub records: Records<T>,
    precision: Vec<f64>, // Λ: (n_items, triangle)
    shift: Vec<f64>,     // Λ E w: (n_items, dim)
    log_det: f64,        // Σ log |Cov w|
    second: Vec<f64>,    // Σ E w wᵀ, packed
}

/// The part of the arrays that one parallel task writes.
struct Part<'a, T> {
    first: usize,
    records: &'a mut [T],
    precision: &'a mut [f64],
    shift: &'a mut [f64],
}

impl<T: Real> Items<T> {
    fn zero(layout: Layout, n_items: usize) -> Self {
        Self {
            records: Records::zero(layout, n_items),
            precision: vec![0.0; n_items * layout.triangle()],
            shift: vec![0.0; n_items * layout.dim],
            log_det: 0.0,
            second: vec![0.0; layout.triangle()],
        }
    }

    /// Biases 0 unless given as natural parameters `(precision, shift)`; random factors.
    pub(super) fn start(
        layout: Layout,
        n_items: usize,
        bias: impl Fn(usize) -> (f64, f64),
        factor_sd: f64,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let (dim, triangle) = (layout.dim, layout.triangle());
        let mut items = Self::zero(layout, n_items);
        let precision = (START_SPREAD * factor_sd).powi(-2);
        for j in 0..n_items {
            let mut rng = random::stream(seed, "factor/items", j as u64);
            let shift = &mut items.shift[j * dim..][..dim];
            random::fill_standard_normal(&mut rng, &mut shift[1..]);
            let diagonal = &mut items.precision[j * triangle..][..triangle];
            (diagonal[0], shift[0]) = bias(j);
            for p in 1..dim {
                shift[p] *= factor_sd * precision;
                diagonal[packed(p, p)] = precision;
            }
        }
        items.solve(layout, false, |_, _, _, _, _| {})?;
        Ok(items)
    }

    /// `q` as an earlier fit left it, which kept means and covariances.
    pub(super) fn resumed(
        layout: Layout,
        diagonal: bool,
        n_items: usize,
        row: impl Fn(usize) -> Row,
    ) -> Result<Self, ModelError> {
        let (dim, triangle) = (layout.dim, layout.triangle());
        let mut items = Self::zero(layout, n_items);
        for j in 0..n_items {
            let row = row(j);
            let factor = Cholesky::new(&row.covariance())
                .map_err(|_| not_definite("item of the earlier fit", j))?;
            items.shift[j * dim..][..dim].copy_from_slice(&factor.solve(row.mean()));
            items.precision[j * triangle..][..triangle].copy_from_slice(&pack(&factor.inverse()));
        }
        items.solve(layout, diagonal, |_, _, _, _, _| {})?;
        Ok(items)
    }

    pub(super) fn len(&self, layout: Layout) -> usize {
        self.shift.len() / layout.dim
    }

    /// An item's natural parameters of the bias, for a model without factors.
    pub(super) fn bias(&self, item: usize) -> (f64, f64) {
        (self.precision[item], self.shift[item])
    }

    /// Reads an item's record in double precision.
    pub(super) fn read(&self, layout: Layout, item: usize, record: &mut [f64]) {
        let width = layout.width();
        load(&self.records.as_slice()[item * width..][..width], record);
    }

    /// The optimal `q` for sums over all items' ratings, moved towards by `step_size`.
    pub(super) fn updated(
        &self,
        side: &Side<'_>,
        sums: &[f64],
        step_size: f64,
    ) -> Result<Self, ModelError> {
        let layout = side.layout;
        let mut items = Self::zero(layout, self.len(layout));
        if step_size < 1.0 {
            items.precision.copy_from_slice(&self.precision);
            items.shift.copy_from_slice(&self.shift);
        }
        let width = layout.sums();
        let prepare = |workspace: &mut Workspace,
                       lane: usize,
                       item: usize,
                       precision: &mut [f64],
                       shift: &mut [f64]| {
            let sums = layout.view(&sums[item * width..][..width]);
            workspace.load(lane, side, &sums);
            workspace.blend(lane, step_size, precision, shift);
        };
        items.solve(layout, side.diagonal, prepare)?;
        Ok(items)
    }

    /// Sets records from natural parameters, after `prepare` had a chance to change these.
    fn solve(
        &mut self,
        layout: Layout,
        diagonal: bool,
        prepare: impl Fn(&mut Workspace, usize, usize, &mut [f64], &mut [f64]) + Sync + Send,
    ) -> Result<(), ModelError> {
        let (dim, triangle, width) = (layout.dim, layout.triangle(), layout.width());
        let mut parts: Vec<Part<'_, T>> = self
            .records
            .as_mut_slice()
            .chunks_mut(CHUNK * width)
            .zip(self.precision.chunks_mut(CHUNK * triangle))
            .zip(self.shift.chunks_mut(CHUNK * dim))
            .enumerate()
            .map(|(c, ((records, precision), shift))| Part {
                first: c * CHUNK,
                records,
                precision,
                shift,
            })
            .collect();
        let sums = parallel::map_chunks_mut(&mut parts, 1, |_, part| {
            solve_part(layout, diagonal, &mut part[0], &prepare)
        });
        (self.log_det, self.second) = (0.0, vec![0.0; triangle]);
        for sum in sums {
            let (log_det, second) = sum?;
            self.log_det += log_det;
            elbo_math::linalg::axpy(1.0, &second, &mut self.second);
        }
        Ok(())
    }

    /// `E w wᵀ` averaged over the items, packed.
    pub(super) fn mean_second(&self, layout: Layout) -> Vec<f64> {
        let n = self.len(layout).max(1) as f64;
        self.second.iter().map(|v| v / n).collect()
    }

    /// `−Σ KL(q(w) ‖ p(w))`.
    pub(super) fn minus_divergence(&self, layout: Layout, prior: &RowPrior) -> f64 {
        let n = self.len(layout) as f64;
        0.5 * (n * (prior.log_det_precision + layout.dim as f64) + self.log_det
            - packed_inner_product(&prior.precision, &self.second))
    }

    /// `E w` and `Cov w` (packed) of some items, one by one.
    pub(super) fn for_each(
        &self,
        layout: Layout,
        diagonal: bool,
        items: std::ops::Range<usize>,
        mut visit: impl FnMut(usize, &Workspace, usize),
    ) -> Result<(), ModelError> {
        let (dim, triangle) = (layout.dim, layout.triangle());
        let mut workspace = Workspace::new(layout);
        for first in items.clone().step_by(LANES) {
            let group = first..(first + LANES).min(items.end);
            for lane in 0..LANES {
                let j = first + lane;
                if j < group.end {
                    let precision = &self.precision[j * triangle..][..triangle];
                    workspace.load_natural(lane, precision, &self.shift[j * dim..][..dim]);
                } else {
                    workspace.clear(lane);
                }
            }
            workspace
                .solve(diagonal)
                .map_err(|lane| not_definite("item", first + lane))?;
            for j in group {
                visit(j, &workspace, j - first);
            }
        }
        Ok(())
    }
}

/// Solves the items of one task; returns their `Σ log |Cov w|` and `Σ E w wᵀ`.
fn solve_part<T: Real>(
    layout: Layout,
    diagonal: bool,
    part: &mut Part<'_, T>,
    prepare: &impl Fn(&mut Workspace, usize, usize, &mut [f64], &mut [f64]),
) -> Result<(f64, Vec<f64>), ModelError> {
    let (dim, triangle, width) = (layout.dim, layout.triangle(), layout.width());
    let mut workspace = Workspace::new(layout);
    let mut record = vec![0.0; layout.width()];
    let mut second = vec![0.0; triangle];
    let mut log_det = 0.0;
    let n = part.shift.len() / dim;
    for first in (0..n).step_by(LANES) {
        let group = first..(first + LANES).min(n);
        for lane in 0..LANES {
            let j = first + lane;
            if j >= n {
                workspace.clear(lane);
                continue;
            }
            let precision = &mut part.precision[j * triangle..][..triangle];
            let shift = &mut part.shift[j * dim..][..dim];
            workspace.load_natural(lane, precision, shift);
            prepare(&mut workspace, lane, part.first + j, precision, shift);
        }
        workspace
            .solve(diagonal)
            .map_err(|lane| not_definite("item", part.first + first + lane))?;
        let mut log_dets = [0.0; LANES];
        for j in group.clone() {
            workspace.write_record(j - first, &mut record);
            let stored = &mut part.records[j * width..][..width];
            store(&record, stored);
            load(stored, &mut record);
            elbo_math::linalg::axpy(1.0, &record[1 + dim..=dim + triangle], &mut second);
            log_dets[j - first] = -workspace.log_det(j - first);
        }
        if T::ROUNDS {
            rounded_log_dets(
                layout,
                &part.records[group.start * width..],
                &mut log_dets[..group.len()],
            );
        }
        log_det += log_dets.iter().sum::<f64>();
    }
    Ok((log_det, second))
}

/// Replaces `log |Cov w|` by those of the covariances that rounding left in the records.
///
/// The users' steps see the rounded moments, so the bound of that very `q` needs its own entropy;
/// otherwise rounding errors enter the bound to first order. Where rounding destroyed
/// positive definiteness, the value before rounding stays.
fn rounded_log_dets<T: Real>(layout: Layout, records: &[T], log_dets: &mut [f64]) {
    let dim = layout.dim;
    let mut covariance: Vec<Lanes> = vec![[0.0; LANES]; layout.triangle()];
    let mut scratch = covariance.clone();
    let mut record = vec![0.0; layout.width()];
    let stored = records.chunks_exact(layout.width());
    for (lane, stored) in stored.take(LANES).enumerate() {
        load(stored, &mut record);
        let (mean, second) = record[1..].split_at(dim);
        for p in 0..dim {
            for q in 0..=p {
                covariance[packed(p, q)][lane] = second[packed(p, q)] - mean[p] * mean[q];
            }
        }
    }
    let rounded = invert(dim, &mut covariance, &mut scratch);
    for (l, r) in log_dets.iter_mut().zip(rounded) {
        if r.is_finite() {
            *l = r;
        }
    }
}
