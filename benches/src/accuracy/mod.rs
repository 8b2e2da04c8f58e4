//! What `auto` answers on ten posteriors, beside long runs of NUTS on the same programs.
//!
//! The claim that is checked: where the verdict is good, every mean is within a tenth of a posterior
//! standard deviation and every standard deviation within ten per cent of the sampler's; and it is
//! never good where a mean is off by three tenths, or a standard deviation by forty per cent. Moments
//! that the sampler itself does not know to five per cent are not compared, and counted.

mod posteriors;
mod reference;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use elbo::vi::diagnostic::verdict::Grade;
use elbo::vi::{FitConfig, fit};
use serde_json::{Value, json};

use posteriors::{POSTERIORS, Posterior};
use reference::{Moments, Reference, moments};

/// Draws of the fit that are compared: their own errors are a hundredth of a standard deviation.
const N_DRAWS: usize = 10_000;

/// One posterior's answer.
pub(crate) struct Answer {
    name: &'static str,
    dimension: usize,
    grade: Grade,
    method: &'static str,
    khat: f64,
    gradient_evaluations: u64,
    seconds: f64,
    /// The largest error of a mean, in standard deviations, and whose.
    mean_error: (f64, String),
    /// The standard deviation furthest from the sampler's, as a ratio, and whose.
    sd_ratio: (f64, String),
    /// Moments that the sampler does not know well enough to be compared with.
    unknown: usize,
    /// The degrees of centring that were learnt.
    degrees: Option<Vec<f64>>,
    /// Every rung that was tried: its name, grade, k̂, gradients and doubts.
    tried: Vec<Value>,
    sampler: Reference,
}

impl Answer {
    /// Within a tenth of a standard deviation and ten per cent.
    fn is_right(&self) -> bool {
        self.mean_error.0 <= 0.1 && (0.9..=1.1).contains(&self.sd_ratio.0)
    }

    /// Good although a mean is off by three tenths or a standard deviation by forty per cent.
    fn is_false_trust(&self) -> bool {
        let wrong = self.mean_error.0 > 0.3 || !(0.6..=1.4).contains(&self.sd_ratio.0);
        self.grade == Grade::Good && wrong
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "posterior": self.name, "dimension": self.dimension,
            "verdict": self.grade.to_string(), "method": self.method, "khat": self.khat,
            "right": self.is_right(), "false_trust": self.is_false_trust(),
            "mean_error_sds": self.mean_error.0, "mean_error_of": self.mean_error.1,
            "sd_ratio": self.sd_ratio.0, "sd_ratio_of": self.sd_ratio.1,
            "gradient_evaluations": self.gradient_evaluations, "seconds": self.seconds,
            "not_compared": self.unknown, "degrees": self.degrees, "tried": self.tried,
            "nuts": {
                "reliable": self.sampler.reliable, "rhat": self.sampler.rhat,
                "ess": self.sampler.ess, "divergences": self.sampler.divergences,
                "seconds": self.sampler.seconds,
            },
        })
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:<22} {:>4}  {:<7} {:<11} k̂ {:>5.2}  mean off {:>6.3} ({})  sd × {:>5.3} ({})  \
             {:>8} gradients  {:>6.2} s  NUTS {} {:>6.1} s",
            self.name,
            self.dimension,
            self.grade.to_string(),
            self.method,
            self.khat,
            self.mean_error.0,
            self.mean_error.1,
            self.sd_ratio.0,
            self.sd_ratio.1,
            self.gradient_evaluations,
            self.seconds,
            if self.sampler.reliable {
                "reliable"
            } else {
                "doubtful"
            },
            self.sampler.seconds,
        )?;
        if self.unknown > 0 {
            write!(f, "  {} moments not compared", self.unknown)?;
        }
        if self.is_false_trust() {
            write!(f, "  FALSE TRUST")?;
        }
        Ok(())
    }
}

/// Answers for the posteriors named (all, if none is), with data from `data`; the sampler's moments
/// are kept in `references`, if there is such a folder.
pub(crate) fn run(
    names: &[String],
    data: &Path,
    references: Option<&Path>,
    seed: u64,
    mut report: impl FnMut(&Answer),
) -> Result<()> {
    for name in names {
        let known = POSTERIORS.iter().any(|p| p.name == name);
        let list: Vec<&str> = POSTERIORS.iter().map(|p| p.name).collect();
        anyhow::ensure!(
            known,
            "no posterior '{name}'; there are {}",
            list.join(", ")
        );
    }
    for posterior in &POSTERIORS {
        if names.is_empty() || names.iter().any(|n| n == posterior.name) {
            let answer = answer(posterior, data, references, seed)
                .with_context(|| format!("posterior {}", posterior.name))?;
            report(&answer);
        }
    }
    Ok(())
}

fn answer(
    posterior: &Posterior,
    data: &Path,
    references: Option<&Path>,
    seed: u64,
) -> Result<Answer> {
    let model = (posterior.build)(data)?;
    let start = Instant::now();
    let fitted = fit(model.program(), model.dimension(), &FitConfig::new(seed))?;
    let seconds = start.elapsed().as_secs_f64();
    let logarithms = posterior.in_logarithms;
    let ours = moments(&model, &fitted.draws(N_DRAWS, seed), 1, logarithms);

    let sampled = match posterior.reference {
        Some(build) => build(data)?,
        None => model,
    };
    let sampler = Reference::of(posterior.name, &sampled, logarithms, references)?;
    let theirs = &sampler.moments;
    let pairs = || ours.iter().zip(theirs);
    let worst = |known: fn(&Moments) -> bool, size: fn(&Moments, &Moments) -> f64| {
        let known = pairs().filter(|(_, b)| known(b));
        let by_size = known.map(|(a, b)| (size(a, b), (a, b)));
        by_size
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, pair)| pair)
    };
    let off = |a: &Moments, b: &Moments| (a.mean - b.mean).abs() / b.sd;
    let mean_error = worst(Moments::knows_mean, off);
    let sd_ratio = worst(Moments::knows_sd, |a, b| (a.sd / b.sd).ln().abs());
    let unknown = theirs.iter().filter(|m| !m.knows_mean()).count()
        + theirs.iter().filter(|m| !m.knows_sd()).count();
    let tried = fitted.tried.iter().map(|(method, verdict, gradients)| {
        let doubts: Vec<String> = verdict.doubts.iter().map(|d| format!("{d:?}")).collect();
        json!({
            "method": method, "verdict": verdict.grade.to_string(), "khat": verdict.khat,
            "gradient_evaluations": gradients, "doubts": doubts,
        })
    });
    Ok(Answer {
        name: posterior.name,
        dimension: fitted.approximation.dimension(),
        grade: fitted.verdict.grade,
        method: fitted.method,
        khat: fitted.verdict.khat,
        gradient_evaluations: fitted.gradient_evaluations,
        seconds,
        mean_error: mean_error.map_or((f64::NAN, String::new()), |(a, b)| {
            (off(a, b), a.name.clone())
        }),
        sd_ratio: sd_ratio.map_or((f64::NAN, String::new()), |(a, b)| {
            (a.sd / b.sd, a.name.clone())
        }),
        unknown,
        degrees: fitted.degrees,
        tried: tried.collect(),
        sampler,
    })
}
