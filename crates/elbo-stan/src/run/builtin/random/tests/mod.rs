//! Draws against distribution functions computed by SciPy 1.17.1, moments against closed forms.

use elbo_math::linalg::Matrix;
use elbo_math::random::stream;
use elbo_testkit::{assert_counts_follow, assert_mean};

use super::*;
use crate::functions;
use crate::typed::Type;

mod multivariate_moments;

const SEED: u64 = 1;
const DRAWS: usize = 20_000;

/// A function of numbers: where draws fall among `points`, whose distribution function is `cdf`.
struct Row {
    name: &'static str,
    arguments: &'static [f64],
    /// The frozen distribution of `scipy.stats`.
    scipy: &'static str,
    points: &'static [f64],
    cdf: &'static [f64],
}

const fn row(
    name: &'static str,
    arguments: &'static [f64],
    scipy: &'static str,
    points: &'static [f64],
    cdf: &'static [f64],
) -> Row {
    Row {
        name,
        arguments,
        scipy,
        points,
        cdf,
    }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    row("bernoulli", &[0.3], "bernoulli(0.3)", &[0.0, 1.0], &[0.7, 1.0]),
    row("bernoulli_logit", &[-0.7], "bernoulli(1 / (1 + np.exp(0.7)))", &[0.0, 1.0], &[0.668187772, 1.0]),
    row("binomial", &[7.0, 0.4], "binom(7, 0.4)", &[1.0, 2.0, 3.0, 4.0], &[0.1586304, 0.419904, 0.710208, 0.903744]),
    row("binomial", &[500.0, 0.93], "binom(500, 0.93)", &[458.0, 462.0, 465.0, 468.0, 472.0], &[0.128526819, 0.32334151, 0.524936646, 0.724950903, 0.909241366]),
    row("beta_binomial", &[20.0, 1.5, 2.5], "betabinom(20, 1.5, 2.5)", &[2.0, 4.0, 7.0, 10.0, 14.0], &[0.16690135, 0.314197202, 0.535420656, 0.72719589, 0.907136661]),
    row("discrete_range", &[-3.0, 4.0], "randint(-3, 5)", &[-3.0, -1.0, 0.0, 2.0, 4.0], &[0.125, 0.375, 0.5, 0.75, 1.0]),
    row("hypergeometric", &[6.0, 9.0, 5.0], "hypergeom(14, 9, 6)", &[3.0, 4.0, 5.0], &[0.342657343, 0.762237762, 0.972027972]),
    row("hypergeometric", &[300.0, 900.0, 700.0], "hypergeom(1600, 900, 300)", &[159.0, 165.0, 169.0, 173.0, 179.0], &[0.116297186, 0.336897163, 0.537901945, 0.729788004, 0.91770619]),
    row("poisson", &[2.5], "poisson(2.5)", &[1.0, 2.0, 3.0, 5.0], &[0.287297495, 0.543813116, 0.757576133, 0.957978962]),
    row("poisson", &[1234.5], "poisson(1234.5)", &[1190.0, 1216.0, 1234.0, 1253.0, 1280.0], &[0.104725678, 0.305446193, 0.501892576, 0.706819843, 0.904211299]),
    row("poisson_log", &[1.2], "poisson(np.exp(1.2))", &[1.0, 2.0, 3.0, 4.0, 6.0], &[0.1561662, 0.355402424, 0.575898277, 0.75891628, 0.947692505]),
    row("neg_binomial", &[2.5, 0.4], "nbinom(2.5, 0.4 / 1.4)", &[1.0, 3.0, 5.0, 8.0, 13.0], &[0.121553218, 0.323307071, 0.52097012, 0.742161601, 0.921934618]),
    row("neg_binomial_2", &[8.0, 0.7], "nbinom(0.7, 0.7 / 8.7)", &[0.0, 2.0, 5.0, 9.0, 21.0], &[0.171358302, 0.367869079, 0.552357491, 0.705933421, 0.908147351]),
    row("neg_binomial_2_log", &[1.5, 3.0], "nbinom(3, 3 / (3 + np.exp(1.5)))", &[1.0, 2.0, 4.0, 6.0, 9.0], &[0.180329616, 0.319133041, 0.582225752, 0.770050098, 0.917593416]),
    row("beta_neg_binomial", &[3.5, 4.0, 2.0], "sum of gamma(n + 3.5) / n! / gamma(3.5) * beta(7.5, 2 + n) / beta(4, 2)", &[0.0, 1.0, 3.0, 6.0], &[0.31372549, 0.544891641, 0.788262216, 0.919007163]),
    row("yule_simon", &[1.7], "yulesimon(1.7)", &[1.0, 2.0, 4.0], &[0.62962963, 0.7997998, 0.910324658]),
    row("std_normal", &[], "norm()", &[-1.282, -0.5244, 0.0, 0.5244, 1.282], &[0.0999213231, 0.300000178, 0.5, 0.699999822, 0.900078677]),
    row("normal", &[1.5, 2.0], "norm(1.5, 2)", &[-1.063, 0.4512, 1.5, 2.549, 4.063], &[0.10000905, 0.300000178, 0.5, 0.70003459, 0.89999095]),
    row("exp_mod_normal", &[-1.0, 0.7, 1.3], "exponnorm(1 / (0.7 * 1.3), -1, 0.7)", &[-1.434, -0.8047, -0.3352, 0.1823, 1.086], &[0.100039402, 0.299997363, 0.500019948, 0.699985228, 0.900006014]),
    row("skew_normal", &[0.5, 1.5, -3.0], "skewnorm(-3, 0.5, 1.5)", &[-1.967, -1.055, -0.508, -0.04524, 0.5092], &[0.100038566, 0.299854713, 0.499996251, 0.699998226, 0.900012488]),
    row("student_t", &[3.0, -1.0, 2.0], "t(3, -1, 2)", &[-4.275, -2.169, -1.0, 0.1688, 2.275], &[0.100025038, 0.299967332, 0.5, 0.700003043, 0.899974962]),
    row("cauchy", &[1.0, 0.5], "cauchy(1, 0.5)", &[-0.5388, 0.6367, 1.0, 1.363, 2.539], &[0.100002539, 0.299988027, 0.5, 0.699886942, 0.900009618]),
    row("double_exponential", &[-2.0, 1.5], "laplace(-2, 1.5)", &[-4.414, -2.766, -2.0, -1.234, 0.4142], &[0.100010458, 0.300047691, 0.5, 0.699952309, 0.900002875]),
    row("logistic", &[0.5, 2.0], "logistic(0.5, 2)", &[-3.894, -1.195, 0.5, 2.195, 4.894], &[0.100020214, 0.299957552, 0.5, 0.700042448, 0.899979786]),
    row("gumbel", &[1.0, 0.6], "gumbel_r(1, 0.6)", &[0.4996, 0.8886, 1.22, 1.619, 2.35], &[0.100007471, 0.299985586, 0.500053283, 0.700183774, 0.899965163]),
    row("skew_double_exponential", &[0.4, 1.2, 0.3], "laplace_asymmetric(np.sqrt(0.3 / 0.7), 0.4, 0.6 / np.sqrt(0.21))", &[-0.5417, 0.4, 1.073, 2.095, 4.292], &[0.0999962289, 0.3, 0.500013881, 0.700060636, 0.900008985]),
    row("lognormal", &[0.3, 0.8], "lognorm(0.8, scale=np.exp(0.3))", &[0.4842, 0.8873, 1.35, 2.053, 3.763], &[0.099996494, 0.29997752, 0.500052158, 0.699905129, 0.899994572]),
    row("chi_square", &[3.5], "chi2(3.5)", &[0.8138, 1.804, 2.861, 4.276, 7.026], &[0.100003978, 0.300041992, 0.500069891, 0.700019333, 0.899984901]),
    row("inv_chi_square", &[2.5], "invgamma(1.25, scale=0.5)", &[0.1836, 0.3286, 0.5337, 0.9451, 2.626], &[0.10005847, 0.300015943, 0.50002891, 0.699987092, 0.899994625]),
    row("scaled_inv_chi_square", &[4.0, 1.5], "invgamma(2, scale=4.5)", &[1.157, 1.845, 2.681, 4.101, 8.462], &[0.100027934, 0.300040874, 0.499958897, 0.700020461, 0.900007009]),
    row("exponential", &[1.7], "expon(scale=1 / 1.7)", &[0.06198, 0.2098, 0.4077, 0.7082, 1.354], &[0.100004936, 0.299989539, 0.499971409, 0.699990159, 0.89992146]),
    row("gamma", &[0.3, 2.0], "gamma(0.3, scale=0.5)", &[0.0001619, 0.006363, 0.03657, 0.1283, 0.4424], &[0.100006983, 0.299995394, 0.500017182, 0.700023515, 0.89999838]),
    row("gamma", &[6.0, 1.5], "gamma(6, scale=1 / 1.5)", &[2.101, 3.011, 3.78, 4.67, 6.183], &[0.0999558742, 0.299890762, 0.49997286, 0.699929851, 0.899990674]),
    row("inv_gamma", &[2.5, 1.2], "invgamma(2.5, scale=1.2)", &[0.2598, 0.3958, 0.5515, 0.8, 1.49], &[0.0999440678, 0.300072911, 0.499957833, 0.699985836, 0.899947729]),
    row("weibull", &[1.7, 2.0], "weibull_min(1.7, scale=2)", &[0.5323, 1.091, 1.612, 2.231, 3.267], &[0.100008103, 0.30016013, 0.4999554, 0.700067863, 0.90004604]),
    row("frechet", &[2.2, 1.5], "invweibull(2.2, scale=1.5)", &[1.027, 1.379, 1.772, 2.397, 4.172], &[0.100143153, 0.300213997, 0.500035806, 0.700081343, 0.900007549]),
    row("rayleigh", &[1.3], "rayleigh(scale=1.3)", &[0.5968, 1.098, 1.531, 2.017, 2.79], &[0.100013765, 0.300008841, 0.500166175, 0.699898881, 0.900040299]),
    row("loglogistic", &[1.5, 2.5], "fisk(2.5, scale=1.5)", &[0.6229, 1.069, 1.5, 2.105, 3.612], &[0.100012474, 0.300093284, 0.5, 0.699963887, 0.899979005]),
    row("pareto", &[0.8, 2.1], "pareto(2.1, scale=0.8)", &[0.8412, 0.9481, 1.113, 1.419, 2.395], &[0.100087015, 0.300004473, 0.500139145, 0.699858574, 0.900012114]),
    row("pareto_type_2", &[-0.5, 1.5, 2.5], "lomax(2.5, -0.5, 1.5)", &[-0.4354, -0.27, -0.02074, 0.428, 1.768], &[0.100046992, 0.299976065, 0.499998821, 0.700010232, 0.900011302]),
    row("beta", &[0.6, 2.2], "beta(0.6, 2.2)", &[0.008931, 0.05784, 0.145, 0.2842, 0.5372], &[0.0999971213, 0.299999564, 0.5000231, 0.700037581, 0.899987788]),
    row("beta_proportion", &[0.3, 5.0], "beta(1.5, 3.5)", &[0.07526, 0.1736, 0.2718, 0.3885, 0.5685], &[0.10000538, 0.299914255, 0.499987038, 0.700042513, 0.900005272]),
    row("uniform", &[-1.0, 2.5], "uniform(-1, 3.5)", &[-0.65, 0.05, 0.75, 1.45, 2.15], &[0.1, 0.3, 0.5, 0.7, 0.9]),
    row("von_mises", &[1.0, 2.5], "vonmises(2.5, 1)", &[0.09332, 0.6426, 1.0, 1.357, 1.907], &[0.0999990793, 0.299992018, 0.5, 0.699806652, 0.900073175]),
    row("von_mises", &[1.0, 4e-06], "vonmises(4e-6, 1)", &[-1.513, -0.2566, 1.0, 2.257, 3.513], &[0.100043254, 0.300005293, 0.5, 0.700058369, 0.899956746]),
    row("von_mises", &[8.0, 2000000.0], "vonmises(2e6, 8 - 2 * np.pi)", &[1.7159085, 1.71644389, 1.71681469, 1.7171855, 1.71772089], &[0.1, 0.3, 0.5, 0.7, 0.9]),
    row("von_mises", &[-1.0, 0.5], "vonmises(0.5, -1 + 2 * np.pi)", &[3.155, 4.424, 5.283, 6.142, 7.412], &[0.100033275, 0.29993955, 0.499954278, 0.699983563, 0.900039016]),
];

