//! Optimisers, one per file: first-order rules for noisy gradients, quasi-Newton and Newton-CG ascent
//! for exact ones.
//!
//! The one idea of the noisy ones: a rule is a setting and its memory is plain data
//! ([`OptimizerState`], named vectors), so a fit can be cloned, saved and resumed without the rule
//! knowing. These minimise a loss; whoever maximises an ELBO passes the negative gradient.
//! Deliberately absent: what is optimised (objectives).

mod adagrad;
mod adam;
pub mod averaging;
mod dowg;
pub mod lbfgs;
mod line_search;
mod momentum;
pub mod natural;
mod rmsprop;
mod sgd;
pub mod smooth;
pub mod stopping;
pub mod trust_region;

pub use adagrad::AdaGrad;
pub use adam::Adam;
pub use averaging::{AveragingKind, IterateAverage};
pub use dowg::{Dog, Dowg};
pub use lbfgs::{Lbfgs, LbfgsState, Progress};
pub use momentum::Momentum;
pub use rmsprop::RmsProp;
pub use sgd::{RobbinsMonro, Sgd};
pub use smooth::Smooth;
pub use trust_region::{TrustRegion, TrustRegionState};

use elbo_math::arrays::{Array, Arrays};

use crate::ViError;

/// A rule that moves parameters against the gradient of a loss.
pub trait Optimizer: Send + Sync {
    /// Its name in options and files.
    fn name(&self) -> &'static str;

    /// The memory before the first step from `params`.
    fn init(&self, params: &[f64]) -> OptimizerState;

    /// Moves `params`, given the gradient of the loss there.
    ///
    /// # Panics
    /// If `state` was not made by this rule for as many parameters.
    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]);
}

/// What an optimiser remembers between steps: a count and named vectors (length 1 for a number).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OptimizerState {
    /// Steps taken.
    pub steps: u64,
    slots: Vec<(&'static str, Vec<f64>)>,
}

impl OptimizerState {
    /// No step taken, with these vectors.
    pub fn new(slots: Vec<(&'static str, Vec<f64>)>) -> Self {
        Self { steps: 0, slots }
    }

    /// The vectors in the order in which the rule made them.
    ///
    /// # Panics
    /// If there are not `N` of them: the state is another rule's.
    pub fn slots<const N: usize>(&mut self) -> [&mut [f64]; N] {
        let mut slots = self.slots.iter_mut().map(|(_, v)| v.as_mut_slice());
        let found = std::array::from_fn(|_| slots.next().expect("the state is this rule's"));
        assert!(slots.next().is_none(), "the state is this rule's");
        found
    }

    /// Everything, for a checkpoint.
    pub fn arrays(&self) -> Arrays {
        let mut arrays: Arrays = self
            .slots
            .iter()
            .map(|(name, v)| ((*name).to_string(), Array::f64(&[v.len()], v.clone())))
            .collect();
        // A count below 2⁵³ is exact as a float.
        arrays.insert("steps".into(), Array::scalar(self.steps as f64));
        arrays
    }

    /// Takes up where [`arrays`](Self::arrays) was called on a state of the same shape.
    ///
    /// # Errors
    /// [`ViError::Setting`] when an array is missing or has another length; nothing is then changed.
    pub fn restore(&mut self, arrays: &Arrays) -> Result<(), ViError> {
        let find = |name: &'static str, length: usize| {
            arrays
                .get(name)
                .map(Array::to_f64)
                .filter(|v| v.len() == length)
                .ok_or_else(|| ViError::Setting {
                    name,
                    value: "missing or of another length in the checkpoint".into(),
                    requirement: "saved by a fit with the same optimiser and dimension",
                })
        };
        let steps = find("steps", 1)?[0];
        let mut restored = self.slots.clone();
        for (name, values) in &mut restored {
            *values = find(name, values.len())?;
        }
        self.slots = restored;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count that was saved as a float"
        )]
        {
            self.steps = steps as u64;
        }
        Ok(())
    }
}

/// Checks that a setting lies in `[least, most)`, or in `(least, most)` where `open`.
pub(crate) fn in_range(
    name: &'static str,
    value: f64,
    ok: bool,
    requirement: &'static str,
) -> Result<f64, ViError> {
    if ok {
        Ok(value)
    } else {
        Err(ViError::Setting {
            name,
            value: value.to_string(),
            requirement,
        })
    }
}

pub(crate) fn positive(name: &'static str, value: f64) -> Result<f64, ViError> {
    let ok = value > 0.0 && value.is_finite();
    in_range(name, value, ok, "a positive number")
}

pub(crate) fn fraction(name: &'static str, value: f64) -> Result<f64, ViError> {
    let ok = (0.0..1.0).contains(&value);
    in_range(name, value, ok, "in [0, 1)")
}

#[cfg(test)]
mod tests;
