//! The prior precisions of the weights: known, shared, or one per input.
//!
//! The one idea: weights fall into groups, and every group `g` has one precision `α_g` with a
//! gamma prior and a gamma factor of `q`. One group per input is automatic relevance determination
//! (all levels of a categorical input share theirs), a single group is a learnt ridge penalty, and
//! a weight in no group (the intercept) has a known precision.
//!
//! # References
//! `[@bishop2006prml, sec. 10.3]` for a shared precision; `[@mackay1992bayesian]` and
//! `[@tipping2003fast]` for what [`Precisions::jump`] does.

use elbo_dist::{ExponentialFamily, Gamma, Moments};
use elbo_math::special::LN_2PI;

use super::evidence::Evidence;
use super::noise::gamma;
use super::weights::Weights;
use crate::ModelError;

/// What the other inputs that are on must leave of an input's own information, for it to jump.
///
/// Of inputs that stand in for each other, such as the blood values of the diabetes data, each alone
/// looks as if it could go; when all jump at once they all go, to an optimum of a lower ELBO. With
/// this part plain steps decide who stays, to the same ELBO as plain steps throughout, and unrelated
/// inputs still jump.
const NEARLY_ALONE: f64 = 0.8;

/// Which groups [`Precisions::jump`] lets jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Jump {
    /// Those of inputs with little to do with the others.
    Unrelated,
    /// All. With more inputs than rows, where everything is related to something, this often ends
    /// higher, and costs little.
    All,
}

impl Jump {
    /// What is tried in turn, the best being kept, for a design of this shape.
    pub(crate) fn tries(more_inputs_than_rows: bool) -> &'static [Self] {
        if more_inputs_than_rows {
            &[Self::Unrelated, Self::All]
        } else {
            &[Self::Unrelated]
        }
    }
}

/// Groups of weights with their precisions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Precisions {
    prior: Gamma,
    /// The group of every weight; `None` where the precision is known.
    group_of: Vec<Option<usize>>,
    /// The known precisions; unused entries are 0.
    known: Vec<f64>,
    posterior: Vec<Gamma>,
}

/// Another maximum of the ELBO in one group's precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Switch {
    group: usize,
    log_alpha: f64,
    /// By how many nats it is higher than where the group is.
    pub(crate) gain: f64,
}

impl Precisions {
    /// Every group starts with `E[α] = 1`, so that all inputs are on.
    pub(crate) fn new(
        prior: Gamma,
        group_of: Vec<Option<usize>>,
        known: Vec<f64>,
    ) -> Result<Self, ModelError> {
        let n_groups = group_of.iter().flatten().max().map_or(0, |g| g + 1);
        let mut sizes = vec![0.0; n_groups];
        group_of.iter().flatten().for_each(|g| sizes[*g] += 1.0);
        let start = |size: &f64| {
            let shape = prior.shape() + 0.5 * size;
            gamma(shape, shape)
        };
        Ok(Self {
            prior,
            posterior: sizes.iter().map(start).collect::<Result<_, _>>()?,
            group_of,
            known,
        })
    }

    /// Starts at the expected precisions of an earlier fit, for weights that are now `ratios` times as
    /// large.
    ///
    /// # Errors
    /// If the earlier fit has another number of groups.
    pub(crate) fn resumed(&self, earlier: &[Gamma], ratios: &[f64]) -> Result<Self, ModelError> {
        if earlier.len() != self.posterior.len() {
            return Err(ModelError::data(format!(
                "the earlier fit has {} learnt precisions of weights, this one {}; they must agree",
                earlier.len(),
                self.posterior.len()
            )));
        }
        let mut sizes = vec![(0.0, 0.0); earlier.len()];
        for (group, ratio) in self.group_of.iter().zip(ratios) {
            if let Some(g) = group {
                sizes[*g].0 += 1.0;
                sizes[*g].1 += ratio * ratio;
            }
        }
        self.with_rates(|g, q| q.shape() / earlier[g].mean() * sizes[g].1 / sizes[g].0)
    }

    pub(crate) fn prior(&self) -> &Gamma {
        &self.prior
    }

    pub(crate) fn posterior(&self) -> &[Gamma] {
        &self.posterior
    }

    /// `E[α]` of every weight.
    pub(crate) fn expected(&self) -> Vec<f64> {
        let value = |(group, known): (&Option<usize>, &f64)| {
            group.map_or(*known, |g| self.posterior[g].mean())
        };
        self.group_of.iter().zip(&self.known).map(value).collect()
    }