fn call(name: &str, values: &[Value], types: &[&Type], random: &mut Stream) -> Outcome {
    let arguments = Arguments {
        values,
        types,
        limit: 1 << 20,
    };
    draw(&format!("{name}_rng"), &arguments, random).expect("the function is there")
}

fn scalar(name: &str, arguments: &[Value], random: &mut Stream) -> Outcome {
    let types = vec![&Type::Real; arguments.len()];
    call(name, arguments, &types, random)
}

fn numbers(x: &[f64]) -> Vec<Value> {
    x.iter().map(|&x| Value::real(x)).collect()
}

#[test]
fn draws_fall_where_the_distribution_function_says() {
    for row in TABLE {
        let mut random = stream(SEED, row.name, 0);
        let arguments = numbers(row.arguments);
        let mut counts = vec![0; row.points.len()];
        for _ in 0..DRAWS {
            let x = scalar(row.name, &arguments, &mut random).expect(row.name);
            let x = x.as_reals().expect(row.name).entries()[0];
            if let Some(cell) = row.points.iter().position(|point| x <= *point) {
                counts[cell] += 1;
            }
        }
        let below = std::iter::once(&0.0).chain(row.cdf);
        let probabilities: Vec<f64> = row.cdf.iter().zip(below).map(|(b, a)| b - a).collect();
        let what = format!("{} as {}", row.name, row.scipy);
        assert_counts_follow(&what, SEED, &counts, &probabilities, DRAWS);
    }
}

