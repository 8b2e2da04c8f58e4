//! One row of the conformance table: a distribution and the checks that it passes or skips.
//!
//! The one idea: each method of [`Row`] asks for one capability and adds the checks that it makes
//! possible. What a row neither runs nor skips with a reason is a failure.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use elbo_dist::{Cumulative, DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};
use elbo_math::linalg::dot;
use elbo_math::random::stream;
use elbo_testkit::{
    Estimate, assert_all_close, assert_close, assert_counts_follow, assert_draws_follow,
    assert_mean, gradient,
};

use crate::flat::Flat;
use crate::support::Support;

/// The seed of every sampling check.
const SEED: u64 = 20_240_501;
const N_DRAWS: usize = 20_000;

/// What a row says about a check.
pub(crate) enum Outcome {
    Run(Box<dyn Fn()>),
    Skip(&'static str),
}

/// A quantity that golden values can be given for, as a function of flat arguments.
type Quantity = Box<dyn Fn(&[f64]) -> f64>;

/// Asserts that the expectation of a function is what it should be.
type Expectation<P> = Box<dyn Fn(&str, &dyn Fn(&P) -> f64, f64)>;

/// A row whose distribution's type is forgotten.
pub(crate) struct Finished {
    pub(crate) name: &'static str,
    pub(crate) checks: BTreeMap<&'static str, Outcome>,
    pub(crate) quantities: BTreeMap<&'static str, Quantity>,
}

/// A row in the making.
pub(crate) struct Row<D: Distribution> {
    distribution: D,
    support: Option<Support<D>>,
    finished: Finished,
}

impl<D> Row<D>
where
    D: Distribution + Clone + 'static,
    D::Point: Flat,
    Draw<D>: Flat,
{
    /// Starts a row; `point` reads a point from a flat list.
    pub(crate) fn new(name: &'static str, distribution: D, point: fn(&[f64]) -> Draw<D>) -> Self {
        let finished = Finished {
            name,
            checks: BTreeMap::new(),
            quantities: BTreeMap::new(),
        };
        let d = distribution.clone();
        let row = Self {
            distribution,
            support: None,
            finished,
        };
        let e = row.distribution.clone();
        row.quantity("log_density", move |x| d.log_density(point(x).borrow()))
            .run("finite_input", move || assert_no_nan(&e, point))
    }

    /// Checks that the density integrates to 1; later checks integrate instead of sampling.
    pub(crate) fn support(mut self, support: Support<D>) -> Self {
        self.support = Some(support.clone());
        let d = self.distribution.clone();
        self.run("normalisation", move || {
            let total = support.integrate(|x| d.log_density(x).exp());
            assert_close("the density's integral", total, 1.0, 1e-9);
        })
    }

    /// Checks mean and variance against draws.
    pub(crate) fn moments(self) -> Self
    where
        D: Moments<Mean: Flat, Variance: Flat>,
    {
        let (d, e, f) = (
            self.distribution.clone(),
            self.distribution.clone(),
            self.distribution.clone(),
        );
        self.quantity("mean", move |_| d.mean().flat()[0])
            .quantity("variance", move |_| e.variance().flat()[0])
            .run("moments", move || {
                let (mean, variance) = (f.mean().flat(), f.variance().flat());
                let draws: Vec<Vec<f64>> = draws(&f).iter().map(Flat::flat).collect();
                assert_means("mean", &draws, &mean);
                let second: Vec<Vec<f64>> = draws
                    .iter()
                    .map(|x| second_moment(x, &mean, variance.len()))
                    .collect();
                assert_means("variance", &second, &variance);
            })
    }

    /// Checks that mean and variance are infinite.
    pub(crate) fn infinite_moments(self) -> Self
    where
        D: Moments<Mean = f64, Variance = f64>,
    {
        self.run_with("moments", |d| {
            assert_eq!((d.mean(), d.variance()), (f64::INFINITY, f64::INFINITY));
        })
    }

    /// Checks the entropy against the expectation that defines it.
    pub(crate) fn entropy(self) -> Self
    where
        D: Entropy,
    {
        let (d, e) = (self.distribution.clone(), self.distribution.clone());
        let expect = self.expectation();
        self.quantity("entropy", move |_| d.entropy())
            .run("entropy", move || {
                expect("entropy", &|x| -e.log_density(x), e.entropy());
            })
    }

    /// Checks draws against the distribution function of one of their features.
    pub(crate) fn marginal<M: Cumulative + 'static>(
        self,
        feature: fn(&[f64]) -> f64,
        marginal: M,
    ) -> Self {
        let d = self.distribution.clone();
        self.run("goodness_of_fit", move || {
            let draws: Vec<f64> = draws(&d).iter().map(|x| feature(&x.flat())).collect();
            assert_draws_follow("marginal", SEED, &draws, |x| marginal.cdf(x));
        })
    }

