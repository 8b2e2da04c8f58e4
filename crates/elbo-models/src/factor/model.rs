//! The model as the drivers see it: users are local, items, `μ` and hyperparameters global.
//!
//! A local step solves `q(u)` for every user and adds its moments to the sums of the items that it
//! rated; nothing of a user is kept. Ratings are centred by a fixed `offset` near their mean, so
//! that single precision is not spent on it.

use elbo_math::parallel;

use super::config::{FactorConfig, RowCovariance};
use super::items::Items;
use super::kernel::{LANES, Real, RowRatings, store};
use super::layout::Layout;
use super::prior::{PriorShape, RowPrior};
use super::ratings::{Block, Ratings};
use super::records::Records;
use super::statistics::FactorStatistics;
use super::system::{Predictor, Side, Workspace, fixed_squares};
use crate::{ConjugateModel, ModelError};

/// Users per parallel task.
const USER_CHUNK: usize = 8 * LANES;
/// Items per parallel task.
const ITEM_CHUNK: usize = 2 * LANES;
/// `σ²` is kept above this fraction of the ratings' variance: noiseless data end there.
const NOISE_FLOOR: f64 = 1e-10;

/// `q` of items and `μ`, and the hyperparameters; moments of items stored as `T`.
#[derive(Debug, Clone)]
pub(crate) struct FactorModel<T: Real> {
    pub(super) layout: Layout,
    pub(super) diagonal: bool,
    pub(super) prior_shape: PriorShape,
    pub(super) mu_sd: f64,
    /// Subtracted from every rating.
    pub(super) offset: f64,
    /// `E μ − offset`.
    pub(super) mu: f64,
    pub(super) mu_variance: f64,
    /// `σ²`.
    pub(super) noise: f64,
    pub(super) noise_floor: f64,
    pub(super) user_prior: RowPrior,
    pub(super) item_prior: RowPrior,
    pub(super) items: Items<T>,
}

impl<T: Real> FactorModel<T> {
    /// A model before any data: biases 0, random factors, variances from the ratings' own.
    ///
    /// # Errors
    /// Wrong settings.
    pub(super) fn start(
        config: &FactorConfig,
        n_items: usize,
        mean: f64,
        variance: f64,
        seed: u64,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let layout = Layout::new(config.rank);
        // Half of the variance to noise, an eighth to each bias.
        let scale = variance.max(1e-12);
        let bias_sd = (scale / 8.0).sqrt();
        let factor_sd = start_factor_sd(scale / 2.0, config.rank);
        let init_sd = config.init_scale * factor_sd;
        // A multiple of 1/16 leaves ratings in steps of a half exact in single precision.
        let offset = (mean * 16.0).round() / 16.0;
        Ok(Self {
            layout,
            diagonal: config.covariance == RowCovariance::Diagonal,
            prior_shape: config.prior,
            mu_sd: config.mu_sd,
            offset,
            mu: mean - offset,
            mu_variance: scale,
            noise: scale / 2.0,
            noise_floor: NOISE_FLOOR * scale,
            user_prior: RowPrior::independent(layout.dim, bias_sd, factor_sd)?,
            item_prior: RowPrior::independent(layout.dim, bias_sd, factor_sd)?,
            items: Items::start(layout, n_items, |_| (bias_sd.powi(-2), 0.0), init_sd, seed)?,
        })
    }

    /// The model with factors that starts from this one, which has none.
    pub(super) fn with_factors(self, config: &FactorConfig, seed: u64) -> Result<Self, ModelError> {
        let layout = Layout::new(config.rank);
        let factor_sd = start_factor_sd(self.noise, config.rank);
        let init_sd = config.init_scale * factor_sd;
        let prior = |biases: &RowPrior| {
            RowPrior::independent(layout.dim, biases.covariance[(0, 0)].sqrt(), factor_sd)
        };
        let n_items = self.items.len(self.layout);
        let bias = |item| self.items.bias(item);
        Ok(Self {
            layout,
            user_prior: prior(&self.user_prior)?,
            item_prior: prior(&self.item_prior)?,
            items: Items::start(layout, n_items, bias, init_sd, seed)?,
            ..self
        })
    }

