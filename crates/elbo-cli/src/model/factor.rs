//! `elbo fit factor`: latent factors for ratings.

mod draws;
mod opened;

use clap::{Args, ValueEnum};
use elbo::models::driver::best_of;
use elbo::models::factor::{self, FactorConfig, FactorPosterior, PriorShape, RowCovariance};
use elbo::models::{Outcome, Posterior};
use elbo_data::fit::{DataRecord, Labels};
use elbo_data::ratings::{IdMap, Ratings, RatingsOptions, read_ratings};
use serde_json::{Map, Value, json};

use self::opened::{OpenedFactor, store_seen};
use super::{Fitted, Model, Opened, damaged};
use crate::command::Input;
use crate::command::fit::{FitRun, Method};
use crate::console::Notes;
use crate::failure::Failure;
use crate::stored::Stored;
use crate::verdict::Approximation;

/// The row of the table of models.
pub(crate) struct Factor;

/// Options of `elbo fit factor`.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the text of the help, where a backtick is a backtick"
)]
pub(crate) struct Options {
    /// Dimensions of the factors; 0: biases alone
    #[arg(long, default_value_t = 10, value_name = "R")]
    rank: usize,
    /// Part of the ratings to hold out, chosen at random by the seed, and to report the error on
    #[arg(long, default_value_t = 0.0, value_name = "F")]
    holdout: f64,
    /// Covariance of a user's or item's q: full, or diagonal (smaller, overconfident)
    #[arg(long, value_enum, default_value = "full", value_name = "TYPE")]
    covariance: CovarianceOption,
    /// Covariance of the priors, which is learnt: isotropic, diagonal or full
    #[arg(long, value_enum, default_value = "full", value_name = "SHAPE")]
    prior: PriorOption,
    /// Prior standard deviation of the overall mean
    #[arg(long, default_value_t = 100.0, value_name = "X")]
    mu_sd: f64,
    /// Column of users [default: one named user, userId or user_id, else the first]
    #[arg(long, value_name = "NAME")]
    user_column: Option<String>,
    /// Column of items [default: one named item, itemId, movieId, …, else the second]
    #[arg(long, value_name = "NAME")]
    item_column: Option<String>,
    /// Column of ratings [default: one named rating or score, else the third]
    #[arg(long, value_name = "NAME")]
    rating_column: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CovarianceOption {
    Full,
    Diagonal,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PriorOption {
    Isotropic,
    Diagonal,
    Full,
}

const DETAILS: &str = "\
Model: rating = mu + user's bias + item's bias + user's factors · item's factors + noise, normal \
priors on all of them; sigma and the priors' covariances (kappa) are learnt. DATA: one rating a line \
(user, item, rating), with or without header; MovieLens' ratings.csv, ratings.dat and u.data are \
read as they are, compressed or not. Of a pair that is rated twice the last rating counts.
Defaults here: --max-iters 200, --rel-tol 1e-5.

Example:
  elbo fit factor ratings.csv --rank 10 --holdout 0.1 --seed 1 --out taste
  elbo recommend taste --user 1001 --n 10";

impl Model for Factor {
    const NAME: &'static str = "factor";
    const ABOUT: &'static str = "Latent factors of users and items, from ratings";
    const DETAILS: &'static str = DETAILS;
    const METHODS: &'static [Method] = &[Method::Batch];
    const WARM_START: bool = false;
    type Options = Options;

    fn fit(options: &Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
        let config = config(options, run);
        config.check()?;
        let ratings = read(&run.input, options, run.notes)?;
        let (train, heldout) = ratings.split_holdout(options.holdout, run.seed())?;
        if train.is_empty() {
            return Err(Failure::input("no rating is left to fit")
                .help("hold out a smaller part by --holdout"));
        }
        let data = for_model(&train)?;
        drop(train);
        run.begin();
        let seed = run.seed();
        let (posterior, outcome) = best_of(run.restarts(), |restart| {
            let seed = seed.wrapping_add(restart as u64);
            let fit = factor::fit(&data, &config, seed, &mut |p| run.observe(p))?;
            Ok((fit.posterior, fit.outcome))
        })?;
        drop(data);
        let keys = keys(&posterior, &ratings, &heldout);
        fitted(posterior, outcome, keys, &ratings, &run.input)
    }

    fn open(stored: &Stored) -> Result<Box<dyn Opened>, Failure> {
        let arrays = &stored.fit().arrays;
        let posterior = FactorPosterior::from_arrays(arrays).map_err(damaged(stored))?;
        let users: IdMap = stored.labels("users")?.iter().collect();
        let items: IdMap = stored.labels("items")?.iter().collect();
        if users.len() != posterior.n_users() || items.len() != posterior.n_items() {
            return Err(Failure::input(format!(
                "{}: labels.json does not name the users and items of the fit",
                stored.path().display()
            ))
            .help("the fit is damaged; fit again"));
        }
        let opened = OpenedFactor::new(posterior, users, items, arrays);
        Ok(Box::new(opened.map_err(damaged(stored))?))
    }
}

fn config(options: &Options, run: &FitRun<'_>) -> FactorConfig {
    let default = FactorConfig::default();
    FactorConfig {
        rank: options.rank,
        covariance: match options.covariance {
            CovarianceOption::Full => RowCovariance::Full,
            CovarianceOption::Diagonal => RowCovariance::Diagonal,
        },
        prior: match options.prior {
            PriorOption::Isotropic => PriorShape::Isotropic,
            PriorOption::Diagonal => PriorShape::Diagonal,
            PriorOption::Full => PriorShape::Full,
        },
        mu_sd: options.mu_sd,
        ascent: run.coordinate_ascent(default.ascent.clone()),
        ..default
    }
}

fn read(input: &Input, options: &Options, notes: Notes) -> Result<Ratings, Failure> {
    let mut how = input.ratings_options();
    how.user_column.clone_from(&options.user_column);
    how.item_column.clone_from(&options.item_column);
    how.rating_column.clone_from(&options.rating_column);
    read_noting(input, &how, notes)
}

/// Reads ratings and says which were replaced.
///
/// # Errors
/// If they cannot be read.
fn read_noting(input: &Input, how: &RatingsOptions, notes: Notes) -> Result<Ratings, Failure> {
    let ratings = read_ratings(&input.path, how)?;
    let duplicates = ratings.duplicates();
    if let Some(first) = &duplicates.first {
        let place = first
            .place
            .as_ref()
            .map_or_else(String::new, |place| format!("{place}: "));
        notes.note(format!(
            "{place}user {} rates item {} more than once; {} such ratings are replaced by the last \
             of their pair",
            first.user, first.item, duplicates.count
        ));
    }
    Ok(ratings)
}

/// The ratings as the model takes them.
fn for_model(ratings: &Ratings) -> Result<factor::Ratings, Failure> {
    Ok(factor::Ratings::from_triplets(
        ratings.users().len(),
        ratings.items().len(),
        ratings.user(),
        ratings.item(),
        ratings.value(),
    )?)
}

/// The model's own keys of the JSON object.
fn keys(posterior: &FactorPosterior, ratings: &Ratings, heldout: &Ratings) -> Map<String, Value> {
    let triplets = heldout
        .user()
        .iter()
        .zip(heldout.item())
        .zip(heldout.value());
    let scores = posterior
        .heldout(triplets.map(|((u, i), v)| (Some(*u as usize), Some(*i as usize), f64::from(*v))));
    let users = posterior.user_prior_covariance().diagonal();
    let items = posterior.item_prior_covariance().diagonal();
    let sds = |variances: &[f64]| variances.iter().map(|v| v.sqrt()).collect::<Vec<f64>>();
    let (users, items) = (sds(&users), sds(&items));
    Map::from_iter(
        [
            ("heldout_rmse", json!(scores.map(|s| s.rmse))),
            ("heldout_log_density", json!(scores.map(|s| s.log_density))),
            ("heldout_coverage_90", json!(scores.map(|s| s.coverage_90))),
            ("n_heldout", json!(heldout.len())),
            ("n_ratings", json!(ratings.len())),
            ("n_users", json!(ratings.users().len())),
            ("n_items", json!(ratings.items().len())),
            ("rank", json!(posterior.rank())),
            ("mu", json!(posterior.mu().0)),
            ("sigma", json!(posterior.noise_sd())),
            ("kappa_a", json!(users[0])),
            ("kappa_b", json!(items[0])),
            ("kappa_A", json!(users[1..])),
            ("kappa_B", json!(items[1..])),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn fitted(
    posterior: FactorPosterior,
    outcome: Outcome,
    mut keys: Map<String, Value>,
    ratings: &Ratings,
    input: &Input,
) -> Result<Fitted, Failure> {
    let mut arrays = posterior.to_arrays();
    // Held-out ratings are left out of the fit, but what has been rated is not recommended.
    store_seen(&mut arrays, &ratings.by_user(), ratings.items().len());
    let names = |ids: &IdMap| ids.names().map(str::to_owned).collect::<Vec<_>>();
    let labels = Labels::from([
        ("users".to_owned(), names(ratings.users())),
        ("items".to_owned(), names(ratings.items())),
    ]);
    let opened = OpenedFactor::new(
        posterior,
        ratings.users().as_ref().clone(),
        ratings.items().as_ref().clone(),
        &arrays,
    )?;
    keys.insert("n_duplicates".into(), json!(ratings.duplicates().count));
    Ok(Fitted {
        arrays,
        labels,
        data: DataRecord {
            path: input.path.display().to_string(),
            rows: ratings.len() as u64,
            ..DataRecord::default()
        },
        opened: Box::new(opened.with_scores(&keys)),
        outcome,
        approximation: Approximation::Factorised,
        keys,
    })
}
