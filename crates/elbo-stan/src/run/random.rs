//! Random numbers of generated quantities, when they are recorded for many draws.
//!
//! The one idea: what `_rng` functions return is not known when a program is run with symbols, so it is
//! a symbol like a parameter; what they are called with is remembered, and computed for each draw.

use elbo_graph::Shape;
use elbo_math::random::Stream;

use super::evaluate::unsupported;
use super::{Machine, Run, RunError, RunErrorKind, Value, bad, builtin};
use crate::source::Span;
use crate::trace::Symbol;
use crate::typed::Type;

/// A call of an `_rng` function.
#[derive(Clone, Debug)]
pub(crate) struct RandomCall {
    name: &'static str,
    types: Vec<Type>,
    /// The arguments, with symbols.
    pub(crate) arguments: Vec<Value>,
    /// What it returns begins with this symbol, whose group is of this call's place alone.
    pub(crate) first: Symbol,
    /// How many numbers it returns.
    pub(crate) len: usize,
    span: Span,
}

impl RandomCall {
    /// A draw, given the arguments' values; the numbers in row-major order.
    pub(crate) fn draw(
        &self,
        arguments: &[Value],
        random: &mut Stream,
        limit: usize,
    ) -> Run<Vec<f64>> {
        let fails = |message: String| bad(self.span, format!("{}: {message}", self.name));
        let types: Vec<&Type> = self.types.iter().collect();
        let arguments = builtin::Arguments {
            values: arguments,
            types: &types,
            limit,
        };
        let value = builtin::random::draw(self.name, &arguments, random)
            .ok_or_else(|| unsupported(self.span, self.name))?
            .map_err(fails)?;
        let numbers = value
            .as_reals()
            .filter(|t| t.entries().len() == self.len)
            .ok_or_else(|| fails("another shape than it should have".to_owned()))?;
        Ok(numbers.entries().to_vec())
    }
}

impl Machine<'_> {
    /// Records a call instead of drawing.
    pub(super) fn later(
        &mut self,
        name: &'static str,
        values: &[Value],
        types: &[&Type],
        span: Span,
    ) -> Run<Value> {
        let shape = result_shape(name, values).ok_or_else(|| {
            RunError::new(
                RunErrorKind::Unsupported,
                span,
                format!("the shape of `{name}` depends on parameters"),
            )
        })?;
        let len: usize = shape.iter().product();
        if len == 0 {
            return Ok(Value::unset(&Type::Real, shape));
        }
        self.visit(span);
        let numbers = self
            .trace
            .random(values, Shape::vector(len), shape)
            .map_err(|message| bad(span, message))?;
        if let Some(crate::trace::Number::Symbol(first)) = numbers.entries().first() {
            self.random_calls.push(RandomCall {
                name,
                types: types.iter().map(|t| (*t).clone()).collect(),
                arguments: values.to_vec(),
                first: *first,
                len,
                span,
            });
        }
        Ok(Value::from_numbers(numbers))
    }
}

/// The shape of what a function returns.
fn result_shape(name: &str, values: &[Value]) -> Option<Vec<usize>> {
    let of = |i: usize| values.get(i).map(|value| value.shape().to_vec());
    match name {
        "categorical_rng"
        | "categorical_logit_rng"
        | "ordered_logistic_rng"
        | "ordered_probit_rng" => Some(Vec::new()),
        "multi_normal_rng"
        | "multi_normal_cholesky_rng"
        | "dirichlet_rng"
        | "multinomial_rng"
        | "multinomial_logit_rng"
        | "dirichlet_multinomial_rng" => of(0),
        "bernoulli_logit_glm_rng"
        | "multi_student_t_rng"
        | "multi_student_t_cholesky_rng"
        | "wishart_rng"
        | "wishart_cholesky_rng"
        | "inv_wishart_rng"
        | "inv_wishart_cholesky_rng" => of(1),
        "lkj_corr_rng" | "lkj_corr_cholesky_rng" => {
            let size = usize::try_from(values.first()?.as_int()?).ok()?;
            Some(vec![size, size])
        }
        "hmm_latent_rng" => Some(of(0)?.get(1..)?.to_vec()),
        // Functions of numbers go through lists, with single numbers for every element.
        _ => Some(
            values
                .iter()
                .map(Value::shape)
                .find(|shape| !shape.is_empty())
                .unwrap_or_default()
                .to_vec(),
        ),
    }
}
