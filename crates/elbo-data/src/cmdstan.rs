//! Draws as `CmdStan` writes them: settings in comments, a header with dots, one row per draw.
//!
//! The one idea: `cmdstanpy`, `cmdstanr`, `posterior` and `ArviZ` look for a handful of comments and for
//! columns whose names end in two underscores; those are written, and what has no counterpart here is
//! left out. A sample is written as `CmdStan`'s sampler does, a fit as its Pathfinder does: draws of an
//! approximation with their log densities under the target and under it. Deliberately absent: reading,
//! and the clock: times are passed in.

use std::fmt::Write as _;
use std::io::{self, Write};

/// The version of the language that programs are read in, which readers ask for.
const LANGUAGE: [u32; 3] = [2, 38, 0];

/// What the comments say about a run.
#[derive(Debug, Clone, PartialEq)]
pub struct CmdStanRun<'a> {
    /// The program's name.
    pub model: &'a str,
    /// The file with the data, as it was named.
    pub data: Option<&'a str>,
    /// The seed.
    pub seed: u64,
    /// How the draws were made.
    pub method: CmdStanMethod<'a>,
}

/// How draws were made.
#[derive(Debug, Clone, PartialEq)]
pub enum CmdStanMethod<'a> {
    /// By NUTS: one chain.
    Sample(CmdStanChain<'a>),
    /// From an approximation: this many draws.
    Approximation {
        /// The number of draws.
        n_draws: usize,
    },
}

/// One chain of a sampler.
#[derive(Debug, Clone, PartialEq)]
pub struct CmdStanChain<'a> {
    /// The chain's number, from 1.
    pub chain: usize,
    /// Draws of the warm-up, which are not written.
    pub n_warmup: usize,
    /// Draws that are written.
    pub n_draws: usize,
    /// The acceptance rate that the step size was tuned to.
    pub target_accept: f64,
    /// The most doublings of a trajectory.
    pub max_depth: usize,
    /// The step size after warm-up.
    pub step_size: f64,
    /// The diagonal of the inverse mass matrix after warm-up; empty for a program without parameters,
    /// whose generated quantities are all there is to draw.
    pub inverse_masses: &'a [f64],
    /// Seconds of the warm-up and after it.
    pub seconds: [f64; 2],
}

impl CmdStanChain<'_> {
    /// How many of [`CHAIN_COLUMNS`] there are: the first two where nothing is sampled.
    pub fn n_columns(&self) -> usize {
        if self.inverse_masses.is_empty() {
            2
        } else {
            CHAIN_COLUMNS.len()
        }
    }
}

/// Columns before the program's own: of a chain.
pub const CHAIN_COLUMNS: [&str; 7] = [
    "lp__",
    "accept_stat__",
    "stepsize__",
    "treedepth__",
    "n_leapfrog__",
    "divergent__",
    "energy__",
];

/// Columns before the program's own: of an approximation.
pub const APPROXIMATION_COLUMNS: [&str; 2] = ["lp_approx__", "lp__"];

/// Writes one file: comments and header at once, then rows, then [`finish`](Self::finish).
pub struct CmdStanWriter<'a> {
    out: &'a mut dyn Write,
    run: CmdStanRun<'a>,
    line: String,
}

