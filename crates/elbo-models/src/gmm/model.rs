//! The mixture as a conjugate model: local step, global step and bound.

use elbo_dist::{Dirichlet, ExponentialFamily};

use super::data::GmmData;
use super::posterior::GmmPosterior;
use super::precision::{Conditional, Precision};
use super::statistics::{GmmStatistics, Moments};
use super::sweep::{self, Mixture};
use super::view::{Shape, View};
use crate::{ConjugateModel, ModelError};

/// A mixture of Gaussians with its current `q(π, μ, Λ)`.
///
/// # References
/// `[@bishop2006prml, sec. 10.2]`; the other covariance types by the same argument.
#[derive(Debug, Clone, PartialEq)]
pub struct GmmModel {
    posterior: GmmPosterior,
    view: View,
}

impl GmmModel {
    /// A model that continues from `posterior`.
    ///
    /// # Errors
    /// A numerical failure.
    pub fn new(posterior: GmmPosterior) -> Result<Self, ModelError> {
        posterior.check_finite()?;
        Ok(Self {
            view: posterior.view()?,
            posterior,
        })
    }

    /// The current `q`.
    pub fn posterior(&self) -> &GmmPosterior {
        &self.posterior
    }

    /// Gives the current `q` away.
    pub fn into_posterior(self) -> GmmPosterior {
        self.posterior
    }

    /// `q(π)`, `q(μ)` and `q(Λ)` after a step of size ρ on natural parameters, which are linear in
    /// `β`, `β m`, `ν` and `V + β m mᵀ`. Taken about the old means, their own part of the last two
    /// vanishes.
    fn stepped(&self, statistics: &GmmStatistics, rho: f64) -> Result<GmmPosterior, ModelError> {
        let prior = &self.posterior.prior;
        let mut next = self.posterior.clone();
        let mut groups: Vec<Group> = self
            .posterior
            .precisions
            .iter()
            .map(|old| Group::new(old, &prior.precision, rho))
            .collect();
        let last = groups.len() - 1;
        for k in 0..next.n_components() {
            let moments = statistics.component(k);
            let group = &mut groups[k.min(last)];
            let old_mean = self.posterior.means.row(k);
            let to_prior: Vec<f64> = prior
                .mean
                .iter()
                .zip(old_mean)
                .map(|(p, m)| p - m)
                .collect();
            let betas: Vec<f64> = (0..prior.dim())
                .map(|j| {
                    let wanted = prior.mean_precision + moments.count_of(j);
                    blend(rho, self.posterior.mean_precision[(k, j)], wanted)
                })
                .collect();
            let pulls = to_prior.iter().zip(moments.first).zip(&betas);
            let shift: Vec<f64> = pulls
                .map(|((e, s), beta)| rho * (prior.mean_precision * e + s) / beta)
                .collect();
            group.add_counts(rho, &moments, prior.dim());
            let structure = prior.precision.structure();
            structure.add_second_moments(&mut group.spread, rho, moments.second);
            structure.add_outer(&mut group.spread, rho * prior.mean_precision, &to_prior);
            let scaled = shift.iter().zip(&betas).map(|(s, beta)| s * beta.sqrt());
            structure.add_outer(&mut group.spread, -1.0, &scaled.collect::<Vec<_>>());
            next.concentration[k] = blend(
                rho,
                self.posterior.concentration[k],
                prior.weight_concentration + moments.count,
            );
            next.mean_precision.row_mut(k).copy_from_slice(&betas);
            for (m, s) in next.means.row_mut(k).iter_mut().zip(&shift) {
                *m += s;
            }
        }
        next.precisions = groups
            .into_iter()
            .enumerate()
            .map(|(k, group)| group.precision(&prior.precision, prior.dim(), k))
            .collect::<Result<_, _>>()?;
        Ok(next)
    }
}

/// The natural parameters of one precision matrix while they are summed.
struct Group {
    dof: Vec<f64>,
    spread: Vec<f64>,
}

