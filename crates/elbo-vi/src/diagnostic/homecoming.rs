//! Whether paths that ended far from an answer ended in other modes, or on the way to it.
//!
//! The one idea: an optimiser is drawn to where the density is highest, which in a hierarchical posterior
//! is a narrow neck without mass; a Markov chain that starts there goes where the mass is. From a mode
//! with mass of its own it does not come to the answer. Deliberately absent: what follows from it
//! (`checks`), and chains that start from the answer (`drift`).

use elbo_math::random::stream;

use super::drift::{Answer, frame};
use crate::hamiltonian::{Chains, Kernel};
use crate::{Draws, Target, ViError};

/// Transitions, at most.
const TRANSITIONS: usize = 100;

/// So many standard deviations from the answer's mean, or fewer, in every coordinate, a chain is where
/// the answer is: one in a hundred draws of a thousand normal coordinates is further off in some of them.
const HOME: f64 = 4.5;

/// It has come there once it was so for so many transitions in a row: draws of a mode that is six standard
/// deviations away come as near one time in fifteen.
const STAYS: usize = 5;

/// How many of the chains from `places` come to where the answer is; stops when `wanted` have.
///
/// # Errors
/// What the density fails with.
pub(super) fn n_coming_home(
    target: &Target<'_>,
    places: &[&[f64]],
    answer: &Answer,
    wanted: usize,
    seed: u64,
) -> Result<usize, ViError> {
    let dimension = target.dimension();
    let mut starts = Draws::zeros(dimension, places.len());
    for (s, place) in places.iter().enumerate() {
        starts.set_draw(s, place);
    }
    let frame = frame(answer);
    let mut chains = Chains::new(target, &frame, frame.standardise(&starts))?;
    let mut kernel = Kernel::first(1.0, dimension);
    let mut stayed = vec![0; places.len()];
    for t in 0..TRANSITIONS {
        let mut rng = stream(seed, "verdict/homecoming", t as u64);
        let acceptance = chains.transition(&kernel, &mut rng)?;
        kernel.tune(acceptance);
        let positions = frame.place(chains.standard());
        for (s, stayed) in stayed.iter_mut().enumerate() {
            let near = |i: usize| {
                let away = positions.get(i, s) - answer.mean[i];
                away.abs() <= HOME * answer.sd[i]
            };
            // Who has come may leave again for a draw in the tails.
            if *stayed < STAYS {
                *stayed = if (0..dimension).all(near) {
                    *stayed + 1
                } else {
                    0
                };
            }
        }
        if n_home(&stayed) >= wanted {
            break;
        }
    }
    Ok(n_home(&stayed))
}

fn n_home(stayed: &[usize]) -> usize {
    stayed.iter().filter(|s| **s == STAYS).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;
    use crate::testing::TWO_MODES;

    #[test]
    fn chains_leave_a_neck_for_the_mass_and_a_mode_for_nothing() {
        // s ~ N(0, 0.3²) and 30 of N(0, e^2s): the density is highest at s = −30·0.3² = −2.7, nine
        // standard deviations from the mean.
        let funnel = FromFn(|x: &[f64], g: &mut [f64]| {
            let precision = (-2.0 * x[0]).exp();
            let squares: f64 = x[1..].iter().map(|v| v * v).sum();
            g[0] = -x[0] / 0.09 - 30.0 + precision * squares;
            for (g, v) in g[1..].iter_mut().zip(&x[1..]) {
                *g = -precision * v;
            }
            -0.5 * x[0] * x[0] / 0.09 - 30.0 * x[0] - 0.5 * precision * squares
        });
        let target = Target::new(&funnel, 31).unwrap();
        let answer = Answer {
            mean: vec![0.0; 31],
            sd: [vec![0.3], vec![0.09_f64.exp(); 30]].concat(),
            covariance: None,
        };
        let mut neck = vec![0.0; 31];
        neck[0] = -2.7;
        let found = n_coming_home(&target, &[&neck, &neck], &answer, 2, 1).unwrap();
        assert_eq!(found, 2);
        // One of two modes is the answer; the other one, six standard deviations away, is none.
        let target = Target::new(&TWO_MODES, 2).unwrap();
        let answer = Answer {
            mean: vec![-3.0, 0.0],
            sd: vec![1.0; 2],
            covariance: None,
        };
        let (here, there) = ([-3.5, 1.0], [3.5, 0.0]);
        let found = n_coming_home(&target, &[&here, &there], &answer, 2, 1).unwrap();
        assert_eq!(found, 1);
    }
}
