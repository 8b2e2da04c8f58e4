//! `cargo xtask CHORE`: every check (`test`), the tidy rules (`tidy`), the benchmarks (`bench`).
//!
//! Deliberately absent: anything a user of elbo needs; that is the `elbo` program.

#![expect(clippy::print_stderr, reason = "chores talk to the terminal")]

mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask CHORE

  test               format, lints, every test, the documentation
  tidy               the project's own rules: arrows between crates, citations, file headers
  accuracy [NAME …]  what `auto` answers on ten posteriors, beside NUTS (`--data FOLDER`;
                     `--references FOLDER` keeps the sampler's moments)
  bench [ROW …]      benchmarks beside their rivals; `bench --help` lists the rows
  posteriordb PATH [NAME …]
                     every program of a posteriordb checkout beside stanli (`--python`,
                     `--references FOLDER` keeps stanli's answers, `--out FILE.md`)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (chore, rest) = match args.split_first() {
        Some((chore, rest)) => (chore.as_str(), rest),
        None => ("", &[][..]),
    };
    match chore {
        "test" => test(),
        "tidy" => tidy(),
        "accuracy" => cargo(
            "the comparison",
            &[
                "run",
                "--release",
                "-q",
                "-p",
                "elbo-bench",
                "--",
                "--accuracy",
            ],
            rest,
        ),
        "posteriordb" => cargo(
            "the programs",
            &[
                "run",
                "--release",
                "-q",
                "-p",
                "elbo-bench",
                "--bin",
                "posteriordb",
                "--",
            ],
            rest,
        ),
        "bench" => cargo(
            "the benchmarks",
            &["run", "--release", "-q", "-p", "elbo-bench", "--"],
            rest,
        ),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Every check, cheapest first; stops at the first that fails.
fn test() -> ExitCode {
    let checks: [(&str, &[&str]); 5] = [
        ("format", &["fmt", "--all", "--check"]),
        ("tidy", &["test", "-q", "-p", "xtask"]),
        (
            "lints",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        ("tests", &["test", "--workspace"]),
        ("documentation", &["doc", "--workspace", "--no-deps", "-q"]),
    ];
    for (name, args) in checks {
        eprintln!("── {name}: cargo {}", args.join(" "));
        if cargo(name, args, &[]) != ExitCode::SUCCESS {
            return ExitCode::FAILURE;
        }
    }
    eprintln!("── every check passed");
    ExitCode::SUCCESS
}

fn tidy() -> ExitCode {
    let faults = tidy::faults(&root());
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn cargo(name: &str, args: &[&str], rest: &[String]) -> ExitCode {
    let status = Command::new(env!("CARGO"))
        .args(args)
        .args(rest)
        .env("RUSTDOCFLAGS", "-D warnings")
        .current_dir(root())
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("{name} failed ({status})");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{name}: cargo does not start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the root")
        .to_path_buf()
}