impl Group {
    fn new(old: &Precision, prior: &Precision, rho: f64) -> Self {
        let spreads = old.spread().iter().zip(prior.spread());
        let dofs = old.dofs().iter().zip(prior.dofs());
        Self {
            dof: dofs.map(|(o, p)| blend(rho, *o, *p)).collect(),
            spread: spreads.map(|(o, p)| blend(rho, *o, *p)).collect(),
        }
    }

    /// Adds a component's numbers of observations: those of the rows, of each column when diagonal, or
    /// their mean over the columns when spherical.
    fn add_counts(&mut self, rho: f64, moments: &Moments<'_>, dim: usize) {
        let observed: Vec<f64> = (0..dim).map(|j| moments.count_of(j)).collect();
        if self.dof.len() == dim {
            elbo_math::linalg::axpy(rho, &observed, &mut self.dof);
        } else {
            self.dof[0] += rho * observed.iter().sum::<f64>() / dim as f64;
        }
    }

    fn precision(self, prior: &Precision, dim: usize, k: usize) -> Result<Precision, ModelError> {
        Precision::new(prior.structure(), dim, self.dof, self.spread, || {
            format!(
                "component {}: its covariance became singular; raise covariance_prior",
                k + 1
            )
        })
    }
}

fn blend(rho: f64, old: f64, new: f64) -> f64 {
    (1.0 - rho) * old + rho * new
}

impl Mixture for GmmModel {
    fn shape(&self) -> Shape {
        self.view.shape
    }

    fn whole(&self) -> &View {
        &self.view
    }

    fn conditionals(&self, observed: &[usize]) -> Result<Vec<Conditional>, ModelError> {
        let precisions = self.posterior.precisions.iter().enumerate();
        let betas = |k| self.posterior.mean_precision.row(k);
        precisions
            .map(|(k, p)| p.conditional(observed, betas(k)))
            .collect()
    }
}

impl ConjugateModel for GmmModel {
    type Batch = GmmData;
    type Statistics = GmmStatistics;

    fn zero_statistics(&self) -> GmmStatistics {
        let posterior = &self.posterior;
        GmmStatistics::zeros(posterior.n_components(), posterior.dim(), self.view.shape)
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

    fn global_step(
        &mut self,
        statistics: &GmmStatistics,
        step_size: f64,
    ) -> Result<(), ModelError> {
        *self = Self::new(self.stepped(statistics, step_size)?)?;
        Ok(())
    }

    /// `−KL(q(π, μ, Λ) ‖ p(π, μ, Λ))`.
    fn global_bound(&self, _statistics: &GmmStatistics) -> f64 {
        let (posterior, prior) = (&self.posterior, &self.posterior.prior);
        let n_components = posterior.n_components();
        let weights = Dirichlet::symmetric(n_components, prior.weight_concentration)
            .expect("the prior was checked");
        let mut divergence = posterior.weights_distribution().kl(&weights);
        for precision in &posterior.precisions {
            divergence += precision.kl(&prior.precision);
        }
        for k in 0..n_components {
            divergence += mean_divergence(posterior, k);
        }
        -divergence
    }
}

/// `E_Λ[KL(N(m_k, (β_k Λ)⁻¹) ‖ N(m₀, (β₀ Λ)⁻¹))]`; `β_k` differs between columns only where `Λ` is
/// diagonal.
fn mean_divergence(posterior: &GmmPosterior, k: usize) -> f64 {
    let prior = &posterior.prior;
    let pairs = posterior.means.row(k).iter().zip(&prior.mean);
    let shift: Vec<f64> = pairs.map(|(m, p)| m - p).collect();
    let distance = posterior.precision(k).expected_quadratic_form(&shift);
    let ratios = posterior.mean_precision.row(k).iter();
    let ratios = ratios.map(|beta| prior.mean_precision / beta);
    let shape: f64 = ratios.map(|ratio| ratio - 1.0 - ratio.ln()).sum();
    0.5 * (shape + prior.mean_precision * distance)
}