    /// Checks the identities of an exponential family, and divergences to `other`.
    pub(crate) fn exponential_family(self, other: D) -> Self
    where
        D: ExponentialFamily,
    {
        let d = self.distribution.clone();
        let expect = self.expectation();
        self.run_with("exponential_form", assert_exponential_form)
            .run_with("natural_params_round_trip", assert_round_trip)
            .run_with("mean_params_are_gradient", assert_mean_params)
            .run_with("mean_params_are_expectations", assert_expected_stats)
            .run("kl", move || {
                assert_close("KL to itself", d.kl(&d), 0.0, 1e-11);
                let kl = d.kl(&other);
                assert!(kl > 0.0, "KL to another member is {kl}");
                expect("KL", &|x| d.log_density(x) - other.log_density(x), kl);
            })
    }

    /// Checks that points outside the support have log density `−∞`.
    pub(crate) fn outside(self, points: Vec<Draw<D>>) -> Self {
        let d = self.distribution.clone();
        self.run("outside_support", move || {
            for (i, x) in points.iter().enumerate() {
                let value = d.log_density(x.borrow());
                assert_eq!(value, f64::NEG_INFINITY, "point {i}: {:?}", x.flat());
            }
        })
    }

    /// Checks that wrong parameters are refused by name.
    pub(crate) fn rejects(self, attempts: Vec<(Result<D, DistError>, &'static str)>) -> Self {
        let attempts: Vec<_> = attempts.into_iter().map(|(a, p)| (a.err(), p)).collect();
        self.run("invalid_parameters", move || {
            for (i, (error, parameter)) in attempts.iter().enumerate() {
                let error = error
                    .as_ref()
                    .unwrap_or_else(|| panic!("attempt {i} was accepted"));
                assert_eq!(error.parameter(), *parameter, "attempt {i}");
                assert!(error.to_string().contains(parameter), "message: {error}");
            }
        })
    }

    /// Says why the named checks do not apply.
    pub(crate) fn skip(mut self, checks: &[&'static str], reason: &'static str) -> Self {
        for check in checks {
            let clash = self.finished.checks.insert(check, Outcome::Skip(reason));
            assert!(
                clash.is_none(),
                "{}: {check} is both run and skipped",
                self.finished.name
            );
        }
        self
    }

    /// Ends the row.
    pub(crate) fn done(self) -> Finished {
        self.finished
    }

    fn run(mut self, check: &'static str, body: impl Fn() + 'static) -> Self {
        let clash = self
            .finished
            .checks
            .insert(check, Outcome::Run(Box::new(body)));
        assert!(
            clash.is_none(),
            "{}: {check} is there twice",
            self.finished.name
        );
        self
    }

    fn run_with(self, check: &'static str, body: fn(&D)) -> Self {
        let d = self.distribution.clone();
        self.run(check, move || body(&d))
    }

    fn quantity(mut self, name: &'static str, value: impl Fn(&[f64]) -> f64 + 'static) -> Self {
        self.finished.quantities.insert(name, Box::new(value));
        self
    }

    /// Asserts `E[f] = truth`: by an integral where there is a support, from draws otherwise.
    fn expectation(&self) -> Expectation<D::Point> {
        let d = self.distribution.clone();
        let Some(support) = self.support.clone() else {
            return Box::new(move |what, f, truth| {
                let values: Vec<f64> = draws(&d).iter().map(|x| f(x.borrow())).collect();
                assert_mean(what, SEED, &values, truth);
            });
        };
        Box::new(move |what, f, truth| {
            let value = support.integrate(|x| match d.log_density(x).exp() {
                0.0 => 0.0,
                density => density * f(x),
            });
            assert_close(what, truth, value, 1e-8);
        })
    }
}

impl<D: Cumulative + Clone + 'static> Row<D> {
    /// Checks draws against the distribution function, and that against its inverse.
    pub(crate) fn cumulative(self) -> Self {
        let (d, e, f) = (
            self.distribution.clone(),
            self.distribution.clone(),
            self.distribution.clone(),
        );
        self.quantity("cdf", move |x| d.cdf(x[0]))
            .quantity("quantile", move |p| e.quantile(p[0]))
            .run("quantile_inverts_cdf", move || {
                for p in [1e-9, 1e-3, 0.1, 0.5, 0.77, 0.999] {
                    // A lower end away from 0 costs absolute, not relative, precision.
                    let off = (f.cdf(f.quantile(p)) - p).abs();
                    assert!(
                        off < 1e-9 * p + 1e-15,
                        "cdf(quantile({p})) is off by {off:e}"
                    );
                }
                assert!(f.quantile(-0.1).is_nan() && f.quantile(1.1).is_nan());
            })
            .draws_follow_cdf()
    }

    fn draws_follow_cdf(self) -> Self {
        let marginal = self.distribution.clone();
        self.marginal(|x| x[0], marginal)
    }
}

impl<D: Distribution<Point = usize> + Clone + 'static> Row<D> {
    /// Checks draws against the masses of the counts below `n_cells`.
    pub(crate) fn counts_follow_masses(self, n_cells: usize) -> Self {
        self.skip(
            &["quantile_inverts_cdf"],
            "counts offer no distribution function; their masses are checked",
        )
        .chi_square(n_cells)
    }

