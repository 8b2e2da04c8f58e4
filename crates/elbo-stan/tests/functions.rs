//! Functions of Stan in programs, their values and derivatives against stanli's.
//!
//! Calls and figures are in `golden/functions.tsv` (`golden/make.py` makes it); every call is evaluated
//! with parameters as its arguments and with data.

use std::collections::BTreeMap;

use elbo_stan::run::{self, RunLimits, Value};
use elbo_stan::{DensityOptions, Jacobian, Limits, Model, NoIncludes, Style, check};

const N: usize = 12;
const WEIGH: &str = include_str!("golden/weigh.stan");

/// The point that make.py evaluates at.
fn point() -> Vec<f64> {
    let x = |k: usize| 0.9 * (2.1 * k as f64 + 0.4).sin();
    (0..N).map(|k| (x(k) * 1000.0).round() / 1000.0).collect()
}

fn direction(shift: f64) -> Vec<f64> {
    (0..N).map(|k| (1.3 * k as f64 + shift).cos()).collect()
}

struct Row {
    call: &'static str,
    value: f64,
    slopes: [f64; 2],
}

fn rows() -> Vec<Row> {
    let lines = include_str!("golden/functions.tsv").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| fields[i].parse().expect("figures are numbers");
        Row {
            call: fields[0],
            value: number(1),
            slopes: [number(2), number(3)],
        }
    });
    rows.collect()
}

fn checked(source: &str) -> Result<elbo_stan::Checked, String> {
    let checked = check(
        "p.stan",
        source.as_bytes(),
        &mut NoIncludes,
        &Limits::default(),
    );
    if checked.program.is_none() {
        return Err(checked.render(Style::Plain));
    }
    Ok(checked)
}

/// Value and slopes with the arguments as parameters.
fn of_parameters(call: &str) -> Result<(f64, [f64; 2]), String> {
    let source = format!(
        "functions {{ {WEIGH} }} parameters {{ vector[{N}] x; }} model {{ target += {call}; }}"
    );
    let checked = checked(&source)?;
    let program = checked.program.clone().expect("checked");
    let limits = RunLimits::default();
    let model = Model::new(program, &BTreeMap::new(), &limits, &mut |_| {})
        .map_err(|e| e.describe(&checked.sources))?;
    let mut gradient = vec![0.0; N];
    let options = DensityOptions {
        jacobian: Jacobian::LeftOut,
        ..DensityOptions::default()
    };
    let value = model
        .log_density(options, &point(), &mut gradient)
        .map_err(|e| e.describe(&checked.sources))?;
    let slope = |shift: f64| {
        let pairs = gradient.iter().zip(direction(shift));
        pairs.map(|(g, d)| g * d).sum::<f64>()
    };
    Ok((value, [slope(0.0), slope(1.1)]))
}

/// The value with the arguments as data.
fn of_data(call: &str) -> Result<f64, String> {
    let source = format!(
        "functions {{ {WEIGH} }} data {{ vector[{N}] x; }} transformed data {{ real value = {call}; }}"
    );
    let checked = checked(&source)?;
    let program = checked.program.as_ref().expect("checked");
    let x = Value::Reals(run::Tensor::list(point()));
    let data = BTreeMap::from([("x".to_owned(), x)]);
    let known = run::known(program, &data, &RunLimits::default(), &mut |_| {})
        .map_err(|e| e.describe(&checked.sources))?;
    let value = known.by_name("value").and_then(Value::as_reals);
    Ok(value.expect("it is declared").entries()[0])
}

fn differs(a: f64, b: f64, tolerance: f64) -> bool {
    !((a - b).abs() <= tolerance * (1.0 + b.abs()))
}

/// Values of stanli have nine digits or more; derivatives of its special functions have seven.
const VALUES: f64 = 1e-8;
const SLOPES: f64 = 1e-6;

