//! Densities of variables that are rows of numbers: categories, counts, vectors.
//!
//! The one idea: whatever a call's arrays and the program's loops are, every variable is recorded as
//! one row, so that all of them become one node.

use elbo_graph::{Graph, NodeId, Shape, multivariate};

use super::{Call, DensityRow, Terms};
use crate::run::Tensor;
use crate::trace::{Operand, RowFunction};

pub(super) const ROWS: &[DensityRow] = &[
    ("categorical_lpmf", |call| {
        static F: RowFunction = of_table("categorical", |graph, args| {
            named(graph, "categorical", args)
        });
        rows(call, &F, &[Number, List], None)
    }),
    ("categorical_logit_lpmf", |call| {
        static F: RowFunction = of_table("categorical_logit", |graph, args| {
            named(graph, "categorical_logit", args)
        });
        rows(call, &F, &[Number, List], None)
    }),
    ("ordered_logistic_lpmf", |call| {
        static F: RowFunction = with_shared("ordered_logistic", &[2], |graph, args| {
            named(graph, "ordered_logistic", args)
        });
        rows(call, &F, &[Number, Number, Column], None)
    }),
    ("ordered_probit_lpmf", |call| {
        static F: RowFunction = with_shared("ordered_probit", &[2], |graph, args| {
            named(graph, "ordered_probit", args)
        });
        rows(call, &F, &[Number, Number, Column], None)
    }),
    ("multinomial_lpmf", |call| {
        static F: RowFunction = of_table("multinomial", |graph, args| {
            named(graph, "multinomial", args)
        });
        rows(call, &F, &[List, List], Some(alike))
    }),
    ("multinomial_logit_lpmf", |call| {
        static F: RowFunction = of_table("multinomial_logit", |graph, args| {
            named(graph, "multinomial_logit", args)
        });
        rows(call, &F, &[List, List], Some(alike))
    }),
    ("dirichlet_lpdf", |call| {
        static F: RowFunction = of_table("dirichlet", |graph, args| {
            Ok(multivariate::dirichlet(graph, args[0], args[1]))
        });
        rows(call, &F, &[List, List], Some(alike))
    }),
    ("dirichlet_multinomial_lpmf", |call| {
        static F: RowFunction = of_table("dirichlet_multinomial", |graph, args| {
            Ok(multivariate::dirichlet_multinomial(graph, args[0], args[1]))
        });
        rows(call, &F, &[List, List], Some(alike))
    }),
    ("multi_normal_lpdf", |call| {
        static F: RowFunction = with_shared("multi_normal", &[2], |graph, args| {
            Ok(multivariate::multi_normal(graph, args[0], args[1], args[2]))
        });
        rows(call, &F, &[List, List, Matrix], Some(fit))
    }),
    ("multi_normal_prec_lpdf", |call| {
        static F: RowFunction = with_shared("multi_normal_prec", &[2], |graph, args| {
            Ok(multivariate::multi_normal_prec(
                graph, args[0], args[1], args[2],
            ))
        });
        rows(call, &F, &[List, List, Matrix], Some(fit))
    }),
    ("multi_normal_cholesky_lpdf", |call| {
        static F: RowFunction = with_shared("multi_normal_cholesky", &[2], |graph, args| {
            Ok(multivariate::multi_normal_cholesky(
                graph, args[0], args[1], args[2],
            ))
        });
        rows(call, &F, &[List, List, Matrix], Some(fit))
    }),
    ("multi_student_t_lpdf", |call| {
        static F: RowFunction = with_shared("multi_student_t", &[3], |graph, args| {
            Ok(multivariate::multi_student_t(
                graph, args[0], args[1], args[2], args[3],
            ))
        });
        rows(call, &F, &[List, Number, List, Matrix], Some(fit))
    }),
    ("multi_student_t_cholesky_lpdf", |call| {
        static F: RowFunction = with_shared("multi_student_t_cholesky", &[3], |graph, args| {
            Ok(multivariate::multi_student_t_cholesky(
                graph, args[0], args[1], args[2], args[3],
            ))
        });
        rows(call, &F, &[List, Number, List, Matrix], Some(fit))
    }),
];

