//! Programs with data: what is refused, and what transformed data come to.
//!
//! Expected values are worked out by hand or by the rules of the language beside them.

use std::collections::BTreeMap;

use elbo_stan::run::{Known, RunErrorKind, RunLimits, Tensor, Value, known};
use elbo_stan::{Checked, Limits, NoIncludes, Style, check};

fn checked(source: &str) -> Checked {
    let checked = check(
        "p.stan",
        source.as_bytes(),
        &mut NoIncludes,
        &Limits::default(),
    );
    assert!(
        checked.program.is_some(),
        "{}",
        checked.render(Style::Plain)
    );
    checked
}

fn data(entries: &[(&str, Value)]) -> BTreeMap<String, Value> {
    entries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn run(source: &str, entries: &[(&str, Value)]) -> Result<Known, (RunErrorKind, String)> {
    let checked = checked(source);
    let program = checked.program.as_ref().expect("checked above");
    known(program, &data(entries), &RunLimits::default(), &mut |_| {})
        .map_err(|error| (error.kind, error.describe(&checked.sources)))
}

/// The value of `x` after transformed data with these statements.
fn x(statements: &str) -> Value {
    let source = format!("transformed data {{ {statements} }}");
    match run(&source, &[]) {
        Ok(known) => known.by_name("x").expect("x is declared").clone(),
        Err((_, message)) => panic!("{message}"),
    }
}

fn reals(entries: &[f64]) -> Value {
    Value::Reals(Tensor::list(entries.to_vec()))
}

fn ints(entries: &[i32]) -> Value {
    Value::Ints(Tensor::list(entries.to_vec()))
}

const DECLARED: &str = "data {
  int<lower=1> N;
  array[N] real<lower=0, upper=1> p;
  simplex[3] w;
  matrix[2, N] m;
  array[N] tuple(int, vector[2]) t;
  complex z;
}";

fn fitting() -> Vec<(&'static str, Value)> {
    let tuple = |n| Value::Tuple(vec![Value::int(n), reals(&[1.0, 2.0])]);
    vec![
        ("N", Value::int(2)),
        ("p", reals(&[0.25, 1.0])),
        ("w", reals(&[0.5, 0.25, 0.25])),
        ("m", Value::Ints(Tensor::new(vec![2, 2], vec![1, 2, 3, 4]))),
        ("t", Value::Tuples(vec![2], vec![tuple(1), tuple(2)])),
        ("z", reals(&[1.0, -2.0])),
    ]
}

#[test]
fn data_that_fit_are_taken_in_the_declared_types() {
    let known = run(DECLARED, &fitting()).expect("the data fit");
    let m = known.by_name("m").expect("m is declared");
    assert_eq!(
        m,
        &Value::Reals(Tensor::new(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]))
    );
    assert_eq!(
        known.by_name("z"),
        Some(&Value::Complexes(Tensor::scalar([1.0, -2.0])))
    );
}

#[test]
fn data_that_do_not_fit_are_named_with_their_place() {
    let mut without = fitting();
    without.remove(1);
    let cases = [
        (without, "p.stan:3:35: the data have no `p`"),
        (with("N", Value::int(0)), "`N` is 0, and must be at least 1"),
        (
            with("N", Value::real(1.5)),
            "`N` is 1.5, and an int is declared",
        ),
        (
            with("p", reals(&[0.5])),
            "`p` is declared with size 2, and the data have size 1",
        ),
        (
            with("p", reals(&[0.5, 1.5])),
            "`p[2]` is 1.5, and must be at most 1",
        ),
        (
            with("p", reals(&[0.5, f64::NAN])),
            "`p[2]` is NaN, and must be at least 0",
        ),
        (
            with("w", reals(&[0.5, 0.5, 0.5])),
            "`w` sums to 1.5, not to 1",
        ),
        (
            with("m", reals(&[1.0, 2.0])),
            "`m` is declared with size 2 × 2",
        ),
        (
            with("t", reals(&[1.0, 2.0])),
            "`t` is declared as array[] tuple(int, vector)",
        ),
        (with("z", Value::real(1.0)), "`z` is complex"),
    ];
    for (entries, expected) in cases {
        let (kind, message) = run(DECLARED, &entries).expect_err(expected);
        assert!(matches!(
            kind,
            RunErrorKind::Data | RunErrorKind::Constraint
        ));
        assert!(message.contains(expected), "{message}");
    }
}

