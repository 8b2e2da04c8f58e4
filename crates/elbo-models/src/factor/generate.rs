//! Ratings simulated from the model, with the truth beside them.
//!
//! Users differ in how much they rate and items in how often they are rated, as in real data; which
//! pairs are observed does not depend on the ratings. Every user has its own random stream, so the
//! data are the same for any number of threads.

use elbo_math::parallel;
use elbo_math::random::{self, RngExt, Stream, standard_normal};

use super::kernel::single;
use super::ratings::{Ratings, index};
use crate::ModelError;

/// What to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateConfig {
    /// The number of users.
    pub n_users: usize,
    /// The number of items.
    pub n_items: usize,
    /// The number of ratings.
    pub n_ratings: usize,
    /// The number of factors.
    pub rank: usize,
    /// `μ`.
    pub mu: f64,
    /// `κ_a` and `κ_b`.
    pub bias_sd: f64,
    /// `κ_A` and `κ_B`.
    pub factor_sd: f64,
    /// `σ`.
    pub noise_sd: f64,
    /// Item `k` in order of popularity is drawn with weight `(k + 10)^(−popularity_exponent)`.
    pub popularity_exponent: f64,
    /// Standard deviation of the logarithm of the users' activity.
    pub activity_sd: f64,
}

impl GenerateConfig {
    /// Ratings around 3.5 with biases, factors and noise of the sizes that `MovieLens` has.
    pub fn new(n_users: usize, n_items: usize, n_ratings: usize, rank: usize) -> Self {
        Self {
            n_users,
            n_items,
            n_ratings,
            rank,
            mu: 3.5,
            bias_sd: 0.4,
            // The products of factors have standard deviation 0.5 at any rank.
            factor_sd: (0.25 / rank.max(1) as f64).powf(0.25),
            noise_sd: 0.75,
            popularity_exponent: 0.9,
            activity_sd: 1.0,
        }
    }

    fn check(&self) -> Result<(), ModelError> {
        for (name, value) in [
            ("bias_sd", self.bias_sd),
            ("factor_sd", self.factor_sd),
            ("noise_sd", self.noise_sd),
            ("popularity_exponent", self.popularity_exponent),
            ("activity_sd", self.activity_sd),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ModelError::setting(
                    name,
                    value,
                    "give 0 or a positive number",
                ));
            }
        }
        if !self.mu.is_finite() {
            return Err(ModelError::setting("mu", self.mu, "give a finite number"));
        }
        for (name, value) in [("users", self.n_users), ("items", self.n_items)] {
            if value == 0 || u32::try_from(value).is_err() {
                return Err(ModelError::setting(
                    name,
                    value,
                    "give a number from 1 to 4294967295",
                ));
            }
        }
        if self.n_ratings > self.n_users.saturating_mul(self.n_items) {
            return Err(ModelError::setting(
                "ratings",
                self.n_ratings,
                format!("there are only {} pairs", self.n_users * self.n_items),
            ));
        }
        Ok(())
    }
}

/// Simulated ratings and what they were made from.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The ratings.
    pub ratings: Ratings,
    /// `(a, A)` of every user; (`n_users`, `rank` + 1).
    pub users: Vec<f32>,
    /// `(b, B)` of every item; (`n_items`, `rank` + 1).
    pub items: Vec<f32>,
    /// Root mean square of the noise: the error of a prediction that knows the truth.
    pub noise_rmse: f64,
}

/// Users per parallel task.
const CHUNK: usize = 256;

/// Simulates ratings of distinct pairs.
///
/// # Errors
/// Settings out of range.
pub fn generate(config: &GenerateConfig, seed: u64) -> Result<Generated, ModelError> {
    config.check()?;
    let dim = config.rank + 1;
    let users = rows(config, config.n_users, seed, "factor/generate/users");
    let items = rows(config, config.n_items, seed, "factor/generate/truth");
    let counts = counts(config, seed);
    let popularity = Popularity::new(config, seed);
    let chunks = parallel::map_chunks(config.n_users, CHUNK, |range| {
        let (mut chosen, mut values, mut squares) = (Vec::new(), Vec::new(), 0.0);
        for user in range {
            let mut rng = random::stream(seed, "factor/generate/ratings", user as u64);
            let first = chosen.len();
            popularity.choose(counts[user], &mut rng, &mut chosen);
            chosen[first..].sort_unstable();
            let u = &users[user * dim..][..dim];
            for item in &chosen[first..] {
                let w = &items[*item as usize * dim..][..dim];
                let product: f32 = u[1..].iter().zip(&w[1..]).map(|(a, b)| a * b).sum();
                let noise = config.noise_sd * standard_normal(&mut rng);
                values.push(single(config.mu + f64::from(u[0] + w[0] + product) + noise));
                squares += noise * noise;
            }
        }
        (chosen, values, squares)
    });
    let (mut all, mut values, mut squares) = (Vec::new(), Vec::new(), 0.0);
    for (c, v, s) in chunks {
        all.extend(c);
        values.extend(v);
        squares += s;
    }
    let mut starts = vec![0];
    starts.extend(counts.iter().scan(0, |sum, n| {
        *sum += n;
        Some(*sum)
    }));
    let indices = (0..config.n_users).map(index).collect();
    Ok(Generated {
        ratings: Ratings::from_rows(config.n_items, indices, starts, all, values)?,
        users,
        items,
        noise_rmse: (squares / config.n_ratings.max(1) as f64).sqrt(),
    })
}

