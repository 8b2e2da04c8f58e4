//! Input that wants to harm: every kind ends in a diagnostic, without a crash.

use std::collections::BTreeMap;

use elbo_stan::run::{self, RunLimits};
use elbo_stan::{Code, Limits, NoIncludes, Style, check};

fn codes(source: &[u8]) -> Vec<Code> {
    let checked = check("hostile.stan", source, &mut NoIncludes, &Limits::default());
    let text = checked.render(Style::Plain);
    assert!(text.len() < 100_000, "{} bytes of diagnostics", text.len());
    assert!(checked.program.is_none());
    checked.diagnostics.iter().map(|d| d.code).collect()
}

fn model(inside: &str) -> Vec<u8> {
    format!("model {{ {inside} }}").into_bytes()
}

#[test]
fn deep_nesting_is_one_error() {
    let deep = 100_000;
    for (open, close) in [
        ("(", ")"),
        ("{", "}"),
        ("[", "]"),
        ("-", ""),
        ("!", ""),
        ("f(", ")"),
    ] {
        let source = model(&format!(
            "target += {}1{};",
            open.repeat(deep),
            close.repeat(deep)
        ));
        assert_eq!(codes(&source), [Code::NestingTooDeep], "{open}");
    }
    for open in [
        "{",
        "if (1) ",
        "while (1) ",
        "for (i in 1:2) ",
        "{ if (1) {",
    ] {
        let source = model(&open.repeat(deep));
        assert_eq!(codes(&source), [Code::NestingTooDeep], "{open}");
    }
    let types = format!("functions {{ void f({} x) {{}} }}", "tuple(".repeat(deep));
    assert_eq!(codes(types.as_bytes()), [Code::NestingTooDeep]);
    let tuples = format!("data {{ {}", "tuple(".repeat(deep));
    assert_eq!(codes(tuples.as_bytes()), [Code::NestingTooDeep]);
}

#[test]
fn high_trees_of_operators_are_one_error() {
    let high = 100_000;
    for part in [
        " + 1", " ^ 1", "'", "[1]", ".1", " ? 1 : 1", " .* 1", " == 1",
    ] {
        let source = model(&format!("target += x{};", part.repeat(high)));
        assert_eq!(codes(&source), [Code::NestingTooDeep], "{part}");
    }
}

#[test]
fn long_sums_within_the_limit_are_fine() {
    let sum = format!("model {{ target += 1.0{}; }}", " + 1.0".repeat(900));
    let checked = check(
        "sum.stan",
        sum.as_bytes(),
        &mut NoIncludes,
        &Limits::default(),
    );
    assert!(
        checked.program.is_some(),
        "{}",
        checked.render(Style::Plain)
    );
    // The printer goes through the same height.
    assert!(checked.program.is_some_and(|p| p.to_string().len() > 900));
}

#[test]
fn many_arms_of_one_conditional_are_no_nesting() {
    let arms = "else if (1) { }".repeat(5000);
    let source = format!("model {{ if (1) {{ }} {arms} }}");
    let checked = check(
        "arms.stan",
        source.as_bytes(),
        &mut NoIncludes,
        &Limits::default(),
    );
    assert!(
        checked.program.is_some(),
        "{}",
        checked.render(Style::Plain)
    );
}

#[test]
fn a_huge_line_is_too_long() {
    let source = vec![b' '; 100 << 20];
    assert_eq!(codes(&source), [Code::SourceTooLong]);
}

#[test]
fn a_huge_line_within_a_raised_limit_is_shown_in_part() {
    let mut source = b"model { target += ".to_vec();
    source.extend(std::iter::repeat_n(b' ', 20 << 20));
    source.extend(b"@; }");
    let limits = Limits::default();
    let mut raised = limits.clone();
    raised.source_bytes = 100 << 20;
    let checked = check("long.stan", &source, &mut NoIncludes, &raised);
    assert_eq!(checked.diagnostics[0].code, Code::UnknownCharacter);
    assert!(checked.render(Style::Plain).len() < 5000);
}

#[test]
fn many_tokens_are_too_many() {
    let source = model(&";".repeat(2_000_000));
    assert_eq!(codes(&source), [Code::TooManyTokens]);
}

#[test]
fn bytes_that_are_no_text_are_named() {
    for source in [
        &b"model { \xff }"[..],
        b"\x80",
        b"model { print(\"\xc3\"); }",
    ] {
        assert_eq!(codes(source)[0], Code::NotUtf8);
    }
    assert!(!codes(b"\0\0\0").is_empty());
}

#[test]
fn a_long_name_is_cut_in_messages() {
    let name = "a".repeat(1_000_000);
    assert_eq!(
        codes(&model(&format!("target += {name};"))),
        [Code::UnknownVariable]
    );
}