/// The fitting data with one variable changed.
fn with(name: &str, value: Value) -> Vec<(&'static str, Value)> {
    let mut entries = fitting();
    if let Some(entry) = entries.iter_mut().find(|(n, _)| *n == name) {
        entry.1 = value;
    }
    entries
}

#[test]
fn whole_numbers_given_as_reals_are_ints_and_nothing_may_be_left_out() {
    let source = "data { int N; array[0] real e; matrix[0, 3] m; }";
    let known = run(source, &[("N", Value::real(3.0))]).expect("empty data may be left out");
    assert_eq!(known.by_name("N"), Some(&Value::int(3)));
    assert_eq!(known.by_name("m").map(Value::shape), Some(&[0, 3][..]));
}

#[test]
fn arithmetic_follows_the_types() {
    assert_eq!(x("int x = 7 %/% 2 + 7 % 2;"), Value::int(4));
    assert_eq!(x("real x = -2 ^ 2;"), Value::real(-4.0));
    assert_eq!(x("real x = 1 / 2;"), Value::real(0.0));
    assert_eq!(x("real x = 1./2;"), Value::real(0.5));
    assert_eq!(
        x("vector[2] x = 1 + [1, 2]' .* [3, 4]';"),
        reals(&[4.0, 9.0])
    );
    assert_eq!(x("real x = [1, 2] * [3, 4]';"), Value::real(11.0));
    assert_eq!(
        x("matrix[2, 2] x = [1, 2]' * [3, 4];"),
        Value::Reals(Tensor::new(vec![2, 2], vec![3.0, 4.0, 6.0, 8.0]))
    );
    assert_eq!(
        x("vector[2] x = [[1, 2], [3, 4]] * [1, 1]';"),
        reals(&[3.0, 7.0])
    );
    assert_eq!(
        x("row_vector[2] x = [1, 1] * [[1, 2], [3, 4]];"),
        reals(&[4.0, 6.0])
    );
    assert_eq!(
        x("matrix[2, 1] x = [[1, 2]]';"),
        Value::Reals(Tensor::new(vec![2, 1], vec![1.0, 2.0]))
    );
    // (1 + 2i)(3 − i) = 5 + 5i
    assert_eq!(
        x("complex x = (1 + 2i) * (3 - 1i);"),
        Value::Complexes(Tensor::scalar([5.0, 5.0]))
    );
    assert_eq!(x("int x = 1 > 2 || 3 > 2 && !0;"), Value::int(1));
}

#[test]
fn the_right_side_of_a_decided_operator_is_not_looked_at() {
    assert_eq!(x("int zero = 0; int x = 0 && 1 %/% zero;"), Value::int(0));
    assert_eq!(x("int zero = 0; int x = 1 || 1 %/% zero;"), Value::int(1));
}

#[test]
fn indices_read_and_write() {
    let program = "array[3] int x = {1, 2, 3}; x[2] = 5; x[{1, 3}] = x[{3, 1}];";
    assert_eq!(x(program), ints(&[3, 5, 1]));
    let program = "matrix[2, 3] m = [[1, 2, 3], [4, 5, 6]]; m[:, 2] = [7, 8]';
                   row_vector[3] x = m[2];";
    assert_eq!(x(program), reals(&[4.0, 8.0, 6.0]));
    let program = "array[2] vector[2] a = {[1, 2]', [3, 4]'}; a[2][1] = 9; vector[2] x = a[:, 1][2:2][1] * a[2];";
    // a[:, 1] is {1, 9}; its part 2:2 begins with 9.
    assert_eq!(x(program), reals(&[81.0, 36.0]));
    let program = "tuple(int, array[2] int) t = (1, {2, 3}); t.2[1] = 7;
                   int a; array[2] int x; (a, x) = t; x[2] += a;";
    assert_eq!(x(program), ints(&[7, 4]));
}

