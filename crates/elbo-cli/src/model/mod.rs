//! What the command line has to know of a model, and the table that lists them.
//!
//! The one idea: a model is one file here that says how its options read, how it is fitted and how a
//! saved fit is opened again; an opened fit answers every command. Adding a model is that file and a
//! row in [`MODELS`]. Deliberately absent: the mathematics, which is `elbo-models`'.

mod ard;
mod clusters;
mod factor;
mod gmm;
mod linear;
mod logistic;
mod mixture_of_means;
mod regression;
mod tabular;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::math::arrays::Arrays;
use elbo::math::random::Stream;
use elbo::models::{ModelError, Outcome, Posterior};
use elbo_data::fit::{DataRecord, Labels};
use serde_json::{Map, Value};

use crate::command::Input;
use crate::command::fit::effect::{self, Uses};
use crate::command::fit::{CommonOptions, FitRun, Method};
use crate::console::Notes;
use crate::failure::{Failure, did_you_mean};
use crate::frame::Frame;
use crate::stored::Stored;
use crate::table::Marginal;
use crate::verdict::Approximation;

/// All models, in the order of the help.
pub(crate) const MODELS: &[Entry] = &[
    Entry::of::<gmm::Gmm>(),
    Entry::of::<mixture_of_means::MixtureOfMeans>(),
    Entry::of::<linear::Linear>(),
    Entry::of::<ard::Ard>(),
    Entry::of::<logistic::Logistic>(),
    Entry::of::<factor::Factor>(),
];

/// A model as its file describes it.
pub(crate) trait Model {
    /// The name on the command line and in `fit.json`.
    const NAME: &'static str;
    /// One line for the help.
    const ABOUT: &'static str;
    /// More for `elbo fit MODEL --help`: the formula, an example.
    const DETAILS: &'static str;
    /// The columns of its predictions, for the help of `elbo predict`.
    const PREDICTS: &'static str;
    /// How it can be fitted; the first is the default.
    const METHODS: &'static [Method];
    /// Under which methods it uses the shared options that not every model does; elsewhere they are
    /// refused.
    const USES: Uses = Uses::NOTHING;
    /// Whether its predictions have intervals, and `predict --level` an effect.
    const INTERVALS: bool = true;
    /// Whether it folds users in from `--new-ratings`.
    const FOLDS_IN: bool = false;
    /// Its own options.
    type Options: Args;

    /// Reads the data and fits.
    ///
    /// # Errors
    /// Unusable data or settings, or a numerical failure.
    fn fit(options: &Self::Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure>;

    /// Opens a fit of this model that was read from a directory.
    ///
    /// # Errors
    /// If it is damaged.
    fn open(stored: &Stored) -> Result<Box<dyn Opened>, Failure>;
}

/// What a fit leaves behind.
pub(crate) struct Fitted {
    /// Every number of `q`.
    pub arrays: Arrays,
    /// Lists of names that are needed to open the fit again: columns, ids.
    pub labels: Labels,
    /// The data that were used.
    pub data: DataRecord,
    /// The fit, opened.
    pub opened: Box<dyn Opened>,
    /// ELBO, trace, and why it ended.
    pub outcome: Outcome,
    /// Whether `q` is the posterior.
    pub approximation: Approximation,
    /// The model's own keys in the JSON object.
    pub keys: Map<String, Value>,
}

/// A fit that can be asked.
pub(crate) trait Opened: Send + Sync {
    /// The table: the parameters' marginals; without `all`, those that a reader wants to see.
    ///
    /// # Errors
    /// A numerical failure.
    fn marginals(&self, all: bool) -> Result<Vec<Marginal>, Failure>;

    /// Sentences printed under the table.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Draws of the parameters `asked` for, by name or group; of a default choice if of none.
    ///
    /// # Errors
    /// If a parameter is unknown.
    fn drawer(&self, asked: &[String]) -> Result<Drawer<'_>, Failure>;

    /// Predictions for the rows of `request`.
    ///
    /// # Errors
    /// If the data cannot be used.
    fn predict(&self, request: &Prediction<'_>) -> Result<Frame, Failure>;

    /// The best items for each user asked for; only models of ratings can.
    ///
    /// # Errors
    /// If this is no such model, or a user is unknown.
    fn recommend(&self, _request: &Recommendation<'_>) -> Result<Frame, Failure> {
        Err(Failure::input("this model does not recommend")
            .help("recommend needs a fit of: factor"))
    }

    /// Embeddings as named tables of numbers; only models of ratings have them.
    ///
    /// # Errors
    /// If this is no such model.
    fn embeddings(&self) -> Result<Vec<Embedding>, Failure> {
        Err(Failure::input("this model has no embeddings").help("export needs a fit of: factor"))
    }
}

/// Makes one joint draw.
type Draw<'a> = dyn Fn(&mut Stream) -> Result<Vec<f64>, Failure> + 'a;

/// Named parameters and how to draw them jointly.
pub(crate) struct Drawer<'a> {
    /// Their names.
    pub names: Vec<String>,
    /// One draw, in the order of the names.
    pub draw: Box<Draw<'a>>,
}

impl<'a> Drawer<'a> {
    /// The parameters of a posterior.
    ///
    /// # Errors
    /// If one that is asked for is unknown.
    pub(crate) fn of(posterior: &'a impl Posterior, asked: &[String]) -> Result<Self, Failure> {
        let names = posterior.draw_names();
        let chosen = choose(&names, asked)?;
        Ok(Self {
            names: chosen.iter().map(|&j| names[j].clone()).collect(),
            draw: Box::new(move |rng| {
                let values = posterior.draw(rng);
                Ok(chosen.iter().map(|&j| values[j]).collect())
            }),
        })
    }
}

/// Indices of the parameters asked for, in the order of `names`; all where none are asked for.
pub(crate) fn choose(names: &[String], asked: &[String]) -> Result<Vec<usize>, Failure> {
    let group = |name: &str| {
        name.split(['.', '[', ':'])
            .next()
            .unwrap_or(name)
            .to_owned()
    };
    let matches = |name: &str, asked: &str| name == asked || group(name) == asked;
    for parameter in asked {
        if !names.iter().any(|name| matches(name, parameter)) {
            let mut groups: Vec<String> = names.iter().map(|n| group(n)).collect();
            groups.dedup();
            let known: Vec<&str> = groups.iter().map(String::as_str).collect();
            return Err(
                Failure::input(format!("the fit has no parameter '{parameter}'"))
                    .help(did_you_mean(parameter, &known)),
            );
        }
    }
    Ok((0..names.len())
        .filter(|&j| asked.is_empty() || asked.iter().any(|a| matches(&names[j], a)))
        .collect())
}

/// Rows to predict.
pub(crate) struct Prediction<'a> {
    /// Where the rows are.
    pub input: &'a Input,
    /// Probability inside an interval.
    pub level: f64,
    /// Ratings of users that the fit has not seen.
    pub new_ratings: Option<&'a Input>,
    /// For remarks.
    pub notes: Notes,
}

