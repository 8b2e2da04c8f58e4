//! Draws as programs name them: transformed parameters, generated quantities, random numbers.
//!
//! Expected values are closed forms beside the programs; random numbers are compared by their moments.

use std::collections::BTreeMap;

use elbo_stan::run::{RunLimits, Value, read_json};
use elbo_stan::{Limits, Model, NoIncludes, Style, check};
use elbo_testkit::assert_close;

fn model(source: &str, data: &str) -> Model {
    let checked = check(
        "p.stan",
        source.as_bytes(),
        &mut NoIncludes,
        &Limits::default(),
    );
    let rendered = checked.render(Style::Plain);
    let program = checked.program.expect(&rendered);
    let data: BTreeMap<String, Value> = read_json(data.as_bytes()).expect("the data are JSON");
    Model::new(program, &data, &RunLimits::default(), &mut |_| {})
        .unwrap_or_else(|error| panic!("{}", error.describe(&checked.sources)))
}

/// The numbers of a column for every draw.
fn column<'a>(model: &Model, all: &'a [f64], n: usize, name: &str) -> &'a [f64] {
    let at = model
        .columns()
        .iter()
        .position(|column| column.name == name)
        .unwrap_or_else(|| panic!("there is no column {name}"));
    &all[at * n..(at + 1) * n]
}

#[test]
fn columns_are_named_and_ordered_as_cmdstan_does() {
    let model = model(
        "parameters { real a; matrix[2, 2] m; array[2] vector[2] v; tuple(real, vector[2]) t; }
         transformed parameters { real b = 2 * a; }
         generated quantities { array[2] int k = {1, 2}; complex z = 1 + 2i; }",
        "{}",
    );
    let names: Vec<&str> = model.columns().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names.join(" "),
        "a m.1.1 m.2.1 m.1.2 m.2.2 v.1.1 v.2.1 v.1.2 v.2.2 t:1 t:2.1 t:2.2 b k.1 k.2 z.real z.imag"
    );
    // Free coordinates are in Stan's order: matrices by columns, arrays by elements.
    let point: Vec<f64> = (1..=12).map(f64::from).collect();
    let all = model.constrain(&point, 1, 1).expect("nothing can fail");
    let expected = [
        1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 7.0, 9.0, 10.0, 11.0, 12.0, 2.0, 1.0, 2.0, 1.0, 2.0,
    ];
    assert_eq!(all, expected);
}

const REPLICATED: &str = "
    data { int N; vector[N] y; }
    parameters { real mu; real<lower=0> sigma; }
    model { y ~ normal(mu, sigma); }
    generated quantities {
      vector[N] log_lik;
      array[N] real y_rep;
      array[2] int k = poisson_rng({2.0, exp(mu)});
      real above = 0;
      for (n in 1:N) {
        log_lik[n] = normal_lpdf(y[n] | mu, sigma);
        y_rep[n] = normal_rng(mu + n, sigma);
        above += y_rep[n] > 0;
      }
      real again = normal_rng(y_rep[1], 0.001);
    }";

