//! Functions that take functions.
//!
//! A row says what the function handed over receives first, whether further arguments are passed on
//! to it (`…`), what it returns, and what stands between it and those further arguments in the call.
//! The types of the further arguments are those of the function itself.

use crate::types::Type;

use super::notation::{self, Outcome, Parameter};

/// A function that takes one function.
pub(crate) struct HigherOrder {
    pub(crate) name: &'static str,
    /// What the function handed over receives; `…` at the end for anything.
    pub(crate) receives: &'static str,
    pub(crate) returns: &'static str,
    /// Arguments after the function, before those that are passed on.
    pub(crate) arguments: &'static str,
    pub(crate) result: &'static str,
    /// What to use instead, where Stan means to give it up.
    pub(crate) instead: Option<&'static str>,
}

const fn variadic(
    name: &'static str,
    receives: &'static str,
    returns: &'static str,
    arguments: &'static str,
    result: &'static str,
) -> HigherOrder {
    HigherOrder {
        name,
        receives,
        returns,
        arguments,
        result,
        instead: None,
    }
}

const fn old(
    name: &'static str,
    receives: &'static str,
    returns: &'static str,
    arguments: &'static str,
    result: &'static str,
    instead: &'static str,
) -> HigherOrder {
    HigherOrder {
        name,
        receives,
        returns,
        arguments,
        result,
        instead: Some(instead),
    }
}

const ODE: &str = "vector, real, real[]";
const ODE_TOL: &str = "vector, real, real[], data real, data real, data int";
const OLD_ODE: &str = "real, real[], real[], data real[], data int[]";
const OLD_ODE_CALL: &str = "real[], real, real[], real[], data real[], data int[]";
const OLD_ODE_TOL: &str =
    "real[], real, real[], real[], data real[], data int[], data real, data real, data real";
const OLD_SYSTEM: &str = "vector, vector, data real[], data int[]";
const OLD_SOLVER_TOL: &str =
    "vector, vector, data real[], data int[], data real, data real, data real";
const OLD_INTEGRAND: &str = "real, real, real[], data real[], data int[]";

