//! Methods by name, with what can be set on the command line.

use elbo::vi::ViError;
use elbo::vi::method::{AnyMethod, METHODS};

use crate::failure::{Failure, did_you_mean};

/// The method of a name, going through the data in batches if a size is given.
///
/// # Errors
/// An unknown name, or a method that has no batches.
pub(crate) fn named(name: &str, batch_size: Option<usize>) -> Result<AnyMethod, Failure> {
    let names: Vec<&str> = METHODS.iter().map(|m| m.name).collect();
    let mut method = AnyMethod::named(name).ok_or_else(|| {
        Failure::input(format!("unknown method '{name}'")).help(did_you_mean(name, &names))
    })?;
    if batch_size.is_none() {
        return Ok(method);
    }
    match &mut method {
        AnyMethod::MeanField(m) => m.config.batch_size = batch_size,
        AnyMethod::FullRank(m) => m.config.batch_size = batch_size,
        AnyMethod::Copula(m) => m.config.batch_size = batch_size,
        AnyMethod::LowRank(m) => m.config.batch_size = batch_size,
        AnyMethod::Flow(m) => m.config.batch_size = batch_size,
        _ => {
            return Err(Failure::input(format!(
                "--method {name} does not go through the data in batches"
            ))
            .help("--batch-size goes with meanfield, fullrank, lowrank, copula and flow"));
        }
    }
    Ok(method)
}

/// One line per method, for the help.
pub(crate) fn listed() -> String {
    let widest = METHODS.iter().map(|m| m.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = METHODS
        .iter()
        .map(|m| format!("  {:widest$}  {}", m.name, m.summary))
        .collect();
    format!("Methods:\n{}", lines.join("\n"))
}

impl From<ViError> for Failure {
    /// What is wrong stands before the last `; `, what to do behind it.
    fn from(error: ViError) -> Self {
        let text = error.to_string();
        let (message, help) = text.rsplit_once("; ").unwrap_or((&text, ""));
        match error {
            ViError::Setting {
                name,
                value,
                requirement,
            } => Self::input(format!(
                "--{} {value} is out of range",
                name.replace('_', "-")
            ))
            .help(format!("it must be {requirement}")),
            ViError::ZeroDimension => {
                Self::input("the program has no parameters: there is nothing to infer")
                    .help("`elbo sample` draws the generated quantities of such a program")
            }
            _ => Self::numerical(message).help(help),
        }
    }
}
