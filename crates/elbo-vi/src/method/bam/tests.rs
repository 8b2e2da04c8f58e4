//! Claims about batch and match.

use elbo_math::random::standard_normal;

use super::*;
use crate::LogDensity;
use crate::density::{DensityError, FromFn};
use crate::testing::{self, BANANA, FUNNEL, TWO_MODES};

fn state_of(
    method: &Bam,
    density: &dyn LogDensity,
    dimension: usize,
    seed: u64,
) -> Result<BamState, ViError> {
    let target = Target::new(density, dimension)?;
    let mut state = method.init(&target, &Start::Random, seed)?;
    for _ in 0..5000 {
        if method.step(&target, &mut state)?.converged {
            return Ok(state);
        }
    }
    panic!("no end after 5000 steps");
}

fn gaussian_of(state: BamState) -> Gaussian {
    match state.phase {
        Phase::Matching(matching) => matching.q,
        Phase::Path(_) => panic!("still on the path"),
    }
}

fn fit_full(density: &dyn LogDensity, dimension: usize, seed: u64) -> Result<FullRank, ViError> {
    match gaussian_of(state_of(&Bam::default(), density, dimension, seed)?) {
        Gaussian::Full(q) => Ok(q),
        Gaussian::LowRank(_) => panic!("asked for full rank"),
    }
}

#[test]
fn gaussians_are_recovered_exactly() {
    for (dimension, condition) in [(2, 1e4), (20, 1e4), (200, 1e4)] {
        let gaussian = testing::Gaussian::new(dimension, condition, 51);
        let q = fit_full(&gaussian, dimension, 1).unwrap();
        let divergence = gaussian.divergence_from(q.mean_slice(), &q.covariance());
        // The fit ends when a batch's log ratios differ by less than 1e-3.
        assert!(divergence < 1e-4, "D = {dimension}: KL {divergence:e}");
    }
}

#[test]
fn noise_of_the_batches_is_averaged_away() {
    // x = log Gamma(4, 1). Batch and match has its own fixed point: E_q[g] = 0 and
    // E_q[g (x − μ)] = −1, with g = a − eˣ: e^(μ + σ²/2) = a, σ² a = 1, the optimum of the ELBO too.
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 4.0 - x[0].exp();
        4.0 * x[0] - x[0].exp()
    });
    let mut means = Vec::new();
    for seed in 0..20 {
        let q = fit_full(&density, 1, seed).unwrap();
        means.push(q.mean_slice()[0]);
        let sd = q.covariance()[(0, 0)].sqrt();
        // Averaging over about 20 batches of 32 leaves about 1/√(2 · 640) = 3% in an sd; allow 5.
        assert!((sd - 0.5).abs() < 0.5 * 0.15, "seed {seed}: sd {sd}");
    }
    let average = means.iter().sum::<f64>() / 20.0;
    // sd/√640 each, 20 of them; five standard errors.
    assert!(
        (average - (4.0_f64.ln() - 0.125)).abs() < 5.0 * 0.5 / (640.0_f64 * 20.0).sqrt(),
        "{average}"
    );
}

/// A Gaussian with covariance `diag(ψ) + u uᵀ`.
struct OneFactor {
    variances: Vec<f64>,
    factor: Vec<f64>,
}

impl LogDensity for OneFactor {
    fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
        // Sherman and Morrison: S⁻¹ x = x/ψ − (u/ψ) (uᵀ x/ψ) / (1 + uᵀ u/ψ).
        let (mut along, mut length) = (0.0, 1.0);
        for i in 0..x.len() {
            along += self.factor[i] * x[i] / self.variances[i];
            length += self.factor[i].powi(2) / self.variances[i];
        }
        let mut value = 0.0;
        for i in 0..x.len() {
            g[i] = -(x[i] - self.factor[i] * along / length) / self.variances[i];
            value += 0.5 * g[i] * x[i];
        }
        Ok(value)
    }
}

#[test]
fn low_rank_fits_recover_a_covariance_of_their_form() {
    let d = 150;
    let mut rng = stream(1, "bam/tests", 0);
    let target = OneFactor {
        variances: (0..d).map(|i| 0.2 + 0.01 * i as f64).collect(),
        factor: (0..d).map(|_| standard_normal(&mut rng)).collect(),
    };
    let method = Bam {
        rank: 3,
        ..Bam::default()
    };
    let state = state_of(&method, &target, d, 2).unwrap();
    let Gaussian::LowRank(q) = gaussian_of(state) else {
        panic!("asked for low rank");
    };
    let sds = q.standard_deviations().unwrap();
    for i in 0..d {
        let exact = (target.variances[i] + target.factor[i].powi(2)).sqrt();
        assert!(
            (sds[i] / exact - 1.0).abs() < 0.1,
            "{i}: {} {exact}",
            sds[i]
        );
        assert!(mean_of(&q)[i].abs() < 0.1 * exact, "{i}");
    }
}

#[test]
fn hard_shapes_end_without_panic_or_explosion() {
    for rank in [0, 1] {
        let method = Bam {
            rank,
            ..Bam::default()
        };
        for (density, dimension) in [(&BANANA, 2), (&FUNNEL, 10), (&TWO_MODES, 2)] {
            let q = gaussian_of(state_of(&method, density, dimension, 3).unwrap());
            let (_, sd) = q.widest();
            assert!(sd < 20.0, "{sd}");
        }
    }
}

#[test]
fn bad_densities_end_in_typed_errors() {
    let nan = FromFn(|_: &[f64], _: &mut [f64]| f64::NAN);
    assert!(matches!(
        fit_full(&nan, 2, 1),
        Err(ViError::NotFinite { .. })
    ));
    let idle = FromFn(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (-x[0], 0.0);
        -0.5 * x[0] * x[0]
    });
    let rising = FromFn(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (-x[0], 1.0);
        x[1] - 0.5 * x[0] * x[0]
    });
    for density in [&idle as &dyn LogDensity, &rising] {
        let got = fit_full(density, 2, 1);
        assert!(
            matches!(got, Err(ViError::Improper { coordinate: 1, .. })),
            "{got:?}"
        );
    }
    let target = Target::new(&idle, 2).unwrap();
    for bad in [
        Bam {
            batch_size: 1,
            ..Bam::default()
        },
        Bam {
            rank: 2,
            ..Bam::default()
        },
    ] {
        assert!(matches!(
            bad.init(&target, &Start::Random, 1),
            Err(ViError::Setting { .. })
        ));
    }
    // Draws outside the support are left out.
    let half = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 4.0 / x[0] - 1.0;
        if x[0] > 0.0 {
            4.0 * x[0].ln() - x[0]
        } else {
            f64::NEG_INFINITY
        }
    });
    let q = fit_full(&half, 1, 1).unwrap();
    assert!(
        (2.0..7.0).contains(&q.mean_slice()[0]),
        "{:?}",
        q.mean_slice()
    );
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let gaussian = testing::Gaussian::new(8, 1e2, 52);
    let run = || state_of(&Bam::default(), &gaussian, 8, 4).unwrap();
    assert_eq!(run(), elbo_math::parallel::with_threads(3, run));
}
