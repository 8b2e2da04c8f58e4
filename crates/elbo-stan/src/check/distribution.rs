//! Distribution statements, `y ~ normal(mu, sigma) T[0, ]`.

use super::Checker;
use super::call::{Matching, list};
use super::expression::convert;
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{self, callbacks};
use crate::parser::shorten;
use crate::source::Span;
use crate::syntax::{self, Name, Truncation};
use crate::typed::{
    BlockKind, Call, Callee, Cumulative, Distribution, Expression, StatementKind, Type,
};

impl Checker<'_> {
    pub(super) fn distribution(
        &mut self,
        value: &syntax::Expression,
        name: &Name,
        arguments: &[syntax::Expression],
        truncation: &Truncation,
        span: Span,
    ) -> Option<StatementKind> {
        if !self.in_lp_function() && self.context.block != BlockKind::Model {
            self.target_not_allowed(span, "distribution statements stand");
        }
        self.check_reserved(name);
        let laplace = format!("{}_lpmf", name.text);
        if let Some(row) = callbacks::laplace_row(&laplace) {
            let all: Vec<syntax::Expression> =
                std::iter::once(value).chain(arguments).cloned().collect();
            let call = self.laplace(name, row, &all, true)?.call;
            return Some(StatementKind::Distribution(Box::new(Distribution {
                density: call,
                lower: None,
                upper: None,
                name: name.text.clone(),
                cumulative: None,
            })));
        }
        let mut values = vec![self.expression(value)];
        values.extend(arguments.iter().map(|a| self.expression(a)));
        let lower = truncation.lower.as_ref().map(|e| self.truncation_bound(e));
        let upper = truncation.upper.as_ref().map(|e| self.truncation_bound(e));
        if let Some(ending) = [
            "_lpdf", "_lpmf", "_lupdf", "_lupmf", "_cdf", "_lcdf", "_lccdf", "_rng",
        ]
        .into_iter()
        .find(|ending| name.text.ends_with(ending))
        {
            let stem = name.text.trim_end_matches(ending);
            let found = Diagnostic::new(
                Code::WrongDensitySuffix,
                name.span,
                format!("after `~` stands a distribution, without `{ending}`"),
            )
            .hint(format!("write `~ {stem}(…)`"));
            self.report(found);
            return None;
        }
        let (base, candidate, callee) = self.density_of(name, &values)?;
        if let Callee::User(id) = callee {
            self.calls.functions.push(id);
        }
        let arguments: Vec<Expression> = values
            .into_iter()
            .zip(&candidate)
            .map(|(argument, parameter)| convert(argument, parameter))
            .collect();
        let bounds: Vec<&Expression> = lower.iter().chain(&upper).collect();
        let cumulative = match bounds.first() {
            None => None,
            Some(_) => Some(self.cumulative_of(name, &base, &bounds, &arguments[1..])?),
        };
        let call = Call {
            callee,
            functions: Vec::new(),
            arguments,
            unnormalised: true,
        };
        Some(StatementKind::Distribution(Box::new(Distribution {
            density: call,
            lower,
            upper,
            name: name.text.clone(),
            cumulative,
        })))
    }

    fn truncation_bound(&mut self, e: &syntax::Expression) -> Expression {
        let value = self.expression(e);
        if !value.r#type.is_number() && !value.r#type.is_unknown() {
            let found = Diagnostic::new(
                Code::TruncationBound,
                value.span,
                format!(
                    "a truncation point is a number, and this is {}",
                    value.r#type
                ),
            )
            .label(value.r#type.to_string())
            .hint("write a loop with one statement for each element");
            self.report(found);
        }
        value
    }

    /// The density or mass function of a distribution: its stem, its parameters, and itself.
    fn density_of(
        &mut self,
        name: &Name,
        values: &[Expression],
    ) -> Option<(String, Vec<Type>, Callee)> {
        let stem = name.text.to_string();
        let known = |n: &str| functions::exists(n) || self.by_name.contains_key(n);
        let names: Vec<String> = ["_lpmf", "_lpdf"]
            .into_iter()
            .map(|ending| format!("{stem}{ending}"))
            .filter(|n| known(n))
            .collect();
        if names.is_empty() {
            self.no_such_distribution(name, values);
            return None;
        }
        let mut problem = None;
        for full in &names {
            match self.matching(full, values) {
                Matching::One(candidate, callee) => {
                    return Some((stem, candidate.parameters, callee));
                }
                Matching::Unknown => return None,
                Matching::None => {}
                other => problem = Some(other),
            }
        }
        match problem {
            Some(Matching::NotData(index, candidate)) => {
                self.not_data(&values[index], &name.text, index, &candidate.parameters);
            }
            Some(Matching::Several(several)) => {
                let found = Diagnostic::new(
                    Code::AmbiguousCall,
                    name.span,
                    format!(
                        "{} signatures of `{stem}` fit ({}) equally well",
                        several.len(),
                        list(values.iter().map(|v| &v.r#type))
                    ),
                );
                self.report(found);
            }
            _ => self.wrong_variates(name, &names, values),
        }
        None
    }

    fn wrong_variates(&mut self, name: &Name, names: &[String], values: &[Expression]) {
        if values.iter().any(|v| v.r#type.is_unknown()) {
            return;
        }
        let mut found = Diagnostic::new(
            Code::ArgumentTypes,
            name.span,
            format!(
                "`{} ~ {}({})` does not exist",
                values[0].r#type,
                name.text,
                list(values[1..].iter().map(|v| &v.r#type))
            ),
        );
        for value in values.iter().take(6) {
            found = found.related(value.span, value.r#type.to_string());
        }
        for full in names {
            for &id in self
                .by_name
                .get(full.as_str())
                .into_iter()
                .flatten()
                .take(3)
            {
                found = found.hint(format!("`{full}` takes `{}`", self.functions[id.0]));
            }
            for signature in functions::signatures(full).iter().take(3) {
                found = found.hint(format!("`{full}` takes `{}`", signature.describe()));
            }
        }
        self.report(found);
    }

    fn no_such_distribution(&mut self, name: &Name, values: &[Expression]) {
        if !self.unknown.insert(name.text.clone()) {
            return;
        }
        let shown = shorten(&name.text);
        let ending = if values[0].r#type.is_discrete() {
            "_lpmf"
        } else {
            "_lpdf"
        };
        let found = Diagnostic::new(
            Code::UnknownDistribution,
            name.span,
            format!("there is no distribution `{shown}`"),
        )
        .label("not found");
        let near = [ending, "_lpdf", "_lpmf"].into_iter().find_map(|ending| {
            let near = self.nearest_function(&format!("{}{ending}", name.text))?;
            near.strip_suffix("_lpdf")
                .or_else(|| near.strip_suffix("_lpmf"))
                .map(str::to_owned)
        });
        self.report(found.hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("define `real {shown}{ending}(…)` in `functions {{ … }}`"),
        }));
    }

    /// The log cumulative functions that truncation at some bounds needs.
    fn cumulative_of(
        &mut self,
        name: &Name,
        stem: &str,
        bounds: &[&Expression],
        arguments: &[Expression],
    ) -> Option<Cumulative> {
        let mut found = Vec::new();
        for bound in bounds {
            let mut values = vec![(*bound).clone()];
            values.extend_from_slice(arguments);
            if values.iter().any(|v| v.r#type.is_unknown()) {
                return None;
            }
            for ending in ["_lcdf", "_lccdf"] {
                let full = format!("{stem}{ending}");
                let Matching::One(_, callee) = self.matching(&full, &values) else {
                    self.no_truncation(name, &full, bound);
                    return None;
                };
                found.push(callee);
            }
        }
        Some(Cumulative {
            lcdf: found[0],
            lccdf: found[1],
        })
    }

    fn no_truncation(&mut self, name: &Name, full: &str, bound: &Expression) {
        let found = Diagnostic::new(
            Code::TruncationBound,
            bound.span,
            format!("`{}` cannot be truncated here", name.text),
        )
        .hint(format!(
            "truncation needs `{full}(bound | …)`, and there is none for these types"
        ));
        self.report(found);
    }
}
