//! The order of the estimators' variances on a real posterior: Bayesian logistic regression on the
//! breast-cancer table.

use elbo_math::random::stream;

use super::*;
use crate::density::FromFn;
use crate::family::MeanField;

#[path = "../../examples/gradient_variance/model.rs"]
mod model;

const SEED: u64 = 33;

/// `n` times the variance of estimates from `n` draws, summed over means and over log scales.
fn variances(
    mut estimator: impl GradientEstimator<MeanField>,
    target: &Target<'_>,
    repeats: usize,
) -> [f64; 2] {
    let (n, d) = (10, target.dimension());
    let q = MeanField::new(vec![0.0; d], vec![0.1; d]).unwrap();
    let mut rng = stream(SEED, "logistic", 0);
    let (mut sums, mut squares) = (vec![0.0; 2 * d], vec![0.0; 2 * d]);
    for _ in 0..repeats {
        let estimate = estimator
            .estimate(&q, &Expectation::elbo(target), n, &mut rng)
            .unwrap();
        for (i, g) in estimate.gradient.iter().enumerate() {
            sums[i] += g;
            squares[i] += g * g;
        }
    }
    let r = repeats as f64;
    let variance = |i: usize| n as f64 * (squares[i] / r - (sums[i] / r).powi(2));
    [(0..d).map(variance).sum(), (d..2 * d).map(variance).sum()]
}

/// Each step of the order is a factor of 1.5 or more, while sums over 31 parameters of variances from
/// 40 repeats or more are known to within about a tenth.
#[test]
fn variances_on_logistic_regression_have_the_order_that_theory_gives() {
    let model = model::BreastCancer::load();
    let density = FromFn(|w: &[f64], g: &mut [f64]| model.log_density(w, g));
    let target = Target::new(&density, model.dimension()).unwrap();
    let score = |control| variances(ScoreFunction::new(control), &target, 200);
    let pathwise = variances(Pathwise, &target, 200);
    let coupled = variances(
        MeasureValued {
            coupling: Coupling::Coupled,
        },
        &target,
        40,
    );
    let uncoupled = variances(
        MeasureValued {
            coupling: Coupling::Uncoupled,
        },
        &target,
        40,
    );
    let none = score(ControlVariate::None);
    let leave_one_out = score(ControlVariate::LeaveOneOut);
    for part in 0..2 {
        let order = [
            ("score, nothing subtracted", none[part]),
            ("score, leave one out", leave_one_out[part]),
            ("pathwise", pathwise[part]),
        ];
        for pair in order.windows(2) {
            assert!(pair[0].1 > 1.5 * pair[1].1, "part {part}: {order:?}");
        }
        assert!(
            uncoupled[part] > 1.5 * coupled[part],
            "part {part}: uncoupled {}, coupled {}",
            uncoupled[part],
            coupled[part]
        );
    }
}
