//! Calls: which function, in which signature, and whether it may be called here.

use super::expression::{convert, joined, unknown};
use super::names::{normalised, takes_bar};
use super::{Checker, function::Ending};
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{self, Candidate, callbacks, removed};
use crate::parser::shorten;
use crate::source::Span;
use crate::syntax::{self, Name};
use crate::typed::{BlockKind, Call, Callee, Expression, ExpressionKind, Level, Type};

/// What a call turned out to be.
pub(super) struct Resolved {
    pub(super) call: Call,
    pub(super) result: Option<Type>,
}

impl Checker<'_> {
    /// A call inside an expression.
    pub(super) fn call_with_value(
        &mut self,
        name: &Name,
        arguments: &[syntax::Expression],
        bar: bool,
        span: Span,
    ) -> Expression {
        let resolved = self.call(name, arguments, span);
        self.check_reserved(name);
        let Some(Resolved { call, result }) = resolved else {
            return unknown(span);
        };
        self.check_bar(name, arguments.len(), bar);
        let Some(r#type) = result else {
            let found = Diagnostic::new(
                Code::NoValue,
                span,
                format!(
                    "`{}` returns nothing, and a value is needed here",
                    name.text
                ),
            )
            .hint("call it in a statement of its own");
            self.report(found);
            return unknown(span);
        };
        Expression {
            level: joined(&call.arguments, &r#type).stored(&r#type),
            kind: ExpressionKind::Call(call),
            r#type,
            span,
        }
    }

    /// A call that is a statement.
    pub(super) fn call_without_value(
        &mut self,
        name: &Name,
        arguments: &[syntax::Expression],
        span: Span,
    ) -> Option<Call> {
        let resolved = self.call(name, arguments, span)?;
        self.check_reserved(name);
        if let Some(r#type) = resolved.result {
            let found = Diagnostic::new(
                Code::UnusedValue,
                span,
                format!(
                    "`{}` returns a value of type {type}, which is thrown away",
                    name.text
                ),
            )
            .hint("assign it to a variable, or add it to the log density: `target += …;`");
            self.report(found);
            return None;
        }
        Some(resolved.call)
    }

    fn call(
        &mut self,
        name: &Name,
        arguments: &[syntax::Expression],
        span: Span,
    ) -> Option<Resolved> {
        let (base, unnormalised) = normalised(&name.text);
        if callbacks::takes_functions(&base) && !self.by_name.contains_key(&base) {
            let resolved = self.call_with_functions(name, &base, arguments, span, unnormalised);
            self.check_position(name, false, span);
            return resolved;
        }
        let arguments: Vec<Expression> = arguments.iter().map(|a| self.expression(a)).collect();
        if let Some(&id) = self.visible.get(&name.text)
            && !functions::exists(&base)
        {
            let variable = &self.frame[id.0];
            let found = Diagnostic::new(
                Code::NotAFunction,
                name.span,
                format!("`{}` is a variable and not a function", shorten(&name.text)),
            )
            .related(variable.span, format!("declared as {}", variable.r#type))
            .hint("its parts are written with brackets: `x[1]`");
            self.report(found);
            return None;
        }
        let parameter = arguments.iter().any(|a| a.level.any_parameter());
        let resolved = self.resolve(name, &base, arguments, unnormalised, span);
        self.check_position(name, !parameter, span);
        resolved
    }

    /// Finds the signature.
    fn resolve(
        &mut self,
        name: &Name,
        base: &str,
        arguments: Vec<Expression>,
        unnormalised: bool,
        span: Span,
    ) -> Option<Resolved> {
        if !functions::exists(base) && !self.by_name.contains_key(base) {
            self.no_such_function(name, base, &arguments);
            return None;
        }
        match self.matching(base, &arguments) {
            Matching::One(candidate, callee) => {
                if let Callee::User(id) = callee {
                    self.calls.functions.push(id);
                } else if callbacks::FIRST_ORDER_ONLY.contains(&base) {
                    self.calls.restricted.push((base.to_owned(), span));
                }
                let arguments = arguments
                    .into_iter()
                    .zip(&candidate.parameters)
                    .map(|(argument, parameter)| convert(argument, parameter))
                    .collect();
                Some(Resolved {
                    call: Call {
                        callee,
                        functions: Vec::new(),
                        arguments,
                        unnormalised,
                    },
                    result: candidate.result,
                })
            }
            Matching::Unknown => None,
            Matching::Several(several) => {
                self.ambiguous(name, &arguments, &several);
                None
            }
            Matching::NotData(index, candidate) => {
                self.not_data(&arguments[index], &name.text, index, &candidate.parameters);
                None
            }
            Matching::None => {
                self.wrong_arguments(name, base, &arguments);
                None
            }
        }
    }

    /// The signatures of a name, of Stan and of the program, against arguments.
    pub(super) fn matching(&self, base: &str, arguments: &[Expression]) -> Matching {
        let types: Vec<Type> = arguments.iter().map(|a| a.r#type.clone()).collect();
        let levels: Vec<Level> = arguments.iter().map(|a| a.level.clone()).collect();
        let mut fitting: Vec<(Candidate, Callee)> = Vec::new();
        if let Some(builtin) = functions::canonical(base) {
            let found = functions::candidates(base, &types);
            fitting.extend(found.into_iter().map(|c| (c, Callee::Builtin(builtin))));
        }
        for &id in self.by_name.get(base).into_iter().flatten() {
            let signature = &self.functions[id.0];
            if let Some(candidate) = signature.candidate(&types) {
                fitting.push((candidate, Callee::User(id)));
            }
        }
        if fitting.is_empty() {
            return Matching::None;
        }
        let (allowed, refused): (Vec<_>, Vec<_>) = fitting
            .into_iter()
            .partition(|(c, _)| functions::not_data(c, &levels).is_none());
        if allowed.is_empty() {
            let candidate = refused.into_iter().next().expect("one was refused").0;
            let index = functions::not_data(&candidate, &levels).unwrap_or(0);
            return Matching::NotData(index, candidate);
        }
        let mut near = functions::nearest(allowed);
        if near.len() > 1 && types.iter().any(Type::is_unknown) {
            return Matching::Unknown;
        }
        if near.len() > 1 {
            return Matching::Several(near.into_iter().map(|(c, _)| c).collect());
        }
        let (candidate, callee) = near.remove(0);
        Matching::One(candidate, callee)
    }

    pub(super) fn not_data(
        &mut self,
        argument: &Expression,
        function: &str,
        index: usize,
        parameters: &[Type],
    ) {
        let found = Diagnostic::new(
            Code::DataOnlyArgument,
            argument.span,
            format!(
                "argument {} of `{}` cannot depend on parameters",
                index + 1,
                shorten(function)
            ),
        )
        .label(format!(
            "expected `data {}`",
            parameters.get(index).unwrap_or(&Type::Unknown)
        ))
        .hint(
            "only data, transformed data, numbers and arguments declared `data` may stand here; \
             generated quantities may, too",
        );
        self.report(found);
    }

    fn ambiguous(&mut self, name: &Name, arguments: &[Expression], several: &[Candidate]) {
        let mut found = Diagnostic::new(
            Code::AmbiguousCall,
            name.span,
            format!(
                "`{}` has several signatures that ({}) fits equally well",
                name.text,
                list(arguments.iter().map(|a| &a.r#type))
            ),
        );
        for candidate in several.iter().take(4) {
            found = found.hint(format!(
                "could be `({})`",
                list(candidate.parameters.iter())
            ));
        }
        self.report(found.hint("convert the arguments, so that one signature fits best"));
    }

    fn wrong_arguments(&mut self, name: &Name, base: &str, arguments: &[Expression]) {
        let mut written: Vec<(usize, String)> = Vec::new();
        let mut counts = Vec::new();
        for &id in self.by_name.get(base).into_iter().flatten() {
            let signature = &self.functions[id.0];
            counts.push(signature.parameters.len());
            written.push((signature.parameters.len(), signature.to_string()));
        }
        for signature in functions::signatures(base) {
            counts.push(signature.arguments.len());
            written.push((signature.arguments.len(), signature.describe()));
        }
        let given = arguments.len();
        let mut found = Diagnostic::new(
            Code::ArgumentTypes,
            name.span,
            if counts.contains(&given) {
                format!(
                    "`{}` does not take ({})",
                    name.text,
                    list(arguments.iter().map(|a| &a.r#type))
                )
            } else {
                counts.sort_unstable();
                counts.dedup();
                let wanted: Vec<String> = counts.iter().map(ToString::to_string).collect();
                let plural = if wanted == ["1"] { "" } else { "s" };
                format!(
                    "`{}` takes {} argument{plural}, and here are {given}",
                    name.text,
                    wanted.join(" or ")
                )
            },
        );
        for argument in arguments.iter().take(6) {
            found = found.related(argument.span, argument.r#type.to_string());
        }
        // Signatures with the right number of arguments come first.
        written.sort_by_key(|(count, _)| count.abs_diff(given));
        let more = written.len().saturating_sub(MOST);
        for (_, signature) in written.into_iter().take(MOST) {
            found = found.hint(format!("it takes `{signature}`"));
        }
        if more > 0 {
            found = found.hint(format!("and {more} other signatures"));
        }
        self.report(found);
    }

    fn no_such_function(&mut self, name: &Name, base: &str, arguments: &[Expression]) {
        let shown = shorten(&name.text);
        if let Some(advice) = removed::instead_of(&name.text) {
            let found = Diagnostic::new(
                Code::RemovedFunction,
                name.span,
                format!("Stan no longer has `{shown}`"),
            )
            .hint(advice);
            self.report(found);
            return;
        }
        let known = |n: &str| functions::exists(n) || self.by_name.contains_key(n);
        if let Some(modern) = removed::modern_density(&name.text, known) {
            let found = Diagnostic::new(
                Code::OldDensityName,
                name.span,
                format!("densities no longer end in `_log`, as `{shown}` does"),
            )
            .hint(format!("write `{modern}(y | …)`"));
            self.report(found);
            return;
        }
        if !self.unknown.insert(name.text.clone()) {
            return;
        }
        // The same family with another ending.
        let stem = base.rsplit_once('_').map(|(stem, _)| stem);
        let others: Vec<String> = stem
            .into_iter()
            .chain([base])
            .flat_map(|stem| {
                ["_lpdf", "_lpmf", "_cdf", "_lcdf", "_lccdf", "_rng"]
                    .map(|ending| format!("{stem}{ending}"))
            })
            .filter(|n| known(n))
            .collect();
        let swapped = matches!(
            (base.ends_with("_lpdf"), base.ends_with("_lpmf")),
            (true, _) | (_, true)
        );
        let other_density = others
            .iter()
            .find(|n| n.ends_with("_lpdf") || n.ends_with("_lpmf"));
        if let (true, Some(other)) = (swapped, other_density) {
            let kind = if other.ends_with("_lpmf") {
                "discrete, with a mass function"
            } else {
                "continuous, with a density"
            };
            let found = Diagnostic::new(
                Code::WrongDensitySuffix,
                name.span,
                format!("there is no `{shown}`: this distribution is {kind}"),
            )
            .hint(format!("write `{other}`"));
            self.report(found);
            return;
        }
        let found = Diagnostic::new(
            Code::UnknownFunction,
            name.span,
            format!("there is no function `{shown}`"),
        )
        .label("not found");
        let bound = self.nearest_function(&name.text);
        let hint = if let Some(near) = bound {
            format!("did you mean `{near}`?")
        } else if !others.is_empty() {
            format!("of this family there are {}", others.join(", "))
        } else if let Some(first) = arguments.first() {
            format!(
                "define it in `functions {{ … }}`, taking {} first",
                first.r#type
            )
        } else {
            "define it in `functions { … }`".to_owned()
        };
        self.report(found.hint(hint));
    }

    /// A probability function has its bar, and nothing else has one.
    fn check_bar(&mut self, name: &Name, arguments: usize, bar: bool) {
        let wants = takes_bar(&name.text);
        if wants && !bar && arguments > 1 {
            let found = Diagnostic::new(
                Code::BarExpected,
                name.span,
                format!("the first argument of `{}` stands before a bar", name.text),
            )
            .hint(format!("write `{}(y | …)`", name.text));
            self.report(found);
        } else if bar && !wants {
            let found = Diagnostic::new(
                Code::BarNotAllowed,
                name.span,
                format!("`{}` is no probability function", shorten(&name.text)),
            )
            .hint("a bar belongs to functions ending in _lpdf, _lpmf, _cdf, _lcdf or _lccdf; elsewhere write a comma");
            self.report(found);
        }
    }

    /// Whether a function with this ending may be called here.
    fn check_position(&mut self, name: &Name, only_data: bool, span: Span) {
        let block = self.context.block;
        match Ending::of(&name.text) {
            Ending::Lp => {
                if block == BlockKind::TransformedParameters {
                    let found = Diagnostic::new(
                        Code::Deprecated,
                        name.span,
                        "Stan will no longer allow `_lp` functions in transformed parameters",
                    )
                    .hint("end its name in `_jacobian`, and write `jacobian += …;` in it");
                    self.report(found);
                } else if !self.in_lp_function() && block != BlockKind::Model {
                    self.target_not_allowed(name.span, "functions ending in `_lp` are called");
                }
            }
            Ending::Jacobian => {
                if !self.in_jacobian_function() && block != BlockKind::TransformedParameters {
                    self.jacobian_not_allowed(name.span);
                } else if only_data {
                    let stem = name.text.trim_end_matches("_jacobian");
                    let alternative = format!("{stem}_constrain");
                    let found = Diagnostic::new(
                        Code::JacobianOfData,
                        span,
                        "no argument depends on a parameter, and yet a Jacobian term is added",
                    );
                    let hint = functions::exists(&alternative)
                        .then(|| format!("`{alternative}` adds none"));
                    self.report(found.hint_if(hint));
                }
            }
            Ending::Rng => self.check_random(name),
            Ending::Density | Ending::Plain => {}
        }
        self.check_unnormalised(name);
    }

    /// Constants are dropped in the model, and in densities, only.
    pub(super) fn check_unnormalised(&mut self, name: &Name) {
        let (modern, unnormalised) = normalised(&name.text);
        if unnormalised && self.context.block != BlockKind::Model && !self.in_density() {
            let found = Diagnostic::new(
                Code::UnnormalisedNotAllowed,
                name.span,
                "unnormalised densities belong to the model, and to functions ending in _lpdf or _lpmf",
            )
            .hint(format!("write `{modern}`"));
            self.report(found);
        }
    }

    fn check_random(&mut self, name: &Name) {
        let random = self.in_rng_function()
            || matches!(
                self.context.block,
                BlockKind::TransformedData | BlockKind::GeneratedQuantities
            );
        if random && !self.context.sizes {
            return;
        }
        let found = Diagnostic::new(
            Code::RandomNotAllowed,
            name.span,
            if self.context.sizes {
                "a size cannot be random".to_owned()
            } else {
                format!("`{}` draws random numbers, and here are none", name.text)
            },
        )
        .hint(
            "random numbers are drawn in transformed data, in generated quantities, \
             and in functions ending in `_rng`",
        );
        self.report(found);
    }
}

/// The outcome of a search for a signature.
pub(super) enum Matching {
    One(Candidate, Callee),
    Several(Vec<Candidate>),
    NotData(usize, Candidate),
    /// An argument was reported, and the signature depends on it.
    Unknown,
    None,
}

/// Signatures that a message lists.
const MOST: usize = 6;

/// Types with commas between them.
pub(super) fn list<'t>(types: impl Iterator<Item = &'t Type>) -> String {
    types.map(Type::to_string).collect::<Vec<_>>().join(", ")
}
