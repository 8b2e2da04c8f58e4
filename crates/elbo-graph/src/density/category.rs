//! Probabilities of categories 1, 2, … K, which are known, and of counts of them.
//!
//! The one idea: a row's own category is picked by comparing it with 1 … K, an operation on the row
//! alone, so that rows of probabilities stay in a plate. Probabilities and logits are a matrix with
//! a row for each outcome, or one row (or column) for all.

use super::value::{Value, take};
use crate::graph::Graph;
use crate::pointwise::Function;
use crate::shape::Shape;

/// Entry `y` of each row of `table`.
fn pick<'b>(y: Value<'b>, table: Value<'b>) -> Value<'b> {
    let shape = table.shape();
    if shape.rows == 1
        && let Some(values) = y.known()
    {
        let index: Vec<u32> = values.iter().map(|v| position(*v)).collect();
        let out = Shape::vector(index.len());
        return table.with(|graph| graph.elements(table.node, index, out));
    }
    let numbers = y.count_row(shape.cols);
    table.apply(Function::WhereEqual, [y, numbers]).row_sum()
}

/// A category counted from 0; checked before.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a category is an integer from 1 to the number of columns"
)]
fn position(category: f64) -> u32 {
    category as u32 - 1
}

pub(super) fn categorical<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, chances] = take(x);
    let chances = chances.as_row();
    if chances.shape().rows == 1 {
        return pick(y, chances.ln());
    }
    // The logarithm comes last: of the other entries of a row it could be −∞.
    pick(y, chances).ln()
}

pub(super) fn categorical_logit<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, logits] = take(x);
    categorical_logit_of(y, logits.as_row())
}

pub(super) fn categorical_logit_of<'b>(y: Value<'b>, logits: Value<'b>) -> Value<'b> {
    pick(y, logits) - logits.row_log_sum_exp()
}

pub(super) fn ordered_logistic<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, cuts] = take(x);
    ordered_of(y, location, cuts, Function::LogInvLogitDifference)
}

pub(super) fn ordered_probit<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, cuts] = take(x);
    ordered_of(y, location, cuts, Function::LogPhiDifference)
}

/// The probability between the cuts on both sides of a category, the outermost ones infinite.
pub(super) fn ordered_of<'b>(
    y: Value<'b>,
    location: Value<'b>,
    cuts: Value<'b>,
    difference: Function,
) -> Value<'b> {
    let values = y.known().expect("categories are known");
    let cut = |shift: u32| {
        cuts.with(|graph: &mut Graph| {
            let ends = [f64::NEG_INFINITY, f64::INFINITY];
            let ends = ends.map(|end| graph.constant([end], Shape::SCALAR));
            let all = graph.rows(&[ends[0], cuts.node, ends[1]]);
            let index: Vec<u32> = values.iter().map(|v| position(*v) + shift).collect();
            graph.gather(all, index)
        })
    };
    (cut(1) - location).apply(difference, [cut(0) - location])
}

pub(super) fn multinomial<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, chances] = take(x);
    let y = y.as_row();
    y.times_ln(chances.as_row()).row_sum() + arrangements(y)
}

pub(super) fn multinomial_logit<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, logits] = take(x);
    let (y, logits) = (y.as_row(), logits.as_row());
    // A category that was never seen may be impossible.
    let seen = y.apply(Function::Weigh, [logits]).row_sum();
    seen - y.row_sum() * logits.row_log_sum_exp() + arrangements(y)
}

/// The log of the number of orders of a row of counts.
fn arrangements(y: Value<'_>) -> Value<'_> {
    (y.row_sum() + 1.0).ln_gamma() - (y + 1.0).ln_gamma().row_sum()
}
