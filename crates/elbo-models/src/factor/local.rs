//! The local step: `q` of users from the items' records, and sums for the items from the users'.

use std::ops::Range;

use elbo_math::parallel;

use super::kernel::{LANES, Real, RowRatings, store};
use super::model::{FactorModel, not_definite};
use super::noise::{Weight, WeightSearch};
use super::ratings::{Block, Ratings};
use super::records::Records;
use super::statistics::{FactorStatistics, UserSums};
use super::system::{Workspace, fixed_squares};
use crate::ModelError;

/// Users per parallel task.
const USER_CHUNK: usize = 8 * LANES;
/// Items per parallel task.
const ITEM_CHUNK: usize = 2 * LANES;
/// A user whose `q` was just solved.
pub(super) struct SolvedUser<'a> {
    /// The row in the batch.
    pub row: usize,
    /// Holds `q(u)` in lane `lane`.
    pub workspace: &'a Workspace,
    pub lane: usize,
    /// `q(λ)`.
    pub weight: Weight,
    /// The number of ratings.
    pub count: f64,
    /// `Σ (y − offset)²`.
    pub sum_squares: f64,
}

/// Sums over ratings of [`LANES`] users.
struct Group<'a> {
    first: usize,
    len: usize,
    sums: &'a mut [f64], // (LANES, layout.sums())
    sum_squares: [f64; LANES],
}

impl<T: Real> FactorModel<T> {
    /// Solves all users of a batch and adds to the statistics; returns the batch's bound.
    pub(super) fn solve_batch(
        &self,
        batch: &Ratings,
        statistics: &mut FactorStatistics,
    ) -> Result<f64, ModelError> {
        let width = self.layout.width();
        let largest = batch.blocks.iter().map(|b| b.users.len()).max();
        let mut records = Records::zero(self.layout, largest.unwrap_or(0));
        let mut bound = 0.0;
        for block in &batch.blocks {
            let records = &mut records.as_mut_slice()[..block.users.len() * width];
            bound += self.solve_block(batch, block, records, statistics)?;
            self.add_to_items(block, records, statistics);
        }
        Ok(bound)
    }

    /// Solves a block's users and writes their records, weighted by `E λ`.
    fn solve_block(
        &self,
        batch: &Ratings,
        block: &Block,
        records: &mut [T],
        statistics: &mut FactorStatistics,
    ) -> Result<f64, ModelError> {
        let (layout, width) = (self.layout, self.layout.width());
        let chunks = parallel::map_chunks_mut(records, USER_CHUNK * width, |c, out| {
            let first = block.users.start + c * USER_CHUNK;
            let mut record = vec![0.0; width];
            let mut sums = UserSums::zero(layout);
            let bound = self.solve_users(batch, first..first + out.len() / width, |user| {
                user.workspace.write_record(user.lane, &mut record);
                sums.add(&user, &record);
                let weight = user.weight.mean();
                for r in &mut record {
                    *r *= weight;
                }
                store(&record, &mut out[(user.row - first) * width..][..width]);
            })?;
            Ok((bound, sums))
        });
        let mut total = 0.0;
        for chunk in chunks {
            let (bound, sums) = chunk?;
            total += bound;
            statistics.add_users(&sums);
        }
        Ok(total)
    }

    /// Adds a block's user records to the sums of the items.
    fn add_to_items(&self, block: &Block, records: &[T], statistics: &mut FactorStatistics) {
        let (layout, width) = (self.layout, self.layout.sums());
        parallel::for_each_chunk(statistics.items_mut(), ITEM_CHUNK * width, |c, out| {
            for (k, sums) in out.chunks_exact_mut(width).enumerate() {
                let item = c * ITEM_CHUNK + k;
                let ratings = block.starts[item] as usize..block.starts[item + 1] as usize;
                let ratings = RowRatings {
                    records,
                    rows: &block.rows[ratings.clone()],
                    values: &block.values[ratings],
                    offset: self.offset,
                };
                T::gather(layout, &ratings, sums);
            }
        });
    }

