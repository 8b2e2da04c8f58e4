//! Densities against SciPy, derivatives for every choice of what is known, total probability,
//! distribution functions against densities, extreme and impossible arguments, plates.

use elbo_math::quadrature::integrate;
use elbo_testkit::assert_close;

use super::{DENSITIES, Density, DensityError, Support};
use crate::tests::check;
use crate::{Function, Graph, NodeId, Program, Shape};

/// A line of the table of values.
struct Row {
    density: &'static Density,
    args: Vec<(Vec<f64>, Shape)>,
    value: f64,
    line: &'static str,
}

fn argument(text: &str) -> (Vec<f64>, Shape) {
    let rows: Vec<Vec<f64>> = text
        .split(';')
        .map(|row| {
            let numbers = row.split_whitespace();
            let numbers = numbers.map(|v| v.parse().expect("arguments are numbers"));
            numbers.collect()
        })
        .collect();
    let shape = Shape::matrix(rows.len(), rows[0].len());
    (rows.concat(), shape)
}

fn rows() -> Vec<Row> {
    let lines = include_str!("../golden/densities.tsv").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let density = Density::named(fields[0]);
        Row {
            density: density.unwrap_or_else(|| panic!("no density has the name in {line}")),
            args: fields[1].split('|').map(argument).collect(),
            value: fields[2].parse().expect("values are numbers"),
            line,
        }
    });
    rows.collect()
}

/// Lines whose name is not that of an earlier one.
fn first_rows() -> Vec<Row> {
    let mut seen = std::collections::BTreeSet::new();
    let rows = rows().into_iter();
    rows.filter(|row| seen.insert(row.density.name)).collect()
}

/// The sum of a density with all arguments unknown, integers apart, at the arguments themselves.
fn at(density: &Density, args: &[(Vec<f64>, Shape)]) -> (f64, Vec<f64>) {
    try_at(density, args).expect("arguments fit")
}

fn try_at(density: &Density, args: &[(Vec<f64>, Shape)]) -> Result<(f64, Vec<f64>), DensityError> {
    let mut graph = Graph::new();
    let mut point = Vec::new();
    let mut nodes = Vec::new();
    for ((values, shape), (_, support)) in args.iter().zip(density.arguments) {
        nodes.push(if support.is_discrete() {
            graph.constant(values.clone(), *shape)
        } else {
            point.extend_from_slice(values);
            graph.parameter(*shape)
        });
    }
    let log_density = density.build(&mut graph, &nodes)?;
    graph.add_to_log_density(log_density);
    let (mut value, mut gradient) = ([0.0], vec![0.0; point.len()]);
    let program = Program::new(&graph);
    program.log_densities_and_gradients(&point, 1, None, &mut value, &mut gradient);
    Ok((value[0], gradient))
}

