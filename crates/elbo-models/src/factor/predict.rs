//! What a fitted factor model answers: ratings with intervals, recommendations, new users.

use elbo_math::linalg::Cholesky;
use elbo_math::random::{Stream, fill_standard_normal, standard_normal};
use elbo_math::special::normal_quantile;

use super::kernel::LANES;
use super::layout::packed;
use super::model::not_definite;
use super::noise::{Weight, WeightSearch};
use super::posterior::{FactorPosterior, Row};
use super::system::{Side, Workspace, fixed_squares};
use crate::ModelError;

/// Relative tolerance of a folded-in user's noise.
const FOLD_TOLERANCE: f64 = 1e-10;

/// The posterior predictive of one rating, by its first two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// `E y`.
    pub mean: f64,
    /// Standard deviation of `μ + a + b + A·B`: what more ratings would reduce.
    pub latent_sd: f64,
    /// Standard deviation of the rating, noise included.
    pub sd: f64,
}

impl Prediction {
    /// The central interval that holds the rating with probability `level`, from a normal density
    /// with these moments.
    ///
    /// # Errors
    /// If `level` is not inside (0, 1).
    pub fn interval(&self, level: f64) -> Result<(f64, f64), ModelError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(ModelError::setting(
                "level",
                level,
                "give a probability between 0 and 1, such as 0.9",
            ));
        }
        let half = normal_quantile(0.5 + 0.5 * level) * self.sd;
        Ok((self.mean - half, self.mean + half))
    }

    /// The log density of an observed rating.
    pub fn log_density(&self, y: f64) -> f64 {
        let z = (y - self.mean) / self.sd;
        -0.5 * (z * z + (2.0 * std::f64::consts::PI).ln()) - self.sd.ln()
    }
}

/// An item worth showing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation {
    /// The item's index.
    pub item: usize,
    /// The rating that is expected.
    pub prediction: Prediction,
}

/// How well held-out ratings are predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heldout {
    /// The number of ratings.
    pub n: usize,
    /// Root mean squared error.
    pub rmse: f64,
    /// Mean log predictive density, in nats.
    pub log_density: f64,
    /// The fraction inside its 90% interval.
    pub coverage_90: f64,
}

impl FactorPosterior {
    /// Predicts the rating of an item by a user; unknown ones are at their priors.
    pub fn predict(&self, user: Option<usize>, item: Option<usize>) -> Prediction {
        self.predict_rows(&self.user(user), &self.item(item))
    }

    /// Predicts from two rows, such as a folded-in user and an item.
    ///
    /// With `f = μ + a + b + A·B` and independent rows, `Var f` adds to the variances of `μ`, `a`
    /// and `b` the terms `Bᵀ Var(A) B + Aᵀ Var(B) A + tr Var(A) Var(B)` at the means, and twice the
    /// covariances of a bias with its own factors times the other side's mean.
    pub fn predict_rows(&self, user: &Row, item: &Row) -> Prediction {
        let (u, w) = (&user.mean, &item.mean);
        let mut mean = self.mu + u[0] + w[0];
        let mut variance = self.mu_variance + user.covariance[0] + item.covariance[0];
        for p in 1..u.len() {
            mean += u[p] * w[p];
            let row = packed(p, 0);
            variance += 2.0 * (user.covariance[row] * w[p] + item.covariance[row] * u[p]);
            for q in 1..=p {
                let (s, t) = (user.covariance[row + q], item.covariance[row + q]);
                let term = s * w[p] * w[q] + t * u[p] * u[q] + s * t;
                variance += if q == p { term } else { 2.0 * term };
            }
        }
        Prediction {
            mean,
            latent_sd: variance.max(0.0).sqrt(),
            sd: (variance.max(0.0) + self.noise * user.inverse_weight).sqrt(),
        }
    }

    /// The `q` of a new user, given ratings of known items: the local step of the fit.
    ///
    /// # Errors
    /// Items that are unknown, ratings that are not finite, or lengths that differ.
    pub fn fold_in(&self, items: &[u32], values: &[f32]) -> Result<Row, ModelError> {
        if items.len() != values.len() {
            return Err(ModelError::Shape {
                what: "ratings of a new user",
                expected: items.len(),
                got: values.len(),
            });
        }
        let mut sums = vec![0.0; self.layout.sums()];
        for (item, value) in items.iter().zip(values) {
            if *item as usize >= self.n_items() {
                return Err(ModelError::data(format!(
                    "item {item} is unknown to the fit, which has {}; leave it out",
                    self.n_items()
                )));
            }
            if !value.is_finite() {
                return Err(ModelError::data(format!(
                    "the rating of item {item} is {value}; ratings must be finite"
                )));
            }
            self.add_record(*item as usize, f64::from(*value), &mut sums);
        }
        let squares = values.iter().map(|y| f64::from(*y).powi(2)).sum();
        self.solve_user(&sums, squares)
    }