#[test]
fn every_generator_of_the_language_is_here_and_has_a_test() {
    let names = functions::names().filter_map(|name| name.strip_suffix("_rng"));
    for name in names {
        let univariate = scalars().any(|row| row.name == name);
        let multivariate = multivariate::ROWS.iter().any(|row| row.0 == name);
        assert!(univariate ^ multivariate, "{name}");
        let tested = TABLE.iter().any(|row| row.name == name);
        assert!(
            tested || multivariate_moments::NAMES.contains(&name),
            "{name}"
        );
    }
    for name in scalars()
        .map(|row| row.name)
        .chain(multivariate::ROWS.iter().map(|row| row.0))
    {
        assert!(functions::exists(&format!("{name}_rng")), "{name}");
    }
}

#[test]
fn a_number_goes_with_every_element_and_the_stream_decides() {
    let list = |x: &[f64]| Value::Reals(Tensor::list(x.to_vec()));
    let arguments = [list(&[0.0, 100.0, 200.0]), Value::real(1e-6)];
    let types = [&Type::Vector, &Type::Real];
    let draw = |index| {
        call(
            "normal",
            &arguments,
            &types,
            &mut stream(SEED, "list", index),
        )
    };
    let Ok(Value::Reals(draws)) = draw(0) else {
        panic!("reals");
    };
    assert_eq!(draws.shape(), [3]);
    for (draw, mean) in draws.entries().iter().zip([0.0, 100.0, 200.0]) {
        assert!((draw - mean).abs() < 1e-4, "{draw}"); // A hundred standard deviations.
    }
    assert_eq!(draw(0), draw(0));
    assert_ne!(draw(0), draw(1));
    let empty = call(
        "normal",
        &[list(&[]), Value::real(1.0)],
        &types,
        &mut stream(1, "", 0),
    );
    assert_eq!(empty, Ok(list(&[])));
}

