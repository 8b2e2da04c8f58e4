//! Names: which are allowed, what a wrong one was meant to be.

use std::sync::Arc;

use super::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{self, callbacks};
use crate::parser::shorten;
use crate::source::Span;
use crate::syntax::Name;
use crate::typed::VariableId;

/// Kept by Stan for later.
const RESERVED: [&str; 15] = [
    "generated",
    "quantities",
    "transformed",
    "repeat",
    "until",
    "then",
    "true",
    "false",
    "typedef",
    "struct",
    "var",
    "export",
    "extern",
    "static",
    "auto",
];

/// Endings of functions that are called with a bar.
pub(super) const WITH_BAR: [&str; 7] = [
    "_lpdf", "_lpmf", "_lupdf", "_lupmf", "_cdf", "_lcdf", "_lccdf",
];

/// Whether the name's ending asks for a bar.
pub(super) fn takes_bar(name: &str) -> bool {
    WITH_BAR.iter().any(|ending| name.ends_with(ending))
}

/// The name with the normalised ending, and whether it had the other.
pub(super) fn normalised(name: &str) -> (Arc<str>, bool) {
    if let Some(stem) = name.strip_suffix("_lupdf") {
        (format!("{stem}_lpdf").into(), true)
    } else if let Some(stem) = name.strip_suffix("_lupmf") {
        (format!("{stem}_lpmf").into(), true)
    } else {
        (name.into(), false)
    }
}

impl Checker<'_> {
    /// Reports a name that Stan keeps for itself; true if it did.
    pub(super) fn check_reserved(&mut self, name: &Name) -> bool {
        let reserved = RESERVED.contains(&&*name.text);
        if !reserved && !name.text.ends_with("__") {
            return false;
        }
        let found = Diagnostic::new(
            Code::ReservedName,
            name.span,
            format!("Stan keeps the name `{}` for itself", shorten(&name.text)),
        );
        let found = match &*name.text {
            "lp__" => found.hint("the log density is `target()`, and `target += …;` adds to it"),
            "true" => found.hint("write `1`"),
            "false" => found.hint("write `0`"),
            _ if reserved => found.hint("choose another name"),
            _ => found.hint("names do not end in two underscores"),
        };
        self.report(found);
        true
    }

    /// A name that is introduced.
    pub(super) fn check_new_name(&mut self, name: &Name, what: &str) {
        if self.check_reserved(name) {
            return;
        }
        if name.text.ends_with("_lupdf") || name.text.ends_with("_lupmf") {
            let (modern, _) = normalised(&name.text);
            let found = Diagnostic::new(
                Code::UnnormalisedDefinition,
                name.span,
                format!("no {what} can be called `{}`", shorten(&name.text)),
            )
            .hint(format!(
                "define `{modern}`; the unnormalised form comes with it"
            ));
            self.report(found);
        }
    }

    /// A variable by name; reports where there is none, once for every name.
    pub(super) fn variable(&mut self, name: &Name) -> Option<VariableId> {
        if let Some(&id) = self.visible.get(&name.text) {
            return Some(id);
        }
        if self.check_reserved(name) {
            return None;
        }
        let (base, _) = normalised(&name.text);
        let is_function = self.by_name.contains_key(&base)
            || functions::exists(&base)
            || callbacks::takes_functions(&base);
        if is_function {
            let found = Diagnostic::new(
                Code::FunctionAsValue,
                name.span,
                format!("`{}` is a function and not a value", shorten(&name.text)),
            );
            self.report(if functions::exists(&base) {
                found.hint(format!("call it: `{}(…)`", name.text))
            } else {
                found.hint("only functions such as `ode_rk45` and `reduce_sum` take functions")
            });
            return None;
        }
        if self.unknown.insert(name.text.clone()) {
            let found = Diagnostic::new(
                Code::UnknownVariable,
                name.span,
                format!("there is no variable `{}` here", shorten(&name.text)),
            )
            .label("not found");
            if self.diagnostics.is_full() {
                self.report(found);
                return None;
            }
            let visible: Vec<Arc<str>> = self.visible.keys().cloned().collect();
            let near = nearest(&name.text, visible.iter().map(|n| &**n));
            let later = self.declared_later(&name.text);
            let hint = match (&near, later) {
                (_, Some(span)) => {
                    let found = found
                        .related(span, "a variable of this name lives here")
                        .hint("a variable is visible after its declaration, within its braces and block");
                    self.report(found);
                    return None;
                }
                (Some(near), None) => format!("did you mean `{near}`?"),
                (None, None) => "declare it before it is used".to_owned(),
            };
            self.report(found.hint(hint));
        }
        None
    }

    /// Where a variable of this name was visible before.
    fn declared_later(&self, name: &str) -> Option<Span> {
        self.frame
            .iter()
            .rev()
            .find(|variable| &*variable.name == name)
            .map(|variable| variable.span)
    }

    /// The function whose name is nearest.
    pub(super) fn nearest_function(&self, name: &str) -> Option<String> {
        if self.diagnostics.is_full() {
            return None;
        }
        let own: Vec<&str> = self.by_name.keys().map(|n| &**n).collect();
        let all = functions::names().map(|n| -> &str { n });
        let all = all.chain(callbacks::names().map(|n| -> &str { n }));
        nearest(name, all.chain(own))
    }
}

/// The nearest of some names, if it is near enough to be meant: a change for every three letters.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let length = name.chars().count();
    if length > 60 {
        return None;
    }
    let most = (length / 3).clamp(1, 3);
    names
        .filter(|other| other.len().abs_diff(name.len()) <= most)
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|&(distance, _)| distance <= most && distance < length)
        .min()
        .map(|(_, other)| other.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_not() {
        let names = ["sigma", "theta", "normal_lpdf"];
        assert_eq!(
            nearest("sgima", names.into_iter()).as_deref(),
            Some("sigma")
        );
        assert_eq!(nearest("mu", names.into_iter()), None);
        assert_eq!(nearest("x", ["y"].into_iter()), None);
    }
}
