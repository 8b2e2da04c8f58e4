//! The variance of every gradient estimator: on `E_{N(x | μ, 1)}[(x − k)²]` as `k` runs over [−3, 3]
//! with μ = 1, and on the ELBO of Bayesian logistic regression (569 × 31).
//!
//! `cargo run --release -p elbo-vi --example gradient_variance`

#![expect(clippy::print_stdout, reason = "an example prints its tables")]

mod model;

use elbo_math::random::stream;
use elbo_vi::density::FromFn;
use elbo_vi::family::MeanField;
use elbo_vi::gradient::{
    ControlVariate, Coupling, Expectation, GradientEstimator, MeasureValued, Pathwise,
    ScoreFunction, StickingTheLanding,
};
use elbo_vi::{Target, ViError};

/// Estimators by name. A draw of the measure-valued ones costs four values of the function per
/// coordinate, of the others one value or gradient.
fn estimators() -> Vec<(&'static str, Box<dyn GradientEstimator<MeanField>>)> {
    let score = |control| Box::new(ScoreFunction::new(control));
    let measure = |coupling| Box::new(MeasureValued { coupling });
    vec![
        ("pathwise", Box::new(Pathwise)),
        ("sticking the landing", Box::new(StickingTheLanding)),
        ("score", score(ControlVariate::None)),
        ("score, running mean", score(ControlVariate::RunningMean)),
        ("score, leave one out", score(ControlVariate::LeaveOneOut)),
        ("score, optimal scalar", score(ControlVariate::Optimal)),
        ("measure, uncoupled", measure(Coupling::Uncoupled)),
        ("measure, coupled", measure(Coupling::Coupled)),
    ]
}

/// What a single draw is worth: `n` times the variance of estimates from `n` draws, summed over the
/// means' and over the log scales' parameters.
fn variances(
    estimator: &mut dyn GradientEstimator<MeanField>,
    q: &MeanField,
    expectation: &Expectation<'_>,
    (n, repeats): (usize, usize),
) -> Result<[f64; 2], ViError> {
    let mut rng = stream(1, "example/gradient_variance", 0);
    let p = 2 * q.scales().len();
    let (mut sums, mut squares) = (vec![0.0; p], vec![0.0; p]);
    for _ in 0..repeats {
        let estimate = estimator.estimate(q, expectation, n, &mut rng)?;
        for (i, g) in estimate.gradient.iter().enumerate() {
            sums[i] += g;
            squares[i] += g * g;
        }
    }
    let r = repeats as f64;
    let variance = |i: usize| n as f64 * (squares[i] / r - (sums[i] / r).powi(2));
    Ok([
        (0..p / 2).map(variance).sum(),
        (p / 2..p).map(variance).sum(),
    ])
}

fn main() -> Result<(), ViError> {
    let ks = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0];
    for (part, name) in ["∂μ", "∂σ"].iter().enumerate() {
        println!("variance per draw of {name} of E(x − k)², μ = σ = 1");
        println!("{:24}{}", "k", ks.map(|k| format!("{k:>10}")).concat());
        for (row, (what, _)) in estimators().into_iter().enumerate() {
            print!("{what:24}");
            for k in ks {
                // A fresh one, because the running mean remembers.
                let mut estimator = estimators().swap_remove(row).1;
                let density = FromFn(|x: &[f64], g: &mut [f64]| {
                    g[0] = 2.0 * (x[0] - k);
                    (x[0] - k).powi(2)
                });
                let target = Target::new(&density, 1)?;
                let q = MeanField::new(vec![1.0], vec![1.0])?;
                let expectation = Expectation::of(&target);
                let found = variances(estimator.as_mut(), &q, &expectation, (50, 5_000))?;
                print!("{:>10.2}", found[part]);
            }
            println!();
        }
        println!();
    }
    let model = model::BreastCancer::load();
    let d = model.dimension();
    let density = FromFn(|w: &[f64], g: &mut [f64]| model.log_density(w, g));
    let target = Target::new(&density, d)?;
    let elbo = Expectation::elbo(&target);
    println!(
        "variance per draw of the ELBO's gradient, logistic regression, summed over parameters"
    );
    println!(
        "{:24}{:>12}{:>12}{:>12}",
        "q = N(0, s²)", "", "means", "log scales"
    );
    for s in [0.1, 0.3] {
        let q = MeanField::new(vec![0.0; d], vec![s; d])?;
        for (what, mut estimator) in estimators() {
            let found = variances(estimator.as_mut(), &q, &elbo, (10, 100))?;
            println!(
                "{what:24}{:>12}{:>12.3e}{:>12.3e}",
                format!("s = {s}"),
                found[0],
                found[1]
            );
        }
    }
    Ok(())
}
