//! Local step, global step, bound and M-step.

use elbo_math::linalg::{Matrix, dot};
use elbo_math::special::LN_2PI;

use super::MixtureOfMeansConfig;
use super::posterior::MixtureOfMeansPosterior;
use crate::gmm::init::{Scales, responsibilities};
use crate::gmm::precision::Conditional;
use crate::gmm::sweep::{self, Mixture};
use crate::gmm::view::{Shape, View};
use crate::gmm::{GmmData, GmmStatistics, Start};
use crate::{ConjugateModel, ModelError};

/// A mixture with known variance and its current `q(μ)`.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureOfMeansModel {
    posterior: MixtureOfMeansPosterior,
    view: View,
    /// The means about which the statistics of the last local step were taken.
    origin: Matrix,
    learn_weights: bool,
    learn_variance: bool,
}

impl MixtureOfMeansModel {
    /// A model that continues from `posterior`, its hyperparameters fixed.
    pub fn new(posterior: MixtureOfMeansPosterior) -> Self {
        Self {
            view: view(&posterior),
            origin: posterior.means.clone(),
            posterior,
            learn_weights: false,
            learn_variance: false,
        }
    }

    /// A model that starts on `data` as `config` says; `centre` is roughly their mean.
    ///
    /// # Errors
    /// Wrong settings.
    pub fn start(
        config: &MixtureOfMeansConfig,
        data: &GmmData,
        centre: &[f64],
        seed: u64,
        restart: usize,
    ) -> Result<Self, ModelError> {
        let prior = MixtureOfMeansPosterior::from_config(config, data.dim())?;
        let mut model = Self {
            learn_weights: config.learn_weights,
            learn_variance: config.learn_variance,
            ..Self::new(prior)
        };
        if let Start::Posterior(earlier) = &config.start {
            return model.warm_start(earlier);
        }
        let scales = Scales {
            centre,
            variances: &vec![config.variance; data.dim()],
        };
        let k = config.n_components;
        let given = responsibilities(&config.start, data, k, &scales, seed, restart)?;
        let mut statistics = model.zero_statistics();
        sweep::accumulate(&model, data, Some(&given), &mut statistics)?;
        model.global_step(&statistics, 1.0)?;
        // Responsibilities of a variance far too large are all alike, and stay so.
        let variance = model.best_variance(&statistics);
        if model.learn_variance && variance > 0.0 && variance.is_finite() {
            model.posterior.variance = variance;
            model.view = view(&model.posterior);
        }
        Ok(model)
    }

    fn warm_start(mut self, earlier: &MixtureOfMeansPosterior) -> Result<Self, ModelError> {
        let shape = |p: &MixtureOfMeansPosterior| (p.n_components(), p.dim());
        if shape(earlier) != shape(&self.posterior) {
            return Err(ModelError::data(format!(
                "the earlier fit has (components, columns) = {:?}, this one {:?}; they must agree",
                shape(earlier),
                shape(&self.posterior),
            )));
        }
        self.posterior.means = earlier.means.clone();
        self.posterior.variances = earlier.variances.clone();
        if self.learn_weights {
            self.posterior.weights.clone_from(&earlier.weights);
        }
        if self.learn_variance {
            self.posterior.variance = earlier.variance;
        }
        self.origin = self.posterior.means.clone();
        self.view = view(&self.posterior);
        Ok(self)
    }

    /// The current `q` and hyperparameters.
    pub fn posterior(&self) -> &MixtureOfMeansPosterior {
        &self.posterior
    }

    /// Gives the current `q` and hyperparameters away.
    pub fn into_posterior(self) -> MixtureOfMeansPosterior {
        self.posterior
    }

    /// `Σ_k E[Σ_n r_nk |x_n − μ_k|²]` over the number of entries, both of those that are there.
    fn best_variance(&self, statistics: &GmmStatistics) -> f64 {
        let p = &self.posterior;
        let (mut squares, mut total) = (0.0, 0.0);
        for k in 0..p.n_components() {
            let moments = statistics.component(k);
            let moved: Vec<f64> = difference(p.means.row(k), self.origin.row(k));
            // About the new mean: Σ r |x − m|² = Σ r |d|² − 2 δᵀ Σ r d + Σ_d N_d δ_d².
            squares += moments.second.iter().sum::<f64>() - 2.0 * dot(&moved, moments.first);
            for (j, (delta, s2)) in moved.iter().zip(p.variances.row(k)).enumerate() {
                let count = moments.count_of(j);
                squares += count * (delta * delta + s2);
                total += count;
            }
        }
        squares / total
    }
}

