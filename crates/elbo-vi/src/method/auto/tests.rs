//! `auto` on posteriors that are easy and hard, against closed forms and long NUTS runs.

use elbo_math::log_space::{inv_logit, log1p_exp};
use elbo_math::random::{fill_standard_normal, stream, uniform};
use elbo_math::special::{digamma, trigamma};

use super::{AnyMethod, Climb, FullRank, Start};
use crate::density::FromFn;
use crate::diagnostic::verdict::{Grade, VerdictConfig};
use crate::driver::{DriverConfig, silent};
use crate::sample::{SampleConfig, sample};
use crate::testing::{BANANA, FUNNEL, Gaussian, TWO_MODES};
use crate::{Fit, FitConfig, LogDensity, Target, fit};

/// Enough for the Gaussian rungs.
const AMPLE: u64 = 1_000_000;
/// So little that no rung gets far: honesty must not depend on the budget.
const SMALL: u64 = 30_000;

/// Means and standard deviations of a long NUTS run.
fn reference(density: &dyn LogDensity, dimension: usize) -> (Vec<f64>, Vec<f64>) {
    let target = Target::new(density, dimension).unwrap();
    let config = SampleConfig {
        n_draws: 4000,
        target_accept: 0.9,
        ..SampleConfig::default()
    };
    let sample = sample(&target, &config, 77).unwrap();
    assert!(sample.largest_rhat() < 1.02, "{}", sample.largest_rhat());
    let summaries = sample.summaries.iter();
    summaries.map(|s| (s.mean, s.sd)).unzip()
}

/// The worst error of a mean in standard deviations, and of a standard deviation relatively.
fn errors(fit: &Fit, mean: &[f64], sd: &[f64]) -> (f64, f64) {
    let worst = |errors: Vec<f64>| errors.into_iter().fold(0.0, f64::max);
    let means = fit.means();
    let sds = fit.standard_deviations();
    (
        worst(
            (0..mean.len())
                .map(|i| (means[i] - mean[i]).abs() / sd[i])
                .collect(),
        ),
        worst(
            (0..mean.len())
                .map(|i| (sds[i] / sd[i] - 1.0).abs())
                .collect(),
        ),
    )
}

/// Fits, and asserts that nothing misleading is called good; answers the grade.
fn honest(name: &str, density: &dyn LogDensity, mean: &[f64], sd: &[f64], budget: u64) -> Grade {
    let mut config = FitConfig::new(3);
    config.driver.max_gradient_evaluations = budget;
    let fit = fit(density, mean.len(), &config).unwrap();
    let (of_mean, of_sd) = errors(&fit, mean, sd);
    if fit.verdict.grade == Grade::Good {
        assert!(
            of_mean < 0.3 && of_sd < 0.4,
            "{name}: mean off by {of_mean:.2} sd, sd by {of_sd:.2}; {}",
            fit.verdict
        );
    }
    fit.verdict.grade
}

const SCHOOLS: [(f64, f64); 8] = [
    (28.0, 15.0),
    (8.0, 10.0),
    (-3.0, 16.0),
    (7.0, 11.0),
    (-1.0, 9.0),
    (1.0, 11.0),
    (18.0, 10.0),
    (12.0, 18.0),
];

/// Eight schools: μ ~ N(0, 5²), τ ~ half-Cauchy(5) as log τ, and θ or (θ − μ)/τ.
fn eight_schools(centered: bool) -> impl LogDensity {
    FromFn(move |x: &[f64], g: &mut [f64]| {
        let (mu, log_tau) = (x[0], x[1]);
        let tau = log_tau.exp();
        let ratio = tau * tau / 25.0;
        let mut value = -mu * mu / 50.0 - ratio.ln_1p() + log_tau;
        g.fill(0.0);
        g[0] = -mu / 25.0;
        g[1] = 1.0 - 2.0 * ratio / (1.0 + ratio);
        for (j, (y, sigma)) in SCHOOLS.into_iter().enumerate() {
            let v = x[2 + j];
            let theta = if centered { v } else { mu + tau * v };
            let residual = (y - theta) / (sigma * sigma);
            value -= 0.5 * (y - theta) * residual;
            if centered {
                let z = (v - mu) / tau;
                value -= 0.5 * z * z + log_tau;
                g[2 + j] = residual - z / tau;
                g[0] += z / tau;
                g[1] += z * z - 1.0;
            } else {
                value -= 0.5 * v * v;
                g[2 + j] = residual * tau - v;
                g[0] += residual;
                g[1] += residual * tau * v;
            }
        }
        value
    })
}

