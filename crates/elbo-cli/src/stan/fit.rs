//! `elbo fit PROGRAM.stan [DATA]`: an approximate posterior of a Stan program, and a verdict on it.

use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::Grade;
use elbo::math::parallel;
use elbo::vi::driver::Stopped;
use elbo::vi::fit::fit_observed;
use elbo::vi::method::Start;
use elbo::vi::{Fit, FitConfig};
use elbo_data::fit::{FitRecord, TracePoint, Verdict};
use serde_json::{Map, Value, json};

use super::answer::{self, Source};
use super::watch::Watch;
use super::{Loaded, Parts, load, method, record, report};
use crate::command::fit::given_options;
use crate::command::thread_count;
use crate::console::{Notes, Results, to_stderr};
use crate::failure::Failure;
use crate::{interrupt, stored, verdict};

/// The name under `elbo fit`; a file that ends in `.stan` stands for it.
pub(crate) const NAME: &str = "stan";

#[derive(Debug, Args)]
struct Options {
    /// A Stan program; `elbo fit PROGRAM.stan` is enough
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Its data: JSON, or R's dump format
    #[arg(value_name = "DATA")]
    data: Option<PathBuf>,
    /// Directory to write the fit to; without it nothing is written
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the fit in --out, if there is one
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// How to fit; listed below
    #[arg(long, default_value = "auto", value_name = "M")]
    method: String,
    /// Rows of data per step, for methods that go through them in batches [default: all]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Key of all random numbers: the same seed gives the same bits, whatever the threads
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Threads to use; 0: as many as there are cores
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = thread_count())]
    threads: usize,
    /// The most steps of a method
    #[arg(long, visible_alias = "max-iter", value_name = "N")]
    max_iters: Option<usize>,
    /// The most gradients of the log density [default: 1000000]
    #[arg(long, value_name = "N")]
    max_gradient_evaluations: Option<u64>,
    /// File with a value for every parameter to start from, in the format of the data [default: random]
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Print no progress and no notes
    #[arg(long, short)]
    quiet: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new(NAME))
        .about("A Stan program and its data: elbo fit PROGRAM.stan DATA.json")
        .after_help(format!(
            "{}\n\nExample:\n  elbo fit schools.stan schools.json --seed 1 --out schools\n  \
             elbo draws schools --n 4000",
            method::listed()
        ))
}

/// Runs it.
///
/// # Errors
/// Wrong options, program or data, an output that exists, a numerical failure.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    let chosen = method::named(&options.method, options.batch_size)?;
    if let Some(out) = &options.out {
        stored::check_output(out, options.overwrite)?;
    }
    let notes = Notes::new(options.quiet);
    let start = Instant::now();
    let loaded = load(
        &options.program,
        options.data.as_deref(),
        options.seed,
        notes,
    )?;
    if options.out.is_some() || !options.json {
        loaded.check_quantities()?;
    }
    let mut config = FitConfig::new(options.seed);
    config.method = chosen;
    if let Some(n) = options.max_iters {
        config.driver.max_iters = n;
    }
    if let Some(n) = options.max_gradient_evaluations {
        config.driver.max_gradient_evaluations = n;
    }
    if let Some(path) = &options.init {
        config.start = Start::Point(loaded.point(path)?);
    }
    let work = || -> Result<u8, Failure> {
        let mut watch = Watch::start(!options.quiet);
        let fitted = fit_observed(
            &loaded.model,
            loaded.model.dimension(),
            &config,
            &mut |progress| watch.observe(progress),
        );
        let trace = watch.finish();
        let fitted = fitted?;
        let record = describe(&options, matches, &loaded, &fitted, start);
        conclude(&options, &loaded, fitted, record, trace, start)
    };
    parallel::with_threads(options.threads, work)
}

/// What is said of a fit.
fn describe(
    options: &Options,
    matches: &ArgMatches,
    loaded: &Loaded,
    fit: &Fit,
    start: Instant,
) -> FitRecord {
    let judged = &fit.verdict;
    let bound = judged.bound();
    FitRecord {
        model: loaded.name.clone(),
        method: options.method.clone(),
        options: given_options(matches),
        seed: options.seed,
        elbo: finite(bound.value),
        elbo_mcse: finite(bound.error),
        converged: judged.converged,
        khat: finite(judged.khat),
        verdict: match judged.grade {
            Grade::Good => Verdict::Good,
            Grade::Usable => Verdict::Usable,
            Grade::Bad => Verdict::Bad,
        },
        verdict_text: judged.sentence(&|i| loaded.coordinate(i)),
        seconds: start.elapsed().as_secs_f64(),
        data: record::data_record(loaded),
        extra: keys(loaded, fit),
        ..FitRecord::default()
    }
}

