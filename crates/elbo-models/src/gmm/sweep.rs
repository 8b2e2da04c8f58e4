//! One pass over rows: patterns of missing entries, blocks and threads.
//!
//! The one idea: what a row with missing entries says about a component is again a Gaussian kernel, on
//! fewer coordinates. So the same loops run on the observed columns, and whatever the missing ones add
//! is a linear map of the *sums*: applied once per pattern and component, never per row.
//!
//! Independent coordinates (diagonal) are marginalised exactly: a missing entry is a factor less in
//! the likelihood, and every column counts its own observations. With a full matrix the marginal is
//! not conjugate, so the missing entries are further unknowns: the bound is that of
//! `q(z_n, x_n,missing) = q(z_n) q(x_n,missing | z_n)`, the inner factor being the conditional Gaussian
//! under `E[Λ]`; it is exact for this `q` and coordinate ascent raises it.

use elbo_math::linalg::{Matrix, matmul, matmul_nt};
use elbo_math::parallel;
use elbo_math::special::LN_2PI;

use super::data::GmmData;
use super::kernel::{BLOCK, Block};
use super::precision::{Conditional, unpack};
use super::statistics::{GmmStatistics, Moments, MomentsMut};
use super::view::{Shape, View};
use crate::{ModelError, Statistics};

/// Partial sums that exist at a time.
const ACCUMULATORS: usize = 64;

/// What rows see of a mixture through a pattern of missing entries.
pub(crate) trait Mixture: Sync {
    /// The layout of factors and second moments.
    fn shape(&self) -> Shape;

    /// The components on all coordinates.
    fn whole(&self) -> &View;

    /// The distinct conditionals given the observed entries: one for all components, or one each.
    ///
    /// # Errors
    /// A numerical failure.
    fn conditionals(&self, observed: &[usize]) -> Result<Vec<Conditional>, ModelError>;
}

/// The components through one pattern.
pub(crate) struct Seen {
    view: View,
    conditionals: Vec<Conditional>,
    observed: Vec<usize>,
    missing: Vec<usize>,
}

impl Seen {
    fn new(mixture: &impl Mixture, observed: &[usize]) -> Result<Self, ModelError> {
        let whole = mixture.whole();
        let conditionals = mixture.conditionals(observed)?;
        let missing: Vec<usize> = (0..whole.dim).filter(|j| !observed.contains(j)).collect();
        let of = |k: usize| &conditionals[k.min(conditionals.len() - 1)];
        let n_components = whole.n_components();
        let constant = 0.5 * missing.len() as f64 * LN_2PI;
        let view = View {
            dim: observed.len(),
            shape: whole.shape,
            means: (0..n_components)
                .flat_map(|k| observed.iter().map(move |j| whole.mean(k)[*j]))
                .collect(),
            factors: (0..n_components)
                .flat_map(|k| of(k).factor.clone())
                .collect(),
            log_constants: (0..n_components)
                .map(|k| whole.log_constants[k] + constant + of(k).log_volume)
                .collect(),
        };
        Ok(Self {
            view,
            conditionals,
            observed: observed.to_vec(),
            missing,
        })
    }

    /// Adds the moments of whole rows, given those of their observed entries.
    fn expand(&self, seen: &GmmStatistics, whole: &mut GmmStatistics) {
        for k in 0..self.view.n_components() {
            let conditional = &self.conditionals[k.min(self.conditionals.len() - 1)];
            let source = seen.component(k);
            let target = &mut whole.component_mut(k);
            *target.count += source.count;
            match self.view.shape {
                Shape::Diagonal => self.expand_diagonal(source, target),
                Shape::Triangular => self.expand_full(conditional, source, target),
            }
        }
    }

    /// What is missing is counted, and adds nothing else.
    fn expand_diagonal(&self, source: Moments<'_>, target: &mut MomentsMut<'_>) {
        for (a, j) in self.observed.iter().enumerate() {
            target.first[*j] += source.first[a];
            target.second[*j] += source.second[a];
        }
        for j in &self.missing {
            target.missing[*j] += source.count;
        }
    }

