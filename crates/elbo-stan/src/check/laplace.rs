//! Calls of the embedded Laplace approximation.
//!
//! Two functions are handed over, each with a tuple of what is passed on to it: the likelihood of the
//! latent variables, unless it is a built-in one, and their covariance. Between them stands the size
//! of the blocks of the Hessian; at the end, for the `_tol` forms, a tuple of settings.

use super::Checker;
use super::call::Resolved;
use super::callback::Demand;
use super::expression::convert;
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::callbacks::{self, Laplace};
use crate::source::Span;
use crate::syntax::{self, Name};
use crate::typed::{Call, Callee, Expression, FunctionId, Type};

impl Checker<'_> {
    pub(super) fn laplace(
        &mut self,
        name: &Name,
        row: &'static Laplace,
        arguments: &[syntax::Expression],
        unnormalised: bool,
    ) -> Option<Resolved> {
        let likelihood = row.likelihood.map(callbacks::parameters);
        let first = likelihood.as_ref().map_or(2, Vec::len);
        let count = first + 3 + usize::from(row.settings);
        if arguments.len() != count {
            self.wrong_count(name, row, count, arguments.len());
            return None;
        }
        let mut functions = Vec::new();
        let mut values = Vec::new();
        let mut fine = true;
        if let Some(parameters) = likelihood {
            for (i, (parameter, argument)) in parameters.iter().zip(arguments).enumerate() {
                fine &= self.plain(name, i, parameter, argument, &mut values);
            }
        } else {
            let demand = Demand {
                receives: vec![(false, Type::Vector)],
                more: true,
                returns: Type::Real,
                densities: false,
            };
            let pair = (&arguments[0], &arguments[1]);
            if let Some((id, tuple)) = self.function_and_tuple(name, row, pair, &demand) {
                self.smooth.push((id, arguments[0].span));
                functions.push(id);
                values.push(tuple);
            } else {
                fine = false;
            }
        }
        let block = (true, Type::Int);
        fine &= self.plain(name, first, &block, &arguments[first], &mut values);
        let demand = Demand {
            receives: Vec::new(),
            more: true,
            returns: Type::Matrix,
            densities: false,
        };
        let pair = (&arguments[first + 1], &arguments[first + 2]);
        if let Some((id, tuple)) = self.function_and_tuple(name, row, pair, &demand) {
            functions.push(id);
            values.push(tuple);
        } else {
            fine = false;
        }
        if row.settings {
            fine &= self.settings(name, &arguments[count - 1], &mut values);
        }
        fine.then(|| Resolved {
            call: Call {
                callee: Callee::Builtin(row.name),
                functions,
                arguments: values,
                unnormalised,
            },
            result: Some(callbacks::single(row.result)),
        })
    }

    fn wrong_count(&mut self, name: &Name, row: &Laplace, count: usize, given: usize) {
        let start = row
            .likelihood
            .unwrap_or("likelihood function, (its arguments)");
        let settings = if row.settings { ", (settings)" } else { "" };
        let found = Diagnostic::new(
            Code::ArgumentTypes,
            name.span,
            format!(
                "`{}` takes {count} arguments, and here are {given}",
                name.text
            ),
        )
        .hint(format!(
            "it takes `{start}, data int, covariance function, (its arguments){settings}`"
        ));
        self.report(found);
    }

    /// One argument of a known type.
    fn plain(
        &mut self,
        name: &Name,
        index: usize,
        parameter: &(bool, Type),
        argument: &syntax::Expression,
        values: &mut Vec<Expression>,
    ) -> bool {
        let value = self.expression(argument);
        let (data, wanted) = parameter;
        if wanted.cost_from(&value.r#type).is_none() {
            self.wrong_argument(name, index, wanted, &value.r#type, value.span);
            return false;
        }
        if *data && value.level.any_parameter() {
            let mut types = vec![Type::Unknown; index];
            types.push(wanted.clone());
            self.not_data(&value, &name.text, index, &types);
            return false;
        }
        values.push(convert(value, wanted));
        true
    }

    fn wrong_argument(
        &mut self,
        name: &Name,
        index: usize,
        wanted: &Type,
        given: &Type,
        span: Span,
    ) {
        let found = Diagnostic::new(
            Code::ArgumentTypes,
            span,
            format!(
                "argument {} of `{}` is {wanted}, not {given}",
                index + 1,
                name.text
            ),
        )
        .label(given.to_string());
        self.report(found);
    }

    fn function_and_tuple(
        &mut self,
        name: &Name,
        row: &Laplace,
        (function, tuple): (&syntax::Expression, &syntax::Expression),
        demand: &Demand,
    ) -> Option<(FunctionId, Expression)> {
        let ids = self.function_argument(name, Some(function));
        let tuple = self.expression(tuple);
        if row.data_only && tuple.level.any_parameter() {
            let found = Diagnostic::new(
                Code::DataOnlyArgument,
                tuple.span,
                format!(
                    "what is passed on by `{}` cannot depend on parameters",
                    name.text
                ),
            )
            .hint("call it in generated quantities");
            self.report(found);
            return None;
        }
        self.callable_with_tuple(name, (&ids?, function.span), tuple, demand)
    }

    fn settings(
        &mut self,
        name: &Name,
        argument: &syntax::Expression,
        values: &mut Vec<Expression>,
    ) -> bool {
        let value = self.expression(argument);
        let wanted = callbacks::parameters(callbacks::LAPLACE_SETTINGS);
        let r#type = Type::Tuple(wanted.iter().map(|(_, t)| t.clone()).collect());
        if r#type.cost_from(&value.r#type).is_none() {
            let found = Diagnostic::new(
                Code::ArgumentTypes,
                value.span,
                format!("the settings of `{}` are a tuple", name.text),
            )
            .label(value.r#type.to_string())
            .hint(format!(
                "it consists of `{}`; `generate_laplace_options(…)` makes one",
                callbacks::LAPLACE_SETTINGS
            ));
            self.report(found);
            return false;
        }
        let wrong = wanted
            .iter()
            .enumerate()
            .any(|(i, (data, _))| *data && value.level.part(i).any_parameter());
        if wrong {
            let found = Diagnostic::new(
                Code::DataOnlyArgument,
                value.span,
                format!(
                    "the settings of `{}` cannot depend on parameters",
                    name.text
                ),
            );
            self.report(found);
            return false;
        }
        values.push(convert(value, &r#type));
        true
    }
}
