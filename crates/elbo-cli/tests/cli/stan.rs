//! Stan programs from a file to an answer: fits, samples, draws, comparisons, refusals.
//!
//! The program is one whose posterior is known in closed form.

use serde_json::Value;

use crate::harness::{Place, number, shipped};

/// `μ ~ N(0, 10²)`, `y ~ N(μ, 2²)`, and a scale that the data do not tell anything about.
const PROGRAM: &str = "data {
  int<lower=0> n;
  vector[n] y;
}
transformed data {
  real shift = normal_rng(0, 1);
}
parameters {
  real mu;
  real<lower=0> tau;
}
transformed parameters {
  matrix[2, 2] m = [[mu, 1], [2, tau]];
}
model {
  mu ~ normal(0, 10);
  tau ~ exponential(1);
  y ~ normal(mu, 2);
}
generated quantities {
  real y_new = normal_rng(mu, 2);
  tuple(int, real) pair = (n, shift);
}
";

const DATA: &str = r#"{"n": 4, "y": [1.0, 2.5, 3.0, 1.5]}"#;
const DUMP: &str = "n <- 4L\ny <- c(1.0, 2.5, 3.0, 1.5)\n";

/// Precision `1/100 + 4/4`, mean `8/4` over it.
const MEAN: f64 = 2.0 / 1.01;

fn place() -> Place {
    let place = Place::new();
    place.write("p.stan", PROGRAM);
    place.write("d.json", DATA);
    place.write("d.R", DUMP);
    place
}