/// Users to recommend to.
pub(crate) struct Recommendation<'a> {
    /// Their ids, as in the data.
    pub users: &'a [String],
    /// Items for each.
    pub n: usize,
    /// Probability inside an interval.
    pub level: f64,
    /// Ratings of users that the fit has not seen.
    pub new_ratings: Option<&'a Input>,
    /// For remarks.
    pub notes: Notes,
}

/// One vector per user or item.
pub(crate) struct Embedding {
    /// `users` or `items`.
    pub name: &'static str,
    /// One per row.
    pub ids: Vec<String>,
    /// What the numbers of a row are.
    pub columns: Vec<String>,
    /// Row-major, `ids.len() × columns.len()`.
    pub vectors: Vec<f64>,
}

/// A row of the table: a [`Model`] behind function pointers.
pub(crate) struct Entry {
    /// [`Model::NAME`].
    pub name: &'static str,
    /// [`Model::PREDICTS`].
    pub predicts: &'static str,
    /// [`Model::METHODS`].
    pub methods: &'static [Method],
    /// [`Model::USES`].
    pub uses: Uses,
    /// [`Model::INTERVALS`].
    pub intervals: bool,
    /// [`Model::FOLDS_IN`].
    pub folds_in: bool,
    command: fn() -> Command,
    fit: fn(&ArgMatches, &mut FitRun<'_>) -> Result<Fitted, Failure>,
    open: fn(&Stored) -> Result<Box<dyn Opened>, Failure>,
}

impl Entry {
    const fn of<M: Model>() -> Self {
        Self {
            name: M::NAME,
            predicts: M::PREDICTS,
            methods: M::METHODS,
            uses: M::USES,
            intervals: M::INTERVALS,
            folds_in: M::FOLDS_IN,
            command: fit_command::<M>,
            fit: fit::<M>,
            open: M::open,
        }
    }

    /// `elbo fit MODEL` for clap: the options of all models and the model's own.
    pub(crate) fn command(&self) -> Command {
        effect::hide_unused(self, (self.command)())
    }

    /// [`Model::fit`] with the options that were given.
    ///
    /// # Errors
    /// What the model reports.
    pub(crate) fn fit(
        &self,
        matches: &ArgMatches,
        run: &mut FitRun<'_>,
    ) -> Result<Fitted, Failure> {
        (self.fit)(matches, run)
    }

    /// [`Model::open`].
    ///
    /// # Errors
    /// If the fit is damaged.
    pub(crate) fn open(&self, stored: &Stored) -> Result<Box<dyn Opened>, Failure> {
        (self.open)(stored)
    }
}

fn fit_command<M: Model>() -> Command {
    let own = Command::new(M::NAME).next_help_heading("Options of this model");
    CommonOptions::augment_args(M::Options::augment_args(own).next_help_heading("Options"))
        .about(M::ABOUT)
        .after_help(M::DETAILS)
}

fn fit<M: Model>(matches: &ArgMatches, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
    let options = M::Options::from_arg_matches(matches)
        .map_err(|e| Failure::input(e.to_string().trim_start_matches("error: ").trim_end()))?;
    M::fit(&options, run)
}

/// The row of a model.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    MODELS.iter().find(|entry| entry.name == name)
}

/// What to say about a model that does not exist.
pub(crate) fn unknown(given: &str) -> Failure {
    let help = did_you_mean(given, &names());
    Failure::input(format!("unknown model '{given}'")).help(format!(
        "{help}, or the file of a Stan program (PROGRAM.stan)"
    ))
}

fn names() -> Vec<&'static str> {
    MODELS.iter().map(|entry| entry.name).collect()
}

/// Turns a model's complaint about arrays read from a fit into one about the fit.
pub(crate) fn damaged(stored: &Stored) -> impl FnOnce(ModelError) -> Failure {
    let path = stored.path().display().to_string();
    move |error| Failure::input(format!("{path}: {error}")).help("fit again, with --out elsewhere")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stands_for_its_members_and_a_slip_is_named() {
        let names: Vec<String> = ["mu", "weights.1", "weights.2", "means.1.1"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(choose(&names, &[]).unwrap(), [0, 1, 2, 3]);
        let asked = ["weights".to_owned(), "mu".to_owned()];
        assert_eq!(choose(&names, &asked).unwrap(), [0, 1, 2]);
        let failure = choose(&names, &["wieghts".to_owned()]).unwrap_err();
        assert!(failure.to_string().contains("did you mean 'weights'?"));
    }
}
