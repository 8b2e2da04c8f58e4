//! Regressions in one call: densities of `x β + α`.

use elbo_graph::Shape;

use super::call::same;
use super::densities::named;
use super::{Call, DensityRow, Terms};
use crate::run::Tensor;
use crate::trace::Operand;

pub(super) const ROWS: &[DensityRow] = &[
    ("normal_id_glm_lpdf", |call| {
        regression(call, "normal_id_glm", 1)
    }),
    ("bernoulli_logit_glm_lpmf", |call| {
        regression(call, "bernoulli_logit_glm", 1)
    }),
    ("binomial_logit_glm_lpmf", |call| {
        regression(call, "binomial_logit_glm", 2)
    }),
    ("poisson_log_glm_lpmf", |call| {
        regression(call, "poisson_log_glm", 1)
    }),
    ("neg_binomial_2_log_glm_lpmf", |call| {
        regression(call, "neg_binomial_2_log_glm", 1)
    }),
    ("categorical_logit_glm_lpmf", |call| {
        let (x, shape) = call.matrix(1)?;
        let (alpha, (beta, slopes)) = (call.operand(2)?, call.matrix(3)?);
        same(shape.cols, slopes.rows, "columns and slopes")?;
        same(alpha.len(), slopes.cols, "intercepts and categories")?;
        let row = Shape::matrix(1, alpha.len());
        categories(
            call,
            (x, shape),
            "categorical_logit_glm",
            [(alpha, row), (beta, slopes)],
        )
    }),
    ("ordered_logistic_glm_lpmf", |call| {
        let (x, shape) = call.matrix(1)?;
        let (beta, cuts) = (call.column(2)?, call.column(3)?);
        same(shape.cols, beta.1.rows, "columns and slopes")?;
        categories(call, (x, shape), "ordered_logistic_glm", [beta, cuts])
    }),
];

/// A row of the matrix for each variable, or one for all; the matrix is argument `design`, and after it
/// come the intercept and the slopes.
fn regression(call: &mut Call<'_>, density: &'static str, design: usize) -> Terms {
    let (x, shape) = call.matrix(design)?;
    let mut args = Vec::new();
    let mut n = shape.rows;
    for i in 0..call.values.len() {
        let arg = if i == design {
            (x.clone(), shape)
        } else {
            call.column(i)?
        };
        if i == design + 2 {
            same(shape.cols, arg.1.rows, "columns and slopes")?;
        } else if i != design {
            // What is one number, or the one row, goes with all.
            if arg.1.rows != 1 && n != 1 {
                same(arg.1.rows, n, "rows")?;
            }
            if arg.1.rows != 1 {
                n = arg.1.rows;
            }
        }
        args.push(arg);
    }
    if n == 0 || args.iter().any(|(arg, _)| arg.len() == 0) {
        return without_slopes(call, density, design, n);
    }
    call.trace.block(
        call.name,
        args,
        Shape::vector(n),
        vec![n],
        move |graph, args| named(graph, density, args),
    )
}

/// No rows have no terms; no columns leave the intercept.
fn without_slopes(call: &mut Call<'_>, density: &'static str, design: usize, n: usize) -> Terms {
    if n == 0 {
        return Ok(Tensor::list(Vec::new()));
    }
    let plain = density.replace("_id_glm", "").replace("_glm", "");
    let density = elbo_graph::Density::named(&plain).ok_or("there are no numbers")?;
    let mut args: Vec<Operand> = call.operands()?;
    args.remove(design + 2);
    args.remove(design);
    call.trace.density(density, &args)
}

/// Categories, which a row of the matrix explains each.
fn categories(
    call: &mut Call<'_>,
    (x, shape): (Operand, Shape),
    density: &'static str,
    rest: [(Operand, Shape); 2],
) -> Terms {
    let y = call.operand(0)?;
    let n = y.len().max(shape.rows);
    // The density has a row for each y.
    let repeated = |operand: Operand, rows: usize, cols: usize| {
        if rows == n {
            return Ok(operand);
        }
        if rows != 1 {
            return Err(format!("{rows} rows and {n} do not fit together"));
        }
        let entries = (0..n * cols).map(|at| operand.number(at % cols.max(1)));
        Ok(Operand::Numbers(Tensor::new(
            vec![n, cols],
            entries.collect(),
        )))
    };
    if n == 0 || y.len() == 0 || shape.is_empty() {
        return Ok(Tensor::list(Vec::new()));
    }
    let size = y.len();
    let y = repeated(y, size, 1)?;
    let x = repeated(x, shape.rows, shape.cols)?;
    let [a, b] = rest;
    let args = vec![
        (y, Shape::vector(n)),
        (x, Shape::matrix(n, shape.cols)),
        a,
        b,
    ];
    call.trace.block(
        call.name,
        args,
        Shape::vector(n),
        vec![n],
        move |graph, args| named(graph, density, args),
    )
}