#[test]
fn loops_branches_and_functions_run() {
    let program = "int x = 0; for (i in 1:10) { if (i % 2) continue; if (i > 8) break; x += i; }";
    assert_eq!(x(program), Value::int(2 + 4 + 6 + 8));
    let program = "real x = 0; matrix[2, 2] m = [[1, 2], [3, 4]]; for (e in m) x = 10 * x + e;";
    // Matrices are gone through by columns.
    assert_eq!(x(program), Value::real(1324.0));
    let source = "functions {
        int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
        int total(array[] int v) { int s = 0; for (e in v) s += e; return s; }
      }
      transformed data { int x = fibonacci(15) + total({1, 2, 3}); while (x > 616) x -= 1; }";
    let known = run(source, &[]).expect("it runs");
    assert_eq!(known.by_name("x"), Some(&Value::int(616)));
}

#[test]
fn matrices_are_taken_by_columns_as_in_stan() {
    let m = "matrix[2, 2] m = [[1, 2], [3, 4]];";
    assert_eq!(
        x(&format!("{m} vector[4] x = to_vector(m);")),
        reals(&[1.0, 3.0, 2.0, 4.0])
    );
    assert_eq!(
        x("matrix[2, 2] x = to_matrix([1, 2, 3, 4]', 2, 2);"),
        Value::Reals(Tensor::new(vec![2, 2], vec![1.0, 3.0, 2.0, 4.0]))
    );
    assert_eq!(
        x("array[4] real x = to_array_1d({{1.0, 2.0}, {3.0, 4.0}});"),
        reals(&[1.0, 2.0, 3.0, 4.0])
    );
}

#[test]
fn functions_of_containers_do_what_they_say() {
    assert_eq!(
        x("real x = mean([1, 2, 6]) + sd([1, 3]) ^ 2;"),
        Value::real(5.0)
    );
    assert_eq!(
        x("array[3] int x = sort_indices_desc({5, 9, 7});"),
        ints(&[2, 3, 1])
    );
    assert_eq!(
        x("vector[3] x = append_row(1, [2, 3]');"),
        reals(&[1.0, 2.0, 3.0])
    );
    assert_eq!(
        x("vector[2] x = tail(cumulative_sum([1, 2, 3]'), 2);"),
        reals(&[3.0, 6.0])
    );
    assert_eq!(
        x("array[2] int x = dims(rep_matrix(0, 2, 3));"),
        ints(&[2, 3])
    );
    assert_eq!(
        x("int x = size(rep_array(0, 2, 3)) + size(rep_matrix(0, 2, 3));"),
        Value::int(8)
    );
    assert_eq!(
        x("vector[3] x = linspaced_vector(3, 0, 1);"),
        reals(&[0.0, 0.5, 1.0])
    );
    // Order statistics of 1, 2, 4 at 0.25 and 0.75 by linear interpolation: 1.5 and 3.
    assert_eq!(
        x("array[2] real x = quantile([4, 1, 2], {0.25, 0.75});"),
        reals(&[1.5, 3.0])
    );
}

