//! Gaussian targets, whose answers are known, and targets that are not Gaussian at all.

use elbo_math::linalg::Matrix;
use elbo_math::parallel::with_threads;
use elbo_math::random::{standard_normal, stream, uniform};

use super::GaussianConfig;
use crate::density::FromFn;
use crate::driver::{DriverConfig, Fitted, Stopped, fit, resume, run, silent};
use crate::method::{FullRank, MeanField, Method, Start};
use crate::testing::{self, Gaussian};
use crate::{DensityError, Draws, LogDensity, Subsampled, Target, ViError};

fn fitted<M: Method>(method: &M, density: &dyn LogDensity, dimension: usize) -> Fitted {
    let target = Target::new(density, dimension).unwrap();
    let config = DriverConfig {
        max_iters: 2000,
        ..DriverConfig::default()
    };
    fit(method, &target, &Start::Random, 1, &config, &mut silent).unwrap()
}

#[test]
fn mean_field_finds_exact_means_and_reciprocal_precisions() {
    for (d, condition) in [(2, 1e4), (20, 1e2), (57, 1e4), (200, 1e4)] {
        let gaussian = Gaussian::new(d, condition, 3);
        let found = fitted(&MeanField::default(), &gaussian, d);
        assert_eq!(found.outcome.stopped, Stopped::Converged);
        let means = found.approximation.mean().unwrap();
        let scales = found.approximation.standard_deviations().unwrap();
        let (mut worst, mut cost) = (0.0_f64, 0.0);
        for i in 0..d {
            let exact = gaussian.precision[(i, i)].sqrt().recip();
            let away = (means[i] - gaussian.mean[i]) / exact;
            let ratio = scales[i] / exact;
            worst = worst.max(away.abs()).max(ratio.ln().abs());
            cost += 0.5 * (ratio * ratio - 1.0) - ratio.ln();
        }
        // Nats above the family's best. The tolerance is on the average's estimated noise, the larger
        // of 0.01 and 1e-3 D; five times it covers that estimate's own error.
        let tolerance = f64::max(0.01, 1e-3 * d as f64);
        assert!(cost < 5.0 * tolerance, "D = {d}: {cost} nats");
        assert!(worst < 0.1, "D = {d}: off by {worst} sds");
    }
}

#[test]
fn a_loose_tolerance_ends_a_fit_as_soon_as_averages_show_that_it_is_met() {
    let method = MeanField {
        config: GaussianConfig {
            tolerance: Some(0.5),
            ..GaussianConfig::default()
        },
    };
    for (d, condition) in [(2, 1.0), (20, 1e2), (57, 1e4), (200, 1e2)] {
        let gaussian = Gaussian::new(d, condition, 3);
        let found = fitted(&method, &gaussian, d);
        assert_eq!(found.outcome.stopped, Stopped::Converged);
        // The family's best has the exact mean and the precision's diagonal; nats above it, of which
        // those of the mean are magnified by how much coordinates depend on each other.
        let means = found.approximation.mean().unwrap();
        let scales = found.approximation.standard_deviations().unwrap();
        let away: Vec<f64> = means
            .iter()
            .zip(&gaussian.mean)
            .map(|(m, t)| m - t)
            .collect();
        let mut left = 0.5 * elbo_math::linalg::dot(&away, &gaussian.precision.matvec(&away));
        for i in 0..d {
            let ratio = scales[i] * gaussian.precision[(i, i)].sqrt();
            left += 0.5 * (ratio * ratio - 1.0) - ratio.ln();
        }
        assert!(left < 0.5, "D = {d}: {left} nats left");
    }
    let density = Logistic::new(103, 5);
    let (loose, exact) = (
        fitted(&method, &density, 5),
        fitted(&MeanField::default(), &density, 5),
    );
    assert_eq!(loose.outcome.stopped, Stopped::Converged);
    // Two quiet steps and a few to get there, where iterates that are averaged take thirty at least.
    assert!(loose.outcome.iterations() < 15);
    let target = Target::new(&density, 5).unwrap();
    let lost = elbo_on_all(&exact, &target) - elbo_on_all(&loose, &target);
    // The same noise judges both; its own error in the difference is a few hundredths.
    assert!(lost < 0.5, "{lost}");
}

#[test]
fn full_rank_finds_a_gaussian_without_noise() {
    for (d, condition) in [(1, 1.0), (2, 1e4), (20, 1e2), (57, 1e4), (200, 1e4)] {
        let gaussian = Gaussian::new(d, condition, 3);
        let found = fitted(&FullRank::default(), &gaussian, d);
        assert_eq!(found.outcome.stopped, Stopped::Converged);
        // A factor's arrays are those of the family.
        let arrays = found.approximation.arrays();
        let lower = Matrix::from_vec(d, d, arrays["cholesky"].to_f64());
        let covariance = elbo_math::linalg::matmul_nt(&lower, &lower);
        let left = gaussian.divergence_from(&arrays["mean"].to_f64(), &covariance);
        // The fit ends where a full step promises 1e-3 of the tolerance.
        let most = 1e-3 * f64::max(0.01, 1e-3 * d as f64);
        assert!(left < most, "D = {d}: {left:e} nats left");
        // A normalised target in the family: the ELBO is the log evidence, 0, in every draw.
        let elbo = found.outcome.elbo().unwrap();
        assert!(elbo.0.abs() < 0.02 && elbo.1 < 0.02, "{elbo:?}");
    }
}

