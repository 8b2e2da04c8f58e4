//! `elbo fit factor`: latent factors for ratings.

mod draws;
mod opened;
mod streaming;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use elbo::models::driver::{Shuffled, best_of};
use elbo::models::factor::{
    self, FactorConfig, FactorPosterior, Heldout, HeldoutRatings, NoiseShape, PriorShape,
    RowCovariance,
};
use elbo::models::{Fit, ModelError, Posterior};
use elbo_data::fit::{DataRecord, Labels};
use elbo_data::ratings::{
    Duplicates, Grouped, IdMap, Ratings, RatingsOptions, RatingsStore, StoreOptions, read_ratings,
};
use serde_json::{Map, Value, json};

use self::opened::{OpenedFactor, store_seen};
use super::{Fitted, Model, Opened, damaged};
use crate::command::Input;
use crate::command::fit::effect::{Uses, no_effect};
use crate::command::fit::{FitRun, Method};
use crate::console::Notes;
use crate::failure::Failure;
use crate::stored::Stored;
use crate::verdict::Approximation;

/// Users of a mini-batch, if not said otherwise.
const USERS_PER_BATCH: usize = 256;

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
    /// Covariance of a user's or item's q: full, or diagonal (smaller, overconfident)
    #[arg(long, value_enum, default_value = "full", value_name = "TYPE")]
    covariance: CovarianceOption,
    /// Covariance of the priors, which is learnt: isotropic, diagonal or full
    #[arg(long, value_enum, default_value = "full", value_name = "SHAPE")]
    prior: PriorOption,
    /// Noise: user (every user has a variance of their own around sigma; where they do not differ, that is learnt too) or shared
    #[arg(long, value_enum, default_value = "user", value_name = "KIND")]
    noise: NoiseOption,
    /// Prior standard deviation of the overall mean
    #[arg(long, default_value_t = 100.0, value_name = "X")]
    mu_sd: f64,
    /// Keep nothing of single users: the fit stays as small as the items, and users are folded in from --new-ratings at prediction time
    #[arg(long)]
    drop_users: bool,
    /// Folder for temporary files (--method streaming), 24 bytes a rating [default: the system's]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
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
enum NoiseOption {
    Shared,
    User,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PriorOption {
    Isotropic,
    Diagonal,
    Full,
}

const DETAILS: &str = "\
Model: rating = mu + user's bias + item's bias + user's factors · item's factors + noise, normal \
priors on all of them; sigma, how much users differ in noise, and the priors' covariances (kappa) are \
learnt. DATA: one rating a line \
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
    const PREDICTS: &'static str = "user, item, mean, sd, lower, upper";
    const METHODS: &'static [Method] = &[Method::Batch, Method::Stochastic, Method::Streaming];
    const USES: Uses = Uses {
        restarts: Self::METHODS,
        warm_start: Self::METHODS,
        holdout: Self::METHODS,
    };
    const FOLDS_IN: bool = true;
    type Options = Options;

    fn fit(options: &Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
        if options.scratch.is_some() && run.method() != Method::Streaming {
            let now = format!("--method {}", run.method().name());
            return Err(no_effect("--scratch", &now, "--method streaming"));
        }
        let config = config(options, run);
        config.check()?;
        let (fit, data) = match run.method() {
            Method::Streaming => fit_streaming(options, config, run)?,
            _ => fit_batch(options, config, run)?,
        };
        fitted(fit, &data, &run.input)
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
        noise: match options.noise {
            NoiseOption::Shared => NoiseShape::Shared,
            NoiseOption::User => NoiseShape::PerUser,
        },
        mu_sd: options.mu_sd,
        keep_users: !options.drop_users,
        ascent: run.coordinate_ascent(default.ascent.clone()),
        ..default
    }
}

/// How the file is to be read.
fn columns(input: &Input, options: &Options) -> RatingsOptions {
    let mut how = input.ratings_options();
    how.user_column.clone_from(&options.user_column);
    how.item_column.clone_from(&options.item_column);
    how.rating_column.clone_from(&options.rating_column);
    how
}

fn read(input: &Input, options: &Options, notes: Notes) -> Result<Ratings, Failure> {
    read_noting(input, &columns(input, options), notes)
}