    fn user_side(&self) -> Side<'_> {
        Side {
            layout: self.layout,
            diagonal: self.diagonal,
            prior: &self.user_prior,
            noise: self.noise,
            mu: self.mu,
        }
    }

    fn item_side(&self) -> Side<'_> {
        Side {
            prior: &self.item_prior,
            ..self.user_side()
        }
    }

    /// Solves the users of some rows; calls `emit(row, workspace, lane)` and returns their bound,
    /// without the constant `−Σ y² / 2σ²`.
    pub(super) fn solve_users(
        &self,
        batch: &Ratings,
        rows: std::ops::Range<usize>,
        mut emit: impl FnMut(usize, &Workspace, usize),
    ) -> Result<f64, ModelError> {
        let (layout, side) = (self.layout, self.user_side());
        let width = layout.sums();
        let mut workspace = Workspace::new(layout);
        let mut sums = vec![0.0; LANES * width]; // (LANES, sums)
        let log_noise = (2.0 * std::f64::consts::PI * self.noise).ln();
        let mut bound = 0.0;
        for first in rows.clone().step_by(LANES) {
            let group = first..(first + LANES).min(rows.end);
            sums.fill(0.0);
            for (lane, sums) in sums.chunks_exact_mut(width).enumerate() {
                if first + lane >= group.end {
                    workspace.clear(lane);
                    continue;
                }
                let (items, values) = batch.row(first + lane);
                let records = self.items.records.as_slice();
                let ratings = RowRatings {
                    records,
                    rows: items,
                    values,
                    offset: self.offset,
                };
                T::gather(layout, &ratings, sums);
                workspace.load(lane, &side, &layout.view(sums));
            }
            workspace
                .solve(self.diagonal)
                .map_err(|lane| not_definite("user", batch.users()[first + lane] as usize))?;
            for row in group {
                let lane = row - first;
                let sums = layout.view(&sums[lane * width..][..width]);
                let squares = fixed_squares(self.mu, self.mu_variance, &sums);
                bound += 0.5
                    * (workspace.shift_times_mean(lane) - workspace.log_det(lane)
                        + self.user_prior.log_det_precision
                        - sums.count * log_noise
                        - squares / self.noise);
                emit(row, &workspace, lane);
            }
        }
        Ok(bound)
    }

    /// Solves a block's users; writes their records and returns their bound and `Σ [E u | E u uᵀ]`.
    fn user_block(
        &self,
        batch: &Ratings,
        block: &Block,
        records: &mut [T],
    ) -> Result<(f64, Vec<f64>), ModelError> {
        let (layout, width) = (self.layout, self.layout.width());
        let moments = layout.dim + layout.triangle();
        let chunks = parallel::map_chunks_mut(records, USER_CHUNK * width, |c, out| {
            let first = block.users.start + c * USER_CHUNK;
            let mut record = vec![0.0; layout.width()];
            let mut sum = vec![0.0; moments];
            let rows = first..first + out.len() / width;
            let bound = self.solve_users(batch, rows, |row, workspace, lane| {
                workspace.write_record(lane, &mut record);
                store(&record, &mut out[(row - first) * width..][..width]);
                elbo_math::linalg::axpy(1.0, &record[1..=moments], &mut sum);
            })?;
            Ok((bound, sum))
        });
        let mut total = (0.0, vec![0.0; moments]);
        for chunk in chunks {
            let (bound, sum) = chunk?;
            total.0 += bound;
            elbo_math::linalg::axpy(1.0, &sum, &mut total.1);
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
                let (rows, values) = (&block.rows[ratings.clone()], &block.values[ratings]);
                let ratings = RowRatings {
                    records,
                    rows,
                    values,
                    offset: self.offset,
                };
                T::gather(layout, &ratings, sums);
            }
        });
    }

    /// Sums over all ratings of what the updates of `μ` and `σ²` need.
    fn predictor(&self, items: &Items<T>, statistics: &FactorStatistics) -> Predictor {
        let layout = self.layout;
        parallel::map_chunks(items.len(layout), 16 * ITEM_CHUNK, |range| {
            let mut record = vec![0.0; layout.width()];
            range.fold(Predictor::default(), |sum, j| {
                items.read(layout, j, &mut record);
                let (mean, second) = record[1..].split_at(layout.dim);
                sum.plus(Predictor::new(mean, second, &statistics.item(j)))
            })
        })
        .into_iter()
        .fold(Predictor::default(), Predictor::plus)
    }

    /// `(number of ratings, Σ y)` in the statistics.
    fn count_and_sum(&self, statistics: &FactorStatistics) -> (f64, f64) {
        (0..self.items.len(self.layout)).fold((0.0, 0.0), |(n, y), j| {
            let sums = statistics.item(j);
            (n + sums.count, y + sums.y)
        })
    }
}

