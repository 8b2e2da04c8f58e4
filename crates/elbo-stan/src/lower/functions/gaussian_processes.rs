//! Covariances of Gaussian processes.

use elbo_graph::Shape;
use elbo_graph::gaussian_process::{
    Kernel, dot_product_covariance, dot_product_cross_covariance, periodic_covariance,
    periodic_cross_covariance,
};

use super::call::same;
use super::{Call, FunctionRow, Outcome};
use crate::trace::Operand;

pub(super) const ROWS: &[FunctionRow] = &[
    ("gp_exp_quad_cov", |call| stationary(call, Kernel::ExpQuad)),
    ("gp_exponential_cov", |call| {
        stationary(call, Kernel::Exponential)
    }),
    ("gp_matern32_cov", |call| stationary(call, Kernel::Matern32)),
    ("gp_matern52_cov", |call| stationary(call, Kernel::Matern52)),
    ("gp_periodic_cov", |call| {
        let places = places(call, 3)?;
        let (args, n, m) = arguments(call, places, 3)?;
        call.matrix_of(args, (n, m), move |graph, args| match *args {
            [x, sigma, length, period] => periodic_covariance(graph, x, sigma, length, period),
            [x, y, sigma, length, period, ..] => {
                periodic_cross_covariance(graph, x, y, sigma, length, period)
            }
            _ => unreachable!("a call has as many arguments"),
        })
    }),
    ("gp_dot_prod_cov", |call| {
        let places = places(call, 1)?;
        let (args, n, m) = arguments(call, places, 1)?;
        call.matrix_of(args, (n, m), move |graph, args| match *args {
            [x, sigma] => dot_product_covariance(graph, x, sigma),
            [x, y, sigma, ..] => dot_product_cross_covariance(graph, x, y, sigma),
            _ => unreachable!("a call has as many arguments"),
        })
    }),
];

/// Arguments of a call, and the number of rows and columns of its result.
type Arguments = (Vec<(Operand, Shape)>, usize, usize);

/// The number of arguments that are places: one, or two that are compared.
fn places(call: &Call<'_>, numbers: usize) -> Result<usize, String> {
    match call.values.len().checked_sub(numbers) {
        Some(n @ (1 | 2)) => Ok(n),
        _ => Err("it takes one or two arrays of places".into()),
    }
}

/// All arguments, places as rows.
fn arguments(call: &Call<'_>, places: usize, numbers: usize) -> Result<Arguments, String> {
    let mut args = Vec::new();
    for i in 0..places {
        args.push(call.matrix(i)?);
    }
    let (n, m) = (args[0].1.rows, args[places - 1].1.rows);
    // No places have no size.
    if n > 0 && m > 0 {
        same(args[0].1.cols, args[places - 1].1.cols, "sizes of places")?;
    }
    for i in places..places + numbers {
        let operand = call.operand(i)?;
        let row = Shape::matrix(1, operand.len());
        args.push((operand, row));
    }
    Ok((args, n, m))
}

fn stationary(call: &mut Call<'_>, kernel: Kernel) -> Outcome {
    let places = places(call, 2)?;
    let (args, n, m) = arguments(call, places, 2)?;
    let lengths = args[places + 1].1.cols;
    if lengths != 1 && n > 0 {
        same(lengths, args[0].1.cols, "length scales and dimensions")?;
    }
    call.matrix_of(args, (n, m), move |graph, args| match *args {
        [x, sigma, length] => kernel.covariance(graph, x, sigma, length),
        [x, y, sigma, length, ..] => kernel.cross_covariance(graph, x, y, sigma, length),
        _ => unreachable!("a call has as many arguments"),
    })
}
