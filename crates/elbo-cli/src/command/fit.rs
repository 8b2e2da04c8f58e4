//! `elbo fit MODEL [DATA]`: reads data, fits, judges, saves, reports.
//!
//! The one idea: the order. What can be refused is refused before the work begins (options, the
//! output directory), data next, then the fit; files are written once there is a state worth
//! keeping, and stdout comes last. A model sees a [`FitRun`] only.

pub(crate) mod effect;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use elbo::math::random;
use elbo::models::Progress;
use elbo::models::driver::{CoordinateAscentConfig, StochasticConfig};
use elbo_data::fit::FitRecord;
use serde_json::{Map, Value};

use super::{Input, summary, thread_count};
use crate::console::{Notes, Results};
use crate::failure::Failure;
use crate::model::{self, Fitted};
use crate::progress::Watch;
use crate::stored::{self, Stored};
use crate::{interrupt, stan, verdict};

/// Rows of a mini-batch, if not said otherwise.
pub(crate) const MINI_BATCH: usize = 1024;

/// How the drivers go through the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// Coordinate ascent on all data in memory.
    Batch,
    /// Natural-gradient steps on random mini-batches of data in memory.
    Stochastic,
    /// Coordinate ascent on data read block by block; memory does not grow with the rows.
    Streaming,
}

impl Method {
    /// As typed and as reported.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Stochastic => "stochastic",
            Self::Streaming => "streaming",
        }
    }
}

/// The options of every model.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line, independent of the others"
)]
pub(crate) struct CommonOptions {
    /// The data: a file, or a folder that `elbo generate` wrote; the format is told by name and content
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Format of DATA, where it is told wrongly: csv, tsv, semicolon, pipe, space, :: or parquet
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The first line of DATA holds data, not names (columns are then named by their number)
    #[arg(long)]
    no_header: bool,
    /// Directory to write the fit to; without it nothing is written
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the fit in --out, if there is one
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// How to go through the data; which methods there are depends on the model
    #[arg(long, value_enum, default_value = "batch", value_name = "M")]
    method: Method,
    /// Key of all random numbers: the same seed gives the same bits, whatever the threads
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Threads to use; 0: as many as there are cores
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = thread_count())]
    threads: usize,
    /// The most iterations (passes over the data) [default: 1000, factor 200, stochastic 100]
    #[arg(long, visible_alias = "max-iter", value_name = "N")]
    max_iters: Option<usize>,
    /// Converged when an iteration raises the ELBO by less than this part of its size, twice in a row [default: 1e-8, gmm 1e-9, factor 1e-5, stochastic 1e-5 of the ELBO, or with --holdout of the held-out density, smoothed, three times in a row]
    #[arg(long, value_name = "X")]
    rel_tol: Option<f64>,
    /// Fits from different starts; the one with the highest ELBO is kept
    #[arg(
        long,
        default_value_t = 1,
        value_name = "N",
        conflicts_with = "warm_start"
    )]
    restarts: usize,
    /// Start from this earlier fit of the same model, such as an interrupted one
    #[arg(long, value_name = "FIT")]
    warm_start: Option<PathBuf>,
    /// Part of the rows (for factor of the ratings) to keep back, chosen at random by the seed: their predictive density is reported, and --method stochastic stops when it no longer rises
    #[arg(long, default_value_t = 0.0, value_name = "F")]
    holdout: f64,
    /// Rows of a mini-batch (--method stochastic) or of a block in memory (--method streaming) [default: 1024; streaming 65536; factor 256 users, streaming 1048576 ratings]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// How fast old mini-batches are forgotten, in (0.5, 1] (--method stochastic)
    #[arg(long, default_value_t = 0.7, value_name = "X")]
    forgetting_rate: f64,
    /// Damps the first steps, at least 0 (--method stochastic) [default: 1; with --warm-start the batches of a pass, or the first steps would forget the start]
    #[arg(long, value_name = "X")]
    delay: Option<f64>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Print no progress and no notes
    #[arg(long, short)]
    quiet: bool,
}

/// One run of `fit`, as a model sees it.
pub(crate) struct FitRun<'a> {
    options: &'a CommonOptions,
    /// Where the data are.
    pub input: Input,
    /// For remarks.
    pub notes: Notes,
    /// The earlier fit to start from.
    pub warm_start: Option<Stored>,
    watch: Option<Watch>,
}