#[test]
fn what_a_parameter_must_be_is_said_with_its_name_and_index() {
    let list = |x: &[f64]| Value::Reals(Tensor::list(x.to_vec()));
    let matrix = |n, x: &[f64]| Value::Reals(Tensor::new(vec![n, x.len() / n], x.to_vec()));
    let (real, vector, square) = (&Type::Real, &Type::Vector, &Type::Matrix);
    for (name, values, types, expected) in [
        (
            "normal",
            vec![Value::real(0.0), Value::real(-1.0)],
            vec![real, real],
            "sigma is -1, and must be positive and finite",
        ),
        (
            "normal",
            vec![Value::real(0.0), list(&[1.0, f64::NAN])],
            vec![real, vector],
            "sigma[2] is NaN, and must be positive and finite",
        ),
        (
            "normal",
            vec![list(&[1.0, 2.0, 3.0]), list(&[1.0, 2.0])],
            vec![vector, vector],
            "mu has 3 elements and sigma has 2",
        ),
        (
            "uniform",
            vec![Value::real(2.0), Value::real(1.0)],
            vec![real, real],
            "alpha is 2, and must be below beta, 1",
        ),
        (
            "poisson_log",
            vec![Value::real(40.0)],
            vec![real],
            "larger than an int",
        ),
        (
            "poisson_log",
            vec![Value::real(900.0)],
            vec![real],
            "larger than an int",
        ),
        (
            "hypergeometric",
            numbers(&[5.0, 1.0, 2.0]),
            vec![real; 3],
            "N is 5, more than a + b, 3",
        ),
        (
            "categorical",
            vec![list(&[0.5, 0.4])],
            vec![vector],
            "theta sums to 0.9",
        ),
        (
            "categorical_logit",
            vec![list(&[])],
            vec![vector],
            "beta has no elements",
        ),
        (
            "ordered_logistic",
            vec![Value::real(0.0), list(&[1.0, 1.0])],
            vec![real, vector],
            "c is not ascending: c[1] is 1",
        ),
        (
            "multi_normal",
            vec![list(&[0.0, 0.0]), matrix(2, &[1.0, 2.0, 2.0, 1.0])],
            vec![vector, square],
            "Sigma is not positive definite",
        ),
        (
            "multi_normal",
            vec![list(&[0.0, 0.0, 0.0]), matrix(2, &[1.0, 0.0, 0.0, 1.0])],
            vec![vector, square],
            "mu has 3 elements, and the matrix is 2 × 2",
        ),
        (
            "wishart",
            vec![Value::real(1.0), matrix(2, &[1.0, 0.0, 0.0, 1.0])],
            vec![real, square],
            "nu is 1, and must be greater than 1",
        ),
        (
            "lkj_corr",
            vec![Value::int(100_000), Value::real(1.0)],
            vec![&Type::Int, real],
            "more than 1048576 bytes",
        ),
    ] {
        let message = call(name, &values, &types, &mut stream(SEED, "refusals", 0));
        let message = message.expect_err(name);
        assert!(message.contains(expected), "{name}: {message}");
    }
}
