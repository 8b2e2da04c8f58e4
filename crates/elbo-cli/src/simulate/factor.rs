//! Ratings from the latent factor model; the simulation itself is `elbo-models`'.

use std::io::Write;

use clap::Args;
use elbo::math::arrays::Array;
use elbo::models::factor::{GenerateConfig, Generated, generate};
use serde_json::{Value, json};

use super::{Simulator, Truth, at_least_one, write_failed};
use crate::failure::Failure;

/// `elbo generate factor`.
pub(crate) struct Ratings;

/// Its options.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Number of users; some rate much more than others
    #[arg(long, default_value_t = 600, value_name = "N")]
    users: usize,
    /// Number of items; some are rated much more than others
    #[arg(long, default_value_t = 1000, value_name = "N")]
    items: usize,
    /// Number of ratings, each of another pair
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    ratings: usize,
    /// Dimensions of the factors; 0: biases alone
    #[arg(long, default_value_t = 10, value_name = "R")]
    rank: usize,
    /// The overall mean
    #[arg(long, default_value_t = 3.5, value_name = "X")]
    mean: f64,
    /// Standard deviation of the biases, of users and of items
    #[arg(long, default_value_t = 0.4, value_name = "X")]
    bias_sd: f64,
    /// Standard deviation of the factors, of users and of items [default: such that that of their inner products is 0.5]
    #[arg(long, value_name = "X")]
    factor_sd: Option<f64>,
    /// Standard deviation of the noise: the RMSE of a perfect prediction
    #[arg(long, default_value_t = 0.75, value_name = "X")]
    noise_sd: f64,
}

impl Simulator for Ratings {
    const NAME: &'static str = "factor";
    const ABOUT: &'static str = "Ratings of items by users, from latent factors";
    const FILE: &'static str = "ratings.csv";
    type Options = Options;

    fn simulate(options: &Options, seed: u64, out: &mut dyn Write) -> Result<Truth, Failure> {
        at_least_one("--ratings", options.ratings)?;
        let (users, items, rank) = (options.users, options.items, options.rank);
        let mut config = GenerateConfig::new(users, items, options.ratings, rank);
        config.mu = options.mean;
        config.bias_sd = options.bias_sd;
        config.noise_sd = options.noise_sd;
        config.factor_sd = options.factor_sd.unwrap_or(config.factor_sd);
        let generated = generate(&config, seed)?;
        write_rows(&generated, out).map_err(|e| write_failed(&e))?;
        let scalars: [(&str, Value); 9] = [
            ("users", json!(users)),
            ("items", json!(items)),
            ("ratings", json!(options.ratings)),
            ("rank", json!(rank)),
            ("mu", json!(config.mu)),
            ("bias_sd", json!(config.bias_sd)),
            ("factor_sd", json!(config.factor_sd)),
            ("sigma", json!(config.noise_sd)),
            ("noise_rmse", json!(generated.noise_rmse)),
        ];
        let mut truth = Truth::default();
        truth
            .scalars
            .extend(scalars.map(|(name, x)| (name.to_owned(), x)));
        // A row: bias, then factors; row r belongs to the id r + 1.
        let rows = [
            ("users", Array::f32(&[users, rank + 1], generated.users)),
            ("items", Array::f32(&[items, rank + 1], generated.items)),
        ];
        truth
            .arrays
            .extend(rows.map(|(name, array)| (name.to_owned(), array)));
        Ok(truth)
    }
}

/// Ids are counted from 1; rows are sorted by user, as in `MovieLens`.
fn write_rows(generated: &Generated, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "user,item,rating")?;
    for (user, item, rating) in generated.ratings.triplets() {
        writeln!(out, "{},{},{rating}", user + 1, item + 1)?;
    }
    Ok(())
}
