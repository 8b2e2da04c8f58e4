//! Sums and integrals over the supports of distributions.
//!
//! The one idea: a support is a change of variables from `R^d`, where the trapezoidal rule is
//! spectrally accurate, so normalisation, entropy and divergence are all one integral.

use std::rc::Rc;

use elbo_dist::{Distribution, Draw};
use elbo_math::log_space::{inv_logit, log_sum_exp};
use elbo_testkit::integrate;

type Integrand<'a, D> = dyn FnMut(&<D as Distribution>::Point) -> f64 + 'a;

type Integrator<D> = Rc<dyn Fn(&mut Integrand<'_, D>) -> f64>;

/// Integrates a function over a distribution's support.
pub(crate) struct Support<D: Distribution>(Integrator<D>);

impl<D: Distribution> Clone for Support<D> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<D: Distribution + 'static> Support<D> {
    pub(crate) fn integrate(&self, mut f: impl FnMut(&D::Point) -> f64) -> f64 {
        (self.0)(&mut f)
    }

    /// `transform` maps `R^dim` to the support and gives the log Jacobian.
    pub(crate) fn transformed(
        dim: usize,
        half_width: f64,
        n_points: usize,
        transform: impl Fn(&[f64]) -> (Draw<D>, f64) + 'static,
    ) -> Self {
        Self(Rc::new(move |f| {
            integrate(dim, half_width, n_points, |u| {
                let (x, log_jacobian) = transform(u);
                let jacobian = log_jacobian.exp();
                if jacobian == 0.0 {
                    0.0
                } else {
                    f(std::borrow::Borrow::borrow(&x)) * jacobian
                }
            })
        }))
    }
}

impl<D: Distribution<Point = f64> + 'static> Support<D> {
    /// The real line, by `x = centre + scale · sinh u`, which reaches far into heavy tails.
    pub(crate) fn real_line(centre: f64, scale: f64) -> Self {
        Self::transformed(1, 40.0, 4_001, move |u| {
            (centre + scale * u[0].sinh(), scale.ln() + u[0].cosh().ln())
        })
    }

    /// The real line cut at `kink`, where the density is not smooth.
    pub(crate) fn kinked_line(kink: f64) -> Self {
        let half = Support::<D>::positive();
        Self(Rc::new(move |f| {
            half.integrate(|x| f(&(kink + x))) + half.integrate(|x| f(&(kink - x)))
        }))
    }

    /// The positive numbers, by `x = exp u`.
    pub(crate) fn positive() -> Self {
        Self::transformed(1, 120.0, 12_001, |u| (u[0].exp(), u[0]))
    }

    /// An interval, by the logistic function.
    pub(crate) fn interval(lower: f64, upper: f64) -> Self {
        let width = upper - lower;
        Self::transformed(1, 36.0, 4_001, move |u| {
            let (p, q) = (inv_logit(u[0]), inv_logit(-u[0]));
            (lower + width * p, (width * p * q).ln())
        })
    }
}

impl<D: Distribution<Point = usize> + 'static> Support<D> {
    /// The counts up to `max`.
    pub(crate) fn counts(max: usize) -> Self {
        Self(Rc::new(move |f| (0..=max).map(|k| f(&k)).sum()))
    }
}

impl<D: Distribution<Point = [f64]> + 'static> Support<D> {
    /// `R^dim` in a box.
    pub(crate) fn vectors(dim: usize, half_width: f64, n_points: usize) -> Self {
        Self::transformed(dim, half_width, n_points, |u| (u.to_vec(), 0.0))
    }

    /// The simplex in `dim + 1` categories, by the additive log-ratio map.
    pub(crate) fn simplex(dim: usize, half_width: f64, n_points: usize) -> Self {
        Self::transformed(dim, half_width, n_points, |u| {
            let logits = [u, &[0.0]].concat();
            let total = log_sum_exp(&logits);
            let log: Vec<f64> = logits.iter().map(|v| v - total).collect();
            (log.iter().map(|v| v.exp()).collect(), log.iter().sum())
        })
    }
}