    fn chi_square(self, n_cells: usize) -> Self {
        let d = self.distribution.clone();
        self.run("goodness_of_fit", move || {
            let mut observed = vec![0; n_cells];
            for k in draws(&d) {
                if k < n_cells {
                    observed[k] += 1;
                }
            }
            let masses: Vec<f64> = (0..n_cells).map(|k| d.log_density(&k).exp()).collect();
            assert_counts_follow("counts", SEED, &observed, &masses, N_DRAWS);
        })
    }
}

fn draws<D: Distribution>(d: &D) -> Vec<Draw<D>> {
    let mut rng = stream(SEED, "elbo-dist/conformance", 0);
    (0..N_DRAWS).map(|_| d.sample(&mut rng)).collect()
}

fn assert_means(what: &str, draws: &[Vec<f64>], truth: &[f64]) {
    assert_eq!(draws[0].len(), truth.len(), "{what}: shapes differ");
    for (i, t) in truth.iter().enumerate() {
        let column: Vec<f64> = draws.iter().map(|x| x[i]).collect();
        Estimate::from_draws(&column).assert_agrees(&format!("{what}[{i}]"), SEED, *t);
    }
}

/// Squares of the centred entries, or all their products if a covariance matrix is expected.
fn second_moment(x: &[f64], mean: &[f64], expected_len: usize) -> Vec<f64> {
    let centred: Vec<f64> = x.iter().zip(mean).map(|(a, m)| a - m).collect();
    if expected_len == mean.len() {
        return centred.iter().map(|c| c * c).collect();
    }
    centred
        .iter()
        .flat_map(|a| centred.iter().map(move |b| a * b))
        .collect()
}

/// Draws blown up, shrunk and turned around still have a log density.
fn assert_no_nan<D: Distribution>(d: &D, point: fn(&[f64]) -> Draw<D>)
where
    Draw<D>: Flat,
{
    let draw = draws(d)[0].flat();
    for factor in [
        0.0,
        -0.0,
        1e-308,
        1e-160,
        -1.0,
        1e160,
        1e300,
        -1e300,
        f64::MAX,
    ] {
        let clamp = |x: &f64| (x * factor).clamp(-f64::MAX, f64::MAX);
        let x: Vec<f64> = draw.iter().map(clamp).collect();
        let value = d.log_density(point(&x).borrow());
        assert!(!value.is_nan(), "log density at {x:?}");
    }
}

fn assert_exponential_form<D: ExponentialFamily>(d: &D) {
    for x in draws(d).iter().take(50) {
        let x = x.borrow();
        let linear = dot(&d.natural_params(), &d.sufficient_stats(x));
        let form = d.log_base_measure(x) + linear - d.log_partition();
        assert_close("h + ⟨η, T⟩ − A", form, d.log_density(x), 1e-10);
    }
}

fn assert_round_trip<D: ExponentialFamily>(d: &D) {
    let eta = d.natural_params();
    let again = d
        .with_natural_params(&eta)
        .expect("its own parameters are valid");
    assert_all_close("η", &again.natural_params(), &eta, 1e-12);
    assert_close("A", again.log_partition(), d.log_partition(), 1e-11);
    let too_long = [eta, vec![0.0]].concat();
    let error = d
        .with_natural_params(&too_long)
        .err()
        .expect("a wrong length is refused");
    assert_eq!(error.parameter(), "natural_params");
}

fn assert_mean_params<D: ExponentialFamily>(d: &D) {
    let log_partition = |eta: &[f64]| {
        d.with_natural_params(eta)
            .expect("the natural domain is open")
            .log_partition()
    };
    let numeric = gradient(log_partition, &d.natural_params());
    assert_all_close("∇A", &d.expected_sufficient_stats(), &numeric, 1e-7);
}

fn assert_expected_stats<D: ExponentialFamily>(d: &D) {
    let stats: Vec<Vec<f64>> = draws(d)
        .iter()
        .map(|x| d.sufficient_stats(x.borrow()))
        .collect();
    assert_means("E[T]", &stats, &d.expected_sufficient_stats());
}