/// What an argument is for each variable.
#[derive(Clone, Copy)]
enum Role {
    /// A number, or a list with a number for each.
    Number,
    /// A list, or an array with a list for each.
    List,
    /// A column that is taken as a whole, or an array with one for each.
    Column,
    /// A matrix for all.
    Matrix,
}
use Role::{Column, List, Matrix, Number};

type Made = Result<NodeId, String>;
/// Whether sizes fit together.
type Check = fn(&[Shape]) -> Result<(), String>;

const fn of_table(name: &'static str, build: fn(&mut Graph, &[NodeId]) -> Made) -> RowFunction {
    with_shared(name, &[], build)
}

const fn with_shared(
    name: &'static str,
    shared: &'static [usize],
    build: fn(&mut Graph, &[NodeId]) -> Made,
) -> RowFunction {
    RowFunction {
        name,
        shared,
        build,
    }
}

/// A density of the table.
pub(super) fn named(graph: &mut Graph, name: &str, args: &[NodeId]) -> Made {
    graph
        .log_density(name, args)
        .map_err(|error| crate::trace::of_rows(&error))
}

/// Two lists of one length.
fn alike(shapes: &[Shape]) -> Result<(), String> {
    let (a, b) = (shapes[0].cols, shapes[1].cols);
    if a == b {
        return Ok(());
    }
    Err(format!("{a} numbers and {b} do not fit together"))
}

/// Lists of as many numbers as a square matrix, the last argument, has rows.
fn fit(shapes: &[Shape]) -> Result<(), String> {
    let (Some(matrix), y, mean) = (shapes.last(), shapes[0], shapes[shapes.len() - 2]) else {
        return Ok(());
    };
    if matrix.rows == matrix.cols && y.cols == matrix.rows && mean.cols == matrix.rows {
        return Ok(());
    }
    Err(format!(
        "{} numbers, a mean of {} and a matrix of {} × {} do not fit together",
        y.cols, mean.cols, matrix.rows, matrix.cols
    ))
}

/// A term for each variable.
fn rows(
    call: &mut Call<'_>,
    function: &'static RowFunction,
    roles: &[Role],
    check: Option<Check>,
) -> Terms {
    let mut columns: Vec<(Vec<Operand>, Shape)> = Vec::new();
    for (i, role) in roles.iter().enumerate() {
        columns.push(match role {
            Number => {
                let operand = call.operand(i)?;
                (operand.numbers().map(Operand::of).collect(), Shape::SCALAR)
            }
            List | Column => {
                let lists = call.lists(i)?;
                let n = lists.first().map_or(0, Operand::len);
                let shape = match role {
                    List => Shape::matrix(1, n),
                    _ => Shape::vector(n),
                };
                (lists, shape)
            }
            Matrix => {
                let (operand, shape) = call.matrix(i)?;
                (vec![operand], shape)
            }
        });
    }
    let shapes: Vec<Shape> = columns.iter().map(|(_, shape)| *shape).collect();
    let n = columns.iter().map(|(all, _)| all.len()).max().unwrap_or(0);
    if columns.iter().any(|(all, _)| all.is_empty()) || shapes.iter().any(|s| s.is_empty()) {
        return Ok(Tensor::list(Vec::new()));
    }
    if columns
        .iter()
        .any(|(all, _)| all.len() != 1 && all.len() != n)
    {
        let sizes: Vec<usize> = columns.iter().map(|(all, _)| all.len()).collect();
        return Err(format!("the sizes of arguments differ: {sizes:?}"));
    }
    // Without a check here, the density has its own.
    if let Some(check) = check {
        check(&shapes)?;
    }
    let terms = call.trace.each(0..n, |trace, i| {
        let args = columns.iter().map(|(all, shape)| {
            let at = if all.len() == 1 { 0 } else { i };
            (all[at].clone(), *shape)
        });
        trace.rows(function, args.collect())
    })?;
    Ok(Tensor::list(terms))
}
