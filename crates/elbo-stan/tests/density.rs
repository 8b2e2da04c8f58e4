//! Programs' log densities and gradients, against Stan's own mathematics.
//!
//! `density/` holds programs that cover the language, their data, and what stanli says of them at three
//! unconstrained points each (`density/expected.py`). What stanli does not know is checked against
//! closed forms. stanli drops constants, and so does what is compared with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use elbo_stan::run::{RunLimits, Value, read_json};
use elbo_stan::{Constants, DensityOptions, Jacobian, Limits, Model, NoIncludes, Style, check};
use elbo_testkit::assert_close;
use serde::Deserialize;

const WITHOUT_CONSTANTS: DensityOptions = DensityOptions {
    jacobian: Jacobian::Included,
    constants: Constants::Dropped,
};

#[derive(Deserialize)]
struct Expected {
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

fn model(name: &str, source: &str, data: &BTreeMap<String, Value>) -> Model {
    let checked = check(name, source.as_bytes(), &mut NoIncludes, &Limits::default());
    let rendered = checked.render(Style::Plain);
    let program = checked.program.expect(&rendered);
    Model::new(program, data, &RunLimits::default(), &mut |_| {})
        .unwrap_or_else(|error| panic!("{}", error.describe(&checked.sources)))
}

fn of(source: &str) -> Model {
    model("p.stan", source, &BTreeMap::new())
}

fn at(model: &Model, point: &[f64], jacobian: Jacobian) -> (f64, Vec<f64>) {
    let options = DensityOptions {
        jacobian,
        ..DensityOptions::default()
    };
    let mut gradient = vec![0.0; point.len()];
    let value = model
        .log_density(options, point, &mut gradient)
        .expect("the point can be evaluated");
    (value, gradient)
}

#[test]
fn programs_have_the_log_density_that_stan_gives_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/density");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect(name);
    let expected: BTreeMap<String, Vec<Expected>> =
        serde_json::from_str(&read("expected.json")).expect("written by expected.py");
    for (name, points) in expected {
        let data = read_json(read(&format!("{name}.json")).as_bytes()).expect("the data are JSON");
        let model = model(&name, &read(&format!("{name}.stan")), &data);
        // What solvers are asked for decides where there are integrals and differential equations.
        let tolerance = match name.as_str() {
            "equations" => 1e-6,
            "integrals" | "passage" | "solvers" => 1e-8,
            // Stan's derivative of the normal's tail is a fit; 40 digits agree with ours to the last bit.
            "truncation" => 1e-5,
            _ => 1e-10,
        };
        for Expected {
            point,
            value,
            gradient,
        } in points
        {
            let (_, slopes) = at(&model, &point, Jacobian::Included);
            let mut gradient_without = vec![0.0; point.len()];
            let ours = model
                .log_density(WITHOUT_CONSTANTS, &point, &mut gradient_without)
                .expect("the point can be evaluated");
            assert!(
                (ours - value).abs() <= tolerance * value.abs().max(1.0),
                "{name}: {ours} is not {value}"
            );
            assert_eq!(slopes, gradient_without, "{name}");
            let steepest = gradient.iter().fold(1.0_f64, |m, g| m.max(g.abs()));
            for (i, (a, b)) in slopes.iter().zip(&gradient).enumerate() {
                assert!(
                    (a - b).abs() <= tolerance * (b.abs() + 1e-2 * steepest),
                    "{name}: derivative {i} is {a}, not {b}"
                );
            }
        }
    }
}