#[test]
fn values_and_derivatives_are_stanlis() {
    let mut faults = Vec::new();
    for row in rows() {
        let Row {
            call,
            value,
            slopes,
        } = row;
        match std::panic::catch_unwind(|| of_parameters(call)) {
            Err(_) => faults.push(format!("{call}: panic")),
            Ok(Err(message)) => faults.push(format!("{call}: {message}")),
            Ok(Ok((found, along))) => {
                if differs(found, value, VALUES)
                    || differs(along[0], slopes[0], SLOPES)
                    || differs(along[1], slopes[1], SLOPES)
                {
                    faults.push(format!("{call}: {found} {along:?} for {value} {slopes:?}"));
                }
            }
        }
        let is_sum = matches!(call.split('(').next(), Some(name) if name.ends_with("_jacobian"));
        if is_sum {
            continue;
        }
        match std::panic::catch_unwind(|| of_data(call)) {
            Err(_) => faults.push(format!("data {call}: panic")),
            Ok(Err(message)) => faults.push(format!("data {call}: {message}")),
            Ok(Ok(found)) => {
                if differs(found, value, VALUES) {
                    faults.push(format!("data {call}: {found} for {value}"));
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// Where stanli has few digits or other conventions.
const OTHERS: &[(&str, f64)] = &[
    // scipy.stats.betanbinom(r, a, b).logcdf(n).sum()
    (
        "beta_neg_binomial_lcdf({0, 3} | 2, 2.5, 3.5)",
        -2.034461537010918,
    ),
    (
        "beta_neg_binomial_lccdf(2 | 2, 0.5, 3.5)",
        -0.13174727083102133,
    ),
    // scipy.stats.exponnorm(1 / (0.7 * 1.2), 0.5, 0.7).logcdf(-1) and logsf
    ("exp_mod_normal_lcdf(-1 | 0.5, 0.7, 1.2)", -5.58068785952926),
    (
        "exp_mod_normal_lccdf(-1 | 0.5, 0.7, 1.2)",
        -0.0037770956693046163,
    ),
    // scipy.stats.gamma(2.5, scale=1/1.5).logsf(4)
    ("gamma_lccdf(4 | 2.5, 1.5)", -3.358489088742102),
    // The survival of entries that are sure is 1, whatever the others are.
    ("poisson_lccdf({-2, 1} | 1.5)", -0.8160504531201049),
    // log 0.35: Γ of a number below 1 is as good as another
    ("lchoose(0.35, 1)", -1.0498221244986778),
    // mpmath 1.4: hyp2f1, hyp3f2, hyper
    ("hypergeometric_2F1(0.5, 1.2, 2.3, 0.4)", 1.132453995593627),
    (
        "hypergeometric_3F2([0.5, 1.2, 0.7]', [2.3, 1.1]', -0.6)",
        0.9188435574597508,
    ),
    (
        "hypergeometric_pFq([0.5]', [2.3, 1.1]', 3)",
        1.8262338722007891,
    ),
];

#[test]
fn what_stanli_does_otherwise_is_scipys() {
    for (call, value) in OTHERS {
        let found = of_data(call).expect("it has a value");
        // Both round at about 1e-15 of numbers near 1.
        assert!(
            !differs(found, *value, 1e-11),
            "{call}: {found} for {value}"
        );
    }
}

#[test]
fn arguments_that_do_not_fit_are_refused_in_words() {
    for call in [
        "multi_normal_lpdf(x[1:3] | x[1:2], to_matrix(x[1:9], 3, 3))",
        "multi_normal_lpdf(x[1:3] | x[1:3], to_matrix(x[1:6], 3, 2))",
        "dirichlet_lpdf(x[1:3] | x[1:2])",
        "categorical_lpmf(4 | softmax(x[1:3]))",
        "categorical_lpmf(0 | softmax(x[1:3]))",
        "ordered_logistic_lpmf(4 | x[1], x[2:3])",
        "multinomial_lpmf({1, 2} | softmax(x[1:3]))",
        "normal_id_glm_lpdf(x[1:3] | to_matrix(x[1:6], 3, 2), x[1], x[1:3], exp(x[1]))",
        "normal_id_glm_lpdf(x[1:2] | to_matrix(x[1:6], 3, 2), x[1], x[1:2], exp(x[1]))",
        "categorical_logit_glm_lpmf({1, 2} | to_matrix(x[1:6], 3, 2), x[1:3], to_matrix(x[1:6], 2, 3))",
        "wv(cholesky_decompose(to_matrix(x[1:6], 3, 2))[1]')",
        "wm(inverse(to_matrix(x[1:6], 3, 2)))",
        "log_determinant(to_matrix(x[1:6], 3, 2))",
        "dot_product(x[1:3], x[1:2])",
        "distance(x[1:3], x[1:2])",
        "wm(diag_pre_multiply(x[1:2], to_matrix(x[1:6], 3, 2)))",
        "quad_form(to_matrix(x[1:9], 3, 3), x[1:2])",
        "wv(mdivide_left_tri_low(to_matrix(x[1:9], 3, 3), x[1:2]))",
        "wm(append_col(to_matrix(x[1:6], 3, 2), to_matrix(x[1:6], 2, 3)))",
        "wv(head(x, 13))",
        "wv(tail(x, 13))",
        "wv(segment(x, 0, 2))",
        "wv(segment(x, 12, 2))",
        "wv(col(to_matrix(x, 3, 4), 5))",
        "wm(block(to_matrix(x, 3, 4), 2, 2, 3, 3))",
        "wm(to_matrix(x, 3, 5))",
        "wv(rep_vector(x[1], -1))",
        "wv(simplex_constrain(x[1:2])[1:4])",
        "wm(cholesky_factor_corr_constrain(x[1:4], 3))",
        "wv(csr_matrix_times_vector(2, 3, x[1:4], {1, 4, 2, 3}, {1, 3, 5}, x[5:7]))",
        "wv(csr_matrix_times_vector(2, 3, x[1:4], {1, 3, 2, 3}, {1, 3, 9}, x[5:7]))",
        "hmm_marginal(to_matrix(x[1:6], 2, 3), to_matrix(x[1:9], 3, 3), x[11:12])",
        "wm(gp_exp_quad_cov({x[1:2], x[3:4]}, {x[1:3]}, exp(x[4]), exp(x[5])))",
        "wm(qr_thin_Q(to_matrix(x[1:6], 2, 3)))",
        "wm(matrix_power(to_matrix(x[1:9], 3, 3), -1))",
        "rank(x, 13)",
        "normal_lpdf(x[1:3] | x[1:2], 1)",
        "log_mix(softmax(x[1:3]), x[1:2])",
    ] {
        for found in [
            std::panic::catch_unwind(|| of_parameters(call).map(|f| f.0)),
            std::panic::catch_unwind(|| of_data(call)),
        ] {
            let found = found.unwrap_or_else(|_| panic!("{call} panics"));
            let message = found.expect_err(call);
            assert!(message.contains("p.stan:"), "{call}: {message}");
        }
    }
}

#[test]
fn numbers_at_the_ends_of_a_distribution_add_what_is_certain() {
    for (with, without) in [
        (
            "normal_lcdf({1, positive_infinity()} | x[1], exp(x[2]))",
            "normal_lcdf(1 | x[1], exp(x[2]))",
        ),
        (
            "lognormal_lccdf({0, 0.5, 2} | x[1], exp(x[2]))",
            "lognormal_lccdf({0.5, 2} | x[1], exp(x[2]))",
        ),
        (
            "pareto_lccdf({0.5, 7} | exp(x[1]), exp(x[2]))",
            "pareto_lccdf(7 | exp(x[1]), exp(x[2]))",
        ),
        (
            "beta_lcdf({0.3, 1} | exp(x[1]), exp(x[2]))",
            "beta_lcdf(0.3 | exp(x[1]), exp(x[2]))",
        ),
    ] {
        assert_eq!(of_parameters(with), of_parameters(without), "{with}");
    }
    let none = of_parameters("lognormal_lcdf({0, 2} | x[1], exp(x[2]))");
    assert_eq!(none.map(|f| f.0), Ok(f64::NEG_INFINITY));
}

/// Real and imaginary parts, weighted.
const WEIGH_COMPLEX: &str = "
    real w(complex z) { return get_real(z) + 0.7 * get_imag(z); }
    real w(complex_vector v) { real s = 0; for (i in 1:size(v)) s += i * w(v[i]); return s; }
    complex twice(complex z) { complex y = z; array[2] complex a; a[1] = y * z; a[2] = get_imag(z);
      y = a[1]; for (i in 2:2) y += a[i]; return y; }";

#[test]
fn complex_numbers_are_numpys_and_have_derivatives() {
    let mut faults = Vec::new();
    let lines = include_str!("golden/complex.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (call, expected) = line.split_once('\t').expect("two fields");
        let expected: f64 = expected.parse().expect("a number");
        let source = format!(
            "functions {{ {WEIGH_COMPLEX} }} parameters {{ vector[{N}] x; }} model {{ target += w({call}); }}"
        );
        let found = checked(&source).and_then(|checked| {
            let program = checked.program.clone().expect("checked");
            let limits = RunLimits::default();
            let model = Model::new(program, &BTreeMap::new(), &limits, &mut |_| {})
                .map_err(|e| e.describe(&checked.sources))?;
            let at = |by: f64| {
                let mut gradient = vec![0.0; N];
                let pairs = point().into_iter().zip(direction(0.3));
                let moved: Vec<f64> = pairs.map(|(x, d)| x + by * d).collect();
                let options = DensityOptions::default();
                let value = model.log_density(options, &moved, &mut gradient);
                let value = value.map_err(|e| e.describe(&checked.sources))?;
                let slope: f64 = gradient
                    .iter()
                    .zip(direction(0.3))
                    .map(|(g, d)| g * d)
                    .sum();
                Ok::<_, String>((value, slope))
            };
            // Differences with this step err by h² f‴ and ε f / h, about 1e-9 of the size.
            let h = 1e-5;
            let numeric = (at(h)?.0 - at(-h)?.0) / (2.0 * h);
            Ok((at(0.0)?, numeric))
        });
        match found {
            Err(message) => faults.push(format!("{call}: {message}")),
            Ok(((value, slope), numeric)) => {
                if differs(value, expected, 1e-12) || differs(slope, numeric, 1e-7) {
                    faults.push(format!("{call}: {value} {slope} for {expected} {numeric}"));
                }
            }
        }
        let source = format!(
            "functions {{ {WEIGH_COMPLEX} }} data {{ vector[{N}] x; }} transformed data {{ real value = w({call}); }}"
        );
        let checked = checked(&source).expect("as with parameters");
        let program = checked.program.as_ref().expect("checked");
        let x = Value::Reals(run::Tensor::list(point()));
        let data = BTreeMap::from([("x".to_owned(), x)]);
        match run::known(program, &data, &RunLimits::default(), &mut |_| {}) {
            Err(e) => faults.push(format!("data {call}: {}", e.describe(&checked.sources))),
            Ok(known) => {
                let value = known.by_name("value").and_then(Value::as_reals);
                let value = value.expect("it is declared").entries()[0];
                if differs(value, expected, 1e-12) {
                    faults.push(format!("data {call}: {value} for {expected}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn complex_parameters_are_read_by_columns_real_parts_first() {
    let source = "parameters { complex_matrix[2, 2] m; complex z; }
        model { complex w = 2 * z; target += 3 * get_real(m[2, 1]) + 5 * get_imag(m[1, 2]) + get_imag(w); }";
    let checked = checked(source).expect("it is a program");
    let program = checked.program.clone().expect("checked");
    let model = Model::new(
        program,
        &BTreeMap::new(),
        &RunLimits::default(),
        &mut |_| {},
    );
    let model = model.expect("it is evaluated");
    let mut gradient = vec![0.0; 10];
    let value = model
        .log_density(DensityOptions::default(), &[0.5; 10], &mut gradient)
        .expect("linear");
    assert_eq!(value, 5.0);
    assert_eq!(gradient, [0.0, 0.0, 3.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 2.0]);
}

#[test]
fn known_matrices_have_complex_eigenvalues() {
    // The residual of A v = λ v, and λ₁ λ₂ = det A = 1.1.
    let source = "transformed data { matrix[2, 2] A = [[0.5, -1], [1, 0.2]];
        complex_vector[2] l = eigenvalues(A); complex_matrix[2, 2] V = eigenvectors(A);
        real value = sum(abs(A * V - diag_post_multiply(V, l))) + abs(l[1] * l[2] - 1.1); }";
    let checked = checked(source).expect("it is a program");
    let program = checked.program.as_ref().expect("checked");
    let data = BTreeMap::new();
    let known = run::known(program, &data, &RunLimits::default(), &mut |_| {}).expect("it runs");
    let value = known.by_name("value").and_then(Value::as_reals);
    // Rounding errors of a dozen operations on numbers of size one.
    assert!(value.expect("it is declared").entries()[0] < 1e-14);
}
