//! Cycles of first-order steps, each twice as long as the one before, for families whose optimum is not
//! a few steps away.
//!
//! The one idea: within a cycle the step falls to nothing, so that its end is an answer and not a place
//! in a wander. A cycle that gains less than the tolerance over the one before is the last; so is one
//! after which no more than the tolerance can be left, for `log E[w] − E[log w]` is the divergence that
//! is left. Deliberately absent: the steps.

use elbo_math::log_space::log_sum_exp;
use elbo_math::random::stream;

use super::natural::elbo_of;
use crate::coupled::coupled_normals;
use crate::family::Reparameterised;
use crate::{Halves, Target, ViError};

/// Steps over which the rate rises at the beginning of a cycle.
const WARM_UP: usize = 20;

/// What becomes of the largest rate from one cycle to the next.
const SHRINKS: f64 = 0.6;

/// Draws that judge the end of a cycle.
const JUDGES: usize = 1024;

/// Where a fit is in its cycles, and the best end of one so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cycles<Q> {
    seed: u64,
    length: usize,
    done: usize,
    peak: f64,
    best: (Q, f64),
    ends: [Option<Q>; 2],
}

impl<Q: Reparameterised + Clone> Cycles<Q> {
    /// Before the first step from `start`, with a first cycle of `length` steps.
    pub(super) fn new(start: &Q, length: usize, seed: u64) -> Self {
        Self {
            seed,
            length,
            done: 0,
            peak: 1.0,
            best: (start.clone(), f64::NEG_INFINITY),
            ends: [None, None],
        }
    }

    /// The next step's share of the first cycle's largest.
    pub(super) fn rate(&self) -> f64 {
        let t = self.done as f64 + 1.0;
        let rise = (t / WARM_UP as f64).min(1.0);
        self.peak * rise * (1.0 - t / (self.length as f64 + 1.0))
    }

    /// Counts a step that led to `q`; whether it was the last.
    ///
    /// # Errors
    /// What the density fails with.
    pub(super) fn advance(
        &mut self,
        q: &Q,
        tolerance: f64,
        target: &Target<'_>,
    ) -> Result<bool, ViError> {
        self.done += 1;
        if self.done < self.length {
            return Ok(false);
        }
        let (elbo, left) = self.judged(q, target)?;
        let gain = elbo - self.best.1;
        if gain > 0.0 {
            self.best = (q.clone(), elbo);
        }
        self.ends = [self.ends[1].take(), Some(q.clone())];
        self.done = 0;
        self.length *= 2;
        self.peak *= SHRINKS;
        Ok(left < tolerance || gain < tolerance)
    }

    /// The ends of the last two cycles.
    pub(super) fn halves(&self) -> Option<Halves>
    where
        Q: 'static,
    {
        let [Some(a), Some(b)] = &self.ends else {
            return None;
        };
        Some([Box::new(a.clone()), Box::new(b.clone())])
    }

    /// The best end of a cycle; if none was reached yet, `q` or the start.
    ///
    /// # Errors
    /// What the density fails with.
    pub(super) fn best(mut self, q: Q, target: &Target<'_>) -> Result<Q, ViError> {
        let now = self.judged(&q, target)?.0;
        if self.best.1 == f64::NEG_INFINITY {
            self.best.1 = self.judged(&self.best.0, target)?.0;
        }
        Ok(if now > self.best.1 { q } else { self.best.0 })
    }

    /// The ELBO, and about how much is left to gain, by the same draws of noise every time.
    fn judged(&self, q: &Q, target: &Target<'_>) -> Result<(f64, f64), ViError> {
        let mut rng = stream(self.seed, "method/cycles/judges", 0);
        let noise = coupled_normals(q.noise_dimension(), JUDGES, &mut rng);
        let (points, log_q) = q.transform(&noise);
        let log_p = target.log_densities(&points)?;
        let Some(elbo) = elbo_of(&log_p, &log_q).elbo else {
            return Ok((f64::NEG_INFINITY, f64::INFINITY));
        };
        let ratios: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        let evidence = log_sum_exp(&ratios) - (ratios.len() as f64).ln();
        Ok((elbo, evidence - elbo))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::MeanField;
    use crate::testing::BANANA;

    #[test]
    fn rates_rise_fall_and_begin_again_lower_until_nothing_is_gained() {
        let target = Target::new(&BANANA, 2).unwrap();
        let poor = MeanField::new(vec![0.0; 2], vec![0.2; 2]).unwrap();
        let better = MeanField::new(vec![0.0; 2], vec![0.6; 2]).unwrap();
        let mut cycles = Cycles::new(&poor, 40, 1);
        let mut rates = Vec::new();
        for step in 0..120 {
            rates.push(cycles.rate());
            let q = if step < 40 { &poor } else { &better };
            assert!(!cycles.advance(q, 1e-3, &target).unwrap(), "{step}");
        }
        let peak = |r: &[f64]| r.iter().copied().fold(0.0, f64::max);
        assert!(rates[0] < 0.06 && rates[39] < 0.03 && peak(&rates[..40]) < 1.0);
        assert!(peak(&rates[40..]) < peak(&rates[..40]));
        // A cycle of 160 that ends where the last one did.
        for step in 0..160 {
            let last = cycles.advance(&better, 1e-3, &target).unwrap();
            assert_eq!(last, step == 159, "{step}");
        }
        assert_eq!(cycles.best(poor, &target).unwrap(), better);
    }

    #[test]
    fn a_member_that_is_the_target_ends_the_first_cycle() {
        let gaussian = crate::testing::Gaussian::new(2, 1.0, 1);
        let target = Target::new(&gaussian, 2).unwrap();
        let exact = MeanField::new(gaussian.mean.clone(), vec![1.0; 2]).unwrap();
        let mut cycles = Cycles::new(&exact, 1, 1);
        assert!(cycles.advance(&exact, 1e-3, &target).unwrap());
    }
}
