//! Commands on simulated data, where the truth is known.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::{Place, number};

fn rated(place: &Place) -> Value {
    place.ok("generate factor --users 300 --items 200 --ratings 12000 --rank 2 --seed 1 --out R");
    place.json("fit factor R --rank 2 --holdout 0.1 --seed 1 --out D --json")
}

#[test]
fn held_out_ratings_are_predicted_and_covered() {
    let place = Place::new();
    let fit = rated(&place);
    let at = |key: &str| fit[key].as_f64().unwrap_or_else(|| panic!("{key}: {fit}"));
    // Noise of sd 0.75 is the floor; ignoring users and items leaves √(0.75² + 2·0.4² + 0.5²) = 1.06.
    assert!(
        at("heldout_rmse") > 0.7 && at("heldout_rmse") < 0.95,
        "{fit}"
    );
    // 1,200 held-out ratings: the standard error of 90% is 0.9%.
    assert!((at("heldout_coverage_90") - 0.9).abs() < 0.045, "{fit}");
    assert!(at("heldout_log_density") < -1.0 && at("heldout_log_density") > -1.5);
    assert!((at("sigma") - 0.75).abs() < 0.05, "{fit}");
    assert_eq!(fit["n_ratings"], 12000);
    assert_eq!(fit["n_heldout"], 1200);
    assert_eq!(fit["verdict"], "usable");
    // Users who do not differ in noise are not told apart.
    assert!(at("noise_dof") > 30.0, "{fit}");
    let shared = "--noise shared --holdout 0.1 --seed 1 --json";
    let shared = place.json(&format!("fit factor R --rank 2 {shared}"));
    assert_eq!(shared["noise_dof"], Value::Null);
    let rmse = shared["heldout_rmse"].as_f64().unwrap();
    assert!((rmse - at("heldout_rmse")).abs() < 0.01, "{rmse}");
}

#[test]
fn ratings_are_fitted_to_the_same_bits_by_any_number_of_threads() {
    let place = Place::new();
    place.ok("generate factor --users 100 --items 50 --ratings 1500 --rank 2 --out R");
    let fit = |threads: usize| {
        let mut object = place.json(&format!(
            "fit factor R --rank 2 --holdout 0.2 --threads {threads} --json"
        ));
        object["seconds"].take();
        object
    };
    assert_eq!(fit(1), fit(2));
}

#[test]
fn biases_alone_are_a_model_too() {
    let place = Place::new();
    place.ok("generate factor --users 60 --items 40 --ratings 800 --rank 0 --out R");
    let fit = place.json("fit factor R --rank 0 --out D --json");
    assert_eq!(fit["rank"], 0);
    assert_eq!(fit["heldout_rmse"], Value::Null);
    place.ok("export D --out E");
    let users = std::fs::read_to_string(place.path("E/users.csv")).unwrap();
    assert!(users.starts_with("id,bias\n"), "{users}");
}

#[test]
fn pairs_are_predicted_and_what_is_unknown_is_said() {
    let place = Place::new();
    rated(&place);
    place.write("pairs.csv", "user,item\n1,1\n2,1\nstranger,1\n1,new\n");
    let run = place.ok("predict D pairs.csv");
    let (header, rows) = run.csv();
    assert_eq!(header, ["user", "item", "mean", "sd", "lower", "upper"]);
    assert_eq!(rows.len(), 4);
    let sd = |row: usize| number(&rows[row][3]);
    assert!(sd(0) < sd(2) && sd(0) < sd(3), "{}", run.stdout);
    assert!(run.stderr.contains("2 of 4 pairs"), "{}", run.stderr);
}

