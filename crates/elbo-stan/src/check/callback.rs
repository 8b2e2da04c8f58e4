//! Calls that hand over a function.

use super::Checker;
use super::call::{Resolved, list};
use super::expression::convert;
use super::function::{Ending, Signature};
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{Candidate, callbacks, not_data};
use crate::source::Span;
use crate::syntax::{self, Name};
use crate::typed::{Call, Callee, Expression, FunctionId, Level, Type};

/// What a function must be to be handed over.
pub(super) struct Demand {
    /// What it receives first.
    pub(super) receives: Vec<(bool, Type)>,
    /// Whether more follows, from the call.
    pub(super) more: bool,
    pub(super) returns: Type,
    /// Densities will do, too.
    pub(super) densities: bool,
}

impl Demand {
    /// Why a function does not meet it.
    fn refuses(&self, signature: &Signature) -> Option<String> {
        let ending = Ending::of(&signature.name);
        if ending != Ending::Plain && !(self.densities && ending == Ending::Density) {
            return Some("functions with endings such as _lp, _rng and _lpdf cannot be".to_owned());
        }
        let count = self.receives.len();
        let too_few = signature.parameters.len() < count;
        if too_few || (!self.more && signature.parameters.len() > count) {
            return Some(format!("it takes {} arguments", signature.parameters.len()));
        }
        for (i, ((data, wanted), (own_data, own))) in
            self.receives.iter().zip(&signature.parameters).enumerate()
        {
            if wanted != own && !own.is_unknown() {
                return Some(format!("its argument {} is {own}, not {wanted}", i + 1));
            }
            if *own_data && !data {
                return Some(format!("its argument {} only takes data", i + 1));
            }
        }
        if signature.returns.as_ref() != Some(&self.returns) {
            return Some(match &signature.returns {
                Some(own) => format!("it returns {own}, not {}", self.returns),
                None => format!("it returns nothing, not {}", self.returns),
            });
        }
        None
    }

    fn written(&self) -> String {
        let mut parts: Vec<String> = self
            .receives
            .iter()
            .map(|(data, t)| format!("{}{t}", if *data { "data " } else { "" }))
            .collect();
        if self.more {
            parts.push("…".to_owned());
        }
        format!("{} f({})", self.returns, parts.join(", "))
    }
}

