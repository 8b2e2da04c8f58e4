//! Degrees against their closed form, and fits against the sampler in the user's coordinates.

use elbo_graph::Program;
use elbo_graph::model::{CompiledModel, Model, half_cauchy, normal};
use elbo_math::random::stream;
use elbo_testkit::{Estimate, assert_all_close, assert_close};

use super::*;
use crate::Approximation as _;
use crate::diagnostic::verdict::Grade;
use crate::family::MeanField;
use crate::sample::{SampleConfig, sample};
use crate::{FitConfig, fit};

const EFFECTS: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
const ERRORS: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];

/// Eight schools with all standard errors multiplied by `factor`.
fn schools(centred: bool, factor: f64) -> CompiledModel {
    let errors = ERRORS.map(|e| factor * e);
    let mut m = Model::new();
    let mu = m.real("mu");
    let tau = m.positive("tau");
    m.assume(&mu, normal(0.0, 5.0));
    m.assume(&tau, half_cauchy(5.0));
    let theta = if centred {
        let theta = m.vector("theta", 8);
        m.assume(&theta, normal(&mu, &tau));
        theta
    } else {
        let eta = m.latent_vector(8);
        m.assume(&eta, normal(0.0, 1.0));
        let theta = &mu + &tau * &eta;
        m.derive("theta", &theta);
        theta
    };
    m.observe(normal(&theta, &errors), &EFFECTS);
    m.compile().unwrap()
}

fn degrees(program: &Program, seed: u64) -> Vec<f64> {
    let geometry = LogDensity::geometry(program).unwrap();
    Learnt::new(geometry, program.dimension(), &Start::Random, seed)
        .unwrap()
        .degrees
}

#[test]
fn degrees_of_normal_effects_are_the_shares_of_their_data() {
    // θ_j ~ N(μ, τ²), y_j ~ N(θ_j, σ_j²): λ_j = σ_j⁻² / (σ_j⁻² + τ⁻²)
    // [@papaspiliopoulos2003noncentered], at which the posterior of (μ, z) is independent.
    let tau = 2.0_f64;
    let errors = [1.0, 2.0, 4.0];
    let mut m = Model::new();
    let theta = m.vector("theta", 3);
    let mu = m.real("mu");
    m.assume(&mu, normal(0.0, 10.0));
    m.assume(&theta, normal(&mu, tau));
    m.observe(normal(&theta, &errors), &[3.0, -1.0, 2.0]);
    let model = m.compile().unwrap();
    for (found, sigma) in degrees(model.program(), 1).into_iter().zip(errors) {
        let share = sigma.powi(-2) / (sigma.powi(-2) + tau.powi(-2));
        // Fixed draws are correlated by up to 2/√128 and shift the optimum by less than that.
        assert_close("degree", found, share, 0.18);
    }
}

#[test]
fn weak_data_ask_for_the_non_centred_form_and_strong_data_for_the_centred_one() {
    let weak = degrees(schools(true, 3.0).program(), 2);
    assert!(weak.iter().all(|l| *l < 0.15), "{weak:?}");
    let strong = degrees(schools(true, 0.02).program(), 2);
    assert!(strong.iter().all(|l| *l > 0.85), "{strong:?}");
    // The same from the other form.
    let strong = degrees(schools(false, 0.02).program(), 2);
    assert!(strong.iter().all(|l| *l > 0.85), "{strong:?}");
}

#[test]
fn a_funnel_is_told_in_the_users_coordinates() {
    let mut m = Model::new();
    let v = m.real("v");
    let x = m.vector("x", 9);
    m.assume(&v, normal(0.0, 3.0));
    m.assume(&x, normal(0.0, (&v * 0.5).exp()));
    let model = m.compile().unwrap();
    assert!(degrees(model.program(), 3).iter().all(|l| *l == 0.0));
    let fit = fit(model.program(), 10, &FitConfig::new(3)).unwrap();
    assert_eq!(fit.verdict.grade, Grade::Good, "{}", fit.verdict);
    let moments = &fit.verdict.moments[0];
    for (found, truth) in [(moments.mean, 0.0), (moments.sd, 3.0)] {
        Estimate {
            mean: found.mean,
            mcse: found.mcse,
        }
        .assert_agrees("v", 3, truth);
    }
    // x / e^(v/2) is standard normal: 90% of x² lie below 2.706 e^v; five binomial standard errors.
    let draws = fit.draws(4000, 1);
    let (v, x) = (draws.coordinate(0), draws.coordinate(4));
    let below = v.iter().zip(x).filter(|(v, x)| *x * *x < 2.7055 * v.exp());
    let share = below.count() as f64 / 4000.0;
    assert!((share - 0.9).abs() < 5.0 * 0.3 / 4000_f64.sqrt(), "{share}");
}

