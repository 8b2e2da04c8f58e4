//! The table of densities and distribution functions: one row, and one function that writes the
//! formula.
//!
//! The order of arguments is Stan's, the variable first. Deliberately absent: first passages with
//! parameters that vary between trials, which are integrals.

use super::Relation::{AtMost, Below};
use super::Support::{
    Binary, Category, Count, Integer, Mean, NonNegative, Open, Positive, Real, Scale, Unit,
};
use super::{Density, Form, Relation, Support, Value};
use super::{category, count, cumulative, glm, location_scale, positive};

/// A density of entries.
const fn row(
    name: &'static str,
    arguments: &'static [(&'static str, Support)],
    relations: &'static [Relation],
    build: for<'b> fn(&[Value<'b>]) -> Value<'b>,
) -> Density {
    Density {
        name,
        arguments,
        relations,
        form: Form::Entrywise,
        build,
    }
}

/// A density whose arguments fit together in another way.
const fn formed(form: Form, density: Density) -> Density {
    Density { form, ..density }
}

/// A regression on argument `design`, with slopes as argument `slopes`.
const fn regression(design: usize, slopes: usize, density: Density) -> Density {
    formed(Form::Regression { design, slopes }, density)
}

/// Every density, and every logarithm of a distribution function (`_lcdf`) or its complement
/// (`_lccdf`).
#[rustfmt::skip]
pub static DENSITIES: &[Density] = &[
    row("normal", &[("y", Real), ("mu", Real), ("sigma", Scale)], &[], location_scale::normal),
    row("std_normal", &[("y", Real)], &[], location_scale::std_normal),
    row("student_t", &[("y", Real), ("nu", Positive), ("mu", Real), ("sigma", Scale)], &[], location_scale::student_t),
    row("cauchy", &[("y", Real), ("mu", Real), ("sigma", Scale)], &[], location_scale::cauchy),
    row("double_exponential", &[("y", Real), ("mu", Real), ("sigma", Scale)], &[], location_scale::double_exponential),
    row("skew_double_exponential", &[("y", Real), ("mu", Real), ("sigma", Scale), ("tau", Open)], &[], location_scale::skew_double_exponential),
    row("logistic", &[("y", Real), ("mu", Real), ("sigma", Scale)], &[], location_scale::logistic),
    row("gumbel", &[("y", Real), ("mu", Real), ("beta", Scale)], &[], location_scale::gumbel),
    row("lognormal", &[("y", Positive), ("mu", Real), ("sigma", Scale)], &[], location_scale::lognormal),
    row("loglogistic", &[("y", Positive), ("alpha", Positive), ("beta", Positive)], &[], location_scale::loglogistic),
    row("skew_normal", &[("y", Real), ("xi", Real), ("omega", Scale), ("alpha", Real)], &[], location_scale::skew_normal),
    row("exp_mod_normal", &[("y", Real), ("mu", Real), ("sigma", Positive), ("lambda", Positive)], &[], location_scale::exp_mod_normal),
    row("von_mises", &[("y", Real), ("mu", Real), ("kappa", NonNegative)], &[], location_scale::von_mises),
    row("exponential", &[("y", NonNegative), ("beta", Positive)], &[], positive::exponential),
    row("gamma", &[("y", NonNegative), ("alpha", Positive), ("beta", Positive)], &[], positive::gamma),
    row("inv_gamma", &[("y", Positive), ("alpha", Positive), ("beta", Positive)], &[], positive::inv_gamma),
    row("chi_square", &[("y", NonNegative), ("nu", Positive)], &[], positive::chi_square),
    row("inv_chi_square", &[("y", Positive), ("nu", Positive)], &[], positive::inv_chi_square),
    row("scaled_inv_chi_square", &[("y", Positive), ("nu", Positive), ("s", Positive)], &[], positive::scaled_inv_chi_square),
    row("weibull", &[("y", NonNegative), ("alpha", Positive), ("sigma", Positive)], &[], positive::weibull),
    row("frechet", &[("y", Positive), ("alpha", Positive), ("sigma", Positive)], &[], positive::frechet),
    row("rayleigh", &[("y", Positive), ("sigma", Scale)], &[], positive::rayleigh),
    row("pareto", &[("y", Positive), ("y_min", Positive), ("alpha", Positive)], &[AtMost(1, 0)], positive::pareto),
    row("pareto_type_2", &[("y", Real), ("mu", Real), ("lambda", Scale), ("alpha", Positive)], &[AtMost(1, 0)], positive::pareto_type_2),
    row("beta", &[("theta", Unit), ("alpha", Positive), ("beta", Positive)], &[], positive::beta),
    row("beta_proportion", &[("theta", Unit), ("mu", Open), ("kappa", Positive)], &[], positive::beta_proportion),
    row("uniform", &[("y", Real), ("alpha", Real), ("beta", Real)], &[Below(1, 2), AtMost(1, 0), AtMost(0, 2)], positive::uniform),
    row("wiener", &[("y", Positive), ("alpha", Positive), ("tau", NonNegative), ("beta", Open), ("delta", Real)], &[Below(2, 0)], positive::wiener),
    row("bernoulli", &[("y", Binary), ("theta", Unit)], &[], count::bernoulli),
    row("bernoulli_logit", &[("y", Binary), ("alpha", Real)], &[], count::bernoulli_logit),
    row("binomial", &[("n", Count), ("N", Count), ("theta", Unit)], &[AtMost(0, 1)], count::binomial),
    row("binomial_logit", &[("n", Count), ("N", Count), ("alpha", Real)], &[AtMost(0, 1)], count::binomial_logit),
    row("beta_binomial", &[("n", Count), ("N", Count), ("alpha", Positive), ("beta", Positive)], &[AtMost(0, 1)], count::beta_binomial),
    row("beta_neg_binomial", &[("n", Count), ("r", Positive), ("alpha", Positive), ("beta", Positive)], &[], count::beta_neg_binomial),
    row("neg_binomial", &[("n", Count), ("alpha", Positive), ("beta", Positive)], &[], count::neg_binomial),
    row("neg_binomial_2", &[("n", Count), ("mu", Positive), ("phi", Positive)], &[], count::neg_binomial_2),
    row("neg_binomial_2_log", &[("n", Count), ("eta", Real), ("phi", Positive)], &[], count::neg_binomial_2_log),
    row("poisson", &[("n", Count), ("lambda", Mean)], &[], count::poisson),
    row("poisson_log", &[("n", Count), ("alpha", Real)], &[], count::poisson_log),
    row("yule_simon", &[("n", Category), ("alpha", Positive)], &[], count::yule_simon),
    row("hypergeometric", &[("n", Count), ("N", Count), ("a", Count), ("b", Count)], &[AtMost(0, 1), AtMost(0, 2)], count::hypergeometric),
    row("discrete_range", &[("y", Integer), ("l", Integer), ("u", Integer)], &[AtMost(1, 0), AtMost(0, 2)], count::discrete_range),
    formed(Form::Categories, row("categorical", &[("y", Category), ("theta", Unit)], &[], category::categorical)),
    formed(Form::Categories, row("categorical_logit", &[("y", Category), ("beta", Real)], &[], category::categorical_logit)),
    formed(Form::Ordered, row("ordered_logistic", &[("k", Category), ("eta", Real), ("c", Real)], &[], category::ordered_logistic)),
    formed(Form::Ordered, row("ordered_probit", &[("k", Category), ("eta", Real), ("c", Real)], &[], category::ordered_probit)),
    formed(Form::Counts, row("multinomial", &[("y", Count), ("theta", Unit)], &[], category::multinomial)),
    formed(Form::Counts, row("multinomial_logit", &[("y", Count), ("gamma", Real)], &[], category::multinomial_logit)),
    regression(1, 3, row("normal_id_glm", &[("y", Real), ("x", Real), ("alpha", Real), ("beta", Real), ("sigma", Scale)], &[], glm::normal_id)),
    regression(1, 3, row("bernoulli_logit_glm", &[("y", Binary), ("x", Real), ("alpha", Real), ("beta", Real)], &[], glm::bernoulli_logit)),
    regression(2, 4, row("binomial_logit_glm", &[("n", Count), ("N", Count), ("x", Real), ("alpha", Real), ("beta", Real)], &[AtMost(0, 1)], glm::binomial_logit)),
    regression(1, 3, row("poisson_log_glm", &[("y", Count), ("x", Real), ("alpha", Real), ("beta", Real)], &[], glm::poisson_log)),
    regression(1, 3, row("neg_binomial_2_log_glm", &[("y", Count), ("x", Real), ("alpha", Real), ("beta", Real), ("phi", Positive)], &[], glm::neg_binomial_2_log)),
    formed(Form::CategoryRegression, row("categorical_logit_glm", &[("y", Category), ("x", Real), ("alpha", Real), ("beta", Real)], &[], glm::categorical_logit)),
    formed(Form::OrderedRegression, row("ordered_logistic_glm", &[("y", Category), ("x", Real), ("beta", Real), ("c", Real)], &[], glm::ordered_logistic)),
    row("normal_lcdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::normal_lcdf),
    row("normal_lccdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::normal_lccdf),
    row("std_normal_lcdf", &[("y", Real)], &[], cumulative::std_normal_lcdf),
    row("std_normal_lccdf", &[("y", Real)], &[], cumulative::std_normal_lccdf),
    row("lognormal_lcdf", &[("y", Positive), ("mu", Real), ("sigma", Positive)], &[], cumulative::lognormal_lcdf),
    row("lognormal_lccdf", &[("y", Positive), ("mu", Real), ("sigma", Positive)], &[], cumulative::lognormal_lccdf),
    row("logistic_lcdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::logistic_lcdf),
    row("logistic_lccdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::logistic_lccdf),
    row("loglogistic_lcdf", &[("y", Positive), ("alpha", Positive), ("beta", Positive)], &[], cumulative::loglogistic_lcdf),
    row("loglogistic_lccdf", &[("y", Positive), ("alpha", Positive), ("beta", Positive)], &[], cumulative::loglogistic_lccdf),
    row("gumbel_lcdf", &[("y", Real), ("mu", Real), ("beta", Positive)], &[], cumulative::gumbel_lcdf),
    row("gumbel_lccdf", &[("y", Real), ("mu", Real), ("beta", Positive)], &[], cumulative::gumbel_lccdf),
    row("cauchy_lcdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::cauchy_lcdf),
    row("cauchy_lccdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::cauchy_lccdf),
    row("double_exponential_lcdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::double_exponential_lcdf),
    row("double_exponential_lccdf", &[("y", Real), ("mu", Real), ("sigma", Positive)], &[], cumulative::double_exponential_lccdf),
    row("skew_double_exponential_lcdf", &[("y", Real), ("mu", Real), ("sigma", Positive), ("tau", Open)], &[], cumulative::skew_double_exponential_lcdf),
    row("skew_double_exponential_lccdf", &[("y", Real), ("mu", Real), ("sigma", Positive), ("tau", Open)], &[], cumulative::skew_double_exponential_lccdf),
    row("exp_mod_normal_lcdf", &[("y", Real), ("mu", Real), ("sigma", Positive), ("lambda", Positive)], &[], cumulative::exp_mod_normal_lcdf),
    row("exp_mod_normal_lccdf", &[("y", Real), ("mu", Real), ("sigma", Positive), ("lambda", Positive)], &[], cumulative::exp_mod_normal_lccdf),
    row("skew_normal_lcdf", &[("y", Real), ("xi", Real), ("omega", Positive), ("alpha", Real)], &[], cumulative::skew_normal_lcdf),
    row("skew_normal_lccdf", &[("y", Real), ("xi", Real), ("omega", Positive), ("alpha", Real)], &[], cumulative::skew_normal_lccdf),
    row("von_mises_lcdf", &[("y", Real), ("mu", Real), ("kappa", Positive)], &[], cumulative::von_mises_lcdf),
    row("von_mises_lccdf", &[("y", Real), ("mu", Real), ("kappa", Positive)], &[], cumulative::von_mises_lccdf),
    row("student_t_lcdf", &[("y", Real), ("nu", Positive), ("mu", Real), ("sigma", Positive)], &[], cumulative::student_t_lcdf),
    row("student_t_lccdf", &[("y", Real), ("nu", Positive), ("mu", Real), ("sigma", Positive)], &[], cumulative::student_t_lccdf),
    row("exponential_lcdf", &[("y", NonNegative), ("beta", Positive)], &[], cumulative::exponential_lcdf),
    row("exponential_lccdf", &[("y", NonNegative), ("beta", Positive)], &[], cumulative::exponential_lccdf),
    row("gamma_lcdf", &[("y", NonNegative), ("alpha", Positive), ("beta", Positive)], &[], cumulative::gamma_lcdf),
    row("gamma_lccdf", &[("y", NonNegative), ("alpha", Positive), ("beta", Positive)], &[], cumulative::gamma_lccdf),
    row("chi_square_lcdf", &[("y", NonNegative), ("nu", Positive)], &[], cumulative::chi_square_lcdf),
    row("chi_square_lccdf", &[("y", NonNegative), ("nu", Positive)], &[], cumulative::chi_square_lccdf),
    row("inv_gamma_lcdf", &[("y", Positive), ("alpha", Positive), ("beta", Positive)], &[], cumulative::inv_gamma_lcdf),
    row("inv_gamma_lccdf", &[("y", Positive), ("alpha", Positive), ("beta", Positive)], &[], cumulative::inv_gamma_lccdf),
    row("inv_chi_square_lcdf", &[("y", Positive), ("nu", Positive)], &[], cumulative::inv_chi_square_lcdf),
    row("inv_chi_square_lccdf", &[("y", Positive), ("nu", Positive)], &[], cumulative::inv_chi_square_lccdf),
    row("scaled_inv_chi_square_lcdf", &[("y", Positive), ("nu", Positive), ("s", Positive)], &[], cumulative::scaled_inv_chi_square_lcdf),
    row("scaled_inv_chi_square_lccdf", &[("y", Positive), ("nu", Positive), ("s", Positive)], &[], cumulative::scaled_inv_chi_square_lccdf),
    row("weibull_lcdf", &[("y", NonNegative), ("alpha", Positive), ("sigma", Positive)], &[], cumulative::weibull_lcdf),
    row("weibull_lccdf", &[("y", NonNegative), ("alpha", Positive), ("sigma", Positive)], &[], cumulative::weibull_lccdf),
    row("frechet_lcdf", &[("y", Positive), ("alpha", Positive), ("sigma", Positive)], &[], cumulative::frechet_lcdf),
    row("frechet_lccdf", &[("y", Positive), ("alpha", Positive), ("sigma", Positive)], &[], cumulative::frechet_lccdf),
    row("rayleigh_lcdf", &[("y", Positive), ("sigma", Positive)], &[], cumulative::rayleigh_lcdf),
    row("rayleigh_lccdf", &[("y", Positive), ("sigma", Positive)], &[], cumulative::rayleigh_lccdf),
    row("pareto_lcdf", &[("y", Positive), ("y_min", Positive), ("alpha", Positive)], &[AtMost(1, 0)], cumulative::pareto_lcdf),
    row("pareto_lccdf", &[("y", Positive), ("y_min", Positive), ("alpha", Positive)], &[], cumulative::pareto_lccdf),
    row("pareto_type_2_lcdf", &[("y", Real), ("mu", Real), ("lambda", Positive), ("alpha", Positive)], &[AtMost(1, 0)], cumulative::pareto_type_2_lcdf),
    row("pareto_type_2_lccdf", &[("y", Real), ("mu", Real), ("lambda", Positive), ("alpha", Positive)], &[AtMost(1, 0)], cumulative::pareto_type_2_lccdf),
    row("uniform_lcdf", &[("y", Real), ("alpha", Real), ("beta", Real)], &[Below(1, 2)], cumulative::uniform_lcdf),
    row("uniform_lccdf", &[("y", Real), ("alpha", Real), ("beta", Real)], &[Below(1, 2)], cumulative::uniform_lccdf),
    row("beta_lcdf", &[("theta", Unit), ("alpha", Positive), ("beta", Positive)], &[], cumulative::beta_lcdf),
    row("beta_lccdf", &[("theta", Unit), ("alpha", Positive), ("beta", Positive)], &[], cumulative::beta_lccdf),
    row("beta_proportion_lcdf", &[("theta", Unit), ("mu", Open), ("kappa", Positive)], &[], cumulative::beta_proportion_lcdf),
    row("beta_proportion_lccdf", &[("theta", Unit), ("mu", Open), ("kappa", Positive)], &[], cumulative::beta_proportion_lccdf),
    row("bernoulli_lcdf", &[("y", Binary), ("theta", Open)], &[], cumulative::bernoulli_lcdf),
    row("bernoulli_lccdf", &[("y", Binary), ("theta", Open)], &[], cumulative::bernoulli_lccdf),
    row("binomial_lcdf", &[("n", Count), ("N", Count), ("theta", Open)], &[AtMost(0, 1)], cumulative::binomial_lcdf),
    row("binomial_lccdf", &[("n", Count), ("N", Count), ("theta", Open)], &[AtMost(0, 1)], cumulative::binomial_lccdf),
    row("beta_binomial_lcdf", &[("n", Count), ("N", Count), ("alpha", Positive), ("beta", Positive)], &[AtMost(0, 1)], cumulative::beta_binomial_lcdf),
    row("beta_binomial_lccdf", &[("n", Count), ("N", Count), ("alpha", Positive), ("beta", Positive)], &[AtMost(0, 1)], cumulative::beta_binomial_lccdf),
    row("poisson_lcdf", &[("n", Count), ("lambda", Positive)], &[], cumulative::poisson_lcdf),
    row("poisson_lccdf", &[("n", Count), ("lambda", Positive)], &[], cumulative::poisson_lccdf),
    row("neg_binomial_lcdf", &[("n", Count), ("alpha", Positive), ("beta", Positive)], &[], cumulative::neg_binomial_lcdf),
    row("neg_binomial_lccdf", &[("n", Count), ("alpha", Positive), ("beta", Positive)], &[], cumulative::neg_binomial_lccdf),
    row("neg_binomial_2_lcdf", &[("n", Count), ("mu", Positive), ("phi", Positive)], &[], cumulative::neg_binomial_2_lcdf),
    row("neg_binomial_2_lccdf", &[("n", Count), ("mu", Positive), ("phi", Positive)], &[], cumulative::neg_binomial_2_lccdf),
    row("neg_binomial_2_log_lcdf", &[("n", Count), ("eta", Real), ("phi", Positive)], &[], cumulative::neg_binomial_2_log_lcdf),
    row("neg_binomial_2_log_lccdf", &[("n", Count), ("eta", Real), ("phi", Positive)], &[], cumulative::neg_binomial_2_log_lccdf),
    row("yule_simon_lcdf", &[("n", Category), ("alpha", Positive)], &[], cumulative::yule_simon_lcdf),
    row("yule_simon_lccdf", &[("n", Category), ("alpha", Positive)], &[], cumulative::yule_simon_lccdf),
    row("discrete_range_lcdf", &[("y", Integer), ("l", Integer), ("u", Integer)], &[AtMost(1, 0), AtMost(0, 2)], cumulative::discrete_range_lcdf),
    row("discrete_range_lccdf", &[("y", Integer), ("l", Integer), ("u", Integer)], &[AtMost(1, 0), AtMost(0, 2)], cumulative::discrete_range_lccdf),
];