impl Checker<'_> {
    pub(super) fn call_with_functions(
        &mut self,
        name: &Name,
        base: &str,
        arguments: &[syntax::Expression],
        span: Span,
        unnormalised: bool,
    ) -> Option<Resolved> {
        let builtin = callbacks::canonical(base)?;
        self.calls.restricted.push((base.to_owned(), span));
        if let Some(row) = callbacks::laplace_row(base) {
            return self.laplace(name, row, arguments, unnormalised);
        }
        let rows = callbacks::higher_order(base);
        if let Some(instead) = rows.first().and_then(|row| row.instead) {
            let found = Diagnostic::new(
                Code::Deprecated,
                name.span,
                format!("`{base}` is an old form"),
            )
            .hint(format!(
                "`{instead}` takes its place, with vectors for states"
            ));
            self.report(found);
        }
        let rest: Vec<Expression> = arguments
            .iter()
            .skip(1)
            .map(|a| self.expression(a))
            .collect();
        let functions = self.function_argument(name, arguments.first())?;
        let mut fitting = Vec::new();
        let mut refused = None;
        let mut mismatched = None;
        for id in functions {
            let signature = self.functions[id.0].clone();
            for way in ways(&rows, &signature) {
                if let Some(reason) = way.demand.refuses(&signature) {
                    refused = Some((id, reason, way.demand));
                    continue;
                }
                let passed_on = &signature.parameters[way.demand.receives.len()..];
                let parameters = [&way.control, passed_on].concat();
                match fit(&parameters, &rest, &way.result) {
                    Some(candidate) => fitting.push((candidate, id)),
                    None => mismatched = Some((id, parameters)),
                }
            }
        }
        let near = crate::functions::nearest(fitting);
        if near.len() > 1 && !rest.iter().any(|a| a.r#type.is_unknown()) {
            let ids: Vec<FunctionId> = near.iter().map(|(_, id)| *id).collect();
            self.ambiguous_function(name, &ids, arguments[0].span);
            return None;
        }
        if let Some((candidate, id)) = near.into_iter().next() {
            // What the function that is handed over drops, the sum of its values does.
            let drops = match arguments.first().map(|a| &a.kind) {
                Some(syntax::ExpressionKind::Name(name)) => super::names::normalised(&name.text).1,
                _ => false,
            };
            return self.complete(name, builtin, candidate, id, rest, unnormalised || drops);
        }
        if let Some((id, parameters)) = mismatched {
            self.wrong_call(name, id, &parameters, &rest);
        } else if let Some((id, reason, demand)) = refused {
            self.refused_function(name, arguments[0].span, id, &reason, &demand);
        }
        None
    }

    fn complete(
        &mut self,
        name: &Name,
        builtin: &'static str,
        candidate: Candidate,
        id: FunctionId,
        arguments: Vec<Expression>,
        unnormalised: bool,
    ) -> Option<Resolved> {
        let levels: Vec<Level> = arguments.iter().map(|a| a.level.clone()).collect();
        if let Some(index) = not_data(&candidate, &levels) {
            let argument = arguments[index].clone();
            let mut parameters = candidate.parameters.clone();
            parameters.insert(0, Type::Unknown);
            self.not_data(&argument, &name.text, index + 1, &parameters);
            return None;
        }
        self.calls.functions.push(id);
        let arguments = arguments
            .into_iter()
            .zip(&candidate.parameters)
            .map(|(argument, parameter)| convert(argument, parameter))
            .collect();
        Some(Resolved {
            call: Call {
                callee: Callee::Builtin(builtin),
                functions: vec![id],
                arguments,
                unnormalised,
            },
            result: candidate.result,
        })
    }

    /// The functions that an argument names.
    pub(super) fn function_argument(
        &mut self,
        caller: &Name,
        argument: Option<&syntax::Expression>,
    ) -> Option<Vec<FunctionId>> {
        let Some(argument) = argument else {
            let found = Diagnostic::new(
                Code::CallbackType,
                caller.span,
                format!("`{}` takes a function first", caller.text),
            )
            .hint("name a function that is defined in `functions { … }`");
            self.report(found);
            return None;
        };
        if let syntax::ExpressionKind::Name(name) = &argument.kind {
            let (base, _) = super::names::normalised(&name.text);
            if let Some(found) = self.by_name.get(&base).cloned() {
                self.check_unnormalised(name);
                return Some(found);
            }
            if !self.visible.contains_key(&name.text) {
                let builtin = crate::functions::exists(&base);
                let found = Diagnostic::new(
                    if builtin {
                        Code::CallbackType
                    } else {
                        Code::UnknownFunction
                    },
                    name.span,
                    if builtin {
                        format!(
                            "`{}` takes functions of the program, not of Stan",
                            caller.text
                        )
                    } else {
                        format!("there is no function `{}`", name.text)
                    },
                );
                let hint = self
                    .nearest_function(&name.text)
                    .filter(|_| !builtin)
                    .map_or_else(
                        || "define it in `functions { … }`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                self.report(found.hint(hint));
                return None;
            }
        }
        let value = self.expression(argument);
        if !value.r#type.is_unknown() {
            let found = Diagnostic::new(
                Code::CallbackType,
                value.span,
                format!(
                    "`{}` takes a function here, not {}",
                    caller.text, value.r#type
                ),
            )
            .hint("name a function that is defined in `functions { … }`, without parentheses");
            self.report(found);
        }
        None
    }

    /// Several functions of one name fit equally well.
    fn ambiguous_function(&mut self, caller: &Name, ids: &[FunctionId], span: Span) {
        let mut found = Diagnostic::new(
            Code::AmbiguousCall,
            span,
            format!(
                "several functions `{}` can be handed to `{}` equally well",
                self.functions[ids[0].0].name, caller.text
            ),
        );
        for id in ids.iter().take(4) {
            let signature = &self.functions[id.0];
            found = found.related(signature.span, signature.to_string());
        }
        self.report(found.hint("convert the arguments, so that one of them fits best"));
    }

    fn refused_function(
        &mut self,
        caller: &Name,
        span: Span,
        id: FunctionId,
        reason: &str,
        demand: &Demand,
    ) {
        let signature = &self.functions[id.0];
        let found = Diagnostic::new(
            Code::CallbackType,
            span,
            format!(
                "`{}` cannot be handed to `{}`: {reason}",
                signature.name, caller.text
            ),
        )
        .related(signature.span, "defined here")
        .hint(format!("it takes a function like `{}`", demand.written()));
        self.report(found);
    }

    fn wrong_call(
        &mut self,
        caller: &Name,
        id: FunctionId,
        parameters: &[(bool, Type)],
        arguments: &[Expression],
    ) {
        let signature = &self.functions[id.0];
        let wanted = list(parameters.iter().map(|(_, t)| t));
        let given = list(arguments.iter().map(|a| &a.r#type));
        let first_wrong = parameters
            .iter()
            .zip(arguments)
            .find(|((_, p), a)| p.cost_from(&a.r#type).is_none())
            .map(|(_, a)| a.span);
        let found = Diagnostic::new(
            Code::ArgumentTypes,
            first_wrong.unwrap_or(caller.span),
            format!(
                "after `{}`, `{}` does not take ({given})",
                signature.name, caller.text
            ),
        )
        .related(signature.span, "what is passed on goes to this function")
        .hint(format!(
            "it takes `{}({}, {wanted})`",
            caller.text, signature.name
        ));
        self.report(found);
    }

    /// Whether a function can be called with some arguments and then the parts of a tuple.
    pub(super) fn callable_with_tuple(
        &mut self,
        caller: &Name,
        function: (&[FunctionId], Span),
        tuple: Expression,
        demand: &Demand,
    ) -> Option<(FunctionId, Expression)> {
        let Type::Tuple(parts) = tuple.r#type.clone() else {
            if !tuple.r#type.is_unknown() {
                let found = Diagnostic::new(
                    Code::ArgumentTypes,
                    tuple.span,
                    format!(
                        "`{}` takes a tuple here, with what is passed on to the function",
                        caller.text
                    ),
                )
                .label(tuple.r#type.to_string())
                .hint("write `(a, b)`, or `(a,)` for a single value");
                self.report(found);
            }
            return None;
        };
        let (ids, function_span) = function;
        let mut refused = None;
        let mut fitting = Vec::new();
        for &id in ids {
            let signature = self.functions[id.0].clone();
            if let Some(reason) = demand.refuses(&signature) {
                refused = Some((id, reason));
                continue;
            }
            let parameters = &signature.parameters[demand.receives.len()..];
            let cost: Option<usize> = (parameters.len() == parts.len())
                .then(|| {
                    parameters
                        .iter()
                        .zip(parts.iter())
                        .map(|((_, p), a)| p.cost_from(a))
                        .sum::<Option<usize>>()
                })
                .flatten();
            let data = parameters
                .iter()
                .enumerate()
                .all(|(i, (data, _))| !data || !tuple.level.part(i).any_parameter());
            match cost {
                Some(cost) if data => fitting.push((cost, id)),
                _ => {
                    refused = Some((
                        id,
                        format!(
                            "after those it takes ({}), and the tuple has ({})",
                            parameters
                                .iter()
                                .map(|(d, t)| format!("{}{t}", if *d { "data " } else { "" }))
                                .collect::<Vec<_>>()
                                .join(", "),
                            list(parts.iter())
                        ),
                    ));
                }
            }
        }
        let least = fitting.iter().map(|&(cost, _)| cost).min();
        fitting.retain(|&(cost, _)| Some(cost) == least);
        if fitting.len() > 1 && !tuple.r#type.is_unknown() {
            let ids: Vec<FunctionId> = fitting.iter().map(|&(_, id)| id).collect();
            self.ambiguous_function(caller, &ids, function_span);
            return None;
        }
        if let Some(&(_, id)) = fitting.first() {
            let wanted: Vec<Type> = self.functions[id.0].parameters[demand.receives.len()..]
                .iter()
                .map(|(_, t)| t.clone())
                .collect();
            self.calls.functions.push(id);
            return Some((id, convert(tuple, &Type::Tuple(wanted.into()))));
        }
        if let Some((id, reason)) = refused {
            self.refused_function(caller, function_span, id, &reason, demand);
        }
        None
    }
}

/// A way to read a call.
struct Way {
    demand: Demand,
    /// What stands before the arguments that are passed on.
    control: Vec<(bool, Type)>,
    result: Type,
}

/// The ways to read a call with a function; without rows it is one of `reduce_sum`, where the
/// function's own first argument says what is sliced.
fn ways(rows: &[&callbacks::HigherOrder], signature: &Signature) -> Vec<Way> {
    if rows.is_empty() {
        return vec![reduce_sum_way(signature)];
    }
    rows.iter()
        .map(|row| Way {
            demand: Demand {
                receives: callbacks::parameters(row.receives),
                more: row.receives.ends_with('…'),
                returns: callbacks::single(row.returns),
                densities: false,
            },
            control: callbacks::parameters(row.arguments),
            result: callbacks::single(row.result),
        })
        .collect()
}

fn reduce_sum_way(signature: &Signature) -> Way {
    let sliceable = signature.parameters.first().filter(|(_, sliced)| {
        let (element, dimensions) = sliced.element();
        dimensions > 0
            && matches!(
                element,
                Type::Int | Type::Real | Type::Vector | Type::RowVector | Type::Matrix
            )
    });
    // Whatever cannot be sliced is refused as not being this.
    let sliced = sliceable.cloned().unwrap_or((false, Type::Real.array(1)));
    let mut demand = reduce_sum_demand(&sliced.1);
    demand.receives[0].0 = sliced.0;
    Way {
        demand,
        control: vec![sliced, (false, Type::Int)],
        result: Type::Real,
    }
}

fn reduce_sum_demand(sliced: &Type) -> Demand {
    Demand {
        receives: vec![
            (false, sliced.clone()),
            (true, Type::Int),
            (true, Type::Int),
        ],
        more: true,
        returns: Type::Real,
        densities: true,
    }
}

/// Parameters against arguments.
fn fit(parameters: &[(bool, Type)], arguments: &[Expression], result: &Type) -> Option<Candidate> {
    if parameters.len() != arguments.len() {
        return None;
    }
    let cost = parameters
        .iter()
        .zip(arguments)
        .map(|((_, p), a)| p.cost_from(&a.r#type))
        .sum::<Option<usize>>()?;
    Some(Candidate {
        parameters: parameters.iter().map(|(_, t)| t.clone()).collect(),
        data_only: parameters.iter().map(|(data, _)| *data).collect(),
        result: Some(result.clone()),
        cost,
    })
}