#[test]
fn generated_quantities_follow_from_the_parameters() {
    let model = model(REPLICATED, r#"{"N": 2, "y": [0.5, -1.0]}"#);
    let n = 20_000;
    let (mu, sigma) = (0.3, 1.5_f64);
    let mut points = vec![mu; n];
    points.extend(vec![sigma.ln(); n]);
    let all = model.constrain(&points, n, 7).expect("the program runs");
    let of = |name: &str| column(&model, &all, n, name);
    let log_lik = |y: f64| {
        -0.5 * ((y - mu) / sigma).powi(2) - sigma.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
    };
    assert_close("log_lik", of("log_lik.2")[5], log_lik(-1.0), 1e-14);
    // Five standard errors of a mean of 20,000 draws.
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let error = 5.0 / (n as f64).sqrt();
    assert!((mean(of("y_rep.2")) - (mu + 2.0)).abs() < error * sigma);
    assert!((mean(of("k.1")) - 2.0).abs() < error * 2.0_f64.sqrt());
    assert!((mean(of("k.2")) - mu.exp()).abs() < error * mu.exp().sqrt());
    for s in 0..n {
        let reps = [of("y_rep.1")[s], of("y_rep.2")[s]];
        let above = reps.iter().filter(|x| **x > 0.0).count();
        assert_eq!(of("above")[s], above as f64);
        // Six standard deviations of what is added.
        assert!((of("again")[s] - reps[0]).abs() < 0.006);
    }
}

#[test]
fn a_draws_random_numbers_depend_on_the_seed_and_its_number() {
    let model = model(REPLICATED, r#"{"N": 2, "y": [0.5, -1.0]}"#);
    let points = |n: usize| vec![0.2; 2 * n];
    let few = model.constrain(&points(3), 3, 7).expect("the program runs");
    let many = model
        .constrain(&points(40), 40, 7)
        .expect("the program runs");
    let other = model.constrain(&points(3), 3, 8).expect("the program runs");
    let at = |all: &[f64], n: usize| column(&model, all, n, "y_rep.1")[..3].to_vec();
    assert_eq!(at(&few, 3), at(&many, 40));
    assert_ne!(at(&few, 3), at(&other, 3));
}

#[test]
fn random_numbers_may_decide_and_depend_on_each_other() {
    let model = model(
        "parameters { real a; }
         generated quantities {
           array[4] real walk;
           int heads = bernoulli_rng(0.5);
           real chosen;
           walk[1] = a;
           for (t in 2:4) walk[t] = normal_rng(walk[t - 1], 0.001);
           if (heads) chosen = 1; else chosen = -1;
         }",
        "{}",
    );
    let n = 50;
    let all = model
        .constrain(&vec![2.0; n], n, 3)
        .expect("the program runs");
    let of = |name: &str| column(&model, &all, n, name);
    for s in 0..n {
        assert!((of("walk.4")[s] - 2.0).abs() < 0.02);
        assert_ne!(of("walk.4")[s], of("walk.3")[s]);
        assert_eq!(of("chosen")[s], 2.0 * of("heads")[s] - 1.0);
    }
    assert!(of("heads").contains(&0.0) && of("heads").contains(&1.0));
}

#[test]
fn a_draw_that_is_refused_has_no_generated_quantities() {
    let model = model(
        "parameters { real a; }
         generated quantities { real b = normal_rng(0, a); real c = 1; }",
        "{}",
    );
    let all = model
        .constrain(&[1.0, -1.0], 2, 1)
        .expect("one draw is not the program");
    assert!(column(&model, &all, 2, "b")[0].is_finite());
    assert!(column(&model, &all, 2, "b")[1].is_nan());
    assert_eq!(column(&model, &all, 2, "a"), [1.0, -1.0]);
    let quantities = model.constrain_from(&[1.0, -1.0, -2.0], 3, 1, 0);
    let quantities = quantities.expect("one draw is not the program");
    assert_eq!(quantities.n_refused, 2);
    let refusal = quantities.refusal.expect("a reason");
    assert!(refusal.message.contains("normal_rng"), "{refusal:?}");
}

#[test]
fn values_of_parameters_are_taken_back_to_free_coordinates() {
    let source = "data { int K; }
        parameters {
          real<lower=1> a; real<lower=0, upper=a> b; matrix[2, 3] m; array[2] simplex[K] p;
          cholesky_factor_corr[3] L; tuple(real<upper=0>, ordered[2]) t;
        }";
    let model = model(source, r#"{"K": 3}"#);
    let point: Vec<f64> = (0..model.dimension())
        .map(|i| (i as f64 * 0.7).sin())
        .collect();
    let all = model.constrain(&point, 1, 1).expect("nothing can fail");
    let of = |name: &str| column(&model, &all, 1, name)[0].to_string();
    let list = |names: &[&str]| {
        let numbers: Vec<String> = names.iter().map(|name| of(name)).collect();
        format!("[{}]", numbers.join(","))
    };
    let rows = |stem: &str, rows: usize, columns: usize| {
        let rows: Vec<String> = (1..=rows)
            .map(|i| {
                let names: Vec<String> = (1..=columns).map(|j| format!("{stem}.{i}.{j}")).collect();
                list(&names.iter().map(String::as_str).collect::<Vec<_>>())
            })
            .collect();
        format!("[{}]", rows.join(","))
    };
    let values = format!(
        r#"{{"a": {}, "b": {}, "m": {}, "p": {}, "L": {}, "t": {{"1": {}, "2": {}}}}}"#,
        of("a"),
        of("b"),
        rows("m", 2, 3),
        rows("p", 2, 3),
        rows("L", 3, 3),
        of("t:1"),
        list(&["t:2.1", "t:2.2"]),
    );
    let values = read_json(values.as_bytes()).expect("the values are JSON");
    let back = model.unconstrain(&values).expect("the values are allowed");
    for (a, b) in back.iter().zip(&point) {
        // Numbers go through a logarithm or a logit, which lose a few digits.
        assert_close("coordinate", *a, *b, 1e-10);
    }
    let wrong = read_json(br#"{"a": 0.5}"#).expect("the values are JSON");
    let error = model.unconstrain(&wrong).expect_err("a is too small");
    assert!(error.message.contains("`a`"), "{}", error.message);
}
