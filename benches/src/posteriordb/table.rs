//! Rows as a table in markdown, with the rules in its head.
//!
//! The one idea: whoever reads the table finds in it what was done and what every word means; nothing
//! is written beside it by hand but the reasons of rows that fall short (`reasons.txt`).

use std::fmt::{self, Write as _};

use crate::row::Row;
use crate::summary;

/// Why rows fall short: `NAME: reason`, a line each.
const REASONS: &str = include_str!("reasons.txt");

const RULES: &str = "\
Every program with its data, read from a checkout of posteriordb, beside stanli on the same two files.

- **load** is from the bytes of both files to something that can be evaluated, the median of three.
- **lp** and **gradient** are the largest relative errors against stanli at three random points: of
  differences of log densities between points (relative to the larger log density, at least 1), and of
  derivatives (relative to themselves, at least to a thousandth of the point's largest). Both must be
  within 1e-8, or 1e-5 (marked °) where the program solves differential equations. Solvers' errors
  at a program's own tolerances are larger than that (stanli's derivatives of `lotka_volterra` at 1e-5
  and 1e-3 are off by 0.06), so both sides then run the program with its tolerances replaced by 1e-12.
- **elbo** and **stanli** are microseconds per gradient, the fastest of a hundred batches of 1 ms on one
  thread: sixteen draws at once, divided by sixteen, and one draw less the 5 µs of a call from Python
  (at least 0.1 µs is left), at the first of the three points and the program's own tolerances.
- **verdict**, **by** and **k̂** are those of `auto`, **gradients** and **fit** what it took.
- **mean** is the largest error of a mean, in the reference's standard deviations; **sd ×** the
  standard deviation that is furthest off, as a ratio; each with its quantity. Compared are 4,000 draws
  (as many as are made in 30 s, where generated quantities take longer) of every quantity that the
  reference has. The *reference* is the checkout's draws, or else four chains
  of stanli's sampler with 2,500 draws each after 1,000 to warm up, if every R̂ < 1.01 and every
  effective sample size (ranks, bulk) > 400; if not, four with 10,000 after 2,000 and a target acceptance
  of 0.95; and if they do not converge either, there is *no reference*.
- **right**: every mean within 0.1 sd and every sd within 10%, plus two standard errors of the
  difference, `2 √(a² + b²)`, from the effective sample sizes of the reference and of our draws (for sds
  by the delta method, `sd √((κ − 1) / 4n)` with the kurtosis κ). Moments whose standard error in the
  reference is above 5% of the sd (tails without variance) are not compared, but counted.
- **false trust**: the verdict is good although a mean is off by more than 0.3 sd or an sd by more than
  40%, nothing forgiven.
- **NUTS** is the seconds of the reference run; **race** how many times as long as `elbo fit` (process
  start to verdict, two threads) stanli takes for loading and four chains of 2,000 iterations, half of
  them to warm up, two chains at a time, without its start and imports; of rows good and right.
";

/// What the table is of.
pub(crate) struct Head {
    pub(crate) date: String,
    pub(crate) commit: Option<String>,
    pub(crate) stanli: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) command: String,
}

/// The whole page.
pub(crate) fn page(head: &Head, rows: &[Row]) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let unknown = || "unknown".to_owned();
    writeln!(page, "# posteriordb\n\n{RULES}")?;
    writeln!(
        page,
        "Measured {} with elbo {}, posteriordb {}, stanli {}. {}\n",
        head.date,
        env!("CARGO_PKG_VERSION"),
        head.commit.clone().unwrap_or_else(unknown),
        head.stanli.clone().unwrap_or_else(unknown),
        head.note.as_deref().unwrap_or_default(),
    )?;
    writeln!(page, "```sh\n{}\n```\n", head.command)?;
    page.push_str("| what must hold | goal | found |\n|---|---|---|\n");
    for (what, goal, found) in summary::lines(rows) {
        writeln!(page, "| {what} | {goal} | {found} |")?;
    }
    section(
        &mut page,
        "With reference draws",
        rows.iter().filter(|r| r.has_draws),
    )?;
    section(&mut page, "Without", rows.iter().filter(|r| !r.has_draws))?;
    shortfalls(&mut page, rows)?;
    Ok(page)
}

fn section<'a>(page: &mut String, title: &str, rows: impl Iterator<Item = &'a Row>) -> fmt::Result {
    writeln!(page, "\n## {title}\n")?;
    page.push_str(
        "| posterior | D | load, ms | lp | gradient | elbo, µs | stanli, µs | ratio | verdict | by \
         | k̂ | mean | sd × | gradients | fit, s | NUTS, s | race | outcome |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        writeln!(page, "| {} |", cells(row).join(" | "))?;
    }
    Ok(())
}

fn cells(row: &Row) -> [String; 18] {
    let density = row.density.as_ref();
    let mark = |error: f64, solver: bool| format!("{error:.0e}{}", if solver { "°" } else { "" });
    let fit = row.fit.as_ref();
    let comparison = row.comparison.as_ref().filter(|c| c.compared > 0);
    let micro = |seconds: f64| significant(seconds * 1e6);
    [
        format!("`{}`", row.name),
        cell(row.dimension),
        cell(row.load_seconds.map(|s| significant(s * 1e3))),
        cell(density.map(|d| mark(d.values, d.solver))),
        cell(density.map(|d| mark(d.gradients, d.solver))),
        cell(row.gradient_seconds.map(micro)),
        cell(row.stanli_gradient_seconds.map(micro)),
        cell(row.gradient_ratio().map(significant)),
        cell(fit.map(|f| f.verdict.clone())),
        cell(fit.map(|f| f.method.clone())),
        cell(fit.map(|f| format!("{:.2}", f.khat))),
        cell(comparison.map(|c| format!("{:.3} {}", c.mean_error, c.mean_of))),
        cell(comparison.map(|c| format!("{:.3} {}", c.sd_ratio, c.sd_of))),
        cell(fit.map(|f| f.gradient_evaluations)),
        cell(fit.map(|f| significant(f.seconds))),
        cell(
            row.reference
                .as_ref()
                .and_then(|r| r.seconds)
                .map(significant),
        ),
        cell(row.race_ratio().map(significant)),
        row.outcome().join("; ").replace('|', "\\|"),
    ]
}

fn cell(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Three digits.
pub(crate) fn significant(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Every row that falls short, with its reason.
fn shortfalls(page: &mut String, rows: &[Row]) -> fmt::Result {
    page.push_str("\n## What falls short, and why\n\n");
    let reasons: Vec<(&str, &str)> = REASONS.lines().filter_map(|l| l.split_once(": ")).collect();
    for row in rows {
        let short = row.shortcomings();
        if short.is_empty() {
            continue;
        }
        write!(page, "- `{}`: {}.", row.name, short.join("; "))?;
        match reasons.iter().find(|(name, _)| *name == row.name) {
            Some((_, reason)) => writeln!(page, " {reason}")?,
            None => writeln!(page)?,
        }
    }
    Ok(())
}
