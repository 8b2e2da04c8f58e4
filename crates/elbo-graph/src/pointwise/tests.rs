//! Every function against mpmath, and its first and second derivatives against differences.

use super::Function;
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
