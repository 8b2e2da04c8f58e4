//! Mini-batches: the gradient estimated on some of the rows is unbiased, and its relative error falls
//! with the square root of the batch.

use elbo_math::random::{standard_normal, stream, uniform};
use elbo_testkit::Estimate as MonteCarlo;

use super::*;
use crate::{DensityError, LogDensity, Subsampled};

const SEED: u64 = 32;

/// Logistic regression with a standard normal prior, as a sum over rows.
struct Logistic {
    x: Vec<[f64; 3]>,
    y: Vec<f64>,
}

impl Logistic {
    fn simulated(n: usize) -> Self {
        let mut rng = stream(SEED, "minibatch/data", 0);
        let x: Vec<[f64; 3]> = (0..n)
            .map(|_| [1.0, standard_normal(&mut rng), standard_normal(&mut rng)])
            .collect();
        let y = x
            .iter()
            .map(|x| {
                let p = elbo_math::log_space::inv_logit(0.3 + x[1] - 0.5 * x[2]);
                f64::from(u8::from(uniform(&mut rng) < p))
            })
            .collect();
        Self { x, y }
    }

    fn on(
        &self,
        position: &[f64],
        rows: impl Iterator<Item = usize>,
        scale: f64,
        g: &mut [f64],
    ) -> f64 {
        let mut value = 0.0;
        for (g, p) in g.iter_mut().zip(position) {
            *g = -p;
            value -= 0.5 * p * p;
        }
        for n in rows {
            let eta = elbo_math::linalg::dot(&self.x[n], position);
            let residual = self.y[n] - elbo_math::log_space::inv_logit(eta);
            value += scale * (self.y[n] * eta - elbo_math::log_space::log1p_exp(eta));
            elbo_math::linalg::axpy(scale * residual, &self.x[n], g);
        }
        value
    }
}

impl LogDensity for Logistic {
    fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
        Ok(self.on(x, 0..self.y.len(), 1.0, g))
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
        let mut gradient = [0.0; 3];
        for (s, value) in values.iter_mut().enumerate() {
            *value = self.on(
                &positions.draw(s),
                rows.iter().copied(),
                scale,
                &mut gradient,
            );
            gradients.set_draw(s, &gradient);
        }
        Ok(())
    }
}

/// `n` different rows, uniformly.
fn batch(rng: &mut Stream, n_rows: usize, n: usize) -> Vec<usize> {
    let mut rows = std::collections::BTreeSet::new();
    while rows.len() < n {
        // `uniform` is below 1, so the product is below `n_rows`.
        let row = (0..=n_rows.ilog2()).fold(0, |r, _| 2 * r + usize::from(uniform(rng) < 0.5));
        if row < n_rows {
            rows.insert(row);
        }
    }
    rows.into_iter().collect()
}

#[test]
fn the_gradient_on_a_batch_is_unbiased_and_its_relative_error_falls_with_the_batch_s_root() {
    let model = Logistic::simulated(20_000);
    let target = Target::new(&model, 3).unwrap();
    let point = Draws::from_points(3, &[[0.1, 0.4, -0.1]]);
    let (value, full) = target.log_densities_and_gradients(&point).unwrap();
    let size = full.as_slice().iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut rng = stream(SEED, "minibatch/rows", 0);
    let sizes = [10_usize, 32, 100, 316, 1000];
    let mut logs = Vec::new();
    for n in sizes {
        let repeats = 1000;
        let (mut values, mut firsts, mut squares) = (Vec::new(), Vec::new(), 0.0);
        for _ in 0..repeats {
            let rows = batch(&mut rng, 20_000, n);
            let on_batch = Batch {
                target: &target,
                rows: &rows,
            };
            let (v, g) = on_batch.values_and_gradients(&point).unwrap();
            values.push(v[0]);
            firsts.push(g.get(1, 0));
            let off = g.as_slice().iter().zip(full.as_slice());
            squares += off.map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        }
        MonteCarlo::from_draws(&values).assert_agrees("value", SEED, value[0]);
        MonteCarlo::from_draws(&firsts).assert_agrees("gradient", SEED, full.get(1, 0));
        let relative = (squares / f64::from(repeats)).sqrt() / size;
        // Rows are drawn without replacement: at most 1000 of 20,000, which lowers the error by 2.5%.
        logs.push(((n as f64).ln(), relative.ln()));
    }
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| logs.iter().map(f).sum::<f64>() / logs.len() as f64;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let slope = mean(&|p| (p.0 - x) * (p.1 - y)) / mean(&|p| (p.0 - x).powi(2));
    // The errors of 1000 repeats are known to about 2%, the slope over log 100 to about 0.006.
    assert!((slope + 0.5).abs() < 0.03, "seed {SEED}, slope {slope}");
}

#[test]
fn an_uneven_last_batch_is_weighted_by_its_true_size() {
    let model = Logistic::simulated(10);
    let target = Target::new(&model, 3).unwrap();
    let point = Draws::from_points(3, &[[0.1, 0.4, -0.1]]);
    let full = target.log_densities_and_gradients(&point).unwrap().0[0];
    // Batches of 4, 4 and 2 rows: weighted by their share of the rows they make the whole.
    let mut total = 0.0;
    for rows in [&[0, 1, 2, 3][..], &[4, 5, 6, 7], &[8, 9]] {
        let on_batch = Batch {
            target: &target,
            rows,
        };
        total += rows.len() as f64 / 10.0 * on_batch.values(&point).unwrap()[0];
    }
    assert!((total - full).abs() < 1e-12 * full.abs(), "{total} {full}");
}