#[test]
fn what_has_no_meaning_ends_with_its_place() {
    let cases = [
        ("int x = 1 %/% 0;", RunErrorKind::Value, "divided by zero"),
        (
            "int x = 2000000000 + 2000000000;",
            RunErrorKind::Value,
            "an int can hold",
        ),
        (
            "vector[2] x; x[3] = 1;",
            RunErrorKind::Value,
            "index 3 is outside 1 to 2",
        ),
        (
            "vector[2] x = [1, 2, 3]';",
            RunErrorKind::Value,
            "declared with shape [2]",
        ),
        ("vector[-1] x;", RunErrorKind::Value, "a size is -1"),
        (
            "real x = 1; reject(\"x = \", x);",
            RunErrorKind::Reject,
            "x = 1",
        ),
        ("fatal_error(\"stop\");", RunErrorKind::Fatal, "stop"),
        (
            "real<lower=2> x = 1;",
            RunErrorKind::Constraint,
            "`x` is 1, and must be at least 2",
        ),
        ("real<lower=2> x;", RunErrorKind::Constraint, "`x` is NaN"),
        (
            "real x = normal_rng(0, -1);",
            RunErrorKind::Value,
            "normal_rng: sigma is -1, and must be positive and finite",
        ),
        (
            "matrix[1, 1] x = cholesky_decompose([[-1]]);",
            RunErrorKind::Value,
            "positive definite",
        ),
    ];
    for (statements, kind, expected) in cases {
        let source = format!("transformed data {{ {statements} }}");
        let (found, message) = run(&source, &[]).expect_err(statements);
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(message.starts_with("p.stan:1:"), "{message}");
    }
}

#[test]
fn endless_programs_end() {
    let endless = checked("transformed data { while (1) { } }");
    let mut limits = RunLimits::default();
    limits.steps = 10_000;
    let program = endless.program.as_ref().expect("checked");
    let error = known(program, &BTreeMap::new(), &limits, &mut |_| {}).expect_err("it ends");
    assert_eq!(error.kind, RunErrorKind::Limit);
    // As many steps as the data allow are taken beside these.
    let counted = checked("data { array[9] int x; } transformed data { for (i in 1:100) { } }");
    let program = counted.program.as_ref().expect("checked");
    let data = BTreeMap::from([("x".to_owned(), Value::Ints(Tensor::list(vec![1; 9])))]);
    (limits.steps, limits.steps_per_number) = (10, 100);
    assert!(known(program, &data, &limits, &mut |_| {}).is_ok());
    limits.steps_per_number = 1;
    assert!(known(program, &data, &limits, &mut |_| {}).is_err());
    let program = endless.program.as_ref().expect("checked");
    let mut limits = RunLimits::default();
    limits.rounds = 100;
    let error = known(program, &BTreeMap::new(), &limits, &mut |_| {}).expect_err("it ends");
    assert!(error.message.contains("100 rounds"), "{}", error.message);
    let deep = "functions { int f(int n) { return f(n + 1); } } transformed data { int x = f(0); }";
    assert_eq!(run(deep, &[]).expect_err("it ends").0, RunErrorKind::Limit);
    // Recursion at the bottom of a long sum, with as many calls as are wanted.
    let sum = format!("f(n + 1){}", " + 1".repeat(900));
    let tower = format!(
        "functions {{ int f(int n) {{ return {sum}; }} }} transformed data {{ int x = f(0); }}"
    );
    assert_eq!(
        run(&tower, &[]).expect_err("it ends").0,
        RunErrorKind::Limit
    );
    for huge in [
        "transformed data { array[100000, 100000] real x; }",
        "transformed data { vector[2] x = head(rep_vector(0, 2000000000), 2); }",
    ] {
        let (_, message) = run(huge, &[]).expect_err(huge);
        assert!(message.contains("bytes, the limit"), "{message}");
    }
}

#[test]
fn print_goes_to_the_observer() {
    let program = checked("transformed data { print(\"a = \", {1, 2}, \" \", (1.5, 2)); }");
    let mut said = Vec::new();
    known(
        program.program.as_ref().expect("checked"),
        &BTreeMap::new(),
        &RunLimits::default(),
        &mut |text| said.push(text.to_owned()),
    )
    .expect("it runs");
    assert_eq!(said, ["a = [1,2] (1.5,2)"]);
}

