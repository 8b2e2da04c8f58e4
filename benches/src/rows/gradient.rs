//! Gradients of a log density per draw, against stanli on the same Stan program.

use std::time::Instant;

use anyhow::Result;
use elbo::graph::{Function, Graph, MOST_LANES, Program, Shape};
use elbo::math::random::{RngExt as _, standard_normal, stream};

use crate::raw;
use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    let row = Row {
        name: "gradient-hierarchical",
        title: "gradient of a hierarchical logistic regression, n = 10,000, D = 5, 50 groups",
        per: "draw",
        accuracy: "log density, from one point to another",
        goals: &[(1, Some(4.0)), (2, None)],
        rival: Some(("gradient_stanli.py", 1)),
        options: &[("n", "10000"), ("d", "5"), ("groups", "50")],
        prepare,
        ours,
        whole_process: false,
        judge: None,
    };
    vec![
        Row {
            name: "gradient-logistic-20",
            title: "gradient of a logistic regression, n = 100,000, D = 20",
            options: &[("n", "100000"), ("d", "20"), ("groups", "0")],
            ..row
        },
        Row {
            name: "gradient-logistic-100",
            title: "gradient of a logistic regression, n = 100,000, D = 100",
            options: &[("n", "100000"), ("d", "100"), ("groups", "0")],
            ..row
        },
        row,
    ]
}

fn prepare(case: &Case) -> Result<()> {
    let (n, d, groups) = (case.get("n"), case.get("d"), case.get("groups"));
    let mut rng = stream(1, "bench/gradient", 0);
    let mut normals =
        |k: usize| -> Vec<f64> { (0..k).map(|_| standard_normal(&mut rng)).collect() };
    raw::write_f64(case.folder, "x.f64", &normals(n * d))?;
    // Unconstrained: the slopes, the groups' effects, the logarithm of their scale.
    let dimension = d + if groups > 0 { groups + 1 } else { 0 };
    let points: Vec<f64> = normals(2 * dimension).iter().map(|z| 0.1 * z).collect();
    raw::write_f64(case.folder, "points.f64", &points)?;
    let y: Vec<f64> = (0..n)
        .map(|_| f64::from(rng.random_range(0..2_u8)))
        .collect();
    raw::write_f64(case.folder, "y.f64", &y)?;
    let last = u32::try_from(groups.max(1))?;
    let group: Vec<u32> = (0..n).map(|_| rng.random_range(0..last)).collect();
    raw::write_u32(case.folder, "group.u32", &group)
}

/// `y_n ~ Bernoulli(logit⁻¹(x_n β + τ z_g(n)))`, `β ~ N(0, 2²)`, `z ~ N(0, 1)`, `log τ` free with
/// `τ ~ N⁺(0, 1)`, up to a constant as the rival's.
fn program(case: &Case) -> Result<Program> {
    let (n, d, groups) = (case.get("n"), case.get("d"), case.get("groups"));
    let mut graph = Graph::new();
    let squares = |graph: &mut Graph, x, weight: f64| {
        let square = graph.pointwise(Function::Square, &[x]);
        let weight = graph.constant([weight], Shape::SCALAR);
        let term = graph.pointwise(Function::Multiply, &[square, weight]);
        graph.add_to_log_density(term);
    };
    let slopes = graph.parameter(Shape::vector(d));
    squares(&mut graph, slopes, -0.125);
    let x = graph.constant(raw::read_f64(case.folder, "x.f64")?, Shape::matrix(n, d));
    let mut logit = graph.matmul(x, slopes);
    if groups > 0 {
        let effects = graph.parameter(Shape::vector(groups));
        squares(&mut graph, effects, -0.5);
        let log_scale = graph.parameter(Shape::SCALAR);
        let scale = graph.pointwise(Function::Exp, &[log_scale]);
        squares(&mut graph, scale, -0.5);
        graph.add_to_log_density(log_scale);
        let effects = graph.pointwise(Function::Multiply, &[effects, scale]);
        let effects = graph.gather(effects, raw::read_u32(case.folder, "group.u32")?);
        logit = graph.pointwise(Function::Add, &[logit, effects]);
    }
    let y = graph.constant(raw::read_f64(case.folder, "y.f64")?, Shape::vector(n));
    let term = graph.log_density("bernoulli_logit", &[y, logit])?;
    graph.add_to_log_density(term);
    Ok(Program::new(&graph))
}

fn ours(case: &Case) -> Result<Report> {
    let program = program(case)?;
    let points = raw::read_f64(case.folder, "points.f64")?;
    let (first, second) = points.split_at(program.dimension());
    // Sixteen draws: the first point, and ones between the two.
    let lanes = MOST_LANES;
    let mut block = Vec::with_capacity(first.len() * lanes);
    for (a, b) in first.iter().zip(second) {
        block.extend((0..lanes).map(|l| a + (b - a) * l as f64 / (lanes - 1) as f64));
    }
    let (mut values, mut gradients) = (vec![0.0; lanes], vec![0.0; block.len()]);
    let mut seconds: Vec<f64> = (0..50)
        .map(|_| {
            let start = Instant::now();
            program.log_densities_and_gradients(&block, lanes, None, &mut values, &mut gradients);
            start.elapsed().as_secs_f64() / lanes as f64
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let change = values[lanes - 1] - values[0];
    Ok(Report::ours(seconds[seconds.len() / 2], change)
        .with("fastest", seconds[0])
        .with("gradient's norm", norm(&gradients, lanes)))
}

/// The norm of the first draw's gradient.
fn norm(gradients: &[f64], lanes: usize) -> f64 {
    let squares = gradients.chunks_exact(lanes).map(|g| g[0] * g[0]);
    squares.sum::<f64>().sqrt()
}
