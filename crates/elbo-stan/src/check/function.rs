//! The block `functions`: signatures first, bodies then, so that functions may call each other.

use std::fmt;
use std::sync::Arc;

use super::Checker;
use super::call::list;
use super::flow::Flow;
use super::names::takes_bar;
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{self, Candidate, callbacks};
use crate::source::Span;
use crate::syntax::{self, FunctionDefinition};
use crate::typed::{
    BlockKind, Function, FunctionId, Role, Statement, StatementKind, Type, VariableId,
};

/// What the end of a function's name says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Plain,
    /// `_lpdf`, `_lpmf` and their unnormalised forms.
    Density,
    /// `_lp`
    Lp,
    /// `_jacobian`
    Jacobian,
    /// `_rng`
    Rng,
}

impl Ending {
    pub(super) fn of(name: &str) -> Self {
        let ends = |ending: &str| name.ends_with(ending);
        if ends("_lpdf") || ends("_lpmf") || ends("_lupdf") || ends("_lupmf") {
            Self::Density
        } else if ends("_lp") {
            Self::Lp
        } else if ends("_jacobian") {
            Self::Jacobian
        } else if ends("_rng") {
            Self::Rng
        } else {
            Self::Plain
        }
    }
}

/// A function of the program as callers see it.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) name: Arc<str>,
    /// Whether only data may enter, and the type.
    pub(super) parameters: Vec<(bool, Type)>,
    pub(super) returns: Option<Type>,
    pub(super) span: Span,
    defined: bool,
    calls: Calls,
}

/// What a function calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    pub(super) functions: Vec<FunctionId>,
    /// Functions of Stan that cannot be differentiated three times.
    pub(super) restricted: Vec<(String, Span)>,
}

impl Signature {
    /// The signature against arguments.
    pub(super) fn candidate(&self, arguments: &[Type]) -> Option<Candidate> {
        if self.parameters.len() != arguments.len() {
            return None;
        }
        let cost = self
            .parameters
            .iter()
            .zip(arguments)
            .map(|((_, parameter), argument)| parameter.cost_from(argument))
            .sum::<Option<usize>>()?;
        Some(Candidate {
            parameters: self.parameters.iter().map(|(_, t)| t.clone()).collect(),
            data_only: self.parameters.iter().map(|(data, _)| *data).collect(),
            result: self.returns.clone(),
            cost,
        })
    }

    fn same_types(&self, parameters: &[(bool, Type)]) -> bool {
        self.parameters.len() == parameters.len()
            && self
                .parameters
                .iter()
                .zip(parameters)
                .all(|(a, b)| a.1 == b.1)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(data, t)| format!("{}{t}", if *data { "data " } else { "" }))
            .collect();
        let returns = self
            .returns
            .as_ref()
            .map_or("void".to_owned(), Type::to_string);
        write!(f, "({}) => {returns}", parameters.join(", "))
    }
}