#[test]
fn recommendations_leave_out_what_has_been_rated() {
    let place = Place::new();
    rated(&place);
    let (header, rows) = place.ok("recommend D --user 7 --n 5").csv();
    assert_eq!(header, ["user", "item", "mean", "sd", "lower", "upper"]);
    assert_eq!(rows.len(), 5);
    let means: Vec<f64> = rows.iter().map(|row| number(&row[2])).collect();
    assert!(means.is_sorted_by(|a, b| a >= b));
    let data = std::fs::read_to_string(place.path("R/ratings.csv")).unwrap();
    for row in &rows {
        let rated = format!("\n7,{},", row[1]);
        assert!(!data.contains(&rated), "item {} has been rated", row[1]);
    }
    let unknown = place.run("recommend D --user 7000");
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("user '7000' is not in the fit"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn a_new_user_is_folded_in_from_ratings() {
    let place = Place::new();
    rated(&place);
    // A user who rates as user 7 does is told to like what user 7 is told to like.
    let data = std::fs::read_to_string(place.path("R/ratings.csv")).unwrap();
    let mut copy = String::from("user,item,rating\n");
    for line in data.lines().filter(|line| line.starts_with("7,")) {
        writeln!(copy, "newcomer{}", &line[1..]).unwrap();
    }
    place.write("new.csv", &copy);
    let items = |user: &str, options: &str| -> Vec<String> {
        let run = place.ok(&format!("recommend D --user {user} --n 20 {options}"));
        run.csv().1.into_iter().map(|row| row[1].clone()).collect()
    };
    let (old, new) = (items("7", ""), items("newcomer", "--new-ratings new.csv"));
    let shared = old.iter().filter(|item| new.contains(item)).count();
    assert!(shared >= 15, "{shared} of 20 are the same");
}

#[test]
fn embeddings_are_exported_with_their_ids() {
    let place = Place::new();
    rated(&place);
    place.ok("export D --what embeddings --format csv --out E");
    let users = std::fs::read_to_string(place.path("E/users.csv")).unwrap();
    assert!(users.starts_with("id,bias,factor.1,factor.2\n"), "{users}");
    assert_eq!(users.lines().count(), 301);
    place.ok("export D --format npy --out E");
    let npy = std::fs::read(place.path("E/items.npy")).unwrap();
    assert_eq!(npy.len(), 128 + 200 * 3 * 8);
    assert!(place.exists("E/items.ids.csv"));
    assert_eq!(place.run("export D --format npy --out E").code, 2);
}

#[test]
fn rows_of_users_are_drawn_on_request() {
    let place = Place::new();
    rated(&place);
    assert_eq!(place.ok("draws D --n 2").csv().0, ["mu"]);
    let (header, rows) = place
        .ok("draws D --n 5 --parameters mu,a[7],A[7],b[3]")
        .csv();
    assert_eq!(header, ["mu", "a[7]", "A[7].1", "A[7].2", "b[3]"]);
    assert_eq!(rows.len(), 5);
    assert_eq!(place.ok("draws D --n 1 --parameters a").csv().0.len(), 300);
    assert_eq!(place.run("draws D --parameters a[7000]").code, 2);
}

#[test]
fn the_last_of_repeated_ratings_counts_and_it_is_said() {
    let place = Place::new();
    place.write(
        "r.csv",
        "user,item,rating\nann,film,1\nbob,film,4\nann,other,3\nann,film,5\n",
    );
    let run = place.run("fit factor r.csv --rank 0 --json");
    assert!(
        run.stderr.contains("r.csv, line 5") && run.stderr.contains("ann"),
        "{}",
        run.stderr
    );
    assert_eq!(run.json()["n_ratings"], 3);
    assert_eq!(run.json()["n_duplicates"], 1);
}

#[test]
fn the_same_seed_generates_the_same_data_with_the_truth_beside_them() {
    let place = Place::new();
    for (model, file) in [
        ("gmm --rows 20", "data.csv"),
        ("mixture-of-means --rows 20", "data.csv"),
        ("linear --rows 20", "data.csv"),
        ("ard --rows 20", "data.csv"),
        ("logistic --rows 20", "data.csv"),
        ("factor --ratings 100", "ratings.csv"),
    ] {
        let generate = |seed: u64, out: &str| {
            place.ok(&format!("generate {model} --seed {seed} --out {out}"));
            let text = std::fs::read_to_string(place.path(out).join(file)).unwrap();
            assert!(place.path(out).join("truth.safetensors").exists());
            let truth = std::fs::read_to_string(place.path(out).join("truth.json")).unwrap();
            let truth: Value = serde_json::from_str(&truth).unwrap();
            assert_eq!(truth["seed"], seed);
            text
        };
        let name = model.split(' ').next().unwrap();
        let (a, b) = (
            generate(1, &format!("{name}-a")),
            generate(1, &format!("{name}-b")),
        );
        assert_eq!(a, b, "{model}");
        assert_ne!(a, generate(2, &format!("{name}-c")), "{model}");
        let again = place.run(&format!("generate {model} --out {name}-a"));
        assert_eq!(again.code, 2, "{model}");
    }
}

#[test]
fn weights_that_were_simulated_are_found_again() {
    let place = Place::new();
    place.ok("generate ard --rows 2000 --inputs 20 --noise-sd 0.5 --seed 4 --out R");
    let fit = place.json("fit ard R --target target --out D --json");
    // Two of the twenty inputs have a weight.
    let off = fit["off"].as_array().unwrap();
    assert!(off.len() >= 17 && !off.contains(&"x1".into()), "{fit}");
    assert!((fit["sigma"].as_f64().unwrap() - 0.5).abs() < 0.05);
}

#[test]
fn mini_batches_reach_nearly_the_same_bound() {
    let place = Place::new();
    place.ok("generate gmm --rows 2000 --columns 2 --components 3 --seed 2 --out R");
    let batch = place.json("fit gmm R --components 3 --json");
    let run = place
        .run("fit gmm R --components 3 --method stochastic --batch-size 100 --max-iters 30 --json");
    let stochastic = run.json();
    assert_eq!(stochastic["method"], "stochastic");
    let elbo = |fit: &Value| fit["elbo"].as_f64().unwrap();
    assert!(
        (elbo(&stochastic) / elbo(&batch) - 1.0).abs() < 0.02,
        "{stochastic} against {batch}"
    );
}

#[test]
fn mini_batches_stop_on_what_is_held_out_and_report_its_density() {
    let place = Place::new();
    place.ok("generate gmm --rows 2000 --columns 2 --components 3 --seed 2 --out G");
    place.ok("generate ard --rows 2000 --inputs 10 --seed 2 --out A");
    place.ok("generate logistic --rows 2000 --inputs 4 --seed 2 --out L");
    place.ok("generate factor --users 200 --items 80 --ratings 8000 --rank 1 --seed 2 --out R");
    for (fit, n) in [
        ("gmm G --components 3", 200),
        ("mixture-of-means G --components 3", 200),
        ("linear A --target target", 200),
        ("ard A --target target", 200),
        ("logistic L --target target", 200),
        ("factor R --rank 1 --rel-tol 1e-4", 800),
    ] {
        let run = |options: &str| {
            place.json(&format!(
                "fit {fit} --holdout 0.1 --seed 1 {options} --json"
            ))
        };
        let batch = run("");
        let size = if n == 800 { 40 } else { 200 };
        let steps = run(&format!(
            "--method stochastic --batch-size {size} --out D --overwrite"
        ));
        assert_eq!(steps["converged"], true, "{steps}");
        assert_eq!(steps["n_heldout"], n, "{steps}");
        assert_eq!(batch["n_heldout"], n, "{batch}");
        let density = |fit: &Value| fit["heldout_log_density"].as_f64().unwrap();
        // Both predict the same rows; the steps stop near, not at, the end of coordinate ascent.
        let difference = density(&steps) - density(&batch);
        assert!(difference.abs() < 0.02, "{fit}: {difference}");
        let table = place.ok("summary D").stdout;
        assert!(table.contains(&format!("{n} held out: ")), "{table}");
    }
    for (options, expected) in [
        ("--holdout 1", "--holdout 1 is out of range"),
        ("--holdout nan", "--holdout"),
        ("--holdout 0.0001", "keeps back 0 of 2000 rows"),
        (
            "--holdout 0.1 --method streaming",
            "--method batch or stochastic",
        ),
    ] {
        let refused = place.run(&format!("fit gmm G --components 3 {options}"));
        assert_eq!(refused.code, 2, "{options}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(expected),
            "{options}: {}",
            refused.stderr
        );
    }
}

#[test]
fn missing_entries_are_marginalised_and_counted() {
    let place = Place::new();
    place.ok("generate gmm --rows 500 --columns 4 --components 2 --missing 0.1 --seed 3 --out R");
    let run = place.ok("fit gmm R --components 2 --out D --json");
    let n = run.json()["n_missing"].as_u64().unwrap();
    // 2,000 entries, each missing with probability 0.1: 200 ± 13.
    assert!((135..=265).contains(&n), "{n}");
    assert!(
        run.stderr.contains(&format!("{n} missing entries")) && run.stderr.contains("marginalised"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("sds are too small"), "{}", run.stderr);
    assert_eq!(place.ok("predict D R").csv().1.len(), 500);
    let table = place.ok("summary D").stdout;
    assert!(
        table.contains(&format!("{n} missing entries were marginalised")),
        "{table}"
    );
    let exact = place.ok("fit gmm R --components 2 --covariance diagonal");
    assert!(
        exact.stderr.contains("marginalised exactly"),
        "{}",
        exact.stderr
    );
}

#[test]
fn a_stream_is_fitted_to_the_bound_of_data_in_memory() {
    let place = Place::new();
    place.ok("generate factor --users 120 --items 60 --ratings 3000 --rank 2 --seed 5 --out R");
    place.ok("generate gmm --rows 900 --columns 3 --components 3 --missing 0.05 --seed 5 --out T");
    for arguments in ["factor R --rank 2", "gmm T --components 3"] {
        let fit = |options: &str| place.json(&format!("fit {arguments} --json {options}"));
        let (memory, stream) = (fit(""), fit("--method streaming --batch-size 200"));
        assert_eq!(stream["method"], "streaming");
        let elbo = |fit: &Value| fit["elbo"].as_f64().unwrap();
        // Sums are rounded in another order; single precision is not used at this size.
        let difference = (elbo(&stream) / elbo(&memory) - 1.0).abs();
        assert!(difference < 1e-8, "{arguments}: {difference:e}");
        assert_eq!(stream["n_missing"], memory["n_missing"]);
    }
}

#[test]
fn users_need_not_be_kept() {
    let place = Place::new();
    let kept = rated(&place);
    let dropped = place.json("fit factor R --rank 2 --holdout 0.1 --seed 1 --drop-users --json");
    assert_eq!(dropped["heldout_rmse"], kept["heldout_rmse"]);
    let stream = "--method streaming --batch-size 1000 --drop-users";
    let fit = place.json(&format!(
        "fit factor R --rank 2 --holdout 0.1 --seed 1 {stream} --out S --json"
    ));
    let rmse = |fit: &Value| fit["heldout_rmse"].as_f64().unwrap();
    // Other ratings are held out, hence the noise: the standard error of both is about 0.016.
    assert!(
        (rmse(&fit) - rmse(&kept)).abs() < 0.08,
        "{fit} against {kept}"
    );
    assert_eq!(place.run("recommend S --user 7").code, 2);
    // All ratings of the data serve to fold user 7 in.
    let items = |arguments: &str| -> Vec<String> {
        let run = place.ok(&format!("recommend {arguments} --user 7 --n 20"));
        run.csv().1.into_iter().map(|row| row[1].clone()).collect()
    };
    let (old, new) = (items("D"), items("S --new-ratings R/ratings.csv"));
    let shared = old.iter().filter(|item| new.contains(item)).count();
    assert!(shared >= 12, "{shared} of 20 are the same");
}

#[test]
fn logistic_regression_names_the_class_it_models() {
    let place = Place::new();
    place.ok("generate logistic --rows 3000 --inputs 3 --seed 6 --out R");
    let numbers = place.json("fit logistic R --target target --out D --json");
    assert_eq!(numbers["positive"], "1");
    assert_eq!(numbers["off"], Value::Null);
    let summary = place.json("summary D --json");
    let truth = std::fs::read(place.path("R/truth.safetensors")).unwrap();
    // The file ends with the three weights.
    for (j, bytes) in truth[truth.len() - 24..].chunks(8).enumerate() {
        let weight = f64::from_le_bytes(bytes.try_into().unwrap());
        let at = |key: &str| summary["parameters"][j + 1][key].as_f64().unwrap();
        assert!(
            (at("mean") - weight).abs() < 5.0 * at("sd"),
            "{weight}: {summary}"
        );
    }
    let (header, rows) = place.ok("predict D R").csv();
    assert_eq!(header, ["probability", "lower", "upper"]);
    let inside =
        |row: &[String]| number(&row[1]) < number(&row[0]) && number(&row[0]) < number(&row[2]);
    assert!(rows.iter().all(|row| inside(row)));

    // The same data with text for classes and the other one counted as 1: every sign turns.
    let data = std::fs::read_to_string(place.path("R/data.csv")).unwrap();
    place.write(
        "text.csv",
        &data.replace(",1\n", ",yes\n").replace(",0\n", ",no\n"),
    );
    let fit = place.json("fit logistic text.csv --target target --positive no --out E --json");
    assert_eq!(fit["positive"], "no");
    let turned = place.json("summary E --json");
    let mean = |summary: &Value, j: usize| summary["parameters"][j]["mean"].as_f64().unwrap();
    for j in 0..4 {
        assert!((mean(&summary, j) + mean(&turned, j)).abs() < 1e-6, "{j}");
    }
}

#[test]
fn a_factor_fit_goes_on_from_an_earlier_one() {
    let place = Place::new();
    place.ok("generate factor --users 80 --items 40 --ratings 1500 --rank 2 --seed 1 --out R");
    let short = place.run("fit factor R --rank 2 --seed 1 --max-iters 2 --out D --json");
    assert_eq!(short.code, 3);
    let long = place.run("fit factor R --rank 2 --seed 1 --warm-start D --json");
    assert_eq!(long.code, 0, "{}", long.stderr);
    assert!(long.json()["elbo"].as_f64() > short.json()["elbo"].as_f64());
    let wrong = place.run("fit factor R --rank 3 --warm-start D");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("rank 2"), "{}", wrong.stderr);
}