#[test]
fn values_agree_with_scipy_known_and_unknown() {
    let mut faults = Vec::new();
    for row in rows() {
        let mut graph = Graph::new();
        let args = row.args.iter();
        let args = args.map(|(values, shape)| graph.constant(values.clone(), *shape));
        let args: Vec<NodeId> = args.collect();
        let node = row.density.build(&mut graph, &args).expect(row.line);
        let known = graph
            .known(node)
            .expect("known arguments give a known density");
        let known: f64 = known.iter().sum();
        let (unknown, _) = at(row.density, &row.args);
        for found in [known, unknown] {
            // SciPy's own error, largest where logarithms of small differences are summed.
            let error = (found - row.value).abs() / row.value.abs().max(1.0);
            if found != row.value && !(error <= 1e-12) {
                faults.push(format!("{} but found {found:e}: {error:.1e}", row.line));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_density_has_a_value_to_agree_with() {
    let rows = rows();
    for density in DENSITIES {
        assert!(
            rows.iter().any(|row| row.density.name == density.name),
            "{} is not in densities.tsv",
            density.name
        );
    }
}

#[test]
fn every_density_has_the_derivatives_of_its_values_whatever_is_known() {
    let mut faults = Vec::new();
    for row in first_rows() {
        let supports = row.density.arguments.iter().map(|(_, s)| *s);
        let free: Vec<usize> = supports
            .enumerate()
            .filter(|(_, s)| !s.is_discrete())
            .map(|(k, _)| k)
            .collect();
        for subset in 1..1_usize << free.len() {
            let unknown: Vec<usize> = (0..free.len())
                .filter(|k| subset >> k & 1 == 1)
                .map(|k| free[k])
                .collect();
            if std::panic::catch_unwind(|| derivatives_around(&row, &unknown)).is_err() {
                faults.push(format!("{}: unknown are {unknown:?}", row.line));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Derivatives at a line, and 5% around it, by the arguments in `unknown`.
fn derivatives_around(row: &Row, unknown: &[usize]) {
    let mut graph = Graph::new();
    let mut args = Vec::new();
    for (k, (values, shape)) in row.args.iter().enumerate() {
        let known = graph.constant(values.clone(), *shape);
        args.push(if unknown.contains(&k) {
            // x (0.925 + p/10) with p from 0.2 to 1.3.
            let p = graph.parameter(*shape);
            let numbers = [0.1, 0.925].map(|v| graph.constant([v], Shape::SCALAR));
            let factor = [numbers[0], p, numbers[1]];
            let factor = graph.pointwise(Function::MultiplyAdd, &factor);
            graph.pointwise(Function::Multiply, &[known, factor])
        } else {
            known
        });
    }
    let density = row.density.build(&mut graph, &args).expect(row.line);
    graph.add_to_log_density(density);
    check(&graph);
}

#[test]
fn densities_integrate_to_one() {
    for row in first_rows() {
        let (_, support) = row.density.arguments[0];
        let scalar = row.args.iter().all(|(_, shape)| shape.is_scalar());
        // One of two boundaries is reached first.
        let partial = row.density.name == "wiener";
        if row.density.name.contains("cdf") || support.is_discrete() || !scalar || partial {
            continue;
        }
        let (from, to) = match (row.density.name, support) {
            ("von_mises", _) => (-std::f64::consts::PI, std::f64::consts::PI),
            ("uniform", _) => (row.args[1].0[0], row.args[2].0[0]),
            ("pareto" | "pareto_type_2", _) => (row.args[1].0[0], f64::INFINITY),
            (_, Support::Real) => (f64::NEG_INFINITY, f64::INFINITY),
            (_, Support::Unit) => (0.0, 1.0),
            _ => (0.0, f64::INFINITY),
        };
        let mut args = row.args.clone();
        let total = integrate(
            |y| {
                args[0].0[0] = y;
                at(row.density, &args).0.exp()
            },
            from,
            to,
            1e-9,
            0.0,
        );
        let total = total.expect(row.line).value;
        assert_close(row.density.name, total, 1.0, 1e-8);
    }
}

#[test]
fn one_of_two_boundaries_is_reached() {
    let wiener = Density::named("wiener").expect("a row");
    let total = |args: [f64; 4]| {
        let density = |y: f64| {
            let all = [y, args[0], args[1], args[2], args[3]].map(|v| (vec![v], Shape::SCALAR));
            at(wiener, &all).0.exp()
        };
        let total = integrate(density, args[1], f64::INFINITY, 1e-9, 0.0);
        total.expect("a density").value
    };
    // The lower boundary is the upper one of the mirror image.
    for (start, drift) in [(0.4, 0.6), (0.9, -1.5), (0.02, 0.3)] {
        let sum = total([1.7, 0.3, start, drift]) + total([1.7, 0.3, 1.0 - start, -drift]);
        assert_close("both boundaries", sum, 1.0, 1e-8);
    }
}

#[test]
fn probabilities_add_up_to_one() {
    for row in first_rows() {
        let name = row.density.name;
        let (_, support) = row.density.arguments[0];
        if name.contains("cdf") || name.contains("glm") || name.contains("multinomial") {
            continue;
        }
        let range = match support {
            Support::Binary => 0..=1,
            Support::Category if name == "yule_simon" => 1..=3000,
            Support::Category => 1..=3,
            Support::Count if name.contains("binomial") && row.density.relations.len() == 1 => {
                0..=7
            }
            Support::Count if name == "hypergeometric" => 0..=4,
            // The tails of these two fall as n^−3.3 only.
            Support::Count => 0..=3000,
            Support::Integer => -1..=7,
            _ => continue,
        };
        let mut args = row.args.clone();
        let total: f64 = range
            .map(|y| {
                args[0] = (vec![f64::from(y)], Shape::SCALAR);
                at(row.density, &args).0.exp()
            })
            .sum();
        let tolerance = if ["beta_neg_binomial", "yule_simon"].contains(&name) {
            1e-4
        } else {
            1e-12
        };
        assert_close(name, total, 1.0, tolerance);
    }
}

/// The two tails add up to one; the lower one grows by the density, or by the next probability.
#[test]
fn distribution_functions_belong_to_their_densities() {
    for row in first_rows() {
        let Some(name) = row.density.name.strip_suffix("_lcdf") else {
            continue;
        };
        let upper = Density::named(&format!("{name}_lccdf")).expect("functions come in pairs");
        let density = Density::named(name).expect("a distribution function has a density");
        let (lower, slope) = at(row.density, &row.args);
        assert_close(name, lower.exp() + at(upper, &row.args).0.exp(), 1.0, 1e-12);
        let (log_density, _) = at(density, &row.args);
        if row.density.arguments[0].1.is_discrete() {
            let mut before = row.args.clone();
            before[0].0[0] -= 1.0;
            if before[0].0[0] >= 0.0 {
                let difference = lower.exp() - at(row.density, &before).0.exp();
                assert_close(name, difference, log_density.exp(), 1e-12);
            }
        } else {
            assert_close(name, slope[0], (log_density - lower).exp(), 1e-11);
        }
    }
}

/// All combinations of numbers near the ends of each argument's support.
#[test]
fn extreme_arguments_never_give_nan() {
    let mut faults = Vec::new();
    for row in first_rows() {
        let scalar = row.args.iter().all(|(_, shape)| shape.is_scalar());
        if !scalar {
            continue;
        }
        let choices: Vec<&[f64]> = row
            .density
            .arguments
            .iter()
            .map(|(_, support)| -> &[f64] {
                match support {
                    Support::Binary => &[0.0, 1.0],
                    Support::Count => &[0.0, 1.0, 1e9],
                    Support::Integer | Support::Category => &[1.0],
                    Support::Unit | Support::Open => &[-0.5, 0.0, 1e-100, 0.5, 1.0, 2.0],
                    Support::Real => &[-1e100, -1.0, 0.0, 1e-100, 30.0, 1e100],
                    _ => &[-1.0, 0.0, 1e-100, 1.0, 1e5, 1e100],
                }
            })
            .collect();
        let n: usize = choices.iter().map(|c| c.len()).product();
        let before = faults.len();
        for mut number in 0..n {
            let mut args = row.args.clone();
            for (arg, choice) in args.iter_mut().zip(&choices) {
                arg.0[0] = choice[number % choice.len()];
                number /= choice.len();
            }
            // Known integers may be refused.
            let Ok((value, _)) = try_at(row.density, &args) else {
                continue;
            };
            if value.is_nan() && faults.len() < before + 3 {
                let args: Vec<f64> = args.iter().map(|a| a.0[0]).collect();
                faults.push(format!("{}{args:?}", row.density.name));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} of them: {}",
        faults.len(),
        faults.join("\n")
    );
}

/// Where a probability rounds to 1 and all outcomes agree, the value is finite and so is the slope.
#[test]
fn saturated_probabilities_have_finite_derivatives() {
    for n in [1, 100] {
        let mut graph = Graph::new();
        let logit = graph.parameter(Shape::SCALAR);
        let chance = graph.pointwise(Function::InvLogit, &[logit]);
        let y = graph.constant(vec![1.0; n], Shape::vector(n));
        let density = graph.log_density("bernoulli", &[y, chance]).expect("a row");
        graph.add_to_log_density(density);
        let program = Program::new(&graph);
        let (mut value, mut gradient) = ([f64::NAN], [f64::NAN]);
        program.log_densities_and_gradients(&[50.0], 1, None, &mut value, &mut gradient);
        assert_eq!((value, gradient), ([0.0], [0.0]));
    }
}

#[test]
fn unknown_arguments_out_of_place_give_minus_infinity() {
    let one = |v: f64| (vec![v], Shape::SCALAR);
    for (name, args) in [
        ("normal", vec![0.3, 0.1, -1.0]),
        ("normal", vec![0.3, 0.3, 0.0]),
        ("gamma", vec![-0.3, 2.0, 1.0]),
        ("gamma", vec![0.3, 2.0, -1.0]),
        ("beta", vec![1.3, 2.0, 1.0]),
        ("poisson", vec![3.0, -1.0]),
        ("uniform", vec![3.0, 0.0, 2.0]),
        ("uniform", vec![1.0, 2.0, 0.0]),
        ("pareto", vec![0.9, 1.0, 2.0]),
        ("bernoulli", vec![1.0, 1.5]),
        ("exponential_lcdf", vec![-1.0, 1.5]),
    ] {
        let args: Vec<_> = args.into_iter().map(one).collect();
        let density = Density::named(name).expect("a row");
        assert_eq!(at(density, &args).0, f64::NEG_INFINITY, "{name}");
    }
}

#[test]
fn known_arguments_out_of_place_are_refused_with_their_row() {
    let mut graph = Graph::new();
    let y = graph.constant([1.0, 2.0, -3.0], Shape::vector(3));
    let (a, b) = (
        graph.parameter(Shape::SCALAR),
        graph.parameter(Shape::SCALAR),
    );
    let fault = graph
        .log_density("gamma", &[y, a, b])
        .expect_err("−3 is negative");
    let expected = DensityError::Support {
        density: "gamma",
        argument: "y",
        row: 2,
        value: -3.0,
        expected: "a number of at least 0".to_owned(),
    };
    assert_eq!(fault, expected);
    let words = "gamma: y is -3 in row 2 (counted from 0); expected a number of at least 0";
    assert_eq!(fault.to_string(), words);
    let n = graph.constant([4.0, 1.0, 2.0], Shape::vector(3));
    let y = graph.constant([1.0, 2.0, 2.0], Shape::vector(3));
    let fault = graph
        .log_density("binomial", &[y, n, a])
        .expect_err("2 > 1");
    assert!(
        fault
            .to_string()
            .ends_with("row 1 (counted from 0); expected at most N, which is 1")
    );
    let fault = graph
        .log_density("poisson", &[a, b])
        .expect_err("not known");
    assert!(matches!(
        fault,
        DensityError::NotKnown { argument: "n", .. }
    ));
    let fault = graph
        .log_density("normal", &[a, b])
        .expect_err("two arguments");
    assert!(matches!(fault, DensityError::Arity { found: 2, .. }));
    let fault = graph
        .log_density("normals", &[a, b])
        .expect_err("no such name");
    assert!(matches!(fault, DensityError::Unknown { .. }));
    let logits = graph.parameter(Shape::matrix(3, 2));
    let y = graph.constant([1.0, 2.0, 3.0], Shape::vector(3));
    let fault = graph
        .log_density("categorical_logit", &[y, logits])
        .expect_err("3 > 2");
    assert!(fault.to_string().contains("a category from 1 to 2"));
    let x = graph.parameter(Shape::vector(2));
    let fault = graph
        .log_density("normal", &[y, x, a])
        .expect_err("3 and 2");
    assert!(matches!(fault, DensityError::Shapes { .. }));
}

#[test]
fn repeated_data_share_their_densities() {
    let n = 300;
    let y: Vec<f64> = (0..n).map(|i| f64::from(i * i % 7)).collect();
    for (name, by_row) in [
        ("neg_binomial_2", false),
        ("neg_binomial_2", true),
        ("poisson", false),
    ] {
        let mut graph = Graph::new();
        let y = graph.constant(y.clone(), Shape::vector(300));
        let mean = graph.parameter(if by_row {
            Shape::vector(300)
        } else {
            Shape::SCALAR
        });
        let mut args = vec![y, mean];
        if name != "poisson" {
            args.push(graph.parameter(Shape::SCALAR));
        }
        let density = graph.log_density(name, &args).expect("a row");
        graph.add_to_log_density(density);
        let program = Program::new(&graph);
        // The rows still are a plate, for mini-batches.
        assert_eq!(program.plates()[0].n_rows, 300);
        if !by_row {
            assert_eq!(program.plates()[0].n_instructions, 1);
        }
        let point = vec![1.3; program.dimension()];
        let mut value = [0.0];
        program.log_densities(&point, 1, &mut value);
        let alone: f64 = (0..n)
            .map(|i| {
                let one = |v: f64| (vec![v], Shape::SCALAR);
                let mut args = vec![one(f64::from(i * i % 7)), one(1.3)];
                if name != "poisson" {
                    args.push(one(1.3));
                }
                at(Density::named(name).expect("a row"), &args).0
            })
            .sum();
        assert_close(name, value[0], alone, 1e-12);
    }
}

/// Regressions of many rows run row by row, and what is known of a row is computed beforehand.
#[test]
fn regressions_become_plates() {
    let n = 200;
    for row in first_rows()
        .iter()
        .filter(|r| r.density.name.ends_with("_glm"))
    {
        let mut graph = Graph::new();
        let args: Vec<NodeId> = row
            .args
            .iter()
            .zip(row.density.arguments)
            .map(|((values, shape), (name, support))| {
                if support.is_discrete() || *name == "x" || *name == "y" {
                    let repeated = values.repeat(n / shape.rows);
                    graph.constant(repeated, Shape::matrix(n, shape.cols))
                } else if shape.rows == 2 && *name == "alpha" {
                    graph.parameter(Shape::SCALAR)
                } else {
                    graph.parameter(*shape)
                }
            })
            .collect();
        let density = row.density.build(&mut graph, &args).expect(row.line);
        graph.add_to_log_density(density);
        let program = Program::new(&graph);
        let plates = program.plates();
        assert_eq!(plates.len(), 1, "{}", row.line);
        assert_eq!(plates[0].n_rows, n);
        // Two columns of x, the outcome, and at most a number of trials, a constant or two.
        assert!(
            plates[0].data_bytes_per_row <= 8 * 5,
            "{}: {plates:?}",
            row.line
        );
    }
}