/// Logistic regression, 200 rows, five coefficients with N(0, 2.5²) priors.
fn logistic() -> impl LogDensity {
    let mut rng = stream(8, "auto/test", 0);
    let rows: Vec<([f64; 5], bool)> = (0..200)
        .map(|_| {
            let mut x = [1.0; 5];
            fill_standard_normal(&mut rng, &mut x[1..]);
            let eta = 0.5 + x[1] - 0.7 * x[2] + 2.0 * x[4];
            (x, uniform(&mut rng) < inv_logit(eta))
        })
        .collect();
    FromFn(move |b: &[f64], g: &mut [f64]| {
        let mut value = 0.0;
        for (g, b) in g.iter_mut().zip(b) {
            *g = -b / 6.25;
            value -= b * b / 12.5;
        }
        for (x, y) in &rows {
            let eta: f64 = x.iter().zip(b).map(|(x, b)| x * b).sum();
            value += if *y { eta } else { 0.0 } - log1p_exp(eta);
            let residual = f64::from(*y) - inv_logit(eta);
            for (g, x) in g.iter_mut().zip(x) {
                *g += residual * x;
            }
        }
        value
    })
}

#[test]
fn posteriors_near_a_gaussian_are_good_and_right() {
    let gaussian = Gaussian::new(20, 1e3, 3);
    let sds: Vec<f64> = gaussian
        .covariance
        .diagonal()
        .iter()
        .map(|v| v.sqrt())
        .collect();
    let mean = gaussian.mean.clone();
    let grade = honest("gaussian", &gaussian, &mean, &sds, AMPLE);
    assert_eq!(grade, Grade::Good);
    let regression = logistic();
    let (mean, sd) = reference(&regression, 5);
    assert_eq!(
        honest("logistic", &regression, &mean, &sd, AMPLE),
        Grade::Good
    );
}

#[test]
fn difficult_posteriors_are_never_called_good_wrongly() {
    honest("banana", &BANANA, &[0.0; 2], &[1.0, 0.75_f64.sqrt()], SMALL);
    let sds = [vec![3.0], vec![4.5_f64.exp().sqrt(); 9]].concat();
    honest("funnel", &FUNNEL, &[0.0; 10], &sds, SMALL);
    let sds = [7.75_f64.sqrt(), 1.0];
    honest("two modes", &TWO_MODES, &[-1.5, 0.0], &sds, SMALL);
    let student = FromFn(|x: &[f64], g: &mut [f64]| {
        for (g, v) in g.iter_mut().zip(x) {
            *g = -6.0 * v / (5.0 + v * v);
        }
        x.iter().map(|v| -3.0 * (v * v / 5.0).ln_1p()).sum()
    });
    honest(
        "student",
        &student,
        &[0.0; 5],
        &[(5.0_f64 / 3.0).sqrt(); 5],
        SMALL,
    );
    let cauchy = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = -2.0 * x[0] / (1.0 + x[0] * x[0]);
        -(x[0] * x[0]).ln_1p()
    });
    let mut config = FitConfig::new(3);
    config.driver.max_gradient_evaluations = SMALL;
    // A Cauchy variable has neither; any number may stand for them, and none is good.
    let found = fit(&cauchy, 1, &config).unwrap();
    assert_ne!(found.verdict.grade, Grade::Good, "{}", found.verdict);
    let schools = eight_schools(false);
    let (mean, sd) = reference(&schools, 10);
    honest("eight schools", &schools, &mean, &sd, SMALL);
    let (mean, sd) = carried_over();
    honest(
        "eight schools, centred",
        &eight_schools(true),
        &mean,
        &sd,
        SMALL,
    );
}

#[test]
fn what_no_gaussian_is_near_enough_to_is_reached_by_annealing() {
    // Logarithms of Gamma variables of shape 2, independent: too many for weights, and for a flow.
    let d = 150;
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        let mut value = 0.0;
        for (g, x) in g.iter_mut().zip(x) {
            value += 2.0 * x - x.exp();
            *g = 2.0 - x.exp();
        }
        value
    });
    let found = fit(&density, d, &FitConfig::new(3)).unwrap();
    assert_eq!(found.method, "annealed", "{}", found.verdict);
    assert_eq!(found.verdict.grade, Grade::Good, "{}", found.verdict);
    let (mean, sd) = (digamma(2.0), trigamma(2.0).sqrt());
    let (of_mean, of_sd) = errors(&found, &vec![mean; d], &vec![sd; d]);
    // The worst of 150 of a thousand independent draws: 3.5 standard errors, which are 0.032 and, with
    // a kurtosis of 4.2, 0.028.
    assert!(of_mean < 0.11 && of_sd < 0.12, "{of_mean} {of_sd}");
}

