//! Averages of iterates, which are closer to the optimum than any one of them.
//!
//! The one idea: with a fixed step a noisy optimiser ends up wandering around the optimum; the mean
//! of where it wanders has the noise averaged out `[@polyak1992averaging]`.

use elbo_math::arrays::{Array, Arrays};

use super::positive;
use crate::ViError;

/// Which iterates count how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AveragingKind {
    /// All alike.
    Uniform,
    /// The `i`-th of `t` in proportion to `(i+η−1)! / (i−1)!`, about `i^η`: the first ones fade
    /// `[@shamir2013averaging, sec. 3]`.
    Polynomial {
        /// `η > 0`; 8 in `[@ivgi2023dog]`.
        power: f64,
    },
}

/// A running average.
#[derive(Debug, Clone, PartialEq)]
pub struct IterateAverage {
    kind: AveragingKind,
    count: u64,
    mean: Vec<f64>,
}

impl IterateAverage {
    /// Of nothing yet.
    ///
    /// # Errors
    /// [`ViError::Setting`] if a polynomial's power is not positive.
    pub fn new(kind: AveragingKind, n_params: usize) -> Result<Self, ViError> {
        if let AveragingKind::Polynomial { power } = kind {
            positive("power", power)?;
        }
        Ok(Self {
            kind,
            count: 0,
            mean: vec![0.0; n_params],
        })
    }

    /// Takes one more iterate in.
    pub fn push(&mut self, iterate: &[f64]) {
        self.count += 1;
        let t = self.count as f64;
        let weight = match self.kind {
            AveragingKind::Uniform => 1.0 / t,
            AveragingKind::Polynomial { power } => (1.0 + power) / (t + power),
        };
        for (m, x) in self.mean.iter_mut().zip(iterate) {
            *m += weight * (x - *m);
        }
    }

    /// How many iterates it holds.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The average; zeros before the first iterate.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Everything, for a checkpoint.
    pub fn arrays(&self) -> Arrays {
        Arrays::from([
            ("count".into(), Array::scalar(self.count as f64)),
            (
                "mean".into(),
                Array::f64(&[self.mean.len()], self.mean.clone()),
            ),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_testkit::assert_close;

    #[test]
    fn a_uniform_average_is_the_mean() {
        let mut average = IterateAverage::new(AveragingKind::Uniform, 1).unwrap();
        for x in [1.0, 5.0, -3.0, 9.0] {
            average.push(&[x]);
        }
        assert_close("mean", average.mean()[0], 3.0, 1e-15);
        assert_eq!(average.count(), 4);
    }

    #[test]
    fn a_linear_average_weighs_iterates_by_their_number() {
        // η = 1: weights i.
        let mut average = IterateAverage::new(AveragingKind::Polynomial { power: 1.0 }, 1).unwrap();
        let iterates = [2.0, -1.0, 4.0, 0.5, 7.0];
        for x in iterates {
            average.push(&[x]);
        }
        let weighted: f64 = iterates
            .iter()
            .zip(1..)
            .map(|(x, i)| x * f64::from(i))
            .sum();
        assert_close("mean", average.mean()[0], weighted / 15.0, 1e-15);
        assert!(IterateAverage::new(AveragingKind::Polynomial { power: 0.0 }, 1).is_err());
    }
}