#[test]
fn centred_schools_are_good_and_agree_with_the_sampler() {
    let model = schools(true, 1.0);
    let fit = fit(model.program(), 10, &FitConfig::new(1)).unwrap();
    assert_eq!(fit.verdict.grade, Grade::Good, "{}", fit.verdict);
    let twin = schools(false, 1.0);
    let target = Target::new(twin.program(), 10).unwrap();
    let config = SampleConfig {
        n_draws: 2500,
        target_accept: 0.95,
        ..SampleConfig::default()
    };
    let reference = sample(&target, &config, 1).unwrap();
    assert!(reference.reliable());
    let n = reference.draws.n_draws();
    let reported = twin.constrain(reference.draws.as_slice(), n);
    for j in 0..8 {
        let theta = &reported[(2 + j) * n..(3 + j) * n];
        let mean = theta.iter().sum::<f64>() / n as f64;
        let squares: f64 = theta.iter().map(|v| (v - mean).powi(2)).sum();
        let sd = (squares / n as f64).sqrt();
        let found = &fit.verdict.moments[2 + j];
        // What a good answer promises, and five standard errors of 10,000 correlated draws.
        assert!((found.mean.mean - mean).abs() < 0.15 * sd, "mean of {j}");
        assert!((found.sd.mean / sd - 1.0).abs() < 0.15, "sd of {j}");
    }
}

#[test]
fn densities_of_draws_are_the_same_from_both_sides() {
    let model = schools(true, 1.0);
    let geometry = LogDensity::geometry(model.program()).unwrap();
    let degrees = vec![0.3; 8];
    let inner = MeanField::new(vec![0.2; 10], vec![0.8; 10]).unwrap();
    let q = Reparameterised::new(Box::new(inner), geometry.at(&degrees), degrees.clone());
    let (draws, log_q) = q.sample(37, &mut stream(4, "tests", 0));
    assert_all_close("log q", &q.log_density(&draws), &log_q, 1e-9);
    assert_eq!(q.arrays()["degrees"].to_f64(), degrees);

    // Ratios to the target are those in the other coordinates.
    let coordinates = geometry.at(&degrees);
    let z = coordinates.changed(&draws);
    let mut in_z = vec![0.0; 37];
    coordinates.log_densities(&z, &mut in_z).unwrap();
    let mut in_u = vec![0.0; 37];
    LogDensity::log_densities(model.program(), &draws, &mut in_u).unwrap();
    let (_, log_jacobian) = coordinates.original(&z);
    let sums: Vec<f64> = in_u.iter().zip(&log_jacobian).map(|(p, j)| p + j).collect();
    assert_all_close("log p", &in_z, &sums, 1e-9);
}

#[test]
fn rows_of_a_changed_program_are_those_of_the_program() {
    let n = 300;
    let y: Vec<f64> = (0..n).map(|i| f64::from(i % 5)).collect();
    let group: Vec<usize> = (0..n).map(|i| usize::try_from(i).unwrap() % 6).collect();
    let mut m = Model::new();
    let tau = m.positive("tau");
    let effects = m.vector("effects", 6);
    m.assume(&tau, half_cauchy(1.0));
    m.assume(&effects, normal(0.0, &tau));
    m.observe(normal(effects.at(&group), 1.0), &y);
    let model = m.compile().unwrap();
    let coordinates = LogDensity::geometry(model.program()).unwrap().at(&[0.4; 6]);
    let target = Target::new(&*coordinates, 7).unwrap();
    assert_eq!(target.n_rows(), Some(300));
    let point = Draws::from_vec(7, 1, vec![0.3; 7]);
    let (whole, _) = target.log_densities_and_gradients(&point).unwrap();
    let halves = [(0..150).collect::<Vec<_>>(), (150..300).collect()].map(|rows| {
        target
            .log_densities_and_gradients_of_rows(&point, &rows)
            .unwrap()
            .0[0]
    });
    assert_close(
        "halves",
        f64::midpoint(halves[0], halves[1]),
        whole[0],
        1e-12,
    );
}
