//! `elbo sample PROGRAM.stan [DATA]`: draws from the posterior itself by NUTS, the reference answer.
//!
//! What it writes answers the same commands as a fit; its chains are in `CmdStan`'s format, too.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::math::parallel;
use elbo::stan::DensityOptions;
use elbo::vi::method::Start;
use elbo::vi::sample::{Sample, SampleConfig, Trajectory, Tuned, sample_until};
use elbo::vi::{Draws, Target, ViError};
use elbo_data::DataError;
use elbo_data::cmdstan::{CmdStanChain, CmdStanMethod, CmdStanRun, CmdStanWriter};
use elbo_data::fit::{FitRecord, Verdict, write_file};
use serde_json::{Map, Value, json};

use super::fit::given_options;
use super::thread_count;
use crate::console::{Notes, Results, to_stderr};
use crate::failure::Failure;
use crate::stan::{self, Loaded, Parts, answer, output, record, report};
use crate::{interrupt, stored, verdict};

#[derive(Debug, Args)]
struct Options {
    /// A Stan program
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Its data: JSON, or R's dump format
    #[arg(value_name = "DATA")]
    data: Option<PathBuf>,
    /// Directory to write the sample to; without it nothing is written
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace what is in --out, if it is a fit or a sample
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// Chains, run in parallel
    #[arg(long, default_value_t = 4, value_name = "N")]
    chains: usize,
    /// Draws per chain that tune the sampler and are thrown away
    #[arg(long, default_value_t = 1000, value_name = "N")]
    warmup: usize,
    /// Draws per chain that are kept
    #[arg(long, short = 'n', default_value_t = 1000, value_name = "N")]
    draws: usize,
    /// Acceptance rate that the step size is tuned to; nearer to 1 for difficult curvature
    #[arg(long, default_value_t = 0.8, value_name = "P")]
    target_accept: f64,
    /// A trajectory takes fewer than two to this many steps
    #[arg(long, default_value_t = 10, value_name = "N")]
    max_depth: usize,
    /// Key of all random numbers: the same seed gives the same bits, whatever the threads
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Threads to use; 0: as many as there are cores
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = thread_count())]
    threads: usize,
    /// File with a value for every parameter to start from, in the format of the data [default: random]
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Print no notes
    #[arg(long, short)]
    quiet: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("sample"))
        .about("Draw from the posterior of a Stan program by NUTS, as a reference for fits")
}