fn keys(object: &Value) -> Vec<&str> {
    let object = object.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

/// Mean and standard deviation of a column.
fn moments(rows: &[Vec<String>], column: usize) -> (f64, f64) {
    let n = rows.len() as f64;
    let values: Vec<f64> = rows.iter().map(|row| number(&row[column])).collect();
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

#[test]
fn a_program_is_fitted_drawn_from_and_compared_with_a_sample() {
    let place = place();
    let fit = place.json("fit p.stan d.json --seed 1 --out D --json");
    assert_eq!(fit["model"], "p.stan");
    assert_eq!(fit["method"], "auto");
    assert_eq!(fit["verdict"], "good");
    assert_eq!(fit["converged"], true);
    assert_eq!(fit["dimension"], 2);
    assert_eq!(fit["out"], "D");
    assert!(fit["gradient_evaluations"].as_u64() > Some(0));
    // The log evidence is that of y, with the prior's mean 0 and covariance 4I + 100·11ᵀ, by hand.
    let y = [1.0, 2.5, 3.0, 1.5_f64];
    let square: f64 = y.iter().map(|y| y * y).sum();
    let determinant = 4.0_f64.powi(3) * 404.0;
    let quadratic = (square - 100.0 / 404.0 * 64.0) / 4.0;
    let evidence = -2.0 * std::f64::consts::TAU.ln() - 0.5 * (determinant.ln() + quadratic);
    let elbo = fit["elbo"].as_f64().expect("a bound");
    let error = fit["elbo_mcse"].as_f64().expect("its error");
    // The posterior of log τ is not Gaussian; what that costs is far below a nat.
    assert!(
        elbo < evidence + 5.0 * error && elbo > evidence - 0.5,
        "{elbo} {evidence}"
    );

    let draws = place.ok("draws D --n 4000 --seed 2");
    let (header, rows) = draws.csv();
    assert_eq!(
        header.join(","),
        "mu,tau,m.1.1,m.2.1,m.1.2,m.2.2,y_new,pair:1,pair:2"
    );
    assert_eq!(rows.len(), 4000);
    for (column, mean, sd) in [
        (0, MEAN, 1.01_f64.sqrt().recip()),
        (1, 1.0, 1.0),
        (6, MEAN, (4.0 + 1.0 / 1.01_f64).sqrt()),
    ] {
        let (found, spread) = moments(&rows, column);
        // Four thousand draws that are worth a thousand at least: five standard errors.
        let error = 5.0 * sd / 1000_f64.sqrt();
        assert!((found - mean).abs() < error, "{column}: {found}");
        assert!((spread - sd).abs() < 2.0 * error, "{column}: {spread}");
    }
    assert!(rows.iter().all(|row| row[0] == row[2] && row[1] == row[5]));
    assert!(
        rows.iter()
            .all(|row| row[7] == "4.0" && row[8] == rows[0][8])
    );
    assert_eq!(place.ok("draws D --n 4000 --seed 2").stdout, draws.stdout);

    // The left tail of log tau costs a trajectory in thousands at longer steps.
    let sampled = "sample p.stan d.json --chains 2 --target-accept 0.95 --seed 1 --out S --json";
    let sample = place.json(sampled);
    assert_eq!(sample["verdict"], "good");
    assert_eq!(sample["method"], "nuts");
    assert_eq!(sample["draws"], 2000);
    assert_eq!(keys(&sample)[..11], keys(&fit)[..11]);
    let compared = place.json("compare D S --json");
    let quantities = compared["quantities"].as_array().expect("a list");
    let names: Vec<&str> = quantities
        .iter()
        .filter_map(|q| q["name"].as_str())
        .collect();
    assert_eq!(names, ["mu", "tau", "m.1.1", "m.2.2", "y_new"]);
    for quantity in quantities {
        let number = |key: &str| quantity[key].as_f64().expect("a number");
        assert!(
            number("mean_error").abs() < 5.0 * number("mean_error_mcse"),
            "{quantity}"
        );
        assert!((number("sd_ratio") - 1.0).abs() < 0.2, "{quantity}");
    }
    let table = place.ok("summary D").stdout;
    assert!(table.contains("verdict: Good"), "{table}");
    assert!(
        place
            .ok("summary S")
            .stdout
            .contains("good: the chains agree")
    );
}

#[test]
fn the_shipped_program_is_fitted_well_as_it_is_written() {
    let place = Place::new();
    let (program, data) = (shipped("eight_schools.stan"), shipped("eight_schools.json"));
    let fit = place.json(&format!("fit {program} {data} --seed 1 --out D --json"));
    assert_eq!(
        (&fit["verdict"], &fit["dimension"]),
        (&"good".into(), &10.into())
    );
    let (header, rows) = place.ok("draws D --n 4000").csv();
    assert_eq!(header.len(), 18);
    // The reference draws of posteriordb (eight_schools-eight_schools_noncentered): means and standard
    // deviations of mu and tau.
    for (column, mean, sd) in [(0, 4.41, 3.31), (1, 3.60, 3.20)] {
        let (found, spread) = moments(&rows, column);
        // Two thousand effective draws: five standard errors are a ninth of a standard deviation.
        assert!((found - mean).abs() < sd / 9.0, "{column}: {found}");
        assert!((spread / sd - 1.0).abs() < 0.12, "{column}: {spread}");
    }
}

#[test]
fn draws_are_written_as_cmdstan_writes_them() {
    let place = place();
    place.ok("fit p.stan d.json --seed 1 --out D --json");
    let text = place.ok("draws D --n 3 --format cmdstan").stdout;
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        lines[0],
        "lp_approx__,lp__,mu,tau,m.1.1,m.2.1,m.1.2,m.2.2,y_new,pair:1,pair:2"
    );
    assert_eq!(lines.len(), 4);
    assert!(text.contains("# model = p\n") && text.contains("# method = pathfinder\n"));
    place.ok("sample p.stan d.json --chains 2 --draws 100 --warmup 300 --seed 1 --out S --quiet");
    for chain in ["S/cmdstan/chain-1.csv", "S/cmdstan/chain-2.csv"] {
        let text = std::fs::read_to_string(place.path(chain)).expect("the chain");
        let rows = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(rows, 101);
        assert!(text.contains("# Adaptation terminated\n# Step size = "));
    }
    let run = place.run("draws S --format cmdstan");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("S/cmdstan"), "{}", run.stderr);
}

#[test]
fn both_formats_of_data_and_any_number_of_threads_give_the_same_bits() {
    let place = place();
    place.ok("fit p.stan d.json --seed 3 --out A --threads 1 --json");
    place.ok("fit p.stan d.R --seed 3 --out B --threads 2 --json");
    let draws = |fit: &str| place.ok(&format!("draws {fit} --n 20")).stdout;
    assert_eq!(draws("A"), draws("B"));
    place.ok("fit p.stan d.json --seed 4 --out C --json");
    assert_ne!(draws("A"), draws("C"));
}

