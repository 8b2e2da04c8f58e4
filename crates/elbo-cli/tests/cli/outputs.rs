//! What is written, when, and what is done with it: overwriting, going on, draws, pipes.

use std::io::{BufRead, BufReader};

use crate::harness::{Place, Run, number, shipped};

fn fit_linear(place: &Place, options: &str) -> Run {
    place.run(&format!(
        "fit linear {} --target target {options}",
        shipped("diabetes.csv")
    ))
}

#[test]
fn a_fit_that_did_not_converge_is_bad_written_and_can_be_gone_on_from() {
    let place = Place::new();
    let fit = |options: &str| {
        place.run(&format!(
            "fit gmm {} --components 4 --seed 3 --json {options}",
            shipped("faithful.csv")
        ))
    };
    let short = fit("--max-iters 3 --out D");
    assert_eq!(short.code, 3);
    assert_eq!(short.json()["verdict"], "bad");
    assert_eq!(short.json()["converged"], false);
    let table = place.ok("summary D").stdout;
    assert!(table.contains("verdict: bad: not converged"), "{table}");

    let long = fit("--warm-start D --out E");
    assert_eq!(long.code, 0, "{}", long.stderr);
    let elbo = |run: &Run| run.json()["elbo"].as_f64().unwrap();
    assert!(elbo(&long) > elbo(&short));
    let wrong = fit("--warm-start D --covariance tied");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("D has full covariances"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn regressions_go_on_from_an_earlier_fit_of_the_same_target() {
    let place = Place::new();
    let data = shipped("diabetes.csv");
    place.ok("generate logistic --rows 500 --inputs 4 --seed 6 --out R");
    let fits = [
        format!("fit ard {data} --target target --json"),
        "fit logistic R --target target --json".to_owned(),
    ];
    for (i, fit) in fits.iter().enumerate() {
        let short = place.run(&format!("{fit} --max-iters 3 --out D{i}"));
        assert_eq!(short.code, 3, "{}", short.stderr);
        let whole = place.json(fit);
        let long = place.json(&format!("{fit} --warm-start D{i}"));
        let elbo = |fit: &serde_json::Value| fit["elbo"].as_f64().unwrap();
        // Both stop once an iteration gains less than 1e-8 of the bound.
        assert!(
            (elbo(&long) / elbo(&whole) - 1.0).abs() < 1e-6,
            "{long} {whole}"
        );
        assert!(
            long["iterations"].as_u64() < whole["iterations"].as_u64(),
            "{long} {whole}"
        );
    }
    let other = place.run(&format!("fit ard {data} --target bmi --warm-start D0"));
    assert_eq!(other.code, 2);
    assert!(
        other.stderr.contains("the target 'target'"),
        "{}",
        other.stderr
    );
    let turned = place.run(&format!("{} --positive 0 --warm-start D1", fits[1]));
    assert_eq!(turned.code, 2);
    assert!(
        turned.stderr.contains("the classes 0 and 1"),
        "{}",
        turned.stderr
    );
    let fewer = place.run(&format!(
        "fit ard {data} --target target --columns bmi,bp --warm-start D0"
    ));
    assert_eq!(fewer.code, 2);
    assert!(fewer.stderr.contains("must agree"), "{}", fewer.stderr);
    // An exact fit has nothing to gain from a start; mini-batches have.
    let linear = format!("fit linear {data} --target target --json");
    assert_eq!(place.run(&format!("{linear} --warm-start D0")).code, 2);
    let steps = "--method stochastic --batch-size 50";
    let first = place.run(&format!("{linear} {steps} --max-iters 5 --out L"));
    let second = place.run(&format!("{linear} {steps} --max-iters 5 --warm-start L"));
    let elbo = |run: &Run| run.json()["elbo"].as_f64().unwrap();
    assert!(
        elbo(&second) > elbo(&first),
        "{} {}",
        second.stdout,
        first.stdout
    );
}

#[test]
fn an_existing_directory_is_kept_unless_it_may_be_overwritten() {
    let place = Place::new();
    assert_eq!(fit_linear(&place, "--out D").code, 0);
    let before = std::fs::read(place.path("D/fit.json")).unwrap();
    let saved: serde_json::Value = serde_json::from_slice(&before).unwrap();
    let options = saved["options"].as_object().unwrap();
    // Options by the names that a user gives them, and nothing of how they are declared.
    assert!(options.contains_key("seed"), "{options:?}");
    let named = |name: &String| !name.starts_with(char::is_uppercase);
    assert!(options.keys().all(named), "{options:?}");
    let refused = fit_linear(&place, "--out D --seed 7");
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("D exists already") && refused.stderr.contains("--overwrite"),
        "{}",
        refused.stderr
    );
    assert_eq!(std::fs::read(place.path("D/fit.json")).unwrap(), before);
    assert_eq!(fit_linear(&place, "--out D --overwrite --seed 7").code, 0);
    assert_eq!(place.json("summary D --json")["seed"], 7);
    assert_eq!(place.names(), ["D"], "nothing is left beside it");
}

#[test]
fn a_directory_of_something_else_is_never_overwritten() {
    let place = Place::new();
    std::fs::create_dir(place.path("thesis")).unwrap();
    place.write("thesis/chapter1.txt", "years of work");
    let refused = fit_linear(&place, "--out thesis --overwrite");
    assert_eq!(refused.code, 2);
    assert!(place.exists("thesis/chapter1.txt"));
}

#[test]
fn directories_above_the_output_are_made() {
    let place = Place::new();
    assert_eq!(fit_linear(&place, "--out results/today/D").code, 0);
    assert!(place.exists("results/today/D/fit.json"));
    place.write("file", "");
    let refused = fit_linear(&place, "--out file/D");
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("not a directory"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_draw_is_the_same_whatever_the_number_of_draws() {
    let place = Place::new();
    assert_eq!(fit_linear(&place, "--out D").code, 0);
    let few = place.ok("draws D --n 3 --seed 5").stdout;
    let many = place.ok("draws D --n 1000 --seed 5").stdout;
    assert!(many.starts_with(&few));
    assert_eq!(many.lines().count(), 1001);
    assert_ne!(place.ok("draws D --n 3 --seed 6").stdout, few);

    // 1,000 independent draws of a coefficient: mean and sd within 5 standard errors.
    let (header, rows) = place
        .ok("draws D --n 1000 --parameters weights.3,sigma")
        .csv();
    assert_eq!(header, ["weights.3", "sigma"]);
    let draws: Vec<f64> = rows.iter().map(|row| number(&row[0])).collect();
    let mean = draws.iter().sum::<f64>() / 1000.0;
    let summary = place.json("summary D --json");
    let bmi = &summary["parameters"][3];
    let (exact, sd) = (bmi["mean"].as_f64().unwrap(), bmi["sd"].as_f64().unwrap());
    assert!(
        (mean - exact).abs() < 5.0 * sd / 1000f64.sqrt(),
        "{mean} against {exact}"
    );
}

#[test]
fn draws_are_written_as_parquet_too() {
    let place = Place::new();
    assert_eq!(fit_linear(&place, "--out D").code, 0);
    place.ok("draws D --n 10 --format parquet --out draws.parquet");
    let bytes = std::fs::read(place.path("draws.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1"));
    // Its columns are the intercept, ten weights and sigma; ten rows are enough for one component.
    let fit = place.json("fit gmm draws.parquet --columns sigma,intercept --components 1 --json");
    assert_eq!(fit["n_rows"], 10);
    let nameless = place.run("fit gmm draws.parquet --no-header --components 1");
    assert_eq!(nameless.code, 2);
    assert!(nameless.stderr.contains("Parquet"), "{}", nameless.stderr);
    assert_eq!(place.run("draws D --format parquet").code, 2);
    let again = place.run("draws D --out draws.parquet");
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
}

#[test]
fn predictions_go_to_a_file_when_asked() {
    let place = Place::new();
    assert_eq!(fit_linear(&place, "--out D").code, 0);
    let data = shipped("diabetes.csv");
    let stdout = place.ok(&format!("predict D {data}")).stdout;
    let run = place.ok(&format!("predict D {data} --out p.csv"));
    assert_eq!(run.stdout, "");
    assert_eq!(
        std::fs::read_to_string(place.path("p.csv")).unwrap(),
        stdout
    );
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::new();
    assert_eq!(fit_linear(&place, "--out D").code, 0);
    let mut child = place.command("draws D --n 100000").spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_fit_as_it_was() {
    let place = Place::new();
    assert_eq!(fit_linear(&place, "--out D --seed 1").code, 0);
    let before = std::fs::read(place.path("D/variational.safetensors")).unwrap();
    // A limit of 4 KiB for every file stands for a disk without space.
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec {} fit linear {} --target target --out D --overwrite",
        env!("CARGO_BIN_EXE_elbo"),
        shipped("diabetes.csv")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path("."))
        .output()
        .unwrap();
    let run = Run::from(output);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("cannot be written"), "{}", run.stderr);
    assert_eq!(
        std::fs::read(place.path("D/variational.safetensors")).unwrap(),
        before
    );
    assert_eq!(place.json("summary D --json")["seed"], 1);
    assert_eq!(place.names(), ["D"]);
}

#[test]
fn a_numerical_failure_has_an_exit_code_of_its_own_and_writes_nothing() {
    let place = Place::new();
    // Squares of these numbers are beyond double precision.
    place.write(
        "t.csv",
        "x,y\n1e200,2e200\n-3e200,1e200\n2e200,-1e200\n-1e200,4e200\n",
    );
    let run = place.run("fit linear t.csv --target y --no-standardize --out D");
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stderr.contains("not finite"), "{}", run.stderr);
    assert_eq!(place.names(), ["t.csv"]);
}
