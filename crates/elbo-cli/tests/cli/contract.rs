//! The commands of the contract, as they will be typed, on tables that are shipped.

use serde_json::Value;

use crate::harness::{Place, number, shipped};

/// The keys that every JSON object of a fit has, in this order.
const KEYS: [&str; 11] = [
    "model",
    "method",
    "elbo",
    "elbo_mcse",
    "converged",
    "khat",
    "verdict",
    "iterations",
    "seconds",
    "seed",
    "out",
];

fn keys(object: &Value) -> Vec<&str> {
    let object = object.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

#[test]
fn old_faithful_has_two_components_of_six() {
    let place = Place::new();
    let fit = place.json(&format!(
        "fit gmm {} --columns eruptions,waiting --components 6 --weight-concentration 0.001 \
         --seed 1 --out D --json",
        shipped("faithful.csv")
    ));
    assert_eq!(fit["n_effective_components"], 2);
    assert_eq!(&keys(&fit)[..KEYS.len()], KEYS);
    assert_eq!(fit["model"], "gmm");
    assert_eq!(fit["method"], "batch");
    assert_eq!(fit["converged"], true);
    assert_eq!(fit["khat"], Value::Null);
    assert_eq!(fit["verdict"], "usable");
    assert_eq!(fit["seed"], 1);
    assert_eq!(fit["out"], "D");
    for file in [
        "fit.json",
        "variational.safetensors",
        "draws.parquet",
        "trace.csv",
    ] {
        assert!(place.exists(&format!("D/{file}")), "{file}");
    }
}

#[test]
fn a_mixture_labels_rows_as_their_density_says() {
    let place = Place::new();
    let data = shipped("faithful.csv");
    place.ok(&format!(
        "fit gmm {data} --components 2 --columns eruptions,waiting --out D"
    ));
    let (header, rows) = place.ok(&format!("predict D {data}")).csv();
    assert_eq!(
        header,
        [
            "label",
            "log_density",
            "responsibility.1",
            "responsibility.2"
        ]
    );
    assert_eq!(rows.len(), 272);
    for row in &rows {
        let r = [number(&row[2]), number(&row[3])];
        assert!((r[0] + r[1] - 1.0).abs() < 1e-12);
        assert_eq!(row[0] == "1", r[0] >= r[1]);
        assert!(number(&row[1]).is_finite());
    }
    // The two kinds of eruption, by scikit-learn: 97 and 175 of the 272.
    let first = rows.iter().filter(|row| row[0] == rows[1][0]).count();
    assert_eq!(first, 97);
}

#[test]
fn linear_regressions_bound_is_its_evidence() {
    let place = Place::new();
    let fit = place.json(&format!(
        "fit linear {} --target target --out D --json",
        shipped("diabetes.csv")
    ));
    assert_eq!(fit["log_evidence"], fit["elbo"]);
    assert_eq!(fit["verdict"], "good");
    let (header, rows) = place
        .ok(&format!("predict D {}", shipped("diabetes.csv")))
        .csv();
    assert_eq!(header, ["mean", "sd", "lower", "upper"]);
    assert_eq!(rows.len(), 442);
}

#[test]
fn relevance_determination_lists_what_it_switched_off() {
    let place = Place::new();
    let fit = place.json(&format!(
        "fit ard {} --target target --seed 1 --out D --json",
        shipped("diabetes.csv")
    ));
    let off: Vec<&str> = fit["off"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    // Age explains nothing beyond the other nine, least squares gives sex a z of -3.9, and body mass
    // index explains most.
    assert!(off.contains(&"age"), "{off:?}");
    assert!(!off.contains(&"sex") && !off.contains(&"bmi"), "{off:?}");
    let table = place.ok("summary D").stdout;
    assert!(table.contains("inputs are off"), "{table}");
}

#[test]
fn intervals_widen_with_the_level() {
    let place = Place::new();
    let data = shipped("diabetes.csv");
    place.ok(&format!("fit linear {data} --target target --out D"));
    let width = |level: &str| {
        let (_, rows) = place.ok(&format!("predict D {data} --level {level}")).csv();
        number(&rows[0][3]) - number(&rows[0][2])
    };
    // Ratio of standard normal quantiles at 0.975 and 0.75: 2.906; the Student-t has 442 degrees.
    let ratio = width("0.95") / width("0.5");
    assert!((ratio - 2.906).abs() < 0.02, "{ratio}");
}

#[test]
fn the_numbers_do_not_depend_on_the_threads() {
    let place = Place::new();
    for model in ["gmm", "linear --target waiting", "ard --target waiting"] {
        let (name, options) = model.split_once(' ').unwrap_or((model, ""));
        let fit = |threads: usize| {
            let mut object = place.json(&format!(
                "fit {name} {} --columns eruptions {options} --threads {threads} --json",
                shipped("faithful.csv")
            ));
            object["seconds"].take();
            object
        };
        assert_eq!(fit(1), fit(2), "{model}");
    }
}

#[test]
fn a_summary_repeats_the_fit_and_adds_the_parameters() {
    let place = Place::new();
    let fit = place.json(&format!(
        "fit linear {} --target target --out D --json",
        shipped("diabetes.csv")
    ));
    let summary = place.json("summary D --json");
    for key in keys(&fit) {
        assert_eq!(fit[key], summary[key], "{key}");
    }
    let parameters = summary["parameters"].as_array().expect("a list");
    let bmi = parameters
        .iter()
        .find(|p| p["name"] == "bmi")
        .expect("a coefficient is named as its column");
    let at = |key: &str| bmi[key].as_f64().expect("a number");
    assert!(at("q5") < at("q50") && at("q50") < at("q95") && at("sd") > 0.0);
    assert!((at("mean") - at("q50")).abs() < 0.2 * at("sd"));
}

#[test]
fn without_json_there_is_a_table_and_a_verdict() {
    let place = Place::new();
    let run = place.ok(&format!(
        "fit linear {} --target target",
        shipped("diabetes.csv")
    ));
    assert!(run.stdout.contains("mean") && run.stdout.contains("95%"));
    assert!(
        run.stdout
            .lines()
            .last()
            .unwrap()
            .starts_with("verdict: good: ")
    );
    assert_eq!(place.names(), [""; 0], "without --out nothing is written");
}

#[test]
fn help_lists_a_models_own_options_beside_the_common_ones() {
    let place = Place::new();
    let help = place.ok("fit gmm --help").stdout;
    assert!(help.contains("--weight-concentration") && help.contains("--rel-tol"));
    let help = place.ok("fit ard --help").stdout;
    assert!(help.contains("--target") && !help.contains("--weight-concentration"));
    assert!(place.ok("--help").stdout.contains("Exit codes"));
    assert!(place.ok("--version").stdout.starts_with("elbo "));
}