impl<'a> CmdStanWriter<'a> {
    /// Writes the settings and the header; `names` are the program's quantities.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn new(out: &'a mut dyn Write, run: CmdStanRun<'a>, names: &[String]) -> io::Result<Self> {
        settings(out, &run)?;
        let own: &[&str] = match &run.method {
            CmdStanMethod::Sample(chain) => &CHAIN_COLUMNS[..chain.n_columns()],
            CmdStanMethod::Approximation { .. } => &APPROXIMATION_COLUMNS,
        };
        let own = own.iter().copied();
        let header: Vec<&str> = own.chain(names.iter().map(String::as_str)).collect();
        writeln!(out, "{}", header.join(","))?;
        let mut line = String::new();
        if let CmdStanMethod::Sample(chain) = &run.method
            && !chain.inverse_masses.is_empty()
        {
            writeln!(out, "# Adaptation terminated")?;
            writeln!(out, "# Step size = {}", chain.step_size)?;
            writeln!(out, "# Diagonal elements of inverse mass matrix:")?;
            line.push_str("# ");
            for (i, mass) in chain.inverse_masses.iter().enumerate() {
                line.push_str(if i == 0 { "" } else { ", " });
                push(*mass, &mut line);
            }
            writeln!(out, "{line}")?;
        }
        Ok(Self { out, run, line })
    }

    /// Writes a row: the run's own columns, then the program's.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn row(&mut self, own: &[f64], values: &[f64]) -> io::Result<()> {
        self.line.clear();
        for (i, x) in own.iter().chain(values).enumerate() {
            if i > 0 {
                self.line.push(',');
            }
            push(*x, &mut self.line);
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    /// Writes what follows the rows.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn finish(self) -> io::Result<()> {
        let out = self.out;
        if let CmdStanMethod::Sample(chain) = &self.run.method {
            let [warmup, sampling] = chain.seconds;
            writeln!(out, "# ")?;
            writeln!(out, "#  Elapsed Time: {warmup:.3} seconds (Warm-up)")?;
            writeln!(out, "#                {sampling:.3} seconds (Sampling)")?;
            writeln!(
                out,
                "#                {:.3} seconds (Total)",
                warmup + sampling
            )?;
            writeln!(out, "# ")?;
        }
        out.flush()
    }
}

/// The settings, indented as `CmdStan` indents them.
fn settings(out: &mut dyn Write, run: &CmdStanRun<'_>) -> io::Result<()> {
    let [major, minor, patch] = LANGUAGE;
    writeln!(out, "# stan_version_major = {major}")?;
    writeln!(out, "# stan_version_minor = {minor}")?;
    writeln!(out, "# stan_version_patch = {patch}")?;
    writeln!(out, "# model = {}", run.model)?;
    match &run.method {
        CmdStanMethod::Sample(chain) => {
            writeln!(out, "# method = sample (Default)")?;
            writeln!(out, "#   sample")?;
            writeln!(out, "#     num_samples = {}", chain.n_draws)?;
            writeln!(out, "#     num_warmup = {}", chain.n_warmup)?;
            writeln!(out, "#     save_warmup = false (Default)")?;
            writeln!(out, "#     thin = 1 (Default)")?;
            if chain.inverse_masses.is_empty() {
                writeln!(out, "#     algorithm = fixed_param")?;
            } else {
                writeln!(out, "#     adapt")?;
                writeln!(out, "#       engaged = true (Default)")?;
                writeln!(out, "#       delta = {}", chain.target_accept)?;
                writeln!(out, "#     algorithm = hmc (Default)")?;
                writeln!(out, "#       hmc")?;
                writeln!(out, "#         engine = nuts (Default)")?;
                writeln!(out, "#           nuts")?;
                writeln!(out, "#             max_depth = {}", chain.max_depth)?;
                writeln!(out, "#         metric = diag_e (Default)")?;
                writeln!(out, "#         stepsize = 1 (Default)")?;
                writeln!(out, "#         stepsize_jitter = 0 (Default)")?;
            }
            writeln!(out, "#     num_chains = 1 (Default)")?;
            writeln!(out, "# id = {}", chain.chain)?;
        }
        CmdStanMethod::Approximation { n_draws } => {
            writeln!(out, "# method = pathfinder")?;
            writeln!(out, "#   pathfinder")?;
            writeln!(out, "#     num_psis_draws = {n_draws}")?;
            writeln!(out, "#     num_paths = 1")?;
            writeln!(out, "#     save_single_paths = false (Default)")?;
            writeln!(out, "#     num_draws = {n_draws}")?;
            writeln!(out, "# id = 1 (Default)")?;
        }
    }
    if let Some(data) = run.data {
        writeln!(out, "# data")?;
        writeln!(out, "#   file = {data}")?;
    }
    writeln!(out, "# init = 2 (Default)")?;
    writeln!(out, "# random")?;
    writeln!(out, "#   seed = {}", run.seed)?;
    writeln!(out, "# output")?;
    writeln!(out, "#   written_by = elbo {}", env!("CARGO_PKG_VERSION"))
}

