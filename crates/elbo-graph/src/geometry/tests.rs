//! The rewritten density is the original one, whatever the degrees, and a prior becomes normal.

use elbo_testkit::{assert_all_close, assert_close, gradient, jacobian_column};

use super::*;
use crate::model::{
    CompiledModel, Distribution, Model, bernoulli_logit, cauchy, double_exponential, exponential,
    gamma, half_cauchy, half_normal, logistic, lognormal, normal, student_t,
};

/// Every kind of group at once, a location that is defined after its parameter, a slice, and a chain.
fn everything() -> CompiledModel {
    let mut m = Model::new();
    let theta = m.vector("theta", 3);
    let mu = m.real("mu");
    let tau = m.positive("tau");
    let eta = m.vector("eta", 2);
    let share = m.between("share", 0.0, 2.0);
    let effects = m.vector("effects", 4);
    let weight = m.positive_vector("weight", 2);
    m.assume(&mu, student_t(4.0, 0.3, 2.0));
    m.assume(&tau, half_cauchy(0.5 + share.square()));
    m.assume(&theta, normal(&mu, &tau));
    m.assume(&eta, normal(0.0, 1.0));
    m.assume(&effects.at(&[3, 1]), cauchy(theta.row(1), &tau));
    m.assume(&effects.at(&[0]), double_exponential(0.0, 2.0));
    m.assume(&weight, lognormal(&mu, &share));
    let effect = &mu + &tau * &eta;
    m.observe(normal(&effect, 1.5), &[0.7, -0.4]);
    m.observe(normal(&theta, &[1.0, 0.5, 2.0]), &[1.0, 2.0, -1.0]);
    m.observe(bernoulli_logit(&effects), &[1.0, 0.0, 1.0, 1.0]);
    m.compile().unwrap()
}

fn value(program: &Program, x: &[f64]) -> f64 {
    let mut value = [0.0];
    program.log_densities(x, 1, &mut value);
    value[0]
}

/// By elimination with pivots.
fn log_abs_determinant(mut a: Vec<Vec<f64>>) -> f64 {
    let n = a.len();
    let mut sum = 0.0;
    for k in 0..n {
        let pivot = (k..n)
            .max_by(|i, j| a[*i][k].abs().total_cmp(&a[*j][k].abs()))
            .unwrap();
        a.swap(k, pivot);
        sum += a[k][k].abs().ln();
        let row = a[k].clone();
        for below in &mut a[k + 1..] {
            let factor = below[k] / row[k];
            for (b, r) in below.iter_mut().zip(&row) {
                *b -= factor * r;
            }
        }
    }
    sum
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| (1.7 * i as f64 + 0.4).sin()).collect()
}

#[test]
fn the_density_in_other_coordinates_is_the_original_one_with_its_jacobian() {
    let model = everything();
    let program = model.program();
    let geometry = program.geometry().unwrap();
    let d = program.dimension();
    assert_eq!(geometry.n_degrees(), 3 + 1 + 2 + 2 + 2);
    let extended = geometry.extended();
    for degrees in [
        vec![0.0; 10],
        vec![1.0; 10],
        (0..10).map(|k| -0.15 + 0.15 * f64::from(k)).collect(),
    ] {
        let coordinates = geometry.at(&degrees);
        let z = point(d);
        let (u, log_jacobian) = coordinates.original(&z, 1);
        let expected = value(program, &u) + log_jacobian[0];
        assert_close("density", value(coordinates.program(), &z), expected, 1e-12);
        // Differences of a map with curvatures near 1 are exact to about 1e-9.
        let jacobian: Vec<Vec<f64>> = (0..d)
            .map(|i| jacobian_column(|z| coordinates.original(z, 1).0, &z, i))
            .collect();
        let determinant = log_abs_determinant(jacobian);
        assert_close("log-Jacobian", log_jacobian[0], determinant, 1e-7);
        assert_all_close("inverse", &coordinates.changed(&u, 1), &z, 1e-10);

        let all: Vec<f64> = z.iter().chain(&degrees).copied().collect();
        assert_close("extended", value(&extended, &all), expected, 1e-12);
        let (mut total, mut slopes) = ([0.0], vec![0.0; all.len()]);
        extended.log_densities_and_gradients(&all, 1, None, &mut total, &mut slopes);
        let differences = gradient(|x| value(&extended, x), &all);
        assert_all_close("gradient", &slopes, &differences, 1e-6);
    }
}

#[test]
fn many_draws_are_changed_as_each_alone() {
    let model = everything();
    let geometry = model.program().geometry().unwrap();
    let coordinates = geometry.at(&[0.3; 10]);
    let d = model.dimension();
    let n = 19;
    let points: Vec<f64> = (0..d * n).map(|i| (0.9 * i as f64).cos()).collect();
    let (all, log_jacobian) = coordinates.original(&points, n);
    let back = coordinates.changed(&all, n);
    assert_all_close("round trip", &back, &points, 1e-9);
    for s in 0..n {
        let one: Vec<f64> = (0..d).map(|i| points[i * n + s]).collect();
        let (u, l) = coordinates.original(&one, 1);
        let column: Vec<f64> = (0..d).map(|i| all[i * n + s]).collect();
        assert_all_close("draw", &column, &u, 1e-14);
        assert_close("its Jacobian", log_jacobian[s], l[0], 1e-13);
    }
}