pub(crate) const HIGHER_ORDER: &[HigherOrder] = &[
    variadic("ode_rk45", "real, vector, …", "vector", ODE, "vector[]"),
    variadic("ode_ckrk", "real, vector, …", "vector", ODE, "vector[]"),
    variadic("ode_adams", "real, vector, …", "vector", ODE, "vector[]"),
    variadic("ode_bdf", "real, vector, …", "vector", ODE, "vector[]"),
    variadic(
        "ode_rk45_tol",
        "real, vector, …",
        "vector",
        ODE_TOL,
        "vector[]",
    ),
    variadic(
        "ode_ckrk_tol",
        "real, vector, …",
        "vector",
        ODE_TOL,
        "vector[]",
    ),
    variadic(
        "ode_adams_tol",
        "real, vector, …",
        "vector",
        ODE_TOL,
        "vector[]",
    ),
    variadic(
        "ode_bdf_tol",
        "real, vector, …",
        "vector",
        ODE_TOL,
        "vector[]",
    ),
    variadic(
        "ode_adjoint_tol_ctl",
        "real, vector, …",
        "vector",
        "vector, real, real[], data real, data vector, data real, data vector, data real, \
         data real, data int, data int, data int, data int, data int",
        "vector[]",
    ),
    variadic(
        "dae",
        "real, vector, vector, …",
        "vector",
        "vector, vector, data real, data real[]",
        "vector[]",
    ),
    variadic(
        "dae_tol",
        "real, vector, vector, …",
        "vector",
        "vector, vector, data real, data real[], data real, data real, data int",
        "vector[]",
    ),
    variadic("solve_newton", "vector, …", "vector", "vector", "vector"),
    variadic("solve_powell", "vector, …", "vector", "vector", "vector"),
    variadic(
        "solve_newton_tol",
        "vector, …",
        "vector",
        "vector, data real, data real, data int",
        "vector",
    ),
    variadic(
        "solve_powell_tol",
        "vector, …",
        "vector",
        "vector, data real, data real, data int",
        "vector",
    ),
    variadic(
        "integrate_1d_gauss_kronrod",
        "real, real, …",
        "real",
        "real, real",
        "real",
    ),
    variadic(
        "integrate_1d_double_exponential",
        "real, real, …",
        "real",
        "real, real",
        "real",
    ),
    variadic(
        "integrate_1d_gauss_kronrod_tol",
        "real, real, …",
        "real",
        "real, real, data real, data real, data int",
        "real",
    ),
    variadic(
        "integrate_1d_double_exponential_tol",
        "real, real, …",
        "real",
        "real, real, data real, data real, data int",
        "real",
    ),
    variadic(
        "map_rect",
        OLD_SYSTEM,
        "vector",
        "vector, vector[], data real[,], data int[,]",
        "vector",
    ),
    variadic(
        "integrate_1d",
        OLD_INTEGRAND,
        "real",
        "real, real, real[], data real[], data int[]",
        "real",
    ),
    variadic(
        "integrate_1d",
        OLD_INTEGRAND,
        "real",
        "real, real, real[], data real[], data int[], data real",
        "real",
    ),
    old(
        "integrate_ode",
        OLD_ODE,
        "real[]",
        OLD_ODE_CALL,
        "real[,]",
        "ode_rk45",
    ),
    old(
        "integrate_ode_rk45",
        OLD_ODE,
        "real[]",
        OLD_ODE_CALL,
        "real[,]",
        "ode_rk45",
    ),
    old(
        "integrate_ode_bdf",
        OLD_ODE,
        "real[]",
        OLD_ODE_CALL,
        "real[,]",
        "ode_bdf",
    ),
    old(
        "integrate_ode_adams",
        OLD_ODE,
        "real[]",
        OLD_ODE_CALL,
        "real[,]",
        "ode_adams",
    ),
    old(
        "integrate_ode_rk45",
        OLD_ODE,
        "real[]",
        OLD_ODE_TOL,
        "real[,]",
        "ode_rk45_tol",
    ),
    old(
        "integrate_ode_bdf",
        OLD_ODE,
        "real[]",
        OLD_ODE_TOL,
        "real[,]",
        "ode_bdf_tol",
    ),
    old(
        "integrate_ode_adams",
        OLD_ODE,
        "real[]",
        OLD_ODE_TOL,
        "real[,]",
        "ode_adams_tol",
    ),
    variadic("algebra_solver", OLD_SYSTEM, "vector", OLD_SYSTEM, "vector"),
    variadic(
        "algebra_solver_newton",
        OLD_SYSTEM,
        "vector",
        OLD_SYSTEM,
        "vector",
    ),
    variadic(
        "algebra_solver",
        OLD_SYSTEM,
        "vector",
        OLD_SOLVER_TOL,
        "vector",
    ),
    variadic(
        "algebra_solver_newton",
        OLD_SYSTEM,
        "vector",
        OLD_SOLVER_TOL,
        "vector",
    ),
];

/// `reduce_sum` and its twin: the type that is sliced is the function's own.
pub(crate) const REDUCE_SUM: [&str; 2] = ["reduce_sum", "reduce_sum_static"];

/// A function of the embedded Laplace approximation.
pub(crate) struct Laplace {
    pub(crate) name: &'static str,
    /// Arguments of a built-in likelihood; without one, a function and its arguments come first.
    pub(crate) likelihood: Option<&'static str>,
    /// Ends with a tuple of settings.
    pub(crate) settings: bool,
    pub(crate) result: &'static str,
    /// Nothing but the values of the latent variables is asked for, so no parameter may enter.
    pub(crate) data_only: bool,
}

const fn laplace(
    name: &'static str,
    likelihood: Option<&'static str>,
    settings: bool,
    result: &'static str,
) -> Laplace {
    Laplace {
        name,
        likelihood,
        settings,
        result,
        data_only: false,
    }
}

const COUNTS: Option<&str> = Some("int[], int[], vector");
const DISPERSED: Option<&str> = Some("int[], int[], vector, vector");