    /// `E[d] = P d_o` with `P = (I; B)`: adds `P s` and `P S Pᵀ + count · covariance`.
    fn expand_full(
        &self,
        conditional: &Conditional,
        source: Moments<'_>,
        target: &mut MomentsMut<'_>,
    ) {
        let dim = self.observed.len() + self.missing.len();
        let mut p = Matrix::zeros(dim, self.observed.len());
        for (a, j) in self.observed.iter().enumerate() {
            p[(*j, a)] = 1.0;
        }
        for (a, j) in self.missing.iter().enumerate() {
            p.row_mut(*j).copy_from_slice(conditional.regression.row(a));
        }
        for (t, s) in target.first.iter_mut().zip(p.matvec(source.first)) {
            *t += s;
        }
        let seen = unpack(self.observed.len(), source.second);
        let product = matmul_nt(&matmul(&p, &seen), &p);
        let mut entries = target.second.iter_mut();
        for i in 0..dim {
            for (value, entry) in product.row(i)[..=i].iter().zip(&mut entries) {
                *entry += value;
            }
        }
        for (a, i) in self.missing.iter().enumerate() {
            for (b, j) in self.missing[..=a].iter().enumerate() {
                target.second[i * (i + 1) / 2 + j] += source.count * conditional.covariance[(a, b)];
            }
        }
    }
}

/// A block's worth of rows of one pattern.
struct Item {
    pattern: usize,
    start: usize,
    end: usize,
}

fn items(data: &GmmData) -> Vec<Item> {
    let mut items = Vec::new();
    for (pattern, p) in data.patterns().iter().enumerate() {
        for start in (0..p.rows.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(p.rows.len());
            items.push(Item {
                pattern,
                start,
                end,
            });
        }
    }
    items
}

/// Runs `visit(rows, block, view)` on one item, its rows loaded.
fn with_item<R>(
    mixture: &impl Mixture,
    data: &GmmData,
    item: &Item,
    block: &mut Block,
    visit: impl FnOnce(&[usize], &mut Block, Option<&Seen>) -> R,
) -> Result<R, ModelError> {
    let pattern = &data.patterns()[item.pattern];
    let rows = &pattern.rows[item.start..item.end];
    let seen = if pattern.observed.len() == data.dim() {
        None
    } else {
        Some(Seen::new(mixture, &pattern.observed)?)
    };
    block.load(rows.len(), &pattern.observed, |i| data.row(rows[i]));
    Ok(visit(rows, block, seen.as_ref()))
}

/// Adds the moments of all rows and returns the local terms of the bound, `Σ w log Σ_k p_k(x)`.
///
/// With `given`, which fills the responsibilities of a row, those are used and the result is 0.
///
/// # Errors
/// A numerical failure, or rows of another width than the mixture's.
pub(crate) fn accumulate(
    mixture: &impl Mixture,
    data: &GmmData,
    given: Option<&Given<'_>>,
    statistics: &mut GmmStatistics,
) -> Result<f64, ModelError> {
    check_width(mixture, data)?;
    let items = items(data);
    let (dim, shape) = (mixture.whole().dim, mixture.shape());
    let zero = GmmStatistics::zeros(mixture.whole().n_components(), dim, shape);
    let partial = parallel::fold_reduce(
        items.len(),
        ACCUMULATORS,
        || (zero.clone(), Ok(0.0)),
        |(statistics, bound), range| {
            let mut block = Block::default();
            for item in &items[range] {
                let term = with_item(mixture, data, item, &mut block, |rows, block, seen| {
                    accumulate_block(mixture, data, rows, block, seen, given, statistics)
                });
                add_result(bound, term);
            }
        },
        |a, b| {
            a.0.add(&b.0);
            add_result(&mut a.1, b.1);
        },
    );
    let (sums, bound) = partial.unwrap_or((zero, Ok(0.0)));
    statistics.add(&sums);
    bound
}

