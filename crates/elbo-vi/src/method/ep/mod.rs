//! Expectation propagation for densities that are products of factors of one projection each.
//!
//! Every factor is stood in for by a Gaussian of its projection, `t̃_n(s) ∝ exp(r_n s − ½ q_n s²)`; one
//! after the other it is taken out, put back exact, and chosen anew so that mean and variance of the
//! projection agree `[@minka2001ep; @rasmussen2006gp, sec. 3.6]`. The one idea: a factor that sees one
//! number needs moments in one dimension only, so even steps and heavy tails are exact there. The
//! covariance reported is how the means answer to a tilt of the density (linear response), which is
//! closer to the posterior's than that of the Gaussian itself `[@opper2004responses]`.
//! Deliberately absent: a bound; the evidence that comes out is an estimate, usually a very good one.

mod factor;
mod model;
mod quadrature;
mod sites;

#[cfg(test)]
mod tests;

pub use factor::{Factor, Logit, Poisson, Probit, Step, StudentT, Tilted};
pub use model::FactorModel;

use super::{Description, Info, Method, Start};
use crate::family::FullRank;
use crate::{Approximation, Target, ViError};
use sites::Sites;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "ep",
    summary: "expectation propagation, for products of factors of one linear projection each",
    options: &[
        ("damping", "0.8", "share of each new site that is taken"),
        (
            "tolerance",
            "1e-8",
            "change of a projection's moments at which it ends",
        ),
    ],
};

/// The settings, with the model: the target's density has to be this one.
#[derive(Clone, Copy)]
pub struct Ep<'a> {
    /// Prior and factors.
    pub model: &'a FactorModel,
    /// Share of each new site that is taken, in `(0, 1]`; halved when the sweeps stop converging.
    pub damping: f64,
    /// Change of a projection's mean in standard deviations, or of its log variance, at which it ends.
    pub tolerance: f64,
    /// The largest dimension for which the covariance is that of linear response, at the cost of two
    /// more fits per coordinate; beyond it is the Gaussian's own.
    pub response_up_to: usize,
}

impl<'a> Ep<'a> {
    /// With the default settings.
    pub fn new(model: &'a FactorModel) -> Self {
        Self {
            model,
            damping: 0.8,
            tolerance: 1e-8,
            response_up_to: 64,
        }
    }

    /// The estimate of `log ∫ N(θ | m₀, S₀) Π t_n(a_nᵀ θ) dθ`, with all constants.
    ///
    /// # Errors
    /// [`ViError::Numerical`] if a factor's moments cannot be had.
    pub fn log_evidence(&self, state: &EpState) -> Result<f64, ViError> {
        state.sites.log_evidence(self.model)
    }

    /// The Gaussian that a state stands for; [`finish`](Method::finish) with its own type.
    ///
    /// # Errors
    /// [`ViError::Numerical`] if a factor's moments cannot be had.
    pub fn gaussian(&self, state: &EpState) -> Result<FullRank, ViError> {
        let mean = state.sites.mean().to_vec();
        if self.model.dimension() <= self.response_up_to && state.converged {
            let response = state.sites.linear_response(self.model, state.damping)?;
            // Far from convergence a response need not be a covariance.
            if let Ok(q) = FullRank::from_covariance(mean.clone(), &response) {
                return Ok(q);
            }
        }
        FullRank::from_covariance(mean, state.sites.covariance())
    }
}

/// The sites and the Gaussian that they and the prior make.
#[derive(Debug, Clone, PartialEq)]
pub struct EpState {
    sites: Sites,
    damping: f64,
    last_change: f64,
    sweeps: usize,
    converged: bool,
}

impl Method for Ep<'_> {
    type State = EpState;

    /// Sites of 1: the prior. The start and the seed do not matter.
    fn init(&self, target: &Target<'_>, _: &Start, _: u64) -> Result<Self::State, ViError> {
        if target.dimension() != self.model.dimension() {
            return Err(ViError::Length {
                expected: self.model.dimension(),
                got: target.dimension(),
            });
        }
        let settings = [
            (
                "damping",
                self.damping,
                self.damping > 0.0 && self.damping <= 1.0,
                "in (0, 1]",
            ),
            (
                "tolerance",
                self.tolerance,
                self.tolerance > 0.0,
                "positive",
            ),
        ];
        for (name, value, usable, requirement) in settings {
            if !usable {
                return Err(ViError::Setting {
                    name,
                    value: value.to_string(),
                    requirement,
                });
            }
        }
        Ok(EpState {
            sites: Sites::new(self.model)?,
            damping: self.damping,
            last_change: f64::INFINITY,
            sweeps: 0,
            converged: false,
        })
    }

    /// One pass over the factors.
    fn step(&self, _: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        /// Sweeps before a change that grows is taken for a cycle.
        const PATIENCE: usize = 5;
        if !state.converged {
            let mut next = state.clone();
            let change = next.sites.sweep(self.model, next.damping)?;
            next.sweeps += 1;
            if next.sweeps > PATIENCE && change > next.last_change {
                next.damping *= 0.5;
            }
            next.last_change = change;
            next.converged = change < self.tolerance;
            *state = next;
        }
        Ok(Info {
            converged: state.converged,
            widest: Some(state.sites.widest()),
            ..Info::default()
        })
    }

    fn finish(
        &self,
        _: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        Ok(Box::new(self.gaussian(&state)?))
    }
}