impl<T: Real> ConjugateModel for FactorModel<T> {
    type Batch = Ratings;
    type Statistics = FactorStatistics;

    fn zero_statistics(&self) -> FactorStatistics {
        FactorStatistics::zero(self.layout, self.items.len(self.layout))
    }

    fn batch_len(batch: &Ratings) -> usize {
        batch.n_users()
    }

    fn local_step(
        &self,
        batch: &Ratings,
        statistics: &mut FactorStatistics,
    ) -> Result<f64, ModelError> {
        if batch.n_items() != self.items.len(self.layout) {
            return Err(ModelError::Shape {
                what: "items of a batch",
                expected: self.items.len(self.layout),
                got: batch.n_items(),
            });
        }
        let width = self.layout.width();
        let sum_squares = batch.sum_squares(self.offset);
        let mut bound = -0.5 * sum_squares / self.noise;
        statistics.add_users(0, sum_squares, &[]);
        let largest = batch.blocks.iter().map(|b| b.users.len()).max();
        let mut records = Records::zero(self.layout, largest.unwrap_or(0));
        for block in &batch.blocks {
            let records = &mut records.as_mut_slice()[..block.users.len() * width];
            let (part, moments) = self.user_block(batch, block, records)?;
            bound += part;
            statistics.add_users(block.users.len(), 0.0, &moments);
            self.add_to_items(block, records, statistics);
        }
        Ok(bound)
    }

    fn global_step(
        &mut self,
        statistics: &FactorStatistics,
        step_size: f64,
    ) -> Result<(), ModelError> {
        let items = self
            .items
            .updated(&self.item_side(), statistics.items(), step_size)?;
        let (count, y) = self.count_and_sum(statistics);
        let residual = y - self.predictor(&items, statistics).sum;
        // Natural parameters of q(μ); the prior's mean is 0 before centring.
        let prior = self.mu_sd.powi(-2);
        let precision = prior + count / self.noise;
        let shift = residual / self.noise - prior * self.offset;
        let old = 1.0 / self.mu_variance;
        let blend = |from: f64, to: f64| (1.0 - step_size) * from + step_size * to;
        let (precision, shift) = (blend(old, precision), blend(old * self.mu, shift));
        self.items = items;
        (self.mu, self.mu_variance) = (shift / precision, 1.0 / precision);
        Ok(())
    }

    fn global_bound(&self, _statistics: &FactorStatistics) -> f64 {
        let prior_variance = self.mu_sd * self.mu_sd;
        let ratio = self.mu_variance / prior_variance;
        let mean = self.mu + self.offset;
        let mu = -0.5 * (mean * mean / prior_variance + ratio - 1.0 - ratio.ln());
        mu + self.items.minus_divergence(self.layout, &self.item_prior)
    }

    fn update_hyperparameters(
        &mut self,
        statistics: &FactorStatistics,
        step_size: f64,
    ) -> Result<(), ModelError> {
        let (count, y) = self.count_and_sum(statistics);
        let sums = self.predictor(&self.items, statistics);
        let squares = statistics.sum_squares() - 2.0 * (sums.y_sum + self.mu * y)
            + count * (self.mu * self.mu + self.mu_variance)
            + 2.0 * self.mu * sums.sum
            + sums.squares;
        if count > 0.0 {
            let noise = (squares / count).max(self.noise_floor);
            self.noise += step_size * (noise - self.noise);
        }
        let n_users = statistics.n_users();
        if n_users > 0.0 {
            let second: Vec<f64> = statistics
                .user_second()
                .iter()
                .map(|v| v / n_users)
                .collect();
            self.user_prior
                .maximise(&second, self.prior_shape, step_size);
        }
        let second = self.items.mean_second(self.layout);
        self.item_prior
            .maximise(&second, self.prior_shape, step_size);
        Ok(())
    }
}

/// The prior standard deviation at which a tenth of the noise is left to products of factors: small
/// enough to start near the biases, large enough not to be switched off at once.
fn start_factor_sd(noise: f64, rank: usize) -> f64 {
    (0.1 * noise / rank.max(1) as f64).powf(0.25)
}

/// The failure of a row's system.
pub(super) fn not_definite(what: &str, row: usize) -> ModelError {
    ModelError::Numerical {
        what: format!("the posterior of {what} {row}"),
        source: elbo_math::MathError::NotPositiveDefinite { dim: row, pivot: 0 },
    }
}
