//! Options of `fit` that would have no effect, and why they are refused.
//!
//! The one idea: whether a shared option does anything depends on the model and the method alone, so
//! a table of rules says it once; the help of a model leaves out what it can never use, and an option
//! that is typed and would be ignored ends the command. Deliberately absent: the models' own options,
//! which their files judge by [`no_effect`].

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::Method;
use crate::failure::Failure;
use crate::model::{self, Entry};

/// The methods under which a model uses the options that not every model has a use for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Uses {
    /// `--restarts`.
    pub restarts: &'static [Method],
    /// `--warm-start`.
    pub warm_start: &'static [Method],
    /// `--holdout`.
    pub holdout: &'static [Method],
}

impl Uses {
    /// None of them under any method.
    pub(crate) const NOTHING: Self = Self {
        restarts: &[],
        warm_start: &[],
        holdout: &[],
    };
}

/// An option, and the methods under which a model uses it.
struct Rule {
    id: &'static str,
    methods: fn(&Entry) -> &'static [Method],
}

const RULES: [Rule; 6] = [
    Rule {
        id: "restarts",
        methods: |entry| entry.uses.restarts,
    },
    Rule {
        id: "warm_start",
        methods: |entry| entry.uses.warm_start,
    },
    Rule {
        id: "holdout",
        methods: |entry| entry.uses.holdout,
    },
    Rule {
        id: "batch_size",
        methods: |_| &[Method::Stochastic, Method::Streaming],
    },
    Rule {
        id: "forgetting_rate",
        methods: |_| &[Method::Stochastic],
    },
    Rule {
        id: "delay",
        methods: |_| &[Method::Stochastic],
    },
];

impl Rule {
    /// The methods of this model under which the option has an effect.
    fn of(&self, entry: &Entry) -> Vec<Method> {
        let methods = (self.methods)(entry).iter().copied();
        methods.filter(|m| entry.methods.contains(m)).collect()
    }

    fn option(&self) -> String {
        format!("--{}", self.id.replace('_', "-"))
    }
}

/// Leaves options that a model never uses out of its help.
pub(crate) fn hide_unused(entry: &Entry, command: Command) -> Command {
    let unused = RULES.iter().filter(|rule| rule.of(entry).is_empty());
    unused.fold(command, |command, rule| {
        command.mut_arg(rule.id, |argument| argument.hide(true))
    })
}

/// Refuses options that were typed and would be ignored.
///
/// # Errors
/// For the first of them.
pub(crate) fn check(entry: &Entry, method: Method, matches: &ArgMatches) -> Result<(), Failure> {
    for rule in &RULES {
        let typed = matches.value_source(rule.id) == Some(ValueSource::CommandLine);
        let methods = rule.of(entry);
        if !typed || methods.contains(&method) {
            continue;
        }
        let option = rule.option();
        if methods.is_empty() {
            let able = model::MODELS.iter().filter(|e| !rule.of(e).is_empty());
            let able: Vec<&str> = able.map(|e| e.name).collect();
            return Err(
                Failure::input(format!("{} has no use for {option}", entry.name)).help(format!(
                    "leave it out; models that use it: {}",
                    able.join(", ")
                )),
            );
        }
        let names: Vec<&str> = methods.iter().map(|m| m.name()).collect();
        return Err(no_effect(
            &option,
            &format!("--method {}", method.name()),
            &format!("--method {}", names.join(" or ")),
        ));
    }
    Ok(())
}

/// The refusal of an option that does nothing as things are, and does something with `needed`.
pub(crate) fn no_effect(option: &str, now: &str, needed: &str) -> Failure {
    Failure::input(format!("{option} has no effect with {now}"))
        .help(format!("leave it out, or give {needed}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MODELS;

    #[test]
    fn every_rule_is_of_an_option_that_exists_and_some_model_uses() {
        for rule in &RULES {
            for entry in MODELS {
                let command = entry.command();
                assert!(
                    command.get_arguments().any(|a| a.get_id() == rule.id),
                    "{} of {}",
                    rule.id,
                    entry.name
                );
            }
            assert!(MODELS.iter().any(|e| !rule.of(e).is_empty()), "{}", rule.id);
        }
    }

    #[test]
    fn the_help_of_a_model_leaves_out_what_it_never_uses() {
        for entry in MODELS {
            let help = entry.command().render_long_help().to_string();
            for rule in &RULES {
                let shown = help.contains(&rule.option());
                assert_eq!(
                    shown,
                    !rule.of(entry).is_empty(),
                    "{} {}",
                    entry.name,
                    rule.id
                );
            }
        }
    }
}