/// Reads ratings and says which were replaced.
///
/// # Errors
/// If they cannot be read.
fn read_noting(input: &Input, how: &RatingsOptions, notes: Notes) -> Result<Ratings, Failure> {
    let ratings = read_ratings(&input.path, how)?;
    say_duplicates(ratings.duplicates(), notes);
    Ok(ratings)
}

fn say_duplicates(duplicates: &Duplicates, notes: Notes) {
    let Some(first) = &duplicates.first else {
        return;
    };
    let place = first
        .place
        .as_ref()
        .map_or_else(String::new, |place| format!("{place}: "));
    notes.note(format!(
        "{place}user {} rates item {} more than once; {} such ratings are replaced by the last of \
         their pair",
        first.user, first.item, duplicates.count
    ));
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

/// What is known of the data besides the fit.
struct Data {
    users: Arc<IdMap>,
    items: Arc<IdMap>,
    n_ratings: usize,
    n_heldout: usize,
    n_duplicates: usize,
    heldout: Option<Heldout>,
    /// What each user has rated.
    seen: Grouped,
}

/// The fit to go on from, its items numbered as those of the data.
fn earlier(run: &FitRun<'_>, items: &IdMap) -> Result<Option<Box<FactorPosterior>>, Failure> {
    let Some(stored) = &run.warm_start else {
        return Ok(None);
    };
    let posterior = FactorPosterior::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
    let known: IdMap = stored.labels("items")?.iter().collect();
    let order: Vec<Option<usize>> = items
        .names()
        .map(|name| known.get(name).map(|item| item as usize))
        .collect();
    Ok(Some(Box::new(posterior.with_items(&order))))
}

fn fit_batch(
    options: &Options,
    mut config: FactorConfig,
    run: &mut FitRun<'_>,
) -> Result<(Fit<FactorPosterior>, Data), Failure> {
    let ratings = read(&run.input, options, run.notes)?;
    config.warm_start = earlier(run, ratings.items())?;
    let (train, heldout) = ratings.split_holdout(run.holdout(), run.seed())?;
    if train.is_empty() {
        return Err(nothing_left());
    }
    let input = for_model(&train)?;
    drop(train);
    // What is held out is predicted for users as they are, even if they are dropped afterwards.
    config.keep_users |= !heldout.is_empty();
    run.begin();
    let triplets = || {
        let pairs = heldout.user().iter().zip(heldout.item());
        pairs.zip(heldout.value()).map(|((u, i), v)| (*u, *i, *v))
    };
    let judges = (!heldout.is_empty() && run.method() == Method::Stochastic)
        .then(|| HeldoutRatings::new(&input, triplets().collect()));
    let mut fit = restarted(run, |seed, run| match run.method() {
        Method::Stochastic => {
            let size = run.batch_size(USERS_PER_BATCH);
            let mut source = Shuffled::new(&input, size, seed)?;
            let steps = run.stochastic(input.n_users(), size);
            let observer = &mut |p: &_| run.observe(p);
            factor::fit_stochastic(
                &mut source,
                input.n_items(),
                &config,
                &steps,
                judges.as_ref(),
                seed,
                observer,
            )
        }
        _ => factor::fit(&input, &config, seed, &mut |p| run.observe(p)),
    })?;
    let known = triplets();
    let scores = fit
        .posterior
        .heldout(known.map(|(u, i, v)| (Some(u as usize), Some(i as usize), f64::from(v))));
    if options.drop_users {
        fit.posterior = fit.posterior.without_users();
    }
    let data = Data {
        users: Arc::clone(ratings.users()),
        items: Arc::clone(ratings.items()),
        n_ratings: ratings.len(),
        n_heldout: heldout.len(),
        n_duplicates: ratings.duplicates().count,
        heldout: scores,
        // Held-out ratings are left out of the fit, but what has been rated is not recommended.
        seen: ratings.by_user(),
    };
    Ok((fit, data))
}

fn fit_streaming(
    options: &Options,
    mut config: FactorConfig,
    run: &mut FitRun<'_>,
) -> Result<(Fit<FactorPosterior>, Data), Failure> {
    let layout = StoreOptions {
        ratings_per_batch: run.batch_size(StoreOptions::default().ratings_per_batch),
        holdout: run.holdout(),
        seed: run.seed(),
    };
    let scratch = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let how = columns(&run.input, options);
    let store = RatingsStore::build(&run.input.path, &how, scratch, &layout)?;
    say_duplicates(store.duplicates(), run.notes);
    if store.is_empty() {
        return Err(nothing_left());
    }
    config.warm_start = earlier(run, store.items())?;
    run.begin();
    let fit = restarted(run, |seed, run| streaming::fit(&store, &config, seed, run))?;
    let n_heldout = usize::try_from(store.n_held_out()).unwrap_or(usize::MAX);
    let data = Data {
        users: Arc::clone(store.users()),
        items: Arc::clone(store.items()),
        n_ratings: usize::try_from(store.len()).unwrap_or(usize::MAX) + n_heldout,
        n_heldout,
        n_duplicates: store.duplicates().count,
        heldout: streaming::heldout(&store, &fit.posterior)?,
        seen: if options.drop_users {
            nobody()
        } else {
            streaming::seen(&store)?
        },
    };
    Ok((fit, data))
}

fn nothing_left() -> Failure {
    Failure::input("no rating is left to fit").help("hold out a smaller part by --holdout")
}

/// What nobody has rated.
fn nobody() -> Grouped {
    Grouped {
        row_starts: vec![0],
        column: Vec::new(),
        value: Vec::new(),
    }
}

/// The best of as many starts as were asked for; the first has the user's own seed.
fn restarted(
    run: &mut FitRun<'_>,
    mut fit: impl FnMut(u64, &mut FitRun<'_>) -> Result<Fit<FactorPosterior>, ModelError>,
) -> Result<Fit<FactorPosterior>, ModelError> {
    let (seed, restarts) = (run.seed(), run.restarts());
    let (posterior, outcome) = best_of(restarts, |restart| {
        let fit = fit(seed.wrapping_add(restart as u64), run)?;
        Ok((fit.posterior, fit.outcome))
    })?;
    Ok(Fit { posterior, outcome })
}

/// The model's own keys of the JSON object.
fn keys(posterior: &FactorPosterior, data: &Data) -> Map<String, Value> {
    let users = posterior.user_prior_covariance().diagonal();
    let items = posterior.item_prior_covariance().diagonal();
    let sds = |variances: &[f64]| variances.iter().map(|v| v.sqrt()).collect::<Vec<f64>>();
    let (users, items, scores) = (sds(&users), sds(&items), data.heldout);
    Map::from_iter(
        [
            ("heldout_rmse", json!(scores.map(|s| s.rmse))),
            ("heldout_log_density", json!(scores.map(|s| s.log_density))),
            ("heldout_coverage_90", json!(scores.map(|s| s.coverage_90))),
            ("n_heldout", json!(data.n_heldout)),
            ("n_ratings", json!(data.n_ratings)),
            ("n_duplicates", json!(data.n_duplicates)),
            ("n_users", json!(data.users.len())),
            ("n_items", json!(data.items.len())),
            ("rank", json!(posterior.rank())),
            ("mu", json!(posterior.mu().0)),
            ("sigma", json!(posterior.noise_sd())),
            ("noise_dof", json!(posterior.noise_dof())),
            ("kappa_a", json!(users[0])),
            ("kappa_b", json!(items[0])),
            ("kappa_A", json!(users[1..])),
            ("kappa_B", json!(items[1..])),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn fitted(fit: Fit<FactorPosterior>, data: &Data, input: &Input) -> Result<Fitted, Failure> {
    let posterior = fit.posterior;
    let keys = keys(&posterior, data);
    let keeps_users = posterior.n_users() > 0;
    let (users, seen) = if keeps_users {
        (data.users.as_ref().clone(), &data.seen)
    } else {
        (IdMap::new(), &nobody())
    };
    let items = data.items.as_ref().clone();
    let mut arrays = posterior.to_arrays();
    store_seen(&mut arrays, seen, items.len());
    let names = |ids: &IdMap| ids.names().map(str::to_owned).collect::<Vec<_>>();
    let labels = Labels::from([
        ("users".to_owned(), names(&users)),
        ("items".to_owned(), names(&items)),
    ]);
    let opened = OpenedFactor::new(posterior, users, items, &arrays)?;
    Ok(Fitted {
        arrays,
        labels,
        data: DataRecord {
            path: input.path.display().to_string(),
            rows: data.n_ratings as u64,
            ..DataRecord::default()
        },
        opened: Box::new(opened),
        outcome: fit.outcome,
        approximation: Approximation::Factorised,
        keys,
    })
}
