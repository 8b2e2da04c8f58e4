//! How the target falls off: hints at heavy tails, at boundaries and at posteriors that are improper.
//!
//! The one idea: along each coordinate's axis through the answer's centre, ten standard deviations
//! out, a Gaussian has lost fifty nats and an exponential five; a power law loses logarithms, and a
//! boundary or a flat direction nothing. Six values per coordinate tell. These are hints: an axis is
//! not the whole tail. Deliberately absent: anything that changes a grade.

use crate::{Draws, Target, ViError};

/// Distances in standard deviations.
const NEAR: f64 = 10.0;
const FAR: f64 = 20.0;
/// Less than this lost over a doubling is a power law of an order below `FALL / log 2 ≈ 12`, whose
/// higher moments matter.
const POWER: f64 = 8.0;
/// Less than this is flat.
const FLAT: f64 = 0.1;
/// More coordinates than this are not looked at.
const MOST_COORDINATES: usize = 2000;

/// Which way along a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Towards −∞.
    Low,
    /// Towards +∞.
    High,
}

/// Something about the target that makes it hard to approximate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tail {
    /// The density falls like a power, `|x|^−order`.
    Heavy {
        /// The coordinate.
        coordinate: usize,
        /// The power.
        order: f64,
    },
    /// The density does not fall: the posterior is improper, or a constrained parameter has mass at
    /// its boundary (a scale at zero, a probability at one).
    Flat {
        /// The coordinate.
        coordinate: usize,
        /// The side on which.
        side: Side,
    },
}

/// Looks along every coordinate's axis through `center`.
///
/// # Errors
/// What the density fails with.
pub fn tails(target: &Target<'_>, center: &[f64], sds: &[f64]) -> Result<Vec<Tail>, ViError> {
    let dimension = center.len();
    if dimension > MOST_COORDINATES {
        return Ok(Vec::new());
    }
    let offsets = [-FAR, -NEAR, NEAR, FAR];
    let mut points = Draws::zeros(dimension, offsets.len() * dimension);
    for i in 0..dimension {
        for (v, at) in points.coordinate_mut(i).iter_mut().zip(0..) {
            *v = center[i];
            if at / offsets.len() == i {
                *v += offsets[at % offsets.len()] * sds[i];
            }
        }
    }
    let values = target.log_densities(&points)?;
    let mut found = Vec::new();
    for (coordinate, along) in values.chunks(offsets.len()).enumerate() {
        let falls = [
            (Side::Low, along[1] - along[0]),
            (Side::High, along[2] - along[3]),
        ];
        // −∞ on both points gives NaN: an end of the support is no tail.
        for (side, _) in falls.iter().filter(|(_, fall)| *fall < FLAT) {
            found.push(Tail::Flat {
                coordinate,
                side: *side,
            });
        }
        let least = falls
            .iter()
            .map(|(_, fall)| *fall)
            .fold(f64::INFINITY, f64::min);
        if (FLAT..POWER).contains(&least) {
            found.push(Tail::Heavy {
                coordinate,
                order: least / (FAR / NEAR).ln(),
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;

    fn of(f: impl Fn(f64) -> f64 + Sync) -> Vec<Tail> {
        // The second coordinate is standard normal; gradients are not used.
        let density = FromFn(|x: &[f64], _: &mut [f64]| f(x[0]) - 0.5 * x[1] * x[1]);
        let target = Target::new(&density, 2).unwrap();
        tails(&target, &[0.0, 0.0], &[1.0, 1.0]).unwrap()
    }

    #[test]
    fn gaussian_and_exponential_tails_are_no_news() {
        assert_eq!(of(|x| -0.5 * x * x), []);
        assert_eq!(of(|x| -x.abs()), []);
        // An end of the support.
        assert_eq!(of(|x| if x > -5.0 { -x } else { f64::NEG_INFINITY }), []);
    }

    #[test]
    fn a_students_tail_is_heavy_with_its_order() {
        let found = of(|x| -2.5 * (x * x / 4.0).ln_1p()); // four degrees of freedom
        let [
            Tail::Heavy {
                coordinate: 0,
                order,
            },
        ] = found[..]
        else {
            panic!("{found:?}");
        };
        // x^−5 from afar; at 10 to 20 the power is 5 (1 − O(4/100)).
        assert!((order - 5.0).abs() < 0.2, "{order}");
    }

    #[test]
    fn a_density_that_does_not_fall_is_flat_on_that_side() {
        // log τ of a scale that the data do not bound away from zero.
        let found = of(|x| -(x.exp()));
        let side = Side::Low;
        assert_eq!(
            found,
            [Tail::Flat {
                coordinate: 0,
                side
            }]
        );
    }
}
