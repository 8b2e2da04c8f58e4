//! The mixture against an independent implementation, closed forms, scikit-learn and identities.

mod closed_form;
mod fitting;
mod kernel;
mod missing;
mod naive;
mod old_faithful;
mod twin;

use elbo_math::linalg::Matrix;
use elbo_math::random;

use super::*;
use crate::Posterior;

/// Well-separated but overlapping clusters: `n` rows in `dim` columns around `k` centres.
fn clusters(n: usize, dim: usize, k: usize, seed: u64) -> Vec<f64> {
    let mut rng = random::stream(seed, "gmm/tests", 0);
    let centres: Vec<f64> = (0..k * dim)
        .map(|_| 3.0 * random::standard_normal(&mut rng))
        .collect();
    let mut values = Vec::with_capacity(n * dim);
    for i in 0..n {
        let mut previous = 0.0;
        for j in 0..dim {
            // Correlated columns, so that a full covariance differs from a diagonal one.
            previous = 0.6 * previous + random::standard_normal(&mut rng);
            values.push(centres[i % k * dim + j] + previous);
        }
    }
    values
}

/// `values` with about one entry in `every` missing, none of the rows wholly.
fn with_gaps(mut values: Vec<f64>, dim: usize, every: usize, seed: u64) -> Vec<f64> {
    let mut rng = random::stream(seed, "gmm/tests/gaps", 0);
    for row in values.chunks_exact_mut(dim) {
        for j in 1..dim {
            if random::uniform(&mut rng) * (every as f64) < 1.0 {
                row[j] = f64::NAN;
            }
        }
    }
    values
}

fn config(n_components: usize, covariance: Covariance) -> GmmConfig {
    GmmConfig {
        covariance,
        ..GmmConfig::new(n_components)
    }
}

fn prior(config: &GmmConfig, data: &GmmData) -> GmmPrior {
    GmmPrior::new(config, &DataSummary::new(data).unwrap()).unwrap()
}

fn start(config: &GmmConfig, data: &GmmData) -> GmmModel {
    GmmModel::start(prior(config, data), data, data.len(), &config.start, 1, 0).unwrap()
}

fn parameters(posterior: &GmmPosterior) -> Vec<f64> {
    let arrays = posterior.to_arrays();
    arrays
        .values()
        .flat_map(elbo_math::arrays::Array::to_f64)
        .collect()
}

/// The first column, which stands for all where no entry is missing.
fn first_column(matrix: &Matrix) -> Vec<f64> {
    (0..matrix.rows()).map(|i| matrix[(i, 0)]).collect()
}

const TYPES: [Covariance; 4] = [
    Covariance::Full,
    Covariance::Diagonal,
    Covariance::Spherical,
    Covariance::Tied,
];