impl FitRun<'_> {
    /// How to go through the data.
    pub(crate) fn method(&self) -> Method {
        self.options.method
    }

    /// Key of all random numbers.
    pub(crate) fn seed(&self) -> u64 {
        self.options.seed
    }

    /// Number of starts.
    pub(crate) fn restarts(&self) -> usize {
        self.options.restarts
    }

    /// The part of the data to keep back.
    pub(crate) fn holdout(&self) -> f64 {
        self.options.holdout
    }

    /// Which of `n` rows to keep back, ascending.
    ///
    /// # Errors
    /// If none is left to fit, or none is kept back though some were to be.
    pub(crate) fn heldout_rows(&self, n: usize) -> Result<Vec<usize>, Failure> {
        let part = self.options.holdout;
        if part == 0.0 {
            return Ok(Vec::new());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a number of rows is one"
        )]
        let wanted = (part * n as f64).round() as usize;
        if wanted == 0 || wanted == n {
            return Err(Failure::input(format!(
                "--holdout {part} keeps back {wanted} of {n} rows"
            ))
            .help("give a part that leaves some to fit and some to predict"));
        }
        let mut rng = random::stream(self.options.seed, "cli/holdout", 0);
        let mut rows = random::permutation(&mut rng, n);
        rows.truncate(wanted);
        rows.sort_unstable();
        Ok(rows)
    }

    /// Rows of a mini-batch or block.
    pub(crate) fn batch_size(&self, default: usize) -> usize {
        self.options.batch_size.unwrap_or(default)
    }

    /// A model's settings of coordinate ascent, with what the user set instead.
    pub(crate) fn coordinate_ascent(
        &self,
        mut config: CoordinateAscentConfig,
    ) -> CoordinateAscentConfig {
        if let Some(max_iters) = self.options.max_iters {
            config.max_iters = max_iters;
        }
        if let Some(rel_tol) = self.options.rel_tol {
            config.rel_tol = rel_tol;
        }
        config
    }

    /// Settings of stochastic VI on batches of `batch_size` of `n_total` units, with what the user set
    /// instead.
    pub(crate) fn stochastic(&self, n_total: usize, batch_size: usize) -> StochasticConfig {
        let default = StochasticConfig::default();
        let delay = if self.warm_start.is_some() {
            n_total.div_ceil(batch_size.max(1)) as f64
        } else {
            default.delay
        };
        StochasticConfig {
            max_passes: self.options.max_iters.unwrap_or(default.max_passes),
            rel_tol: self.options.rel_tol.unwrap_or(default.rel_tol),
            forgetting_rate: self.options.forgetting_rate,
            delay: self.options.delay.unwrap_or(delay),
            ..default
        }
    }

    /// Called when the data are in memory: from here on Ctrl-C saves what there is.
    pub(crate) fn begin(&mut self) {
        let rel_tol = self.options.rel_tol.unwrap_or(1e-8);
        self.watch = Some(Watch::start(!self.notes.quiet(), rel_tol));
    }

    /// The drivers' observer.
    pub(crate) fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        if self.watch.is_none() {
            self.begin();
        }
        match &mut self.watch {
            Some(watch) => watch.observe(progress),
            None => ControlFlow::Continue(()),
        }
    }
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Command::new("fit")
        .about("Fit a model to data, and say whether to believe the fit")
        .long_about(
            "Fit a model to data, and say whether to believe the fit.\n\
             The options of a model are listed by `elbo fit MODEL --help`. A Stan program's file \
             takes the place of MODEL.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("MODEL")
        .subcommand_help_heading("Models")
        .subcommand(stan::fit::command())
        .subcommands(model::MODELS.iter().map(model::Entry::command))
}

