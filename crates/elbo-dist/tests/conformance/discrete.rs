//! Rows of the distributions of counts and labels.

use elbo_dist::{Bernoulli, Binomial, Categorical, NegativeBinomial, Poisson};

use crate::flat::count;
use crate::row::{Finished, Row};
use crate::support::Support;

const NAN: f64 = f64::NAN;
const ALL_COUNTS: &str = "every count is in the support";
const SAME_CODE: &str = "checked in the row with small parameters";

/// How many checks these rows skip.
pub(crate) const N_SKIPS: usize = 19;

pub(crate) fn rows() -> Vec<Finished> {
    vec![
        categorical(),
        bernoulli(),
        binomial(),
        binomial_with_many_trials(),
        poisson(),
        poisson_with_a_large_rate(),
        negative_binomial(),
        negative_binomial_nearly_poisson(),
    ]
}

fn categorical() -> Finished {
    type Cat = Categorical;
    Row::new("categorical", Cat::new(vec![0.2, 0.5, 0.3]).unwrap(), count)
        .support(Support::counts(2))
        .skip(&["moments"], "labels have no mean")
        .entropy()
        .counts_follow_masses(3)
        .exponential_family(Cat::from_log_weights(vec![0.0, -1.0, 0.7]).unwrap())
        .outside(vec![3, usize::MAX])
        .rejects(vec![
            (Cat::new(vec![0.5, 0.6]), "probabilities"),
            (Cat::new(vec![1.5, -0.5]), "probabilities"),
            (Cat::new(vec![]), "probabilities"),
            (Cat::from_log_weights(vec![0.0, NAN]), "log_weights"),
            (
                Cat::from_log_weights(vec![f64::NEG_INFINITY; 2]),
                "log_weights",
            ),
        ])
        .done()
}

fn bernoulli() -> Finished {
    Row::new("bernoulli", Bernoulli::new(0.3).unwrap(), count)
        .support(Support::counts(1))
        .moments()
        .entropy()
        .counts_follow_masses(2)
        .exponential_family(Bernoulli::new(0.6).unwrap())
        .outside(vec![2])
        .rejects(vec![
            (Bernoulli::new(1.1), "probability"),
            (Bernoulli::new(NAN), "probability"),
        ])
        .done()
}

fn binomial() -> Finished {
    Row::new("binomial", Binomial::new(12, 0.3).unwrap(), count)
        .support(Support::counts(12))
        .moments()
        .entropy()
        .counts_follow_masses(13)
        .exponential_family(Binomial::new(12, 0.6).unwrap())
        .outside(vec![13])
        .rejects(vec![(Binomial::new(3, -0.1), "probability")])
        .done()
}

fn binomial_with_many_trials() -> Finished {
    Row::new(
        "binomial_with_many_trials",
        Binomial::new(5000, 0.71).unwrap(),
        count,
    )
    .support(Support::counts(5000))
    .moments()
    .entropy()
    .counts_follow_masses(5000)
    .exponential_family(Binomial::new(5000, 0.7).unwrap())
    .skip(&["outside_support", "invalid_parameters"], SAME_CODE)
    .done()
}

fn poisson() -> Finished {
    Row::new("poisson", Poisson::new(2.3).unwrap(), count)
        .support(Support::counts(60))
        .moments()
        .entropy()
        .counts_follow_masses(60)
        .exponential_family(Poisson::new(4.0).unwrap())
        .skip(&["outside_support"], ALL_COUNTS)
        .rejects(vec![
            (Poisson::new(0.0), "rate"),
            (Poisson::new(1e17), "rate"),
        ])
        .done()
}

fn poisson_with_a_large_rate() -> Finished {
    // Large enough for rejection sampling and for the entropy's series.
    Row::new(
        "poisson_with_a_large_rate",
        Poisson::new(1200.0).unwrap(),
        count,
    )
    .support(Support::counts(3000))
    .moments()
    .entropy()
    .counts_follow_masses(3000)
    .exponential_family(Poisson::new(1210.0).unwrap())
    .skip(&["outside_support"], ALL_COUNTS)
    .skip(&["invalid_parameters"], SAME_CODE)
    .done()
}

fn negative_binomial() -> Finished {
    type Nb = NegativeBinomial;
    Row::new("negative_binomial", Nb::new(3.2, 1.8).unwrap(), count)
        .support(Support::counts(400))
        .moments()
        .skip(&["entropy"], "no closed form")
        .counts_follow_masses(100)
        .exponential_family(Nb::new(5.0, 1.8).unwrap())
        .skip(&["outside_support"], ALL_COUNTS)
        .rejects(vec![
            (Nb::new(0.0, 1.0), "mean"),
            (Nb::new(1.0, NAN), "dispersion"),
        ])
        .done()
}

fn negative_binomial_nearly_poisson() -> Finished {
    type Nb = NegativeBinomial;
    Row::new(
        "negative_binomial_nearly_poisson",
        Nb::new(3.2, 800.0).unwrap(),
        count,
    )
    .support(Support::counts(100))
    .moments()
    .skip(&["entropy"], "no closed form")
    .counts_follow_masses(100)
    .exponential_family(Nb::new(5.0, 800.0).unwrap())
    .skip(&["outside_support"], ALL_COUNTS)
    .skip(&["invalid_parameters"], SAME_CODE)
    .done()
}
