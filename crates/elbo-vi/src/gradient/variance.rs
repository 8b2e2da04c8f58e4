//! The variances of `∇ E_{N(x | μ, σ²)}[(x − k)²]` against their closed forms.
//!
//! With `σ = 1`, `d = μ − k` and `h = (d + ε)²` the moments of a standard normal `ε` give, per draw:
//!
//! | estimator | `∂μ` (exact gradient `2d`) | `∂σ` (exact gradient 2) |
//! |---|---|---|
//! | pathwise | 4 | 4d² + 8 |
//! | score function | d⁴ + 14d² + 15 | 2d⁴ + 60d² + 74 |
//! | … with the mean of `h` subtracted | 8d² + 10 | 40d² + 56 |
//! | … with the optimal scalar (d² + 3, d² + 5) | 8d² + 6 | 40d² + 24 |
//! | measure-valued, uncoupled | (8 − 2π)d²/π + 4/π | 16d² + 8 |
//! | measure-valued, coupled | 8d² (2 − π/2 + C)/π | 4d² + 4 |
//!
//! where `C = Cov(W, W')` of a Weibull draw and its mirror image, −0.4082…. At `σ = 1` the
//! derivative in `log σ`, which is what families have, equals that in `σ`.

use elbo_math::parallel::map_chunks;
use elbo_math::quadrature::integrate;
use elbo_math::random::stream;

use super::*;
use crate::density::FromFn;
use crate::family::MeanField;

const SEED: u64 = 31;

/// `k` over the figure's range, with `μ = 1`.
const KS: [f64; 5] = [-3.0, -1.5, 0.0, 1.0, 2.5];

/// The variances of `n` times estimates that each use `n` draws, for `∂μ` and `∂σ`: what a single
/// draw is worth.
fn variances(
    mut estimator: impl GradientEstimator<MeanField>,
    k: f64,
    n: usize,
    repeats: usize,
) -> [f64; 2] {
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 2.0 * (x[0] - k);
        (x[0] - k).powi(2)
    });
    let target = Target::new(&density, 1).unwrap();
    let q = MeanField::new(vec![1.0], vec![1.0]).unwrap();
    let mut rng = stream(SEED, "variance", 0);
    let mut sums = [[0.0; 2]; 2];
    for _ in 0..repeats {
        let estimate = estimator
            .estimate(&q, &Expectation::of(&target), n, &mut rng)
            .unwrap();
        for (sums, (g, truth)) in sums
            .iter_mut()
            .zip(estimate.gradient.iter().zip([2.0 * (1.0 - k), 2.0]))
        {
            sums[0] += g - truth;
            sums[1] += (g - truth).powi(2);
        }
    }
    let r = repeats as f64;
    sums.map(|[first, second]| n as f64 * (second / r - (first / r).powi(2)))
}

/// `repeats` estimates of `n` draws each, per `k`: the sample variance then has a relative standard
/// error of `√((2 + κ/n)/repeats)`, with a kurtosis `κ` of the single draw of up to about 200.
fn assert_variances(
    what: &str,
    estimator: &(impl GradientEstimator<MeanField> + Clone + Sync),
    (n, repeats): (usize, usize),
    tolerance: f64,
    expected: impl Fn(f64) -> [f64; 2],
) {
    let found = map_chunks(KS.len(), 1, |k| {
        variances(estimator.clone(), KS[k.start], n, repeats)
    });
    for (k, found) in KS.iter().zip(found) {
        for (of, (f, e)) in ["∂μ", "∂σ"].iter().zip(found.iter().zip(expected(1.0 - k))) {
            assert!(
                (f - e).abs() <= tolerance * e + 1e-9,
                "{what} {of} at k = {k}: seed {SEED}, variance {f}, predicted {e}"
            );
        }
    }
}

/// Two percent, 2.5 standard errors or more.
const TOLERANCE: f64 = 0.02;

/// For estimators whose single draws are products of high degree.
const MANY: (usize, usize) = (100, 60_000);

/// For the others.
const FEWER: (usize, usize) = (20, 60_000);