#[test]
fn targets_that_are_not_gaussian_give_finite_fits_and_no_panic() {
    let targets: [(&str, &dyn LogDensity, usize); 4] = [
        ("banana", &testing::BANANA, 2),
        ("funnel", &testing::FUNNEL, 2),
        ("funnel in ten dimensions", &testing::FUNNEL, 10),
        ("two modes", &testing::TWO_MODES, 2),
    ];
    for (name, density, d) in targets {
        for found in [
            fitted(&MeanField::default(), density, d),
            fitted(&FullRank::default(), density, d),
        ] {
            assert_eq!(found.failure, None, "{name}");
            let means = found.approximation.mean().unwrap();
            let scales = found.approximation.standard_deviations().unwrap();
            assert!(means.iter().chain(&scales).all(|v| v.is_finite()), "{name}");
            let (elbo, error) = found.outcome.elbo().unwrap();
            // All are normalised, so no ELBO is above 0; a start drawn blindly is tens below.
            assert!(
                elbo < 5.0 * error && elbo > -10.0,
                "{name}: {elbo} ± {error}"
            );
        }
    }
}

#[test]
fn one_of_two_modes_is_found_with_its_weight() {
    let found = fitted(&FullRank::default(), &testing::TWO_MODES, 2);
    let mean = found.approximation.mean().unwrap();
    let weight: f64 = if mean[0] < 0.0 { 0.75 } else { 0.25 };
    // q is one unit normal, so KL(q ‖ p) = −log weight, less what the other mode six sds away adds.
    let (elbo, error) = found.outcome.elbo().unwrap();
    assert!((elbo - weight.ln()).abs() < 5.0 * error + 0.02, "{elbo}");
    assert!((mean[0].abs() - 3.0).abs() < 0.1, "{mean:?}");
}

/// Logistic regression with a standard normal prior, a sum over rows.
struct Logistic {
    x: Matrix,
    y: Vec<f64>,
}

impl Logistic {
    fn new(n: usize, d: usize) -> Self {
        let mut rng = stream(7, "tests/logistic", 0);
        let x = Matrix::from_fn(n, d, |_, _| standard_normal(&mut rng));
        let y = (0..n)
            .map(|i| {
                let eta = x.row(i).iter().sum::<f64>() * 0.5 - 0.3;
                f64::from(u8::from(uniform(&mut rng) < 1.0 / (1.0 + (-eta).exp())))
            })
            .collect();
        Self { x, y }
    }

    fn add_row(&self, i: usize, scale: f64, theta: &[f64], g: &mut [f64]) -> f64 {
        let eta = elbo_math::linalg::dot(self.x.row(i), theta);
        let p = 1.0 / (1.0 + (-eta).exp());
        elbo_math::linalg::axpy(scale * (self.y[i] - p), self.x.row(i), g);
        let likelihood = self.y[i] * eta - eta.max(0.0) - (-eta.abs()).exp().ln_1p();
        scale * likelihood
    }

    fn at(&self, rows: impl Iterator<Item = usize>, scale: f64, x: &[f64], g: &mut [f64]) -> f64 {
        let constant = -0.5 * x.len() as f64 * std::f64::consts::TAU.ln();
        let prior: f64 = x.iter().map(|v| -0.5 * v * v).sum();
        for (g, v) in g.iter_mut().zip(x) {
            *g = -v;
        }
        constant + prior + rows.map(|i| self.add_row(i, scale, x, g)).sum::<f64>()
    }
}

impl LogDensity for Logistic {
    fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
        Ok(self.at(0..self.y.len(), 1.0, x, g))
    }

    fn subsampled(&self) -> Option<&dyn Subsampled> {
        Some(self)
    }
}

impl Subsampled for Logistic {
    fn n_rows(&self) -> usize {
        self.y.len()
    }

    fn log_densities_and_gradients_of_rows(
        &self,
        positions: &Draws,
        rows: &[usize],
        scale: f64,
        values: &mut [f64],
        gradients: &mut Draws,
    ) -> Result<(), DensityError> {
        let mut g = vec![0.0; positions.dimension()];
        for (s, value) in values.iter_mut().enumerate() {
            *value = self.at(rows.iter().copied(), scale, &positions.draw(s), &mut g);
            gradients.set_draw(s, &g);
        }
        Ok(())
    }
}