    /// Solves the users of some rows, hands each over, and returns the sum of their bounds.
    pub(super) fn solve_users(
        &self,
        batch: &Ratings,
        rows: Range<usize>,
        mut emit: impl FnMut(SolvedUser<'_>),
    ) -> Result<f64, ModelError> {
        let mut workspace = Workspace::new(self.layout);
        let mut sums = vec![0.0; LANES * self.layout.sums()];
        let mut bound = 0.0;
        for first in rows.clone().step_by(LANES) {
            let mut group = Group {
                first,
                len: LANES.min(rows.end - first),
                sums: &mut sums,
                sum_squares: [0.0; LANES],
            };
            self.gather_group(batch, &mut group);
            bound += self.solve_group(batch, &group, &mut workspace, &mut emit)?;
        }
        Ok(bound)
    }

    fn gather_group(&self, batch: &Ratings, group: &mut Group<'_>) {
        let width = self.layout.sums();
        group.sums.fill(0.0);
        for lane in 0..group.len {
            let (items, values) = batch.row(group.first + lane);
            let ratings = RowRatings {
                records: self.items.records.as_slice(),
                rows: items,
                values,
                offset: self.offset,
            };
            let sums = &mut group.sums[lane * width..][..width];
            T::gather(self.layout, &ratings, sums);
            group.sum_squares[lane] = sum_squares(values, self.offset);
        }
    }

    /// Iterates `q(u)` and, where it is not 1, `q(λ)`.
    fn solve_group(
        &self,
        batch: &Ratings,
        group: &Group<'_>,
        workspace: &mut Workspace,
        emit: &mut impl FnMut(SolvedUser<'_>),
    ) -> Result<f64, ModelError> {
        let width = self.layout.sums();
        // What is stored in single precision is not worth more digits.
        let tolerance = if T::ROUNDS { 1e-5 } else { 1e-10 };
        let mut searches = [WeightSearch::new(tolerance); LANES];
        let mut squares = [0.0; LANES];
        for lane in 0..LANES {
            if lane < group.len {
                let sums = self.layout.view(&group.sums[lane * width..][..width]);
                workspace.load_sums(lane, self.mu, &sums);
            } else {
                workspace.clear(lane);
            }
        }
        for _ in 0..WeightSearch::MAX_ITERATIONS {
            squares = self.solve_lanes(batch, group, &searches, workspace)?;
            let Some(dof) = self.noise_dof else { break };
            let mut converged = true;
            for lane in 0..group.len {
                let count = group.sums[lane * width];
                let weight = Weight::new(dof, count, squares[lane] / self.noise);
                converged &= searches[lane].advance(weight, self.layout.dim);
            }
            if converged {
                break;
            }
        }
        let traces = workspace.inner_products(&self.user_prior.precision);
        let log_noise = (2.0 * std::f64::consts::PI * self.noise).ln();
        let mut bound = 0.0;
        for lane in 0..group.len {
            let count = group.sums[lane * width];
            let weight = searches[lane].weight;
            let likelihood = count * (weight.log_mean() - log_noise)
                - weight.mean() * squares[lane] / self.noise;
            let divergence = self.user_prior.log_det_precision - workspace.log_det(lane)
                + self.layout.dim as f64
                - traces[lane];
            bound += 0.5 * (likelihood + divergence)
                + self
                    .noise_dof
                    .map_or(0.0, |dof| weight.minus_divergence(dof));
            emit(SolvedUser {
                row: group.first + lane,
                workspace,
                lane,
                weight,
                count,
                sum_squares: group.sum_squares[lane],
            });
        }
        Ok(bound)
    }

    /// Solves `q(u)` given `E λ`; returns every user's `Σ E (y − f)²`.
    fn solve_lanes(
        &self,
        batch: &Ratings,
        group: &Group<'_>,
        searches: &[WeightSearch; LANES],
        workspace: &mut Workspace,
    ) -> Result<[f64; LANES], ModelError> {
        let width = self.layout.sums();
        let mut noise = [self.noise; LANES];
        for lane in 0..group.len {
            noise[lane] /= searches[lane].mean();
        }
        workspace.set_noise(&self.user_prior, &noise);
        workspace
            .solve(self.diagonal)
            .map_err(|lane| not_definite("user", batch.users()[group.first + lane] as usize))?;
        let explained = workspace.explained_squares(&self.user_side());
        let mut squares = [0.0; LANES];
        for lane in 0..group.len {
            let sums = self.layout.view(&group.sums[lane * width..][..width]);
            squares[lane] = group.sum_squares[lane]
                + fixed_squares(self.mu, self.mu_variance, &sums)
                + explained[lane] / searches[lane].mean();
        }
        Ok(squares)
    }
}

/// `Σ (y − offset)²`.
fn sum_squares(values: &[f32], offset: f64) -> f64 {
    // Several running sums: a single one would wait for every addition.
    let mut sums = [0.0; LANES];
    let (groups, rest) = values.as_chunks::<LANES>();
    for group in groups {
        for l in 0..LANES {
            sums[l] += (f64::from(group[l]) - offset).powi(2);
        }
    }
    let rest: f64 = rest.iter().map(|v| (f64::from(*v) - offset).powi(2)).sum();
    sums.iter().sum::<f64>() + rest
}