/// Moments of (μ, log τ, θ) from NUTS on the non-centred parameters, on which it mixes.
fn carried_over() -> (Vec<f64>, Vec<f64>) {
    let schools = eight_schools(false);
    let target = Target::new(&schools, 10).unwrap();
    let config = SampleConfig {
        n_draws: 4000,
        target_accept: 0.9,
        ..SampleConfig::default()
    };
    let mut draws = sample(&target, &config, 77).unwrap().draws;
    for s in 0..draws.n_draws() {
        let mut x = draws.draw(s);
        for j in 2..10 {
            x[j] = x[0] + x[1].exp() * x[j];
        }
        draws.set_draw(s, &x);
    }
    (0..10)
        .map(|i| {
            let v = draws.coordinate(i);
            let mean = v.iter().sum::<f64>() / v.len() as f64;
            let squares: f64 = v.iter().map(|x| (x - mean).powi(2)).sum();
            (mean, (squares / v.len() as f64).sqrt())
        })
        .unzip()
}

/// `¾ N((m, 0), I) + ¼ N((m + 6, 0), I)`.
fn far_modes(m: f64) -> impl LogDensity {
    FromFn(move |x: &[f64], g: &mut [f64]| {
        let half = |m: f64| -0.5 * ((x[0] - m).powi(2) + x[1] * x[1]);
        let (a, b) = (0.75_f64.ln() + half(m), 0.25_f64.ln() + half(m + 6.0));
        let total = elbo_math::log_space::log_add_exp(a, b);
        let near = (a - total).exp();
        g[0] = -near * (x[0] - m) - (1.0 - near) * (x[0] - m - 6.0);
        g[1] = -x[1];
        total
    })
}

#[test]
fn a_mode_that_only_the_probes_found_ends_in_a_good_mixture_with_both_weights() {
    let density = far_modes(100.0);
    let target = Target::new(&density, 2).unwrap();
    let (start, config) = (Start::Point(vec![100.0, 0.0]), DriverConfig::default());
    let verdict = VerdictConfig::default();
    let mut observer = silent;
    let mut climb = Climb::new(&target, &start, 3, &config, verdict, &mut observer);
    climb
        .run(&AnyMethod::FullRank(FullRank::default()))
        .unwrap();
    climb.mix().unwrap();
    let (mut rungs, best) = climb.end().unwrap();
    let rung = rungs.swap_remove(best);
    assert_eq!(rung.method, "mixture", "{}", rung.judged.verdict);
    assert_eq!(rung.grade(), Grade::Good, "{}", rung.judged.verdict);
    let weighted = &rung.judged.weighted;
    let smoothed = weighted.smoothed.as_ref().unwrap();
    let near: Vec<f64> = weighted
        .draws
        .coordinate(0)
        .iter()
        .map(|x| f64::from(u8::from(*x < 103.0)))
        .collect();
    // Three standard deviations lie between a mode and the cut, 0.135% of its draws beyond.
    let share = smoothed.expectation(&near);
    assert!((share.mean - 0.74933).abs() < 5.0 * share.mcse, "{share:?}");
    let moments = &rung.judged.verdict.moments[0];
    assert!((moments.mean.mean - 101.5).abs() < 5.0 * moments.mean.mcse);
    assert!((moments.sd.mean - 7.75_f64.sqrt()).abs() < 5.0 * moments.sd.mcse);
}

#[test]
fn one_mode_does_not_pay_for_mixtures() {
    for d in [2, 8] {
        let fit = fit(&Gaussian::new(d, 10.0, 1), d, &FitConfig::new(3)).unwrap();
        assert!(fit.tried.iter().all(|(method, _, _)| *method != "mixture"));
    }
    // Skewed, in more dimensions than a few Gaussians could cover.
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        for (g, x) in g.iter_mut().zip(x) {
            *g = 2.0 - x.exp();
        }
        x.iter().map(|x| 2.0 * x - x.exp()).sum()
    });
    let fit = fit(&density, 12, &FitConfig::new(3)).unwrap();
    assert!(fit.tried.iter().all(|(method, _, _)| *method != "mixture"));
}

#[test]
fn a_banana_is_covered_by_a_mixture_before_anything_dear_is_tried() {
    let fit = fit(&BANANA, 2, &FitConfig::new(3)).unwrap();
    let (of_mean, of_sd) = errors(&fit, &[0.0; 2], &[1.0, 0.75_f64.sqrt()]);
    assert!(of_mean < 0.1 && of_sd < 0.1, "{of_mean} {of_sd}");
    let mixture = fit.tried.iter().find(|(method, _, _)| *method == "mixture");
    let (_, verdict, gradients) = mixture.expect("it is tried");
    // The best Gaussian's is 0.7.
    assert!(verdict.khat < 0.6, "{}", verdict.khat);
    assert!(*gradients < 30_000, "{gradients}");
}