    /// `q` of a user from sums over its ratings.
    fn solve_user(&self, sums: &[f64], sum_squares: f64) -> Result<Row, ModelError> {
        let sums = self.layout.view(sums);
        let mut workspace = Workspace::new(self.layout);
        let mut search = WeightSearch::new(FOLD_TOLERANCE);
        let fixed = sum_squares + fixed_squares(self.mu, self.mu_variance, &sums);
        for _ in 0..WeightSearch::MAX_ITERATIONS {
            let side = Side {
                layout: self.layout,
                diagonal: self.diagonal,
                prior: &self.user_prior,
                noise: self.noise / search.mean(),
                mu: self.mu,
            };
            workspace.load(0, &side, &sums);
            (1..LANES).for_each(|lane| workspace.clear(lane));
            workspace
                .solve(self.diagonal)
                .map_err(|_| not_definite("user", 0))?;
            let Some(dof) = self.noise_dof else { break };
            let squares = fixed + workspace.explained_squares(&side)[0];
            let weight = Weight::new(dof, sums.count, squares / self.noise);
            if search.advance(weight, self.layout.dim) {
                break;
            }
        }
        Ok(Row {
            mean: workspace.mean(0).collect(),
            covariance: workspace.covariance(0).collect(),
            inverse_weight: search.weight.inverse_mean(),
        })
    }

    /// Adds an item's record, and its head times the rating, to sums.
    fn add_record(&self, item: usize, value: f64, sums: &mut [f64]) {
        let (layout, row) = (self.layout, self.item(Some(item)));
        let (records, heads) = sums.split_at_mut(layout.width());
        records[0] += 1.0;
        heads[0] += value;
        for p in 0..layout.dim {
            records[1 + p] += row.mean[p];
            heads[1 + p] += value * row.mean[p];
            for q in 0..=p {
                let k = packed(p, q);
                records[1 + layout.dim + k] += row.covariance[k] + row.mean[p] * row.mean[q];
            }
        }
    }

    /// The `n` items with the highest expected rating for a user, without those in `seen`
    /// (ascending); ties go to the lower index.
    pub fn recommend(&self, user: &Row, n: usize, seen: &[u32]) -> Vec<Recommendation> {
        let dim = self.layout.dim;
        let scores = self.items.means.chunks_exact(dim).enumerate();
        let mut ranked: Vec<(f64, usize)> = scores
            .filter(|(item, _)| {
                u32::try_from(*item).map_or(true, |item| seen.binary_search(&item).is_err())
            })
            .map(|(item, w)| {
                let factors = user.mean[1..].iter().zip(&w[1..]);
                let product: f64 = factors.map(|(a, b)| a * f64::from(*b)).sum();
                (f64::from(w[0]) + product, item)
            })
            .collect();
        let better = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if n < ranked.len() && n > 0 {
            ranked.select_nth_unstable_by(n - 1, better);
        }
        ranked.truncate(n);
        ranked.sort_unstable_by(better);
        ranked
            .into_iter()
            .map(|(_, item)| Recommendation {
                item,
                prediction: self.predict_rows(user, &self.item(Some(item))),
            })
            .collect()
    }

    /// Scores held-out `(user, item, rating)`; `None` if there are none.
    pub fn heldout(
        &self,
        triplets: impl IntoIterator<Item = (Option<usize>, Option<usize>, f64)>,
    ) -> Option<Heldout> {
        let (mut n, mut squares, mut log_density, mut inside) = (0usize, 0.0, 0.0, 0usize);
        let half = normal_quantile(0.95);
        for (user, item, y) in triplets {
            let prediction = self.predict(user, item);
            let error = y - prediction.mean;
            n += 1;
            squares += error * error;
            log_density += prediction.log_density(y);
            inside += usize::from(error.abs() <= half * prediction.sd);
        }
        (n > 0).then(|| Heldout {
            n,
            rmse: (squares / n as f64).sqrt(),
            log_density: log_density / n as f64,
            coverage_90: inside as f64 / n as f64,
        })
    }

    /// One joint draw of `μ` and the given users' and items' rows; rows are `(bias, factors)`.
    ///
    /// # Errors
    /// If rounding destroyed a covariance.
    pub fn draw_rows(
        &self,
        users: &[usize],
        items: &[usize],
        rng: &mut Stream,
    ) -> Result<RowDraws, ModelError> {
        let mu = self.mu + self.mu_variance.sqrt() * standard_normal(rng);
        let mut side = |rows: Vec<Row>| rows.iter().map(|r| draw_row(r, rng)).collect();
        let users: Result<Vec<_>, _> = side(users.iter().map(|u| self.user(Some(*u))).collect());
        let items = side(items.iter().map(|i| self.item(Some(*i))).collect());
        Ok(RowDraws {
            mu,
            users: users?,
            items: items?,
        })
    }
}

/// One draw of some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct RowDraws {
    /// `μ`.
    pub mu: f64,
    /// `(bias, factors)` of the users that were asked for.
    pub users: Vec<Vec<f64>>,
    /// `(bias, factors)` of the items that were asked for.
    pub items: Vec<Vec<f64>>,
}

fn draw_row(row: &Row, rng: &mut Stream) -> Result<Vec<f64>, ModelError> {
    let factor = Cholesky::new(&row.covariance())
        .map_err(ModelError::numerical("the covariance of a row to draw"))?;
    let mut z = vec![0.0; row.mean.len()];
    fill_standard_normal(rng, &mut z);
    let deviation = factor.lower_times(&z);
    Ok(row.mean.iter().zip(deviation).map(|(m, d)| m + d).collect())
}
