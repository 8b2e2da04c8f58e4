//! The conformance table: every distribution against every identity that applies to it.
//!
//! One row per distribution, one test per check. `golden.tsv` holds values made with SciPy.

#![expect(clippy::unwrap_used, reason = "the table's own parameters are valid")]

mod continuous;
mod discrete;
mod flat;
mod multivariate;
mod row;
mod support;

use row::{Finished, Outcome};

/// Every check; a row runs each or skips it with a reason.
const CHECKS: [&str; 13] = [
    "normalisation",
    "moments",
    "entropy",
    "goodness_of_fit",
    "quantile_inverts_cdf",
    "exponential_form",
    "natural_params_round_trip",
    "mean_params_are_gradient",
    "mean_params_are_expectations",
    "kl",
    "outside_support",
    "finite_input",
    "invalid_parameters",
];

fn table() -> Vec<Finished> {
    [continuous::rows(), discrete::rows(), multivariate::rows()]
        .into_iter()
        .flatten()
        .collect()
}

/// Runs one check on every row, and names all rows that fail.
fn run(check: &str) {
    assert!(
        CHECKS.contains(&check),
        "{check} is not in the list of checks"
    );
    let failed: Vec<&str> = table()
        .iter()
        .filter(|row| match row.checks.get(check) {
            Some(Outcome::Run(body)) => {
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err()
            }
            _ => false,
        })
        .map(|row| row.name)
        .collect();
    assert!(
        failed.is_empty(),
        "{check} fails for {failed:?}; the reasons are above"
    );
}

#[test]
fn densities_integrate_to_one() {
    run("normalisation");
}

#[test]
fn moments_agree_with_draws() {
    run("moments");
}

#[test]
fn entropy_is_the_expected_negative_log_density() {
    run("entropy");
}

#[test]
fn draws_follow_the_distribution() {
    run("goodness_of_fit");
}

#[test]
fn quantiles_invert_distribution_functions() {
    run("quantile_inverts_cdf");
}

#[test]
fn log_density_has_exponential_form() {
    run("exponential_form");
}

#[test]
fn natural_params_make_the_same_distribution() {
    run("natural_params_round_trip");
}

#[test]
fn mean_params_are_the_gradient_of_the_log_partition() {
    run("mean_params_are_gradient");
}

#[test]
fn mean_params_are_the_expected_sufficient_stats() {
    run("mean_params_are_expectations");
}

#[test]
fn kl_is_the_expected_log_ratio() {
    run("kl");
}

#[test]
fn log_density_is_negative_infinity_outside_the_support() {
    run("outside_support");
}

#[test]
fn finite_points_never_give_nan_or_panic() {
    run("finite_input");
}

#[test]
fn invalid_parameters_are_refused_by_name() {
    run("invalid_parameters");
}

#[test]
fn every_row_runs_or_skips_every_check() {
    let mut skips = 0;
    for row in table() {
        for check in CHECKS {
            match row.checks.get(check) {
                Some(Outcome::Run(_)) => {}
                Some(Outcome::Skip(reason)) => {
                    assert!(
                        reason.len() > 10,
                        "{}: {check} is skipped without a reason",
                        row.name
                    );
                    skips += 1;
                }
                None => panic!("{}: {check} is neither run nor skipped", row.name),
            }
        }
        for check in row.checks.keys() {
            assert!(
                CHECKS.contains(check),
                "{}: {check} is not in the list",
                row.name
            );
        }
    }
    assert_eq!(
        skips, N_SKIPS,
        "the number of skipped checks changed; say so here"
    );
}

/// How many checks are skipped in the whole table.
const N_SKIPS: usize = continuous::N_SKIPS + discrete::N_SKIPS + multivariate::N_SKIPS;

#[test]
fn every_distribution_file_has_a_row() {
    let shared = [
        "error",
        "gamma_ratio",
        "half_vector",
        "information",
        "lib",
        "root",
        "traits",
    ];
    let names: Vec<&str> = table().iter().map(|row| row.name).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            shared.contains(&stem) || names.contains(&stem),
            "src/{stem}.rs has no row in the conformance table"
        );
    }
}

#[test]
fn values_agree_with_scipy() {
    let rows = table();
    let mut seen = std::collections::BTreeSet::new();
    for line in include_str!("golden.tsv")
        .lines()
        .filter(|l| !l.starts_with('#'))
    {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, quantity, arguments, value, expression] = fields[..] else {
            panic!("a line has five fields: {line}");
        };
        let row = rows
            .iter()
            .find(|r| r.name == name)
            .unwrap_or_else(|| panic!("no row {name}"));
        let function = row.quantities.get(quantity);
        let function = function.unwrap_or_else(|| panic!("{name} has no {quantity}"));
        let arguments: Vec<f64> = arguments
            .split_whitespace()
            .map(|a| a.parse().unwrap())
            .collect();
        let expected: f64 = value.parse().unwrap();
        // Quantiles and tails are compared by their own size; twelve digits is what the
        // special functions on both sides agree to.
        let relative = (function(&arguments) - expected) / expected.abs().max(1e-300);
        let same = function(&arguments) == expected || relative.abs() < 2e-12;
        assert!(
            same,
            "{name} {quantity} {arguments:?}: {} is not {expected}, {expression}",
            function(&arguments)
        );
        seen.insert((name, quantity));
    }
    for row in &rows {
        assert!(
            seen.contains(&(row.name, "log_density")),
            "{} has no golden value",
            row.name
        );
    }
}