#[test]
fn a_non_centred_funnel_is_a_standard_normal() {
    let mut m = Model::new();
    let x = m.vector("x", 9);
    let v = m.real("v");
    m.assume(&v, normal(0.0, 3.0));
    m.assume(&x, normal(0.0, (&v * 0.5).exp()));
    let model = m.compile().unwrap();
    let coordinates = model.program().geometry().unwrap().at(&[0.0; 9]);
    let mut z = point(10);
    z[9] = -20.0;
    let normal =
        |x: f64, sd: f64| -0.5 * (x / sd).powi(2) - (sd * (2.0 * std::f64::consts::PI).sqrt()).ln();
    let expected: f64 = z[..9].iter().map(|z| normal(*z, 1.0)).sum::<f64>() + normal(z[9], 3.0);
    assert_close("density", value(coordinates.program(), &z), expected, 1e-12);
}

#[test]
fn a_parameter_written_in_non_centred_form_can_be_centred() {
    // θ = μ + τ η: at degree 1 the new coordinate is θ itself.
    let mut m = Model::new();
    let mu = m.real("mu");
    let tau = m.positive("tau");
    let eta = m.vector("eta", 2);
    m.assume(&mu, normal(0.0, 1.0));
    m.assume(&eta, normal(0.0, 1.0));
    m.observe(normal(&mu + &tau * &eta, 1.0), &[0.5, 2.0]);
    let model = m.compile().unwrap();
    let coordinates = model.program().geometry().unwrap().at(&[1.0, 1.0]);
    let u = [0.7, -0.4, 1.2, -0.8];
    let z = coordinates.changed(&u, 1);
    let theta = |eta: f64| 0.7 + (-0.4_f64).exp() * eta;
    assert_all_close("θ", &z, &[0.7, -0.4, theta(1.2), theta(-0.8)], 1e-14);
}

#[test]
fn standardised_priors_are_standard_normal_far_into_both_tails() {
    let real = |distribution: Distribution| {
        let mut m = Model::new();
        let x = m.real("x");
        m.assume(&x, distribution);
        m.compile().unwrap()
    };
    let positive = |distribution: Distribution| {
        let mut m = Model::new();
        let x = m.positive("x");
        m.assume(&x, distribution);
        m.compile().unwrap()
    };
    let mut models = vec![
        ("cauchy", real(cauchy(2.0, 3.0))),
        ("laplace", real(double_exponential(2.0, 3.0))),
        ("logistic", real(logistic(-1.0, 0.1))),
        ("half-cauchy", positive(half_cauchy(5.0))),
        ("half-normal", positive(half_normal(0.2))),
        ("exponential", positive(exponential(3.0))),
    ];
    let mut m = Model::new();
    m.between("x", 0.0, 1.0);
    models.push(("flat", m.compile().unwrap()));
    for (name, model) in models {
        let coordinates = model.program().geometry().unwrap().at(&[]);
        for z in [-25.0, -8.0, -4.01, -3.99, -1.0, 0.0, 0.3, 2.0, 5.0, 7.5_f64] {
            let expected = -0.5 * z * z - 0.5 * (2.0 * std::f64::consts::PI).ln();
            let found = value(coordinates.program(), &[z]);
            // Digits that x loses beside its bound are lost to its density as well.
            assert_close(name, found, expected, 1e-8);
            let (u, _) = coordinates.original(&[z], 1);
            let back = coordinates.changed(&u, 1);
            assert_close(name, back[0], z, 1e-8);
        }
    }
}

#[test]
fn what_depends_on_itself_or_is_known_is_left_as_it_is() {
    let mut m = Model::new();
    let walk = m.vector("walk", 4);
    let sd = m.positive("sd");
    m.assume(&sd, gamma(2.0, 1.0));
    m.assume(&walk.at(&[1, 2, 3]), normal(walk.at(&[0, 1, 2]), &sd));
    let fixed = m.real("fixed");
    m.assume(&fixed, normal(1.0, 2.0));
    assert!(m.compile().unwrap().program().geometry().is_none());

    // Each in terms of the other: one of them only can be replaced.
    let mut m = Model::new();
    let (a, b) = (m.real("a"), m.real("b"));
    m.assume(&a, normal(0.0, b.exp()));
    m.assume(&b, normal(&a, 1.0));
    let model = m.compile().unwrap();
    let account = model.program().geometry().unwrap().account(&[0.25]);
    assert_eq!(account.len(), 1);
    assert_eq!(
        account[0].to_string(),
        "coordinate 0 (normal): centred by 0.25"
    );
}

#[test]
fn rows_of_data_stay_a_plate() {
    let n = 200;
    let y: Vec<f64> = (0..n).map(|i| f64::from(i % 2)).collect();
    let group: Vec<usize> = (0..n).map(|i| usize::try_from(i).unwrap() % 7).collect();
    let mut m = Model::new();
    let sd = m.positive("sd");
    let effects = m.vector("effects", 7);
    m.assume(&sd, half_normal(1.0));
    m.assume(&effects, normal(0.0, &sd));
    m.observe(bernoulli_logit(effects.at(&group)), &y);
    let model = m.compile().unwrap();
    let geometry = model.program().geometry().unwrap();
    for program in [geometry.extended(), Program::new(&geometry.graph)] {
        assert_eq!(program.plates().last().unwrap().n_rows, 200);
    }
}