/// −x²/2 − log √2π
fn standard_normal(x: f64) -> f64 {
    -0.5 * x * x - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

#[test]
fn constants_are_there() {
    let model = of("parameters { real x; } model { x ~ std_normal(); }");
    let (value, gradient) = at(&model, &[0.3], Jacobian::Included);
    assert_close("log density", value, standard_normal(0.3), 1e-15);
    assert_close("derivative", gradient[0], -0.3, 1e-15);
}

#[test]
fn jacobians_can_be_left_out() {
    let model = of("parameters { real<lower=0> x; }
        transformed parameters { real y = 2 * x; jacobian += log(2.0); }
        model { x ~ exponential(1); }");
    let x = 0.4_f64.exp();
    assert_close(
        "log density",
        at(&model, &[0.4], Jacobian::Included).0,
        -x + 0.4 + 2.0_f64.ln(),
        1e-14,
    );
    assert_close(
        "log density",
        at(&model, &[0.4], Jacobian::LeftOut).0,
        -x,
        1e-14,
    );
}

#[test]
fn functions_may_call_themselves() {
    // Σ_{k ≤ 3} k s / 10 = 0.6 s
    let model = of("functions { real f(vector x, int n) {
            if (n == 0) return 0;
            return sum(x) * 0.1 * n + f(x, n - 1);
        } }
        parameters { vector[2] x; } model { target += f(x, 3); }");
    let (value, gradient) = at(&model, &[1.5, -0.5], Jacobian::Included);
    assert_close("log density", value, 0.6, 1e-14);
    assert_close("derivative", gradient[1], 0.6, 1e-14);
}

#[test]
fn tuples_are_taken_apart_and_put_together() {
    let model = of("functions {
            tuple(real, vector) both(real a, vector b) { return (2 * a, b + a); }
        }
        parameters { tuple(real<lower=0>, vector[2]) x; array[2] tuple(real, real) y; }
        model {
            real a; vector[2] b;
            (a, b) = both(x.1, x.2);
            a ~ std_normal(); b ~ std_normal();
            for (i in 1:2) y[i].2 ~ normal(y[i].1, i);
        }");
    let point = [-0.2, 0.3, 0.8, 0.1, 0.4, -0.7, 0.9];
    let x = (-0.2_f64).exp();
    let normal = |y: f64, m: f64, s: f64| standard_normal((y - m) / s) - s.ln();
    let expected = -0.2
        + standard_normal(2.0 * x)
        + standard_normal(0.3 + x)
        + standard_normal(0.8 + x)
        + normal(0.4, 0.1, 1.0)
        + normal(0.9, -0.7, 2.0);
    assert_close(
        "log density",
        at(&model, &point, Jacobian::Included).0,
        expected,
        1e-13,
    );
}

#[test]
fn a_point_that_a_program_rejects_is_outside_the_support() {
    let model = of("parameters { real x; }
        model { if (x > 1) reject(\"x is \", x); x ~ std_normal(); }");
    let inside = at(&model, &[0.5], Jacobian::Included).0;
    assert_close("log density inside", inside, standard_normal(0.5), 1e-15);
    let outside = at(&model, &[1.5], Jacobian::Included).0;
    assert!(outside.is_infinite() && outside < 0.0);
}

#[test]
fn transformed_parameters_keep_their_bounds() {
    let model = of(
        "parameters { real x; } transformed parameters { real<lower=0> y = x - 1; }
        model { x ~ std_normal(); }",
    );
    assert!(at(&model, &[0.5], Jacobian::Included).0.is_infinite());
    assert_close(
        "log density",
        at(&model, &[1.5], Jacobian::Included).0,
        standard_normal(1.5),
        1e-15,
    );
}

#[test]
fn every_way_through_a_program_has_its_density() {
    // 2⁴ ways, each found when it is met.
    let model = of("parameters { vector[4] x; }
        model { for (i in 1:4) if (x[i] > 0) target += -i * x[i]; else target += 2 * i * x[i]; }");
    assert!(model.is_branching());
    for way in 0..16_u32 {
        let sign = |i: u32| if way >> i & 1 == 1 { 1.0 } else { -1.0 };
        let point: Vec<f64> = (0..4).map(|i| sign(i) * 0.5).collect();
        let expected: f64 = (0..4)
            .map(|i| f64::from(i + 1) * if sign(i) > 0.0 { -0.5 } else { -1.0 })
            .sum();
        assert_close(
            "log density",
            at(&model, &point, Jacobian::Included).0,
            expected,
            1e-14,
        );
    }
}

/// What a program's density is without constants.
fn without_constants(source: &str, data: &BTreeMap<String, Value>, point: &[f64]) -> f64 {
    let mut gradient = vec![0.0; point.len()];
    model("p.stan", source, data)
        .log_density(WITHOUT_CONSTANTS, point, &mut gradient)
        .expect("the point can be evaluated")
}

#[test]
fn densities_drop_the_constants_that_stan_drops() {
    let point: Vec<f64> = (0..12)
        .map(|k| (0.9 * (2.1 * f64::from(k) + 0.4).sin() * 1000.0).round() / 1000.0)
        .collect();
    let d = Value::Reals(elbo_stan::run::Tensor::list(point.clone()));
    let data = BTreeMap::from([("d".to_owned(), d)]);
    let lines = include_str!("golden/constants.tsv").lines();
    let mut faults = Vec::new();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (call, value) = line.split_once('\t').expect("two columns");
        let value: f64 = value.parse().expect("a number");
        let source = format!(
            "data {{ vector[12] d; }} parameters {{ vector[12] x; }} model {{ target += {call}; }}"
        );
        let found = without_constants(&source, &data, &point);
        // Stan's special functions have nine digits or more.
        if !((found - value).abs() <= 1e-8 * (1.0 + value.abs())) {
            faults.push(format!("{call}: {found} for {value}"));
        }
    }
    assert!(faults.is_empty(), "{}\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn types_decide_which_constants_are_dropped() {
    // Values of stanli 0.24 at 0.3.
    for (program, value) in [
        (
            "parameters { real x; } model { x ~ normal(0, 2); }",
            -0.01125,
        ),
        (
            "parameters { real x; } model { target += normal_lupdf(x | 0, 2); }",
            -0.01125,
        ),
        (
            "parameters { real x; } model { target += normal_lpdf(x | 0, 1); }",
            -0.963_938_533_204_672_8,
        ),
        // A local variable is of a parameter's type.
        (
            "parameters { real x; } model { real s = 2; x ~ normal(0, s); }",
            -0.704_397_180_559_945_3,
        ),
        (
            "parameters { real x; } transformed parameters { real s = 2; } model { x ~ normal(0, s); }",
            -0.704_397_180_559_945_3,
        ),
        (
            "functions { real f_lpdf(real x, real s) { return normal_lupdf(x | 0, s); } }
            parameters { real x; } model { x ~ f(2.0); }",
            -0.01125,
        ),
        (
            "functions { real f_lpdf(real x, real s) { return normal_lupdf(x | 0, s); } }
            parameters { real x; } model { target += f_lpdf(x | 2.0); }",
            -1.623_335_713_764_618,
        ),
        (
            "functions { void f_lp(real x, real s) { x ~ normal(0, s); } }
            parameters { real x; } model { f_lp(x, 2.0); }",
            -0.01125,
        ),
        (
            "functions { void f_lp(real x, real s) { real t = s; x ~ normal(0, t); } }
            parameters { real x; } model { f_lp(x, 2.0); }",
            -0.704_397_180_559_945_3,
        ),
        // Sums in slices, by hand: 6 x − 3 eˣ, and its log 12.
        (
            "functions { real part_lpmf(array[] int y, int a, int b, real l) {
                return poisson_lupmf(y | l); } }
            parameters { real x; } model { target += reduce_sum(part_lupmf, {1, 2, 3}, 1, exp(x)); }",
            1.8 - 3.0 * 0.3_f64.exp(),
        ),
        (
            "functions { real part_lpmf(array[] int y, int a, int b, real l) {
                return poisson_lupmf(y | l); } }
            parameters { real x; } model { target += reduce_sum(part_lpmf, {1, 2, 3}, 1, exp(x)); }",
            1.8 - 3.0 * 0.3_f64.exp() - 12_f64.ln(),
        ),
    ] {
        let found = without_constants(program, &BTreeMap::new(), &[0.3]);
        assert_close(program, found, value, 1e-14);
    }
}