#[test]
fn densities_at_points_are_the_closed_form() {
    let place = place();
    place.write("at.json", "[[0.5, -0.3], [2, 1]]");
    let object = place.json("log-density p.stan d.json --at at.json --json");
    assert_eq!(object["dimension"], 2);
    for (i, (mu, u)) in [(0.5, -0.3_f64), (2.0, 1.0)].into_iter().enumerate() {
        let point = &object["points"][i];
        let normal = |x: f64, mean: f64, sd: f64| {
            -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
        };
        let y = [1.0, 2.5, 3.0, 1.5];
        let data: f64 = y.iter().map(|y| normal(*y, mu, 2.0)).sum();
        let without = normal(mu, 0.0, 10.0) - u.exp() + data;
        let slope: f64 = y.iter().map(|y| (y - mu) / 4.0).sum::<f64>() - mu / 100.0;
        // The same sums in another order: 1e-12 of numbers of size ten.
        let close = |value: &Value, expected: f64| {
            let value = value.as_f64().expect("a number");
            assert!((value - expected).abs() < 1e-11, "{value} {expected}");
        };
        close(&point["log_density"], without + u);
        close(&point["without_jacobian"]["log_density"], without);
        close(&point["gradient"][0], slope);
        close(&point["gradient"][1], 1.0 - u.exp());
        close(&point["without_jacobian"]["gradient"][1], -u.exp());
        // The scales 10 and 2 are data.
        let constants = 5.0 * 0.5 * std::f64::consts::TAU.ln() + 10_f64.ln() + 4.0 * 2_f64.ln();
        let dropped = &point["without_constants"];
        close(&dropped["log_density"], without + u + constants);
        assert_eq!(dropped["gradient"], point["gradient"]);
        let neither = &point["without_jacobian_and_constants"];
        close(&neither["log_density"], without + constants);
    }
    // The same point in the program's own quantities, in either format.
    place.write("at.R", "mu <- 2\ntau <- 2.718281828459045\n");
    let same = place.json("log-density p.stan d.json --at at.R --json");
    let value = |object: &Value, i: usize| object["points"][i]["log_density"].as_f64();
    let (first, second) = (value(&same, 0), value(&object, 1));
    assert!(
        first
            .zip(second)
            .is_some_and(|(a, b)| (a - b).abs() < 1e-11)
    );
    let run = place.run("log-density p.stan d.json --at d.json");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("d.json: "), "{}", run.stderr);
    place.write("at.json", "[[1, 2, 3]]");
    let run = place.run("log-density p.stan d.json --at at.json");
    assert!(
        run.stderr
            .contains("point 1 has 3 coordinates, and the program has 2"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_program_without_parameters_is_sampled_and_not_fitted() {
    let place = place();
    place.write(
        "g.stan",
        "generated quantities { real x = normal_rng(3, 1); }",
    );
    let run = place.run("fit g.stan");
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("there is nothing to infer"),
        "{}",
        run.stderr
    );
    let sample = place.json("sample g.stan --chains 2 --draws 500 --seed 1 --out S --json");
    assert_eq!(
        (&sample["dimension"], &sample["draws"]),
        (&0.into(), &1000.into())
    );
    let (header, rows) = place.ok("draws S --n 1000").csv();
    assert_eq!(header, ["x"]);
    let (mean, _) = moments(&rows, 0);
    // Five standard errors of a thousand unit normals.
    assert!((mean - 3.0).abs() < 5.0 / 1000_f64.sqrt(), "{mean}");
}

#[test]
fn with_data_a_check_shows_what_is_computed() {
    let place = place();
    let rows: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    place.write(
        "long.json",
        &format!("{{\"n\": 500, \"y\": [{}]}}", rows.join(", ")),
    );
    let text = place.ok("check p.stan long.json").stdout;
    for part in ["  mu ", "2 unconstrained coordinates", "plate of 500 rows"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let object = place.json("check p.stan long.json --json");
    assert_eq!(object["plates"][0]["rows"], 500);
    assert_eq!(object["dimension"], 2);
}

#[test]
fn a_check_says_which_parameters_are_fitted_in_other_coordinates() {
    let place = Place::new();
    place.write(
        "f.stan",
        "parameters { real v; vector[3] x; } model { v ~ normal(0, 3); x ~ normal(0, exp(v)); }",
    );
    place.write("d.json", "{}");
    let text = place.ok("check f.stan d.json").stdout;
    assert!(
        text.contains("  x  normal: centred as far as is learnt"),
        "{text}"
    );
    let object = place.json("check f.stan d.json --json");
    let groups = object["recoordinated"].as_array().expect("a list");
    let x = groups
        .iter()
        .find(|g| g["parameters"][0] == "x")
        .expect("x");
    assert_eq!(
        (&x["density"], &x["degrees"]),
        (&"normal".into(), &3.into())
    );
}

#[test]
fn what_cannot_be_fitted_is_refused_with_its_place() {
    let place = place();
    place.write("short.json", r#"{"n": 4, "y": [1.0, 2.5, 3.0]}"#);
    place.write("slip.json", r#"{"n": 4, "Y": [1.0, 2.5, 3.0, 1.5]}"#);
    place.write("init.json", r#"{"mu": 1, "tau": -2}"#);
    place.write("broken.json", r#"{"n": 4, "y": [1.0, "#);
    place.write(
        "wrong.stan",
        "parameters { real x; } model { x ~ norml(0, 1); }",
    );
    place.write(
        "refused.stan",
        "parameters { real x; } model { x ~ normal(0, 1); } \
         generated quantities { array[1] int i; real y = x; int k = i[2]; }",
    );
    for (arguments, expected) in [
        ("fit p.stan", "the data have no `n`"),
        (
            "fit p.stan short.json",
            "declared with size 4, and the data have size 3",
        ),
        ("fit p.stan slip.json", "did you mean `y`?"),
        ("fit p.stan broken.json", "`y`: EOF"),
        ("fit p.stan gone.json", "cannot read gone.json"),
        ("fit p.stan d.json --init init.json", "init.json: "),
        ("sample p.stan d.json --init short.json", "short.json: "),
        ("fit gone.stan", "cannot read gone.stan"),
        ("fit wrong.stan", "did you mean `normal`?"),
        (
            "sample wrong.stan",
            "wrong.stan is no program that can be run",
        ),
        ("fit p.stan d.json --method magic", "unknown method 'magic'"),
        (
            "fit p.stan d.json --method dadvi --batch-size 2",
            "in batches",
        ),
        (
            "fit --batch-size 2 p.stan d.json --method meanfield",
            "--batch-size 2",
        ),
        ("compare gone gone", "there is no such file"),
    ] {
        let run = place.run(arguments);
        assert_eq!(run.code, 2, "elbo {arguments}\n{}", run.stderr);
        assert!(
            run.stderr.contains(expected),
            "elbo {arguments}\n{}",
            run.stderr
        );
        assert_eq!(run.stdout, "");
    }
    // Where a draw is refused its generated quantities are unknown; the fit is what it is.
    assert_eq!(place.run("fit refused.stan --json --out R").code, 0);
    assert!(!place.exists("D"));
}

#[test]
fn draws_without_generated_quantities_are_counted_with_the_reason() {
    let place = place();
    place.write(
        "r.stan",
        "parameters { real x; } model { x ~ std_normal(); }
         generated quantities { real y = normal_rng(0, x); }",
    );
    let run = place.run("fit r.stan --method laplace --seed 1 --out R --json");
    assert!(
        run.stderr
            .contains("draws are NaN, since the program refuses them; the first because r.stan:2:42: normal_rng"),
        "{}",
        run.stderr
    );
    let line = run.stdout.lines().last().expect("one object");
    let fit: Value = serde_json::from_str(line).expect("JSON");
    // Half of the draws are negative.
    assert!(
        fit["refused_draws"].as_u64().is_some_and(|n| n > 100),
        "{fit}"
    );
}
