//! Why a command ends without a result, and with which exit code.
//!
//! The one idea: a failure is a message (what, and where), an optional line of help (what to do) and
//! a kind that *is* the exit code. Everything below converts its errors into one; only `main` prints
//! it. Deliberately absent: back traces, error chains of more than one sentence.

use std::fmt;

use elbo::models::ModelError;

/// The exit codes of the contract. `0` needs no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Wrong usage or unusable input: 2.
    Input,
    /// A numerical failure: 4.
    Numerical,
}

impl Kind {
    /// The process's exit code.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Input => 2,
            Self::Numerical => 4,
        }
    }
}

/// A failure of a command, ready to be printed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    help: Option<String>,
}

impl Failure {
    /// Wrong usage or input.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Input,
            message: message.into(),
            help: None,
        }
    }

    /// A numerical failure.
    pub(crate) fn numerical(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Numerical,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what to do about it; an empty string adds nothing.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into()).filter(|h| !h.is_empty());
        self
    }

    /// What kind it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Numerical { .. } | ModelError::NonFinite { .. } => {
                Self::numerical(error.to_string()).help(
                    "nothing was written; look for columns of very different scale, \
                     or start elsewhere with another --seed",
                )
            }
            ModelError::Setting {
                name,
                value,
                expected,
            } => {
                Self::input(format!("{} {value} is out of range", option_name(name))).help(expected)
            }
            other => Self::input(other.to_string()),
        }
    }
}

/// `max_iters` as the user typed it: `--max-iters`; counts go without their `n_`: `--components`.
fn option_name(setting: &str) -> String {
    format!("--{}", setting.trim_start_matches("n_").replace('_', "-"))
}

/// The candidate nearest to `given`, if any is near enough to be what was meant.
///
/// The distance is Damerau–Levenshtein's restricted one, on lower case; a third of the letters may
/// be wrong.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&given, &c.to_lowercase()), c))
        .filter(|(d, c)| *d * 3 <= given.chars().count().max(c.chars().count()))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// `did you mean 'x'? known: a, b, c` for a name that is not among `known`.
pub(crate) fn did_you_mean(given: &str, known: &[&str]) -> String {
    // A long list hides what it should show.
    let listed = if known.len() > 20 {
        format!("{}, … ({} in all)", known[..20].join(", "), known.len())
    } else {
        known.join(", ")
    };
    match nearest(given, known.iter().copied()) {
        Some(near) => format!("did you mean '{near}'? known: {listed}"),
        None => format!("known: {listed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_a_different_word_is_not() {
        let columns = ["eruptions", "waiting"];
        assert_eq!(nearest("erputions", columns), Some("eruptions"));
        assert_eq!(nearest("Waitng", columns), Some("waiting"));
        assert_eq!(nearest("price", columns), None);
    }

    #[test]
    fn settings_are_named_as_the_user_types_them() {
        let failure = Failure::from(ModelError::setting("max_iters", 0, "give at least 1"));
        assert_eq!(
            failure.to_string(),
            "error: --max-iters 0 is out of range\nhelp: give at least 1"
        );
        assert_eq!(failure.kind().exit_code(), 2);
    }

    #[test]
    fn a_numerical_failure_has_its_own_exit_code() {
        let failure = Failure::from(ModelError::NonFinite {
            what: "the ELBO",
            iteration: 3,
        });
        assert_eq!(failure.kind().exit_code(), 4);
    }
}