    /// `E[log p(w | α)] − KL(q(α) ‖ p(α))`, given `E[w²]`.
    pub(crate) fn bound(&self, second_moments: &[f64]) -> f64 {
        let weights = self.group_of.iter().zip(&self.known).zip(second_moments);
        let prior_of_weights: f64 = weights
            .map(|((group, known), square)| {
                let (mean, log) = group.map_or((*known, known.ln()), |g| {
                    (self.posterior[g].mean(), self.posterior[g].mean_log())
                });
                0.5 * (log - LN_2PI - mean * square)
            })
            .sum();
        let divergence: f64 = self.posterior.iter().map(|q| q.kl(&self.prior)).sum();
        prior_of_weights - divergence
    }

    /// Moves every `q(α_g)` by ρ towards `Gamma(a₀ + |g|/2, b₀ + Σ_{d∈g} E[w_d²]/2)`.
    pub(crate) fn step(&self, second_moments: &[f64], step_size: f64) -> Result<Self, ModelError> {
        let mut rates = vec![self.prior.rate(); self.posterior.len()];
        for (group, square) in self.group_of.iter().zip(second_moments) {
            if let Some(g) = group {
                rates[*g] += 0.5 * square;
            }
        }
        self.with_rates(|g, q| (1.0 - step_size) * q.rate() + step_size * rates[g])
    }

    fn with_rates(&self, rate: impl Fn(usize, &Gamma) -> f64) -> Result<Self, ModelError> {
        let updated = self.posterior.iter().enumerate();
        let posterior = updated.map(|(g, q)| gamma(q.shape(), rate(g, q)));
        Ok(Self {
            posterior: posterior.collect::<Result<_, _>>()?,
            ..self.clone()
        })
    }

    /// Where each `q(α_g)` would settle if `q(w)` followed it and all other groups stood still; a
    /// group that is not to jump goes where `plain` does.
    ///
    /// Plain updates creep: for an input that the data do not want, `1/α` falls like `1/t`. The jump
    /// is a proposal: it is exact for uncorrelated inputs, and the caller takes it only if the ELBO
    /// rises.
    ///
    /// `alone` are the precisions that the data would give the weights without the other inputs.
    pub(crate) fn jump(
        &self,
        weights: &Weights,
        alone: &[f64],
        plain: &Self,
        who: Jump,
    ) -> Result<Self, ModelError> {
        let evidence = self.evidence(weights);
        let mut related = vec![false; self.posterior.len()];
        for (d, group) in self.group_of.iter().enumerate() {
            if let Some(g) = group {
                let information = 1.0 / weights.variances[d] - self.posterior[*g].mean();
                related[*g] |= information < NEARLY_ALONE * alone[d];
            }
        }
        self.with_rates(|g, q| {
            if !related[g] || who == Jump::All || related.len() == 1 {
                q.shape() / evidence[g].uphill(q.mean().ln()).exp()
            } else {
                plain.posterior[g].rate()
            }
        })
    }

    /// Groups whose `q(α_g)` would be better off at another maximum, out of reach of updates, by at
    /// least `least` nats if all others stood still: on instead of off, or off instead of on.
    pub(crate) fn switches(&self, weights: &Weights, least: f64) -> Vec<Switch> {
        let evidence = self.evidence(weights);
        let groups = self.posterior.iter().zip(&evidence).enumerate();
        groups
            .filter_map(|(group, (q, evidence))| {
                let log_alpha = evidence.highest();
                let gain = evidence.value(log_alpha) - evidence.value(q.mean().ln());
                let switch = Switch {
                    group,
                    log_alpha,
                    gain,
                };
                (gain >= least).then_some(switch)
            })
            .collect()
    }

    /// The precisions after some switches.
    pub(crate) fn switched(&self, switches: &[Switch]) -> Result<Self, ModelError> {
        let mut rates: Vec<f64> = self.posterior.iter().map(Gamma::rate).collect();
        for switch in switches {
            let shape = self.posterior[switch.group].shape();
            rates[switch.group] = shape / switch.log_alpha.exp();
        }
        self.with_rates(|g, _| rates[g])
    }

    fn evidence(&self, weights: &Weights) -> Vec<Evidence> {
        let start = |q: &Gamma| Evidence::new(q.shape(), self.prior.rate());
        let mut evidence: Vec<Evidence> = self.posterior.iter().map(start).collect();
        for (d, group) in self.group_of.iter().enumerate() {
            if let Some(g) = group {
                let alpha = self.posterior[*g].mean();
                evidence[*g].push(alpha, weights.mean[d], weights.variances[d]);
            }
        }
        evidence
    }

    /// The geometric path from `self` (0) to `other` (1) in the expected precisions.
    pub(crate) fn between(&self, other: &Self, t: f64) -> Result<Self, ModelError> {
        self.with_rates(|g, q| {
            let (from, to) = (q.rate().ln(), other.posterior[g].rate().ln());
            (from + t * (to - from)).exp()
        })
    }
}
