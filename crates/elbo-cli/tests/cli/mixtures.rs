//! The textbook mixture from end to end: shipped data, simulated data, refusals.

use serde_json::Value;

use crate::harness::{Place, shipped};

fn numbers(values: &Value) -> Vec<f64> {
    let values = values.as_array().expect("a list");
    values
        .iter()
        .map(|v| v.as_f64().expect("a number"))
        .collect()
}

/// Means by component, from a summary, in ascending order.
fn means(summary: &Value) -> Vec<f64> {
    let parameters = summary["parameters"].as_array().expect("a list");
    let mut means: Vec<f64> = parameters
        .iter()
        .map(|p| p["mean"].as_f64().expect("a number"))
        .collect();
    means.sort_by(f64::total_cmp);
    means
}

#[test]
fn galaxies_have_the_clusters_that_maximum_likelihood_finds() {
    let place = Place::new();
    let fit = place.json(&format!(
        "fit mixture-of-means {} --columns dat --components 3 --prior-sd 100000 \
         --seed 1 --restarts 5 --out D --json",
        shipped("galaxies.csv")
    ));
    assert_eq!(fit["model"], "mixture-of-means");
    assert_eq!(fit["n_effective_components"], 3);
    assert_eq!(fit["verdict"], "usable");
    // scikit-learn 1.9.1: GaussianMixture(3, covariance_type="tied", tol=1e-12, max_iter=5000,
    // n_init=20, random_state=0) on the same column.
    let (ml_means, ml_sd, ml_weights) = (
        [9749.4968, 21400.4782, 32970.0556],
        2070.1087,
        [0.03703, 0.08589, 0.87708],
    );
    // Under a vague prior a posterior mean differs from maximum likelihood by far less than its
    // own standard error, sd/√n of the smallest cluster's rows.
    let sd = fit["sd"].as_f64().unwrap();
    for (got, expected) in means(&place.json("summary D --json")).iter().zip(ml_means) {
        assert!(
            (got - expected).abs() < 0.2 * sd / 3f64.sqrt(),
            "{got} {expected}"
        );
    }
    assert!((sd / ml_sd - 1.0).abs() < 0.05, "{sd} against {ml_sd}");
    let mut mixing = numbers(&fit["mixing"]);
    mixing.sort_by(f64::total_cmp);
    for (got, expected) in mixing.iter().zip(ml_weights) {
        assert!((got - expected).abs() < 0.01, "{got} {expected}");
    }
    let (header, rows) = place
        .ok(&format!("predict D {}", shipped("galaxies.csv")))
        .csv();
    assert_eq!(header[..2], ["label", "log_density"]);
    assert_eq!((header.len(), rows.len()), (5, 82));
    assert_eq!(
        place.ok("draws D --n 4").csv().0,
        ["means.1.1", "means.2.1", "means.3.1"]
    );
    let table = place.ok("summary D").stdout;
    assert!(
        table.contains("columns: 1 dat") && table.contains("mixing"),
        "{table}"
    );
}

#[test]
fn what_was_simulated_is_found_again_in_memory_and_by_mini_batches() {
    let place = Place::new();
    place.ok(
        "generate mixture-of-means --rows 3000 --columns 2 --components 3 --separation 8 --sd 0.5 \
         --missing 0.05 --seed 3 --out R",
    );
    let fit = |options: &str| {
        place.json(&format!(
            "fit mixture-of-means R --components 3 --seed 1 {options} --json"
        ))
    };
    let batch = fit("--out D");
    // 5,700 deviations: the standard error of sd is 0.5/√11400.
    assert!(
        (batch["sd"].as_f64().unwrap() - 0.5).abs() < 5.0 * 0.0047,
        "{batch}"
    );
    assert!(batch["n_missing"].as_u64().unwrap() > 0);
    assert_eq!(place.ok("predict D R").csv().1.len(), 3000);
    let steps = fit("--method stochastic --batch-size 200");
    let elbo = |fit: &Value| fit["elbo"].as_f64().unwrap();
    // The estimate of the last pass lags behind and has an error of its own.
    let error = steps["elbo_mcse"].as_f64().unwrap();
    assert!(
        (elbo(&steps) - elbo(&batch)).abs() < 5.0 * error,
        "{steps} against {batch}"
    );
    // Going on from the end stays there.
    let again = place.json("fit mixture-of-means R --warm-start D --json");
    assert!((elbo(&again) / elbo(&batch) - 1.0).abs() < 1e-8);
    assert!(again["iterations"].as_u64().unwrap() <= 3, "{again}");
}

#[test]
fn a_known_spread_and_known_mixing_are_kept() {
    let place = Place::new();
    let fit = place.json(&format!(
        "fit mixture-of-means {} --columns dat --components 2 --sd 2000 --mixing 0.3,0.7 --json",
        shipped("galaxies.csv")
    ));
    assert!((fit["sd"].as_f64().unwrap() - 2000.0).abs() < 1e-9);
    assert_eq!(numbers(&fit["mixing"]), [0.3, 0.7]);
    let fit = place.json(&format!(
        "fit mixture-of-means {} --columns dat --components 2 --sd 2000 --mixing equal --json",
        shipped("galaxies.csv")
    ));
    assert_eq!(numbers(&fit["mixing"]), [0.5, 0.5]);
}

#[test]
fn settings_out_of_range_are_named_as_they_are_typed() {
    let place = Place::new();
    let data = shipped("galaxies.csv");
    for (options, expected) in [
        ("", "--components"),
        ("--components 3 --sd -1", "--sd -1"),
        ("--components 3 --prior-sd 0", "--prior-sd 0"),
        ("--components 3 --mixing 0.5,0.5,0.5", "--mixing"),
        ("--components 3 --mixing 0.5,0.5", "3 numbers"),
        ("--components 3 --mixing half", "'equal'"),
        ("--components 100", "82 rows"),
    ] {
        let run = place.run(&format!("fit mixture-of-means {data} {options} --out D"));
        assert_eq!(run.code, 2, "{options}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{options}: {}", run.stderr);
        assert!(!place.exists("D"), "{options}");
    }
}
