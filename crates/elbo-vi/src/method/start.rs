//! Where a fit begins: a point at which the density is finite.

use elbo_math::random::{stream, uniform};

use super::Start;
use crate::{Target, ViError};

/// Random starts tried before giving up, as many as Stan tries.
const TRIES: u64 = 100;
/// Coordinates are drawn from `[−RADIUS, RADIUS]`, as Stan does.
const RADIUS: f64 = 2.0;
/// After so many points outside the support the box is halved.
const PATIENCE: u64 = 20;

/// A start with its log density and gradient.
pub(super) type Evaluated = (Vec<f64>, f64, Vec<f64>);

impl Start {
    /// A point at which the density is finite, for the fit's restart, path or chain `index`.
    ///
    /// # Errors
    /// [`ViError::Length`]; [`ViError::Start`] if no point tried is inside the support,
    /// [`ViError::NotFinite`] if the density was NaN or +∞ there; what the density itself reports.
    pub fn first_point(
        &self,
        target: &Target<'_>,
        seed: u64,
        index: u64,
    ) -> Result<Vec<f64>, ViError> {
        Ok(self.first_evaluated(target, seed, index)?.0)
    }

    /// As [`first_point`](Self::first_point), with what is known there.
    pub(super) fn first_evaluated(
        &self,
        target: &Target<'_>,
        seed: u64,
        index: u64,
    ) -> Result<Evaluated, ViError> {
        let Self::Point(point) = self else {
            return near(target, &vec![0.0; target.dimension()], seed, index);
        };
        let mut gradient = vec![0.0; target.dimension()];
        let value = target.log_density_and_gradient(point, &mut gradient)?;
        if value.is_finite() {
            return Ok((point.clone(), value, gradient));
        }
        Err(target.rejections().unwrap_or(ViError::Start { value }))
    }

    /// Another start for a method that wants several: a random one again, or a point in the box
    /// around the given one.
    ///
    /// # Errors
    /// As [`first_point`](Self::first_point).
    pub fn another_point(
        &self,
        target: &Target<'_>,
        seed: u64,
        index: u64,
    ) -> Result<Vec<f64>, ViError> {
        Ok(self.another_evaluated(target, seed, index)?.0)
    }

    /// As [`another_point`](Self::another_point), with what is known there.
    pub(super) fn another_evaluated(
        &self,
        target: &Target<'_>,
        seed: u64,
        index: u64,
    ) -> Result<Evaluated, ViError> {
        match self {
            Self::Point(point) => near(target, point, seed, index),
            Self::Random => self.first_evaluated(target, seed, index),
        }
    }
}

fn near(target: &Target<'_>, centre: &[f64], seed: u64, index: u64) -> Result<Evaluated, ViError> {
    let mut gradient = vec![0.0; target.dimension()];
    let (mut radius, mut value) = (RADIUS, f64::NEG_INFINITY);
    for attempt in 0..TRIES {
        if attempt > 0 && attempt % PATIENCE == 0 {
            radius *= 0.5;
        }
        let mut rng = stream(seed, "method/start", index * TRIES + attempt);
        let point: Vec<f64> = centre
            .iter()
            .map(|c| c + radius * (2.0 * uniform(&mut rng) - 1.0))
            .collect();
        value = target.log_density_and_gradient(&point, &mut gradient)?;
        if value.is_finite() {
            return Ok((point, value, gradient));
        }
    }
    Err(target.rejections().unwrap_or(ViError::Start { value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;

    fn positive_only(x: &[f64], g: &mut [f64]) -> f64 {
        g.fill(-1.0);
        if x.iter().all(|v| *v > 0.0) {
            -x.iter().sum::<f64>()
        } else {
            f64::NEG_INFINITY
        }
    }

    #[test]
    fn random_starts_are_inside_the_support() {
        let density = FromFn(positive_only);
        let target = Target::new(&density, 3).unwrap();
        for index in 0..20 {
            let point = Start::Random.first_point(&target, 1, index).unwrap();
            assert!(point.iter().all(|v| *v > 0.0 && *v <= RADIUS));
        }
        let around = Start::Point(vec![9.0; 3]);
        let point = around.another_point(&target, 1, 0).unwrap();
        assert!(point.iter().all(|v| (v - 9.0).abs() <= RADIUS));
    }

    #[test]
    fn a_start_outside_the_support_says_what_was_found() {
        let density = FromFn(positive_only);
        let target = Target::new(&density, 3).unwrap();
        assert_eq!(
            Start::Point(vec![1.0, -1.0, 1.0]).first_point(&target, 1, 0),
            Err(ViError::Start {
                value: f64::NEG_INFINITY
            })
        );
        assert!(matches!(
            Start::Point(vec![1.0]).first_point(&target, 1, 0),
            Err(ViError::Length {
                expected: 3,
                got: 1
            })
        ));
        let nowhere = FromFn(|_: &[f64], _: &mut [f64]| f64::NAN);
        let target = Target::new(&nowhere, 1).unwrap();
        assert!(matches!(
            Start::Random.first_point(&target, 1, 0),
            Err(ViError::NotFinite { .. })
        ));
    }
}
