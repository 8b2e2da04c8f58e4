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
    // Of logits less their log-sum-exp, only the logit depends on the category.
    if let Some((logits, common)) = table.less_by_row() {
        return pick(y, logits) - common;
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
    match chances.exponent() {
        Some(logs) => pick(y, logs),
        // The logarithm comes last: of the other entries of a row it could be −∞.
        None => pick(y, chances).ln(),
    }
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

#[cfg(test)]
mod tests {
    use elbo_testkit::assert_close;

    use crate::graph::Op;
    use crate::tests::check;
    use crate::{Function, Graph, Program, Shape};

    /// Against the density with logits, whose formula has neither the exponentials nor their support.
    #[test]
    fn chances_that_are_a_softmax_are_logits() {
        const N: usize = 12;
        let categories: Vec<f64> = (0..N).map(|i| (1 + i % 4) as f64).collect();
        let graph_of = |name: &str| {
            let mut graph = Graph::new();
            let logits = graph.parameter(Shape::matrix(N, 4));
            let y = graph.constant(categories.clone(), Shape::vector(N));
            let total = graph.row_log_sum_exp(logits);
            let logs = graph.pointwise(Function::Subtract, &[logits, total]);
            let softmax = graph.pointwise(Function::Exp, &[logs]);
            let chances = if name == "categorical" {
                softmax
            } else {
                logits
            };
            let term = graph.log_density(name, &[y, chances]).expect("fits");
            graph.add_to_log_density(term);
            graph
        };
        let (graph, expected) = (graph_of("categorical"), graph_of("categorical_logit"));
        check(&graph);
        let point: Vec<f64> = (0..4 * N).map(|i| (i as f64 * 0.7).sin() * 3.0).collect();
        let value = |graph: &Graph| {
            let mut value = [0.0];
            Program::new(graph).log_densities(&point, 1, &mut value);
            value[0]
        };
        assert_close("value", value(&graph), value(&expected), 1e-13);
        let is_check = |op: &Op| {
            matches!(op, Op::Pointwise { function, .. }
                if matches!(function, Function::WhereNonNegative | Function::Minimum))
        };
        assert!(!graph.nodes.iter().any(|node| is_check(&node.op)));
    }

    #[test]
    fn chances_that_are_always_in_place_are_not_checked() {
        let mut graph = Graph::new();
        let logit = graph.parameter(Shape::vector(3));
        let chance = graph.pointwise(Function::InvLogit, &[logit]);
        let y = graph.constant([1.0, 0.0, 1.0], Shape::vector(3));
        let term = graph.log_density("bernoulli", &[y, chance]).expect("fits");
        graph.add_to_log_density(term);
        check(&graph);
        let is_check = |op: &Op| {
            let Op::Pointwise { function, .. } = op else {
                return false;
            };
            matches!(function, Function::WhereUnit | Function::WhereOpen)
        };
        assert!(!graph.nodes.iter().any(|node| is_check(&node.op)));
    }
}