/// Fills the responsibilities of the row with this index.
pub(crate) type Given<'a> = dyn Fn(usize, &mut [f64]) + Sync + 'a;

fn add_result(total: &mut Result<f64, ModelError>, term: Result<f64, ModelError>) {
    match (total.as_mut(), term) {
        (Ok(total), Ok(term)) => *total += term,
        (Ok(_), Err(error)) => *total = Err(error),
        (Err(_), _) => {}
    }
}

fn accumulate_block(
    mixture: &impl Mixture,
    data: &GmmData,
    rows: &[usize],
    block: &mut Block,
    seen: Option<&Seen>,
    given: Option<&Given<'_>>,
    statistics: &mut GmmStatistics,
) -> f64 {
    let view = seen.map_or(mixture.whole(), |s| &s.view);
    let weight = |i: usize| data.weight(rows[i]);
    let bound = if let Some(given) = given {
        block.assign_given(view.n_components(), |i, r| given(rows[i], r));
        0.0
    } else {
        block.assign(view);
        (0..rows.len()).map(|i| weight(i) * block.log_sum(i)).sum()
    };
    match seen {
        None => block.accumulate(view, weight, statistics),
        Some(seen) => {
            let mut part = GmmStatistics::zeros(view.n_components(), view.dim, view.shape);
            block.accumulate(view, weight, &mut part);
            seen.expand(&part, statistics);
        }
    }
    bound
}

/// Responsibilities (n, K) of all rows.
///
/// # Errors
/// A numerical failure, or rows of another width than the mixture's.
pub(crate) fn responsibilities(
    mixture: &impl Mixture,
    data: &GmmData,
) -> Result<Vec<f64>, ModelError> {
    check_width(mixture, data)?;
    let n_components = mixture.whole().n_components();
    let items = items(data);
    let parts = parallel::map_chunks(items.len(), 1, |range| {
        let mut block = Block::default();
        let item = &items[range.start];
        with_item(mixture, data, item, &mut block, |rows, block, seen| {
            block.assign(seen.map_or(mixture.whole(), |s| &s.view));
            let entry = |i| (0..n_components).map(move |k| (i, k));
            (0..rows.len())
                .flat_map(entry)
                .map(|(i, k)| block.responsibility(i, k))
                .collect::<Vec<f64>>()
        })
    });
    let mut all = vec![0.0; data.len() * n_components]; // (n, n_components), rows sum to 1
    for (item, part) in items.iter().zip(parts) {
        let rows = &data.patterns()[item.pattern].rows[item.start..item.end];
        for (row, r) in rows.iter().zip(part?.chunks_exact(n_components)) {
            all[row * n_components..(row + 1) * n_components].copy_from_slice(r);
        }
    }
    Ok(all)
}

/// The component with the highest density over the observed entries of each row, for diagonal
/// components.
pub(crate) fn most_likely(view: &View, data: &GmmData) -> Vec<usize> {
    let items = items(data);
    let parts = parallel::map_chunks(items.len(), 1, |range| {
        let item = &items[range.start];
        let pattern = &data.patterns()[item.pattern];
        let rows = &pattern.rows[item.start..item.end];
        let mut block = Block::default();
        block.load(rows.len(), &pattern.observed, |i| data.row(rows[i]));
        block.most_likely(&view.columns(&pattern.observed))
    });
    let mut all = vec![0; data.len()];
    for (item, part) in items.iter().zip(parts) {
        let rows = &data.patterns()[item.pattern].rows[item.start..item.end];
        for (row, k) in rows.iter().zip(part) {
            all[*row] = k;
        }
    }
    all
}

fn check_width(mixture: &impl Mixture, data: &GmmData) -> Result<(), ModelError> {
    let expected = mixture.whole().dim;
    if data.dim() == expected {
        return Ok(());
    }
    Err(ModelError::Shape {
        what: "columns",
        expected,
        got: data.dim(),
    })
}