pub(crate) const LAPLACE: &[Laplace] = &[
    laplace("laplace_marginal", None, false, "real"),
    laplace("laplace_marginal_tol", None, true, "real"),
    laplace("laplace_latent_rng", None, false, "vector"),
    laplace("laplace_latent_tol_rng", None, true, "vector"),
    Laplace {
        data_only: true,
        ..laplace("laplace_latent_solve", None, false, "tuple(vector, matrix)")
    },
    Laplace {
        data_only: true,
        ..laplace(
            "laplace_latent_solve_tol",
            None,
            true,
            "tuple(vector, matrix)",
        )
    },
    laplace(
        "laplace_marginal_bernoulli_logit_lpmf",
        COUNTS,
        false,
        "real",
    ),
    laplace(
        "laplace_marginal_tol_bernoulli_logit_lpmf",
        COUNTS,
        true,
        "real",
    ),
    laplace(
        "laplace_marginal_neg_binomial_2_log_lpmf",
        DISPERSED,
        false,
        "real",
    ),
    laplace(
        "laplace_marginal_tol_neg_binomial_2_log_lpmf",
        DISPERSED,
        true,
        "real",
    ),
    laplace("laplace_marginal_poisson_log_lpmf", COUNTS, false, "real"),
    laplace(
        "laplace_marginal_tol_poisson_log_lpmf",
        COUNTS,
        true,
        "real",
    ),
    laplace(
        "laplace_latent_bernoulli_logit_rng",
        COUNTS,
        false,
        "vector",
    ),
    laplace(
        "laplace_latent_tol_bernoulli_logit_rng",
        COUNTS,
        true,
        "vector",
    ),
    laplace(
        "laplace_latent_neg_binomial_2_log_rng",
        DISPERSED,
        false,
        "vector",
    ),
    laplace(
        "laplace_latent_tol_neg_binomial_2_log_rng",
        DISPERSED,
        true,
        "vector",
    ),
    laplace("laplace_latent_poisson_log_rng", COUNTS, false, "vector"),
    laplace("laplace_latent_tol_poisson_log_rng", COUNTS, true, "vector"),
];

/// Settings of the Laplace approximation, as a tuple.
pub(crate) const LAPLACE_SETTINGS: &str =
    "vector, data real, data int, data int, data int, data int";

/// Built-in functions that a function handed to the Laplace approximation must not call, because
/// they cannot be differentiated three times; functions that take functions are among them.
pub(crate) const FIRST_ORDER_ONLY: [&str; 2] = ["hmm_marginal", "hmm_hidden_state_prob"];

/// The rows of a name.
pub(crate) fn higher_order(name: &str) -> Vec<&'static HigherOrder> {
    HIGHER_ORDER.iter().filter(|row| row.name == name).collect()
}

/// The row of a name, whichever way the density is normalised.
pub(crate) fn laplace_row(name: &str) -> Option<&'static Laplace> {
    let name = name.replace("_lupmf", "_lpmf");
    LAPLACE.iter().find(|row| row.name == name)
}

/// Whether calls of this name take functions; such names cannot be given to other functions.
pub(crate) fn takes_functions(name: &str) -> bool {
    canonical(name).is_some()
}

/// The name as the table has it.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    let laplace = laplace_row(name).map(|row| row.name);
    HIGHER_ORDER
        .iter()
        .map(|row| row.name)
        .chain(REDUCE_SUM)
        .find(|&row| row == name)
        .or(laplace)
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    HIGHER_ORDER
        .iter()
        .map(|row| row.name)
        .chain(REDUCE_SUM)
        .chain(LAPLACE.iter().map(|row| row.name))
}

/// Types in the notation, without any that stand for several.
pub(crate) fn parameters(text: &str) -> Vec<(bool, Type)> {
    let signature = notation::signature(&format!("{} -> real", text.trim_end_matches(", …")));
    signature
        .arguments
        .iter()
        .map(|Parameter { data_only, pattern }| {
            (
                *data_only,
                pattern.concrete(&Type::Unknown, 0).unwrap_or(Type::Unknown),
            )
        })
        .collect()
}

/// One type in the notation.
pub(crate) fn single(text: &str) -> Type {
    let result = notation::signature(&format!("-> {text}")).result;
    let concrete = |p: &notation::Pattern| p.concrete(&Type::Unknown, 0).unwrap_or(Type::Unknown);
    match result {
        Outcome::Pattern(pattern) => concrete(&pattern),
        Outcome::Tuple(parts) => Type::Tuple(parts.iter().map(concrete).collect()),
        Outcome::Draws(_) | Outcome::Each => Type::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_the_notation() {
        for row in HIGHER_ORDER {
            assert!(!parameters(row.receives).is_empty(), "{}", row.name);
            assert!(!parameters(row.arguments).is_empty(), "{}", row.name);
            assert!(!single(row.result).is_unknown(), "{}", row.name);
            assert!(!single(row.returns).is_unknown(), "{}", row.name);
        }
        for row in LAPLACE {
            assert!(!single(row.result).is_unknown(), "{}", row.name);
        }
    }
}