#[test]
fn the_log_density_so_far_counts_jacobians() {
    // Values and derivatives of stanli 0.24.
    for (program, point, value, slopes) in [
        (
            "parameters { real<lower=0> x; } model { x ~ exponential(1); target += 2 * target(); }",
            &[0.3][..],
            -3.149_576_422_728_009_6,
            &[-1.049_576_42][..],
        ),
        (
            "parameters { real<lower=0> x; simplex[3] p; } model { target += square(target()); }",
            &[0.3, 0.1, 0.2],
            3.636_195_532_895_188_7,
            &[-3.942_687_17, 0.424_641_21, 0.761_301_2],
        ),
    ] {
        let (found, gradient) = at(&of(program), point, Jacobian::Included);
        assert_close(program, found, value, 1e-13);
        for (found, slope) in gradient.iter().zip(slopes) {
            // As many digits as were printed.
            assert_close("derivative", *found, *slope, 1e-8);
        }
    }
    let model =
        of("parameters { real<lower=0> x; } model { x ~ exponential(1); target += target(); }");
    let x = 0.3_f64.exp();
    assert_close(
        "without",
        at(&model, &[0.3], Jacobian::LeftOut).0,
        -2.0 * x,
        1e-14,
    );
}

#[test]
fn transformed_parameters_keep_their_structure() {
    for (declaration, inside, outside) in [
        ("ordered[2] y = [x[1], x[2]]'", [0.1, 0.2], [0.2, 0.1]),
        (
            "positive_ordered[2] y = [x[1], x[2]]'",
            [0.1, 0.2],
            [-0.1, 0.2],
        ),
        ("simplex[2] y = [x[1], 1 - x[1]]'", [0.4, 0.0], [1.2, 0.0]),
        (
            "array[2] simplex[2] y = {[0.5, 0.5]', [x[1], x[2]]'}",
            [0.25, 0.75],
            [0.3, 0.75],
        ),
        ("unit_vector[2] y = [x[1], x[2]]'", [0.6, 0.8], [0.7, 0.8]),
        (
            "sum_to_zero_vector[2] y = [x[1], x[2]]'",
            [0.5, -0.5],
            [0.5, 0.5],
        ),
        (
            "cholesky_factor_cov[2] y = [[1, 0], [x[1], x[2]]]",
            [0.3, 0.7],
            [0.3, -0.7],
        ),
        (
            "cholesky_factor_cov[2] y = [[1, x[1]], [1, x[2]]]",
            [0.0, 0.7],
            [0.1, 0.7],
        ),
        (
            "cholesky_factor_corr[2] y = [[1, 0], [x[1], x[2]]]",
            [0.6, 0.8],
            [0.3, 0.7],
        ),
        (
            "cov_matrix[2] y = [[1, x[1]], [x[1], x[2]]]",
            [0.5, 0.3],
            [0.5, 0.2],
        ),
        (
            "corr_matrix[2] y = [[1, x[1]], [x[2], 1]]",
            [0.5, 0.5],
            [0.5, 0.4],
        ),
        (
            "corr_matrix[2] y = [[1, x[1]], [x[1], x[2]]]",
            [0.5, 1.0],
            [0.5, 1.1],
        ),
        (
            "row_stochastic_matrix[2, 2] y = [[0.5, 0.5], [x[1], x[2]]]",
            [0.25, 0.75],
            [-0.5, 1.5],
        ),
        (
            "column_stochastic_matrix[2, 2] y = [[0.5, x[1]], [0.5, x[2]]]",
            [0.25, 0.75],
            [0.5, 0.4],
        ),
    ] {
        let model = of(&format!(
            "parameters {{ vector[2] x; }} transformed parameters {{ {declaration}; }}
            model {{ x ~ std_normal(); }}"
        ));
        let density = |x: f64| standard_normal(x);
        let found = at(&model, &inside, Jacobian::Included).0;
        assert_close(
            declaration,
            found,
            density(inside[0]) + density(inside[1]),
            1e-14,
        );
        let found = at(&model, &outside, Jacobian::Included).0;
        assert!(found.is_infinite() && found < 0.0, "{declaration}: {found}");
    }
}