impl Checker<'_> {
    pub(super) fn in_lp_function(&self) -> bool {
        self.in_function(Ending::Lp)
    }

    pub(super) fn in_rng_function(&self) -> bool {
        self.in_function(Ending::Rng)
    }

    pub(super) fn in_jacobian_function(&self) -> bool {
        self.in_function(Ending::Jacobian)
    }

    pub(super) fn in_density(&self) -> bool {
        self.in_function(Ending::Density)
    }

    fn in_function(&self, ending: Ending) -> bool {
        self.context
            .function
            .as_ref()
            .is_some_and(|(e, _)| *e == ending)
    }

    pub(super) fn functions_block(&mut self, program: &syntax::Program) -> Vec<Function> {
        let mut definitions = Vec::new();
        for block in &program.blocks {
            for statement in &block.statements {
                if let syntax::StatementKind::Function(definition) = &statement.kind {
                    let id = self.introduce(definition);
                    definitions.push((id, definition));
                }
            }
        }
        let mut functions: Vec<Option<Function>> = vec![None; self.functions.len()];
        for (id, definition) in definitions {
            if let Some(body) = &definition.body {
                let function = self.body(definition, body);
                self.functions[id.0].calls = std::mem::take(&mut self.calls);
                functions[id.0].get_or_insert(function);
            }
        }
        for signature in self.functions.clone() {
            if !signature.defined {
                let found = Diagnostic::new(
                    Code::NotDefined,
                    signature.span,
                    format!("`{}` is declared and never defined", signature.name),
                )
                .hint(format!(
                    "define it, with the arguments ({})",
                    list(signature.parameters.iter().map(|(_, t)| t))
                ));
                self.report(found);
            }
        }
        functions.into_iter().flatten().collect()
    }

    /// Makes a definition or a declaration known to callers.
    fn introduce(&mut self, definition: &FunctionDefinition) -> FunctionId {
        let name = &definition.name;
        let parameters: Vec<(bool, Type)> = definition
            .arguments
            .iter()
            .map(|a| (a.data_only, a.r#type.clone()))
            .collect();
        self.check_new_name(name, "function");
        self.check_density_definition(definition);
        let own: Vec<FunctionId> = self.by_name.get(&name.text).cloned().unwrap_or_default();
        for id in own {
            let earlier = &self.functions[id.0];
            if !earlier.same_types(&parameters) {
                continue;
            }
            let defines_it = definition.body.is_some()
                && !earlier.defined
                && earlier.parameters == parameters
                && earlier.returns == definition.returns;
            if defines_it {
                self.functions[id.0].defined = true;
                return id;
            }
            let found = Diagnostic::new(
                Code::SignatureTwice,
                name.span,
                if earlier.returns == definition.returns {
                    format!(
                        "there is a function `{}` with these arguments already",
                        name.text
                    )
                } else {
                    format!(
                        "two functions `{}` differ in what they return only",
                        name.text
                    )
                },
            )
            .related(earlier.span, "the other one");
            let data = earlier.parameters != parameters && !earlier.defined;
            let hint = if data {
                "a definition repeats its declaration exactly, `data` included"
            } else {
                "functions of one name differ in the types of their arguments"
            };
            self.report(found.hint(hint));
            return id;
        }
        self.check_not_builtin(definition, &parameters);
        let id = FunctionId(self.functions.len());
        self.functions.push(Signature {
            name: name.text.clone(),
            parameters,
            returns: definition.returns.clone(),
            span: name.span,
            defined: definition.body.is_some(),
            calls: Calls::default(),
        });
        self.by_name.entry(name.text.clone()).or_default().push(id);
        id
    }

    fn check_not_builtin(&mut self, definition: &FunctionDefinition, parameters: &[(bool, Type)]) {
        let name = &definition.name;
        let types: Vec<Type> = parameters.iter().map(|(_, t)| t.clone()).collect();
        let same = functions::candidates(&name.text, &types)
            .iter()
            .any(|candidate| candidate.cost == 0 && !types.iter().any(Type::is_unknown));
        if same || callbacks::takes_functions(&name.text) {
            let found = Diagnostic::new(
                Code::BuiltinRedefined,
                name.span,
                format!("Stan has `{}` already", name.text),
            )
            .hint(if same {
                "choose another name, or other types of arguments"
            } else {
                "choose another name"
            });
            self.report(found);
        }
    }

    /// A probability function returns a real and takes a variate of the right kind.
    fn check_density_definition(&mut self, definition: &FunctionDefinition) {
        let name = &definition.name;
        if takes_bar(&name.text) && definition.returns != Some(Type::Real) {
            let found = Diagnostic::new(
                Code::DensityReturn,
                name.span,
                format!(
                    "`{}` is a probability function and returns a real",
                    name.text
                ),
            )
            .hint(format!("write `real {}(…)`", name.text));
            self.report(found);
        }
        let first = definition.arguments.first().map(|a| &a.r#type);
        let discrete = first.is_some_and(Type::is_discrete);
        let (wanted, fits) = if name.text.ends_with("_lpdf") {
            (
                "a real, or something made of reals",
                first.is_some() && !discrete,
            )
        } else if name.text.ends_with("_lpmf") {
            ("an int, or something made of ints", discrete)
        } else {
            return;
        };
        if !fits {
            let span = definition
                .arguments
                .first()
                .map_or(name.span, |a| a.name.span);
            let found = Diagnostic::new(
                Code::DensityArgument,
                span,
                format!("the first argument of `{}` is {wanted}", name.text),
            )
            .hint(
                "densities end in `_lpdf` and are of reals, mass functions in `_lpmf` and of ints",
            );
            self.report(found);
        }
    }

    /// Checks a body in a frame of its own.
    fn body(&mut self, definition: &FunctionDefinition, body: &syntax::Statement) -> Function {
        let frame = std::mem::take(&mut self.frame);
        let mark = self.scope.len();
        self.context.block = BlockKind::Functions;
        self.context.function = Some((
            Ending::of(&definition.name.text),
            definition.returns.clone(),
        ));
        for argument in &definition.arguments {
            let role = if argument.data_only {
                Role::DataArgument
            } else {
                Role::Argument
            };
            let _: VariableId = self.declare(&argument.name, argument.r#type.clone(), role);
        }
        let (body, flow) = self.statement(body, false);
        if definition.returns.is_some() && flow != Flow::Leaves {
            self.missing_return(definition, &body);
        }
        self.leave(mark);
        self.context.function = None;
        Function {
            name: definition.name.text.clone(),
            arguments: definition.arguments.len(),
            variables: std::mem::replace(&mut self.frame, frame),
            returns: definition.returns.clone(),
            body,
            span: definition.name.span,
        }
    }

    fn missing_return(&mut self, definition: &FunctionDefinition, body: &Statement) {
        let end = Span {
            start: body.span.end.saturating_sub(1).max(body.span.start),
            end: body.span.end,
        };
        let returns = definition.returns.as_ref().unwrap_or(&Type::Unknown);
        let found = Diagnostic::new(
            Code::MissingReturn,
            end,
            format!("`{}` may end here without a value", definition.name.text),
        )
        .related(definition.name.span, format!("returns {returns}"));
        let empty = matches!(&body.kind, StatementKind::Block(inside) if inside.is_empty());
        self.report(found.hint(if empty {
            "return a value: `return …;`"
        } else {
            "every way through the function ends in `return …;` or `reject(…);`"
        }));
    }

    /// Functions that must be differentiable three times call nothing that is not.
    pub(super) fn check_smooth(&mut self) {
        for (start, demanded) in std::mem::take(&mut self.smooth) {
            let mut seen = vec![false; self.functions.len()];
            let mut waiting = vec![start];
            while let Some(id) = waiting.pop() {
                if std::mem::replace(&mut seen[id.0], true) {
                    continue;
                }
                let signature = self.functions[id.0].clone();
                if let Some((builtin, at)) = signature.calls.restricted.first() {
                    let found = Diagnostic::new(
                        Code::CallbackNotSupported,
                        demanded,
                        format!("this function calls `{builtin}`, whose higher derivatives Stan does not have"),
                    )
                    .related(*at, "called here")
                    .hint("the likelihood of a Laplace approximation is differentiated three times");
                    self.report(found);
                    break;
                }
                waiting.extend(signature.calls.functions);
            }
        }
    }
}