/// The shortest text that reads back as the same number; what is not finite in C's words.
fn push(x: f64, line: &mut String) {
    let written = if x.is_nan() {
        line.push_str("nan");
        Ok(())
    } else if x.is_infinite() {
        line.push_str(if x > 0.0 { "inf" } else { "-inf" });
        Ok(())
    } else if x.fract() == 0.0 && x.abs() < 1e15 {
        write!(line, "{x}")
    } else {
        write!(line, "{x:?}")
    };
    written.expect("a String accepts all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(run: &CmdStanRun<'_>, rows: &[(&[f64], &[f64])]) -> String {
        let mut out = Vec::new();
        let names = ["mu".to_owned(), "theta.1".to_owned()];
        let mut writer = CmdStanWriter::new(&mut out, run.clone(), &names).unwrap();
        for (own, values) in rows {
            writer.row(own, values).unwrap();
        }
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_chain_has_the_blocks_that_readers_look_for_in_their_order() {
        let masses = [0.5, 2.0];
        let run = CmdStanRun {
            model: "schools",
            data: Some("schools.json"),
            seed: 3,
            method: CmdStanMethod::Sample(CmdStanChain {
                chain: 2,
                n_warmup: 1000,
                n_draws: 2,
                target_accept: 0.8,
                max_depth: 10,
                step_size: 0.25,
                inverse_masses: &masses,
                seconds: [0.5, 1.0],
            }),
        };
        let own = [-1.5, 0.9, 0.25, 2.0, 3.0, 0.0, 4.5];
        let text = text(
            &run,
            &[(&own, &[1.0, f64::NAN]), (&own, &[0.1, f64::INFINITY])],
        );
        let places: Vec<usize> = [
            "# model = schools\n",
            "# method = sample",
            "#     num_samples = 2\n",
            "# id = 2\n",
            "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,mu,theta.1\n\
             # Adaptation terminated\n# Step size = 0.25\n\
             # Diagonal elements of inverse mass matrix:\n# 0.5, 2\n\
             -1.5,0.9,0.25,2,3,0,4.5,1,nan\n-1.5,0.9,0.25,2,3,0,4.5,0.1,inf\n# \n#  Elapsed Time: 0.500",
            "1.500 seconds (Total)",
        ]
        .iter()
        .map(|part| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}")))
        .collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn a_program_without_parameters_has_a_chain_of_what_it_generates() {
        let run = CmdStanRun {
            model: "coin",
            data: None,
            seed: 3,
            method: CmdStanMethod::Sample(CmdStanChain {
                chain: 1,
                n_warmup: 0,
                n_draws: 1,
                target_accept: 0.8,
                max_depth: 10,
                step_size: 1.0,
                inverse_masses: &[],
                seconds: [0.0, 0.5],
            }),
        };
        let text = text(&run, &[(&[0.0, 1.0], &[1.0, 2.0])]);
        assert!(text.contains("#     algorithm = fixed_param\n"));
        assert!(text.contains("lp__,accept_stat__,mu,theta.1\n0,1,1,2\n# \n"));
    }

    #[test]
    fn a_fit_is_written_as_draws_of_an_approximation() {
        let run = CmdStanRun {
            model: "schools",
            data: None,
            seed: 3,
            method: CmdStanMethod::Approximation { n_draws: 1 },
        };
        let text = text(&run, &[(&[-2.0, -1.0], &[0.1, 1e-300])]);
        assert!(text.contains("# method = pathfinder\n"));
        assert!(text.ends_with("lp_approx__,lp__,mu,theta.1\n-2,-1,0.1,1e-300\n"));
        assert!(!text.contains("# data"));
    }
}