/// Runs it.
///
/// # Errors
/// Wrong options, unusable data, an output that exists, a numerical failure.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let (name, matches) = matches
        .subcommand()
        .expect("clap refuses a fit without a model");
    if name == stan::fit::NAME {
        return stan::fit::run(matches);
    }
    let entry = model::find(name).expect("clap knows no other models than the table's");
    let options =
        CommonOptions::from_arg_matches(matches).expect("clap has parsed these very options");
    check_method(entry, options.method)?;
    effect::check(entry, options.method, matches)?;
    if !(0.0..1.0).contains(&options.holdout) {
        return Err(
            Failure::input(format!("--holdout {} is out of range", options.holdout))
                .help("give a number of at least 0 and below 1"),
        );
    }
    if let Some(out) = &options.out {
        stored::check_output(out, options.overwrite)?;
    }
    let warm_start = match &options.warm_start {
        Some(path) => Some(stored::read_as(path, name)?),
        None => None,
    };
    let mut run = FitRun {
        options: &options,
        input: Input::new(&options.data, options.format.as_deref(), options.no_header)?,
        notes: Notes::new(options.quiet),
        warm_start,
        watch: None,
    };
    let start = Instant::now();
    let fitted =
        elbo::math::parallel::with_threads(options.threads, || entry.fit(matches, &mut run));
    if let Some(watch) = &run.watch {
        watch.finish();
    }
    let fitted = fitted?;
    let seconds = start.elapsed().as_secs_f64();
    let clock = run.watch.as_ref().map_or(&[][..], Watch::seconds);
    conclude(name, &options, &fitted, seconds, clock, matches)
}

fn check_method(entry: &model::Entry, method: Method) -> Result<(), Failure> {
    if entry.methods.contains(&method) {
        return Ok(());
    }
    let names: Vec<&str> = entry.methods.iter().map(|m| m.name()).collect();
    Err(Failure::input(format!(
        "{} cannot be fitted by --method {}",
        entry.name,
        method.name()
    ))
    .help(format!("its methods are: {}", names.join(", "))))
}

/// Judges, saves, prints; returns the exit code.
fn conclude(
    name: &str,
    options: &CommonOptions,
    fitted: &Fitted,
    seconds: f64,
    clock: &[f64],
    matches: &ArgMatches,
) -> Result<u8, Failure> {
    let outcome = &fitted.outcome;
    let verdict = verdict::of(fitted.approximation, outcome);
    let goes_on = goes_on(name, options.method);
    let record = FitRecord {
        model: name.to_owned(),
        method: options.method.name().to_owned(),
        options: given_options(matches),
        seed: options.seed,
        elbo: Some(outcome.elbo),
        elbo_mcse: Some(outcome.elbo_error),
        converged: outcome.converged(),
        khat: None,
        verdict,
        verdict_text: verdict::sentence(fitted.approximation, outcome, goes_on),
        iterations: outcome.iterations() as u64,
        seconds,
        data: fitted.data.clone(),
        extra: fitted.keys.clone(),
        ..FitRecord::default()
    };
    let object = stored::result_object(&record, options.out.as_deref());
    if let Some(out) = &options.out {
        stored::write(out, options.overwrite, record.clone(), fitted, clock)?;
    }
    let mut stdout = Results::stdout();
    if options.json {
        stdout.line(&Value::Object(object).to_string())?;
    } else {
        summary::print(&mut stdout, &record, &*fitted.opened, false)?;
    }
    stdout.finish()?;
    if interrupt::requested() {
        after_interrupt(options, goes_on);
        return Ok(interrupt::EXIT_CODE);
    }
    Ok(verdict::exit_code(verdict))
}

/// Whether a fit that has not converged can be gone on from.
fn goes_on(name: &str, method: Method) -> bool {
    model::find(name).is_some_and(|entry| entry.uses.warm_start.contains(&method))
}

fn after_interrupt(options: &CommonOptions, goes_on: bool) {
    let message = match &options.out {
        Some(out) if goes_on => format!(
            "interrupted; the state is in {0}, go on with: --warm-start {0}",
            out.display()
        ),
        Some(out) => format!("interrupted; the state is in {}", out.display()),
        None => "interrupted; without --out nothing is saved".to_owned(),
    };
    crate::console::to_stderr(&message);
}

/// The options as typed and defaulted, by name, for `fit.json`.
pub(crate) fn given_options(matches: &ArgMatches) -> Map<String, Value> {
    matches
        .ids()
        // A struct of options is listed too, as a group under its Rust name.
        .filter(|id| !id.as_str().starts_with(char::is_uppercase))
        .filter_map(|id| {
            let values: Vec<Value> = matches
                .get_raw(id.as_str())?
                .map(|v| v.to_string_lossy().into_owned().into())
                .collect();
            let value = match <[Value; 1]>::try_from(values) {
                Ok([one]) => one,
                Err(several) => Value::Array(several),
            };
            Some((id.to_string(), value))
        })
        .collect()
}