/// `E[log p(x, z = k)] = log π_k − D/2 log(2πσ²) − Σ_d ((x_d − m_kd)² + s_kd²)/(2σ²)`.
fn view(posterior: &MixtureOfMeansPosterior) -> View {
    let (k, dim) = (posterior.n_components(), posterior.dim());
    let log_normaliser = LN_2PI + posterior.variance.ln();
    let constant = |(k, weight): (usize, &f64)| {
        let spread = posterior.variances.row(k).iter().sum::<f64>() / posterior.variance;
        weight.ln() - 0.5 * (dim as f64 * log_normaliser + spread)
    };
    View {
        dim,
        shape: Shape::Diagonal,
        means: posterior.means.as_slice().to_vec(),
        factors: vec![posterior.variance.sqrt().recip(); k * dim],
        log_constants: posterior.weights.iter().enumerate().map(constant).collect(),
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

impl Mixture for MixtureOfMeansModel {
    fn shape(&self) -> Shape {
        Shape::Diagonal
    }

    fn whole(&self) -> &View {
        &self.view
    }

    /// Coordinates are independent given the component, so what is missing leaves its factor
    /// `log N(x | m, σ²) − s²/(2σ²)` out.
    fn conditionals(&self, observed: &[usize]) -> Result<Vec<Conditional>, ModelError> {
        let (p, variance) = (&self.posterior, self.posterior.variance);
        let of = |k: usize| {
            let missing = (0..p.dim()).filter(|j| !observed.contains(j));
            let left_out = missing.map(|j| variance.ln() + p.variances[(k, j)] / variance);
            let factor = vec![variance.sqrt().recip(); observed.len()];
            Conditional::diagonal(factor, 0.5 * left_out.sum::<f64>())
        };
        Ok((0..p.n_components()).map(of).collect())
    }
}

impl ConjugateModel for MixtureOfMeansModel {
    type Batch = GmmData;
    type Statistics = GmmStatistics;

    fn zero_statistics(&self) -> GmmStatistics {
        let p = &self.posterior;
        GmmStatistics::zeros(p.n_components(), p.dim(), Shape::Diagonal)
    }

    fn batch_len(batch: &GmmData) -> usize {
        batch.len()
    }

    fn local_step(
        &self,
        batch: &GmmData,
        statistics: &mut GmmStatistics,
    ) -> Result<f64, ModelError> {
        sweep::accumulate(self, batch, None, statistics)
    }

    /// Natural parameters: `1/s²` and `m/s²`, the latter about the old mean.
    fn global_step(
        &mut self,
        statistics: &GmmStatistics,
        step_size: f64,
    ) -> Result<(), ModelError> {
        let p = &mut self.posterior;
        self.origin = p.means.clone();
        for k in 0..p.n_components() {
            let moments = statistics.component(k);
            let to_prior = difference(p.prior_means.row(k), p.means.row(k));
            for (j, (e, s)) in to_prior.iter().zip(moments.first).enumerate() {
                let wanted = p.prior_variance.recip() + moments.count_of(j) / p.variance;
                let precision = (1.0 - step_size) / p.variances[(k, j)] + step_size * wanted;
                p.means[(k, j)] += step_size * (e / p.prior_variance + s / p.variance) / precision;
                p.variances[(k, j)] = precision.recip();
            }
        }
        self.view = view(p);
        Ok(())
    }

    /// `−Σ_kd KL(N(m_kd, s_kd²) ‖ N(m₀_kd, τ²))`.
    fn global_bound(&self, _statistics: &GmmStatistics) -> f64 {
        let p = &self.posterior;
        let divergence = |k: usize| {
            let ratios = p.variances.row(k).iter().map(|s2| s2 / p.prior_variance);
            let spread: f64 = ratios.map(|ratio| ratio - 1.0 - ratio.ln()).sum();
            let shift = difference(p.means.row(k), p.prior_means.row(k));
            0.5 * (spread + dot(&shift, &shift) / p.prior_variance)
        };
        -(0..p.n_components()).map(divergence).sum::<f64>()
    }

    /// `π_k = N_k / Σ N` and `σ²` its mean squared distance, where they are learnt.
    fn update_hyperparameters(
        &mut self,
        statistics: &GmmStatistics,
        step_size: f64,
    ) -> Result<(), ModelError> {
        let blend = |old: f64, new: f64| (1.0 - step_size) * old + step_size * new;
        if self.learn_variance {
            let variance = blend(self.posterior.variance, self.best_variance(statistics));
            if !(variance > 0.0 && variance.is_finite()) {
                return Err(ModelError::data(
                    "the variance fell to 0: every row lies on a mean; use fewer components",
                ));
            }
            self.posterior.variance = variance;
        }
        if self.learn_weights {
            let counts = (0..self.posterior.n_components()).map(|k| statistics.component(k).count);
            let total: f64 = counts.clone().sum();
            for (weight, count) in self.posterior.weights.iter_mut().zip(counts) {
                *weight = blend(*weight, count / total);
            }
        }
        self.view = view(&self.posterior);
        Ok(())
    }
}