/// Runs it.
///
/// # Errors
/// Wrong options, program or data, an output that exists, a numerical failure.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    if let Some(out) = &options.out {
        stored::check_output(out, options.overwrite)?;
    }
    let start = Instant::now();
    let notes = Notes::new(options.quiet);
    let loaded = stan::load(
        &options.program,
        options.data.as_deref(),
        options.seed,
        notes,
    )?;
    loaded.check_quantities()?;
    let mut config = SampleConfig {
        n_chains: options.chains,
        n_warmup: options.warmup,
        n_draws: options.draws,
        target_accept: options.target_accept,
        max_depth: options.max_depth,
        ..SampleConfig::default()
    };
    if let Some(path) = &options.init {
        // Every chain begins where it was told to.
        config.start = Start::Point(loaded.point(path)?);
        config.pathfinder = None;
    }
    parallel::with_threads(options.threads, || {
        let drawn = if loaded.model.dimension() == 0 {
            nothing_to_infer(&loaded, &options)?
        } else {
            let target = Target::new(&loaded.model, loaded.model.dimension())?;
            interrupt::begin_fit();
            match sample_until(&target, &config, options.seed, &interrupt::requested) {
                Err(ViError::Interrupted) => {
                    to_stderr("interrupted before any draw was kept; nothing is saved");
                    return Ok(interrupt::EXIT_CODE);
                }
                drawn => drawn?,
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let record = describe(&options, matches, &loaded, &drawn, seconds);
        conclude(&options, &loaded, &drawn, record)
    })
}

/// A sample of a program without parameters: each draw is what it generates.
fn nothing_to_infer(loaded: &Loaded, options: &Options) -> Result<Sample, Failure> {
    if options.chains == 0 || options.draws == 0 {
        return Err(Failure::input("--chains and --draws must be at least 1"));
    }
    let density = DensityOptions::default();
    let value = loaded.model.log_density(density, &[], &mut []);
    let trajectory = Trajectory {
        log_density: value.map_err(|error| loaded.failure(&error))?,
        acceptance: 1.0,
        step_size: 1.0,
        depth: 0,
        n_steps: 0,
        diverged: false,
        energy: 0.0,
    };
    let n = options.chains * options.draws;
    let tuned = Tuned {
        step_size: 1.0,
        inverse_masses: Vec::new(),
    };
    Ok(Sample {
        draws: Draws::zeros(0, n),
        n_chains: options.chains,
        divergences: 0,
        trajectories: vec![trajectory; n],
        tuned: vec![tuned; options.chains],
        summaries: Vec::new(),
        gradient_evaluations: 0,
        interrupted: false,
    })
}

/// What is said of a sample.
fn describe(
    options: &Options,
    matches: &ArgMatches,
    loaded: &Loaded,
    drawn: &Sample,
    seconds: f64,
) -> FitRecord {
    let (mut verdict, mut verdict_text) = judged(drawn);
    let per_chain = drawn.draws.n_draws() / drawn.n_chains.max(1);
    if drawn.interrupted {
        // However well they agree, it is not the sample that was asked for.
        if verdict == Verdict::Good {
            verdict = Verdict::Usable;
        }
        let grade = if verdict == Verdict::Bad {
            "bad"
        } else {
            "usable"
        };
        let (_, rest) = verdict_text.split_once(": ").unwrap_or_default();
        verdict_text = format!(
            "{grade}: interrupted after {per_chain} of {} draws of {} of {} chains; {rest}",
            options.draws, drawn.n_chains, options.chains
        );
    }
    let finite = |x: f64| x.is_finite().then_some(x);
    let keys = [
        ("dimension", json!(loaded.model.dimension())),
        ("gradient_evaluations", json!(drawn.gradient_evaluations)),
        ("chains", json!(drawn.n_chains)),
        ("draws", json!(drawn.draws.n_draws())),
        ("divergences", json!(drawn.divergences)),
        ("interrupted", json!(drawn.interrupted)),
        ("largest_rhat", json!(finite(drawn.largest_rhat()))),
        ("smallest_ess", json!(finite(drawn.smallest_ess()))),
    ];
    FitRecord {
        model: loaded.name.clone(),
        method: "nuts".to_owned(),
        options: given_options(matches),
        seed: options.seed,
        converged: verdict != Verdict::Bad,
        verdict,
        verdict_text,
        iterations: (options.warmup + per_chain) as u64,
        seconds,
        data: record::data_record(loaded),
        extra: Map::from_iter(keys.map(|(key, value)| (key.to_owned(), value))),
        ..FitRecord::default()
    }
}

/// Chains that agree to this are of use, though no reference: five times the excess that a reference is
/// allowed.
const USABLE_RHAT: f64 = 1.05;
/// Effective draws of a chain that a mean can do with.
const USABLE_ESS: f64 = 25.0;

/// Whether the chains are to be believed, and why.
fn judged(drawn: &Sample) -> (Verdict, String) {
    let (rhat, ess) = (drawn.largest_rhat(), drawn.smallest_ess());
    let figures = format!(
        "largest R̂ {rhat:.3}, at least {ess:.0} effective draws, {} of {} draws diverged",
        drawn.divergences,
        drawn.draws.n_draws()
    );
    let few = drawn.divergences * 100 <= drawn.draws.n_draws();
    if drawn.summaries.is_empty() {
        let text = "good: there is nothing to infer, and every draw is what the program generates.";
        return (Verdict::Good, text.to_owned());
    }
    if drawn.reliable() {
        return (
            Verdict::Good,
            format!("good: the chains agree ({figures})."),
        );
    }
    if rhat < USABLE_RHAT && ess >= USABLE_ESS * drawn.n_chains as f64 && few {
        let text = format!(
            "usable: the chains nearly agree ({figures}); more --draws, or a --target-accept nearer \
             to 1 where draws diverged, would make them a reference."
        );
        return (Verdict::Usable, text);
    }
    let text = format!(
        "bad: the chains do not agree ({figures}); raise --warmup and --draws, or --target-accept \
         where draws diverged."
    );
    (Verdict::Bad, text)
}

/// Saves and prints; returns the exit code.
fn conclude(
    options: &Options,
    loaded: &Loaded,
    drawn: &Sample,
    mut record: FitRecord,
) -> Result<u8, Failure> {
    let columns = answer::columns(loaded, &drawn.draws, options.seed)?;
    answer::note_refused(loaded, &mut record.extra);
    let mut stdout = Results::stdout();
    if options.json {
        let object = stored::result_object(&record, options.out.as_deref());
        stdout.line(&Value::Object(object).to_string())?;
    } else {
        let marginals = report::marginals(&answer::names(loaded), &columns);
        report::print(&mut stdout, &record, &marginals, false)?;
    }
    let verdict = record.verdict;
    if let Some(out) = &options.out {
        let seconds = record.seconds;
        let parts = Parts {
            record,
            arrays: answer::arrays_of_sample(drawn),
            trace: Vec::new(),
            loaded,
            columns: Some(columns.clone()),
        };
        stan::write(out, options.overwrite, parts, |dir| {
            chains(dir, options, loaded, drawn, &columns, seconds)
        })?;
    }
    stdout.finish()?;
    if drawn.interrupted {
        to_stderr(&match &options.out {
            Some(out) => format!("interrupted; the draws so far are in {}", out.display()),
            None => "interrupted; without --out nothing is saved".to_owned(),
        });
        return Ok(interrupt::EXIT_CODE);
    }
    Ok(verdict::exit_code(verdict))
}

/// Every chain as a file of `CmdStan`.
fn chains(
    dir: &Path,
    options: &Options,
    loaded: &Loaded,
    drawn: &Sample,
    columns: &[Vec<f64>],
    seconds: f64,
) -> Result<(), DataError> {
    let data = loaded.data.as_ref().map(|path| path.display().to_string());
    let names = answer::names(loaded);
    let kept: u64 = drawn.trajectories.iter().map(|t| t.n_steps).sum();
    // The clock was read once; gradients say how much of it was warm-up.
    let share = kept as f64 / drawn.gradient_evaluations.max(1) as f64;
    let n_draws = drawn.draws.n_draws() / drawn.n_chains.max(1);
    for (c, tuned) in drawn.tuned.iter().enumerate() {
        let chain = CmdStanChain {
            chain: c + 1,
            n_warmup: options.warmup,
            n_draws,
            target_accept: options.target_accept,
            max_depth: options.max_depth,
            step_size: tuned.step_size,
            inverse_masses: &tuned.inverse_masses,
            seconds: [(1.0 - share) * seconds, share * seconds],
        };
        let n_columns = chain.n_columns();
        let run = CmdStanRun {
            model: output::stem(&loaded.name),
            data: data.as_deref(),
            seed: options.seed,
            method: CmdStanMethod::Sample(chain),
        };
        let path = dir.join(stan::CHAINS).join(format!("chain-{}.csv", c + 1));
        write_file(&path, |out| {
            let mut writer = CmdStanWriter::new(out, run, &names)?;
            let mut row = vec![0.0; columns.len()];
            for s in c * n_draws..(c + 1) * n_draws {
                let t = &drawn.trajectories[s];
                for (x, column) in row.iter_mut().zip(columns) {
                    *x = column[s];
                }
                let own = [
                    t.log_density,
                    t.acceptance,
                    t.step_size,
                    t.depth as f64,
                    t.n_steps as f64,
                    f64::from(u8::from(t.diverged)),
                    t.energy,
                ];
                writer.row(&own[..n_columns], &row)?;
            }
            writer.finish()
        })?;
    }
    Ok(())
}