#[test]
fn many_errors_are_counted_beyond_the_limit() {
    let statements: Vec<String> = (0..1000).map(|i| format!("target += x{i};")).collect();
    let source = statements.concat();
    let checked = check(
        "many.stan",
        &model(&source),
        &mut NoIncludes,
        &Limits::default(),
    );
    assert_eq!(checked.diagnostics.len(), 50);
    assert_eq!(checked.more, 950);
    assert!(
        checked
            .render(Style::Plain)
            .ends_with("950 more not shown\n")
    );
}

#[test]
fn mistakes_everywhere_on_one_long_line_are_counted() {
    // Quadratic work in the length of the line, or in the number of names, would not end here.
    for part in ["1 1 ", "x ", "y ~ ", "{ ", "; ; + "] {
        let source = model(&part.repeat(150_000));
        assert!(!codes(&source).is_empty(), "{part}");
    }
    let declarations: Vec<String> = (0..60_000).map(|i| format!("real a{i};")).collect();
    let uses: Vec<String> = (0..60_000).map(|i| format!("b{i} = 1;")).collect();
    let source = model(&(declarations.concat() + &uses.concat()));
    assert_eq!(codes(&source).len(), 50);
}

#[test]
fn inclusions_cannot_multiply_without_end() {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for i in 0..40 {
        let twice = format!("#include f{}\n#include f{}\n", i + 1, i + 1);
        files.insert(format!("f{i}"), twice.into_bytes());
    }
    files.insert("f40".into(), b"// the end\n".to_vec());
    let checked = check(
        "bomb.stan",
        b"#include f0\n",
        &mut files,
        &Limits::default(),
    );
    assert_eq!(checked.diagnostics[0].code, Code::TooManyIncludes);
}

#[test]
fn inclusions_cannot_go_in_a_circle() {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    files.insert("a".into(), b"#include b\n".to_vec());
    files.insert("b".into(), b"#include a\n".to_vec());
    let checked = check(
        "circle.stan",
        b"#include a\n",
        &mut files,
        &Limits::default(),
    );
    assert_eq!(checked.diagnostics[0].code, Code::IncludeCycle);
}

#[test]
fn arrays_of_many_dimensions_are_types_like_others() {
    let commas = ",".repeat(100_000);
    let source = format!("functions {{ void f(array[{commas}] real x) {{ x[1] = x; }} }}");
    assert!(!codes(source.as_bytes()).is_empty());
}

#[test]
fn prefixes_of_a_program_never_crash_the_front_end() {
    let program = "functions { real f(real x, data array[,] int y) { return x ? 1 : 2.5e-3i; } }
        data { int<lower=0> N; array[N] vector<offset=1, multiplier=2>[3] y; }
        model { for (i in 1:N) { y[i][1:2] ~ normal(f(1 | 2), {1, 2}) T[0, ]; }
        if (N > 1) print(\"a\", N); else (a, b.1)[2] += 3 %/% 4' .* [1, 2]; }";
    let tokens: Vec<&str> = program.split(' ').collect();
    for end in 0..program.len() {
        let _ = check(
            "p",
            &program.as_bytes()[..end],
            &mut NoIncludes,
            &Limits::default(),
        );
    }
    // Leave each word out in turn.
    for skip in 0..tokens.len() {
        let mut rest = tokens.clone();
        rest.remove(skip);
        let checked = check(
            "p",
            rest.join(" ").as_bytes(),
            &mut NoIncludes,
            &Limits::default(),
        );
        let _ = checked.render(Style::Plain);
    }
}

#[test]
fn large_values_count_as_many_steps() {
    let passed = |body: &str| {
        let source = format!(
            "transformed data {{ vector[100000] v; matrix[100, 100] m; v[1] = 0; while (1) {{ print(\"once\"); {body} }} }}"
        );
        let checked = check(
            "p.stan",
            source.as_bytes(),
            &mut NoIncludes,
            &Limits::default(),
        );
        let program = checked.program.as_ref().expect("it is a program");
        let mut limits = RunLimits::default();
        limits.steps = 10_000;
        let mut rounds = 0;
        let result = run::known(program, &BTreeMap::new(), &limits, &mut |_| rounds += 1);
        assert!(result.is_err(), "it is endless");
        rounds
    };
    // A vector of this size is 1562 steps, a product of these matrices 3906 and its result 156.
    assert_eq!(passed("v = v + 1;"), 7);
    assert_eq!(passed("m = m * m;"), 3);
    assert!(passed("v[1] = v[1] + 1;") > 500);
}