#[test]
fn random_numbers_depend_on_the_seed_and_on_nothing_else() {
    let source = "functions { real twice_rng(real s) { return 2 * normal_rng(0, s); } } \
                  transformed data { array[3] int n = poisson_rng({1.5, 10, 1000}); \
                  real x = twice_rng(1); }";
    let program = checked(source);
    let of = |seed| {
        let mut limits = RunLimits::default();
        limits.seed = seed;
        let program = program.program.as_ref().expect("checked");
        let known = known(program, &BTreeMap::new(), &limits, &mut |_| {}).expect("it runs");
        (known.by_name("n").cloned(), known.by_name("x").cloned())
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1).0, of(2).0);
    assert_ne!(of(1).1, of(2).1);
}

#[test]
fn whole_numbers_are_spaced_as_in_stan() {
    // stanli 0.24
    let entries = |call: &str| x(&format!("array[size({call})] int x = {call};"));
    assert_eq!(entries("linspaced_int_array(4, 2, 9)"), ints(&[2, 4, 6, 8]));
    assert_eq!(
        entries("linspaced_int_array(7, 1, 3)"),
        ints(&[1, 1, 1, 2, 2, 2, 3])
    );
    assert_eq!(entries("linspaced_int_array(1, 2, 7)"), ints(&[7]));
}

#[test]
fn complex_numbers_have_parts_and_polar_coordinates() {
    // 3 + 4i has the length 5.
    let real = |call: &str| x(&format!("complex z = to_complex(3, 4); real x = {call};"));
    assert_eq!(
        real("get_real(conj(z)) + 10 * get_imag(conj(z))"),
        Value::real(-37.0)
    );
    assert_eq!(real("norm(z)"), Value::real(25.0));
    assert_eq!(real("arg(z) - atan2(4, 3)"), Value::real(0.0));
    assert_eq!(real("get_real(polar(2, 0))"), Value::real(2.0));
    assert_eq!(real("get_imag(proj(z))"), Value::real(4.0));
    assert_eq!(
        real("get_imag(to_complex([1, 2]', [3, 4]')[2])"),
        Value::real(4.0)
    );
}

#[test]
fn equations_are_solved_and_what_has_no_solution_says_so() {
    // x³ + x = a + y inside y + x = a: for a = 3/2, x = 1 and y = 1/2.
    let source = |a: &str| {
        format!(
            "functions {{ vector cubic(vector x, real a) {{ return [x[1]^3 + x[1] - a]'; }}
               vector f(vector y, real a) {{
                 return y + solve_newton(cubic, [0]', a + y[1]) - a; }}
               vector g(vector y, real a) {{ return [exp(y[1]) + a, a]'; }} }}
             transformed data {{ vector[1] x = {a}; }}"
        )
    };
    let known = run(&source("solve_powell(f, [0]', 1.5)"), &[]).expect("it runs");
    let found = known.by_name("x").and_then(Value::as_reals);
    let found = found.expect("real").entries()[0];
    // Newton's last step leaves rounding errors.
    assert!((found - 0.5).abs() < 1e-15, "{found}");
    for (call, expected) in [
        (
            "solve_newton(g, [0]', 1)",
            "returns 2 numbers for 1 unknowns",
        ),
        ("solve_newton(g, [0, 0]', 1)[1:1]", "no solution was found"),
        (
            "solve_newton_tol(f, [0]', 1e-3, -1, 10, 1.5)",
            "known and positive",
        ),
        ("solve_powell(f, zeros_vector(0), 1.5)", "no entries"),
    ] {
        let (_, message) = run(&source(call), &[]).expect_err(call);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_correlation_of_one_thing_is_certain() {
    let one = "[[1]]";
    let x = x(&format!(
        "real x = lkj_corr_lpdf({one} | 2.5) + lkj_corr_cholesky_lpdf({one} | 2.5);"
    ));
    assert_eq!(x, Value::real(0.0));
}