/// The ELBO on all rows, with many fresh draws.
fn elbo_on_all(found: &Fitted, target: &Target<'_>) -> f64 {
    let mut rng = stream(99, "tests/elbo", 0);
    let (points, log_q) = found.approximation.sample(2000, &mut rng);
    let log_p = target.log_densities(&points).unwrap();
    log_p.iter().zip(log_q).map(|(p, q)| p - q).sum::<f64>() / 2000.0
}

#[test]
fn mini_batches_reach_the_optimum_of_all_rows() {
    let density = Logistic::new(1003, 8);
    let target = Target::new(&density, 8).unwrap();
    let with = |batch_size| {
        let method = MeanField {
            config: GaussianConfig {
                batch_size,
                ..GaussianConfig::default()
            },
        };
        let config = DriverConfig::default();
        fit(&method, &target, &Start::Random, 1, &config, &mut silent).unwrap()
    };
    let (all, batches) = (with(None), with(Some(100)));
    assert_eq!(batches.outcome.stopped, Stopped::Converged);
    let (all, batches) = (elbo_on_all(&all, &target), elbo_on_all(&batches, &target));
    // The same draws of both: what differs is the fit. Within 1 nat is what is promised.
    assert!((all - batches).abs() < 1.0, "{all} {batches}");
}

fn resumed_and_threaded<M>(method: &M)
where
    M: Method + Sync,
    M::State: PartialEq + std::fmt::Debug,
{
    let density = Logistic::new(103, 5);
    let steps = |max_iters| DriverConfig {
        max_iters,
        ..DriverConfig::default()
    };
    let whole = |threads| {
        with_threads(threads, || {
            let target = Target::new(&density, 5).unwrap();
            run(method, &target, &Start::Random, 4, &steps(25), &mut silent)
                .unwrap()
                .state
        })
    };
    let one = whole(1);
    assert_eq!(one, whole(2));
    assert_eq!(one, whole(7));
    let target = Target::new(&density, 5).unwrap();
    let half = run(method, &target, &Start::Random, 4, &steps(11), &mut silent).unwrap();
    let rest = resume(method, &target, half.state, &steps(14), &mut silent).unwrap();
    assert_eq!(one, rest.state);
}

#[test]
fn threads_and_interruptions_do_not_change_bits() {
    resumed_and_threaded(&FullRank {
        config: GaussianConfig {
            tolerance: Some(1e-6), // not before all steps are done
            ..GaussianConfig::default()
        },
    });
    resumed_and_threaded(&MeanField {
        config: GaussianConfig {
            batch_size: Some(10),
            n_draws: Some(40),
            tolerance: None,
        },
    });
}

#[test]
fn densities_that_cannot_be_fitted_are_typed_errors_with_the_last_good_state() {
    // Flat in its second coordinate.
    let flat = FromFn(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (-x[0], 0.0);
        -0.5 * x[0] * x[0]
    });
    let found = fitted(&MeanField::default(), &flat, 2);
    assert!(matches!(
        found.failure,
        Some(ViError::Improper { coordinate: 1, .. })
    ));
    // NaN outside a ball around 0 that hardly holds any draw: steps are rejected, then it ends.
    let nan = FromFn(|x: &[f64], g: &mut [f64]| {
        g.fill(f64::NAN);
        if x.iter().all(|v| *v == 0.5) {
            0.0
        } else {
            f64::NAN
        }
    });
    let target = Target::new(&nan, 3).unwrap();
    let start = Start::Point(vec![0.5; 3]);
    let config = DriverConfig::default();
    let found = fit(
        &MeanField::default(),
        &target,
        &start,
        1,
        &config,
        &mut silent,
    );
    assert!(matches!(
        found.err(),
        Some(ViError::Start { .. } | ViError::NotFinite { .. })
    ));
    // Half of the space is outside the support: the fit stays inside.
    let half = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 2.0 / x[0] - 1.0;
        if x[0] > 0.0 {
            2.0 * x[0].ln() - x[0]
        } else {
            f64::NEG_INFINITY
        }
    });
    let found = fitted(&MeanField::default(), &half, 1);
    let mean = found.approximation.mean().unwrap()[0];
    assert!(mean > 0.0 && mean < 10.0, "{mean}");
}

#[test]
fn settings_are_checked() {
    let gaussian = Gaussian::new(2, 1.0, 1);
    let target = Target::new(&gaussian, 2).unwrap();
    let refused = |config: GaussianConfig| {
        matches!(
            MeanField { config }.init(&target, &Start::Random, 1),
            Err(ViError::Setting { .. })
        )
    };
    let default = GaussianConfig::default;
    assert!(refused(GaussianConfig {
        n_draws: Some(0),
        ..default()
    }));
    assert!(refused(GaussianConfig {
        batch_size: Some(4),
        ..default()
    }));
    assert!(refused(GaussianConfig {
        tolerance: Some(0.0),
        ..default()
    }));
}