/// Keys beyond the contract's.
fn keys(loaded: &Loaded, fit: &Fit) -> Map<String, Value> {
    let judged = &fit.verdict;
    let tried: Vec<Value> = fit
        .tried
        .iter()
        .map(|(method, verdict, gradients)| {
            json!({
                "method": method,
                "verdict": verdict.grade.to_string(),
                "khat": finite(verdict.khat),
                "gradient_evaluations": gradients,
            })
        })
        .collect();
    let mut keys = Map::new();
    keys.insert("dimension".into(), json!(loaded.model.dimension()));
    keys.insert(
        "gradient_evaluations".into(),
        json!(fit.gradient_evaluations),
    );
    keys.insert("found_by".into(), json!(fit.method));
    keys.insert("family".into(), json!(fit.approximation.name()));
    keys.insert("weighted".into(), json!(fit.is_weighted()));
    keys.insert(
        "effective_sample_size".into(),
        json!(judged.effective_sample_size),
    );
    let tighter = judged.importance_weighted_elbo.value;
    let own = judged.tells_elbo().then_some(judged.elbo.value);
    keys.insert("elbo_of_q".into(), json!(own.and_then(finite)));
    keys.insert("importance_weighted_elbo".into(), json!(finite(tighter)));
    keys.insert(
        "believe".into(),
        json!({"means": judged.believe.means, "sds": judged.believe.sds, "tails": judged.believe.tails}),
    );
    keys.insert("advice".into(), json!(judged.advice()));
    keys.insert("tried".into(), json!(tried));
    if let Some(error) = &fit.failure {
        keys.insert("failure".into(), json!(error.to_string()));
    }
    keys
}

/// JSON has no word for what is not finite.
fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Saves and prints; returns the exit code.
fn conclude(
    options: &Options,
    loaded: &Loaded,
    fit: Fit,
    mut record: FitRecord,
    trace: Vec<TracePoint>,
    start: Instant,
) -> Result<u8, Failure> {
    let interrupted = fit.outcome.stopped == Stopped::Interrupted || interrupt::requested();
    if let Some(error) = &fit.failure {
        Notes::new(options.quiet).note(format!("the run ended early: {error}"));
    }
    let arrays = answer::arrays_of_fit(&fit);
    let source = Source::of_fit(fit);
    let n = record::n_kept(loaded.model.columns().len());
    let shown = !options.json || options.out.is_some();
    let columns = match n.filter(|_| shown) {
        Some(n) => {
            let chosen = source.choose(&loaded.model, n, options.seed)?;
            Some(answer::columns(loaded, &chosen.points, options.seed)?)
        }
        None => None,
    };
    answer::note_refused(loaded, &mut record.extra);
    record.iterations = trace.len() as u64;
    record.seconds = start.elapsed().as_secs_f64();
    let object = stored::result_object(&record, options.out.as_deref());
    let mut stdout = Results::stdout();
    if options.json {
        stdout.line(&Value::Object(object).to_string())?;
    } else {
        let marginals = match &columns {
            Some(columns) => report::marginals(&answer::names(loaded), columns),
            None => report::few_marginals(loaded, &source, options.seed)?,
        };
        report::print(&mut stdout, &record, &marginals, false)?;
    }
    let verdict = record.verdict;
    if let Some(out) = &options.out {
        let parts = Parts {
            record,
            arrays,
            trace,
            loaded,
            columns,
        };
        super::write(out, options.overwrite, parts, |_| Ok(()))?;
    }
    stdout.finish()?;
    if interrupted {
        to_stderr(&match &options.out {
            Some(out) => format!("interrupted; the last good state is in {}", out.display()),
            None => "interrupted; without --out nothing is saved".to_owned(),
        });
        return Ok(interrupt::EXIT_CODE);
    }
    Ok(verdict::exit_code(verdict))
}
