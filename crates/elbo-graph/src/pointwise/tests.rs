//! Every function against mpmath, and its first and second derivatives against differences.

use elbo_testkit::assert_close;

use super::Function;
use super::term::{MOST_TERM_ARGS, Sink, Source, Sums};
use crate::tests::check;
use crate::{Graph, NodeId, Shape};

/// A line of the table of values.
struct Row {
    function: Function,
    args: Vec<f64>,
    value: f64,
    line: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = include_str!("../golden/functions.tsv").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let named = Function::named(fields[0]);
        Row {
            function: named.unwrap_or_else(|| panic!("no function has the name in {line}")),
            args: fields[1]
                .split(' ')
                .map(|v| v.parse().expect("arguments are numbers"))
                .collect(),
            value: fields[2].parse().expect("values are numbers"),
            line,
        }
    });
    rows.collect()
}

#[test]
fn values_agree_with_mpmath() {
    let mut faults = Vec::new();
    for row in rows() {
        let args: Vec<[f64; 1]> = row.args.iter().map(|v| [*v]).collect();
        let args: Vec<&[f64]> = args.iter().map(<[f64; 1]>::as_slice).collect();
        let mut out = [0.0];
        row.function.forward(&mut out, &args);
        // Relative, also of small values. Arguments as large as 10⁶ lose digits in their logarithms'
        // multiples.
        let difference = (out[0] - row.value).abs();
        let error = difference / row.value.abs().max(f64::MIN_POSITIVE);
        // A logarithm counts by its absolute error.
        let close = error <= 2e-13 || (row.line.starts_with("log") && difference < 1e-14);
        if out[0] != row.value && !close {
            faults.push(format!("{} but found {:e}: {error:.1e}", row.line, out[0]));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_function_has_a_value_to_agree_with() {
    let rows = rows();
    for function in Function::ALL {
        let n = rows.iter().filter(|r| r.function == *function).count();
        assert!(n > 0, "{} is not in functions.tsv", function.name());
    }
}

#[test]
fn every_function_has_the_derivatives_of_its_values() {
    let rows = rows();
    let mut faults = Vec::new();
    for function in Function::ALL {
        let row = rows.iter().find(|r| r.function == *function);
        let row = row.expect("every function has a line");
        if std::panic::catch_unwind(|| derivatives_around(row)).is_err() {
            faults.push(row.line);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Derivatives at a line that lies inside of the domain, and 5% around it.
fn derivatives_around(row: &Row) {
    let function = row.function;
    let jumps = (0..function.arity()).all(|k| !function.has_derivative(k));
    let mut graph = Graph::new();
    let mut args: Vec<NodeId> = Vec::new();
    for (k, at) in row.args.iter().enumerate() {
        if !jumps && !function.has_derivative(k) {
            // An order, or a condition.
            args.push(graph.constant([*at], Shape::SCALAR));
            continue;
        }
        // x = at (1 + (p − ¾)/10) of a parameter p from 0.2 to 1.3.
        let p = graph.parameter(Shape::vector(3));
        let slope = graph.constant([0.1 * at], Shape::SCALAR);
        let rest = graph.constant([0.925 * at], Shape::SCALAR);
        args.push(graph.pointwise(Function::MultiplyAdd, &[slope, p, rest]));
    }
    let y = graph.pointwise(function, &args);
    // A square makes second derivatives of linear functions visible, and mixes entries.
    let y = graph.pointwise(Function::Square, &[y]);
    graph.add_to_log_density(y);
    check(&graph);
}

/// Sums over five rows of eight lanes, argument `by_rows` with a number for each and the others common,
/// against the function's own values and derivatives; gives whether the function adds itself up.
fn adds_up(row: &Row, by_rows: usize) -> bool {
    const W: usize = 8;
    let n_args = row.function.arity();
    if n_args > MOST_TERM_ARGS {
        return false;
    }
    let at = |k: usize, i: usize, l: usize| {
        let moved = if k == by_rows { 3 * i } else { 0 } + l;
        row.args[k] * (1.0 + 0.01 * moved as f64)
    };
    let numbers = |k: usize| -> Vec<[f64; W]> {
        let row = |i: usize| std::array::from_fn(|l| at(k, i, l));
        (0..5).map(row).collect()
    };
    let all: Vec<Vec<[f64; W]>> = (0..n_args).map(numbers).collect();
    let (mut sources, mut sinks) = (
        [Source::Known(&[]); MOST_TERM_ARGS],
        [Sink::Nowhere; MOST_TERM_ARGS],
    );
    for k in 0..n_args {
        (sources[k], sinks[k]) = if k == by_rows {
            (Source::Rows(&all[k]), Sink::Rows)
        } else {
            (Source::Common(all[k][0]), Sink::Common)
        };
    }
    let mut rows = [[0.0; W]; 5];
    let mut sums = Sums {
        n: 5,
        sources,
        sinks,
        scale: 2.5,
        values: [0.0; W],
        common: [[0.0; W]; MOST_TERM_ARGS],
        rows: &mut rows,
    };
    if !row.function.add_up(&mut sums, true) {
        return false;
    }
    let (values, common) = (sums.values, sums.common);
    let args: Vec<&[f64]> = all.iter().map(|x| x.as_flattened()).collect();
    let mut expected = [0.0; 5 * W];
    row.function.forward(&mut expected, &args);
    // Rounding of five additions and of another order of operations, relative to the largest term.
    let close = |found: f64, parts: &[f64]| {
        let size = parts.iter().fold(1.0_f64, |a, p| a.max(p.abs()));
        assert_close(row.line, found, parts.iter().sum(), 1e-13 * size);
    };
    let of_lane = |x: &[f64], l: usize| -> Vec<f64> { x.chunks(W).map(|r| r[l]).collect() };
    for l in 0..W {
        close(values[l], &of_lane(&expected, l));
    }
    for k in (0..n_args).filter(|k| row.function.has_derivative(*k)) {
        let mut partial = [0.0; 5 * W];
        let ones = [1.0; 5 * W];
        row.function
            .backward(k, &mut partial, &ones, &expected, &args);
        for l in 0..W {
            if k != by_rows {
                close(common[k][l], &of_lane(&partial, l));
                continue;
            }
            for i in 0..5 {
                close(rows[i][l], &[2.5 * partial[i * W + l]]);
            }
        }
    }
    true
}

#[test]
fn terms_add_up_their_values_and_derivatives() {
    let rows = rows();
    let mut found = Vec::new();
    for function in Function::ALL {
        let row = rows.iter().find(|r| r.function == *function);
        let row = row.expect("every function has a line");
        if (0..function.arity()).all(|by_rows| adds_up(row, by_rows)) {
            found.push(function.name());
        }
    }
    for name in [
        "normal_density",
        "bernoulli_logit",
        "binomial_logit",
        "poisson_log",
    ] {
        assert!(found.contains(&name), "{name} is not in {found:?}");
    }
}

/// Against `std`, on more rows than factors are multiplied of, with logits up to where one of them is
/// all that is left.
#[test]
fn logistic_terms_take_few_logarithms() {
    const W: usize = 8;
    let n = 1300;
    let logit = |i: usize, l: usize| (i as f64 - 650.0) * (1.2 - 0.3 * l as f64);
    let row = |i: usize| std::array::from_fn(|l| logit(i, l));
    let logits: Vec<[f64; W]> = (0..n).map(row).collect();
    let signs: Vec<f64> = (0..n)
        .map(|i| if i % 3 == 0 { 1.0 } else { -1.0 })
        .collect();
    let mut sources = [Source::Known(&[]); MOST_TERM_ARGS];
    (sources[0], sources[1]) = (Source::Known(&signs), Source::Rows(&logits));
    let mut sinks = [Sink::Nowhere; MOST_TERM_ARGS];
    sinks[1] = Sink::Rows;
    let mut slopes = vec![[0.0; W]; n];
    let mut sums = Sums {
        n,
        sources,
        sinks,
        scale: 1.0,
        values: [0.0; W],
        common: [[0.0; W]; MOST_TERM_ARGS],
        rows: &mut slopes,
    };
    assert!(Function::BernoulliLogit.add_up(&mut sums, true));
    let values = sums.values;
    for l in 0..W {
        let signed = |i: usize| signs[i] * logit(i, l);
        let value = |x: f64| x.min(0.0) - (-x.abs()).exp().ln_1p();
        let expected: f64 = (0..n).map(|i| value(signed(i))).sum();
        // A rounding of a sum of 1,300 numbers each time one is added.
        assert_close("value", values[l], expected, 1e-13 * expected.abs());
        for i in 0..n {
            let expected = signs[i] / (1.0 + signed(i).exp());
            assert_close("slope", slopes[i][l], expected, 4e-16);
        }
    }
}
