//! `elbo check`: diagnostics on stderr and exit 2, or an outline on stdout.

use crate::harness::Place;

const SCHOOLS: &str = "data {
  int<lower=0> J;
  array[J] real y;
}
parameters {
  real mu;
  vector<offset=mu>[J] theta;
}
model {
  y ~ normal(theta, 1);
}
";

#[test]
fn a_program_without_errors_is_outlined() {
    let place = Place::new();
    place.write("schools.stan", SCHOOLS);
    let run = place.run("check schools.stan");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(
        run.stdout,
        "data
  J      int<lower=0>
  y      array[J] real
parameters
  mu     real
  theta  vector<offset=mu>[J]
"
    );
    let run = place.run("check schools.stan --canonical");
    assert_eq!(run.stdout, SCHOOLS);
}

#[test]
fn a_program_with_errors_is_told_where() {
    let place = Place::new();
    place.write(
        "wrong.stan",
        &SCHOOLS.replace("normal(theta", "normal(thta"),
    );
    let run = place.run("check wrong.stan");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    for text in [
        "error[E0401]: there is no variable `thta` here",
        "wrong.stan:10:14",
        "did you mean `theta`?",
        "1 error",
    ] {
        assert!(run.stderr.contains(text), "no '{text}' in\n{}", run.stderr);
    }
    let run = place.run("check wrong.stan --json");
    let object: serde_json::Value =
        serde_json::from_str(run.stdout.trim()).expect("the last line is JSON");
    assert_eq!(object["ok"], false);
    assert_eq!(object["diagnostics"][0]["line"], 10);
}

#[test]
fn includes_come_from_the_folder_of_the_program_only() {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).expect("a folder");
    place.write("secret.stan", "real x;");
    place.write("in/part.stan", "real x;");
    place.write("in/a.stan", "data {\n#include part.stan\n}\n");
    assert_eq!(place.run("check in/a.stan").code, 0);
    place.write("in/b.stan", "data {\n#include ../secret.stan\n}\n");
    let run = place.run("check in/b.stan");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("it lies outside in"), "{}", run.stderr);
    place.write("in/c.stan", "#include ./c.stan\n");
    let run = place.run("check in/c.stan");
    assert!(run.stderr.contains("includes itself"), "{}", run.stderr);
    let run = place.run("check nowhere.stan");
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("cannot read nowhere.stan"),
        "{}",
        run.stderr
    );
}