/// Rows `(bias, factors)` from the prior.
fn rows(config: &GenerateConfig, n: usize, seed: u64, purpose: &str) -> Vec<f32> {
    let dim = config.rank + 1;
    let mut out = vec![0.0; n * dim];
    parallel::for_each_chunk(&mut out, CHUNK * dim, |c, part| {
        let mut rng = random::stream(seed, purpose, c as u64);
        for row in part.chunks_exact_mut(dim) {
            for (p, v) in row.iter_mut().enumerate() {
                let sd = if p == 0 {
                    config.bias_sd
                } else {
                    config.factor_sd
                };
                *v = single(sd * standard_normal(&mut rng));
            }
        }
    });
    out
}

/// How many items each user rates: log-normal activity, scaled to the exact total.
fn counts(config: &GenerateConfig, seed: u64) -> Vec<usize> {
    let mut rng = random::stream(seed, "factor/generate/activity", 0);
    let activity: Vec<f64> = (0..config.n_users)
        .map(|_| (config.activity_sd * standard_normal(&mut rng)).exp())
        .collect();
    let total: f64 = activity.iter().sum();
    let mut counts = vec![0; config.n_users];
    let mut given = 0;
    let mut cumulated = 0.0;
    for (count, a) in counts.iter_mut().zip(&activity) {
        // Rounding the running total keeps the sum exact; no user rates more than all items.
        cumulated += a / total * config.n_ratings as f64;
        let due = rounded(cumulated)
            .min(config.n_ratings)
            .saturating_sub(given);
        *count = due.min(config.n_items);
        given += *count;
    }
    // What caps cut off goes to users with room.
    let mut left = config.n_ratings - given;
    for count in &mut counts {
        let more = left.min(config.n_items - *count);
        *count += more;
        left -= more;
    }
    counts
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a non-negative number of ratings"
)]
fn rounded(x: f64) -> usize {
    x.round() as usize
}

/// Items with their weights.
struct Popularity {
    cumulated: Vec<f64>,
    items: Vec<u32>, // by rank of popularity
}

impl Popularity {
    fn new(config: &GenerateConfig, seed: u64) -> Self {
        let mut rng = random::stream(seed, "factor/generate/popularity", 0);
        let mut sum = 0.0;
        let cumulated = (0..config.n_items)
            .map(|k| {
                sum += (k as f64 + 10.0).powf(-config.popularity_exponent);
                sum
            })
            .collect();
        let items = random::permutation(&mut rng, config.n_items);
        Self {
            cumulated,
            items: items.into_iter().map(index).collect(),
        }
    }

    /// Appends `n` distinct items, drawn one after the other in proportion to their weights.
    fn choose(&self, n: usize, rng: &mut Stream, out: &mut Vec<u32>) {
        let n_items = self.items.len();
        if n > n_items / 16 {
            self.choose_many(n, rng, out);
            return;
        }
        // Repeats are rare enough to be drawn again.
        let mut taken = vec![false; n_items];
        let total = self.cumulated[n_items - 1];
        let mut left = n;
        while left > 0 {
            let u = rng.random::<f64>() * total;
            let k = self.cumulated.partition_point(|c| *c <= u).min(n_items - 1);
            if !taken[k] {
                taken[k] = true;
                out.push(self.items[k]);
                left -= 1;
            }
        }
    }

    /// The same distribution by exponential clocks: the `n` items that ring first.
    fn choose_many(&self, n: usize, rng: &mut Stream, out: &mut Vec<u32>) {
        let mut before = 0.0;
        let mut clocks: Vec<(f64, u32)> = self
            .cumulated
            .iter()
            .zip(&self.items)
            .map(|(c, item)| {
                let weight = c - before;
                before = *c;
                (-(1.0 - rng.random::<f64>()).ln() / weight, *item)
            })
            .collect();
        if n < clocks.len() {
            clocks.select_nth_unstable_by(n, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
        out.extend(clocks[..n].iter().map(|c| c.1));
    }
}