#[test]
fn what_data_cannot_be_is_said_in_terms_of_the_program() {
    let said = |statement: &str| {
        let source = format!(
            "transformed data {{ vector[3] y = [1, not_a_number(), -2]'; array[3] int k = {{1, 0, 3}}; }} \
             parameters {{ real m; vector[2] w; }} model {{ {statement} }}"
        );
        let checked = check(
            "p.stan",
            source.as_bytes(),
            &mut NoIncludes,
            &Limits::default(),
        );
        let program = checked.program.clone().expect("it is a program");
        let made = Model::new(
            program,
            &BTreeMap::new(),
            &RunLimits::default(),
            &mut |_| {},
        );
        made.expect_err(statement).describe(&checked.sources)
    };
    for (statement, expected) in [
        (
            "y ~ normal(m, 1);",
            "normal: y[2] is NaN; expected a number",
        ),
        (
            "for (n in 1:3) y[n] ~ normal(m, 1);",
            "normal: y is NaN when this place is passed for the 2nd time; expected a number",
        ),
        (
            "for (i in 1:2) k ~ bernoulli_logit(w[i]);",
            "y[3] is 3 when this place is passed for the 1st time; expected 0 or 1",
        ),
        (
            "1.0 ~ normal(m, y[3]);",
            "normal: sigma is -2; expected a positive number",
        ),
        (
            "k ~ bernoulli_logit_glm(rep_matrix(0, 3, 2), 0, w);",
            "y[3] is 3; expected 0 or 1",
        ),
    ] {
        let message = said(statement);
        assert!(message.ends_with(expected), "{message}");
    }
}
