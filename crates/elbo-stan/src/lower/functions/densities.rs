//! Densities of variables that are more than single numbers.

use elbo_graph::Shape;

use super::{Call, DensityRow, Terms};
use crate::run::Tensor;
use crate::trace::RowFunction;

pub(super) const ROWS: &[DensityRow] = &[("categorical_logit_lpmf", |call| {
    static LOGIT: RowFunction = RowFunction {
        name: "categorical_logit",
        shared: &[],
        build: |graph, args| {
            graph
                .log_density("categorical_logit", args)
                .map_err(|e| e.to_string())
        },
    };
    categorical(call, &LOGIT)
})];

/// Each category with the same numbers.
fn categorical(call: &mut Call<'_>, function: &'static RowFunction) -> Terms {
    let [y, table] = [call.operand(0)?, call.operand(1)?];
    let row = Shape::matrix(1, table.len());
    let terms: Result<Vec<_>, String> = y
        .numbers()
        .map(|y| {
            let args = vec![
                (crate::trace::Operand::of(y), Shape::SCALAR),
                (table.clone(), row),
            ];
            call.trace.rows(function, args)
        })
        .collect();
    Ok(Tensor::list(terms?))
}