#[test]
fn pathwise_variances_are_as_predicted() {
    assert_variances("pathwise", &Pathwise, FEWER, TOLERANCE, |d| {
        [4.0, 4.0 * d * d + 8.0]
    });
}

#[test]
fn score_function_variances_are_as_predicted() {
    let score = ScoreFunction::new(ControlVariate::None);
    assert_variances("score", &score, MANY, TOLERANCE, |d| {
        let d2 = d * d;
        [d2 * d2 + 14.0 * d2 + 15.0, 2.0 * d2 * d2 + 60.0 * d2 + 74.0]
    });
}

#[test]
fn control_variates_lower_the_score_function_s_variance_by_the_predicted_factor() {
    let optimal = ScoreFunction::new(ControlVariate::Optimal);
    // A scalar estimated from m draws adds E[(h − a)² s⁴]/(m E[s²]) to the variance; 10,000 repeats
    // leave a standard error of 1.4%.
    let m = 200.0;
    assert_variances("optimal", &optimal, (400, 10_000), 0.05, |d| {
        let d2 = d * d;
        [
            8.0 * d2 + 6.0 + (60.0 * d2 + 42.0) / m,
            40.0 * d2 + 24.0 + (2416.0 * d2 + 2648.0) / (2.0 * m),
        ]
    });
    let mean = |d: f64| [8.0 * d * d + 10.0, 40.0 * d * d + 56.0];
    let running = ScoreFunction::new(ControlVariate::RunningMean);
    assert_variances("running mean", &running, MANY, TOLERANCE, mean);
    // Leaving one out makes the sample covariance of h and the score, with variance
    // μ₂₂/n − c² (n − 2)/(n (n − 1)) + v w/(n (n − 1)).
    let n = 4.0;
    let leave_one_out = ScoreFunction::new(ControlVariate::LeaveOneOut);
    assert_variances(
        "leave one out",
        &leave_one_out,
        (4, 200_000),
        TOLERANCE,
        |d| {
            let gradients = [2.0 * d, 2.0];
            let of_score = [1.0, 2.0];
            let of_h = 4.0 * d * d + 2.0;
            let mut out = mean(d);
            for (v, (c, w)) in out.iter_mut().zip(gradients.iter().zip(of_score)) {
                let mu22 = *v + c * c;
                *v = mu22 - c * c * (n - 2.0) / (n - 1.0) + of_h * w / (n - 1.0);
            }
            out
        },
    );
}

/// `Cov(W(u), W(1 − u))` for the quantile `W(u) = √(−2 log(1 − u))`, by quadrature.
fn mirrored_covariance() -> f64 {
    let product = |u: f64| 2.0 * (u.ln() * (-u).ln_1p()).sqrt();
    let mean_product = integrate(product, 0.0, 1.0, 1e-9, 1e-9).unwrap().value;
    mean_product - std::f64::consts::FRAC_PI_2
}

#[test]
fn measure_valued_variances_are_as_predicted_and_coupling_lowers_them() {
    let pi = std::f64::consts::PI;
    let uncoupled = |d: f64| [(8.0 - 2.0 * pi) * d * d / pi + 4.0 / pi, 16.0 * d * d + 8.0];
    let covariance = mirrored_covariance();
    let coupled = |d: f64| {
        [
            8.0 * d * d * (2.0 - pi / 2.0 + covariance) / pi,
            4.0 * d * d + 4.0,
        ]
    };
    for k in KS {
        let d = 1.0 - k;
        for (c, u) in coupled(d).iter().zip(uncoupled(d)) {
            assert!(*c < u, "k = {k}: {c} against {u}");
        }
    }
    let estimator = |coupling| MeasureValued { coupling };
    assert_variances(
        "uncoupled",
        &estimator(Coupling::Uncoupled),
        FEWER,
        TOLERANCE,
        uncoupled,
    );
    assert_variances(
        "coupled",
        &estimator(Coupling::Coupled),
        FEWER,
        TOLERANCE,
        coupled,
    );
}
