//! An approximation in other coordinates, as one in the user's.
//!
//! `log q(u) = log q(z) − log |∂u/∂z|`. Deliberately absent: moments in closed form.

use std::sync::Arc;

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;

use super::Coordinates;
use crate::{Approximation, Draws};

/// `q` of `z` as a distribution of `u`.
pub struct Reparameterised {
    inner: Box<dyn Approximation>,
    coordinates: Arc<dyn Coordinates>,
    degrees: Vec<f64>,
}

impl Reparameterised {
    /// `inner` in the user's coordinates; `degrees` are those of `coordinates`.
    pub fn new(
        inner: Box<dyn Approximation>,
        coordinates: Arc<dyn Coordinates>,
        degrees: Vec<f64>,
    ) -> Self {
        Self {
            inner,
            coordinates,
            degrees,
        }
    }
}

impl Approximation for Reparameterised {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let (z, mut log_q) = self.inner.sample(n_draws, stream);
        let (u, log_jacobian) = self.coordinates.original(&z);
        for (q, j) in log_q.iter_mut().zip(log_jacobian) {
            *q -= j;
        }
        (u, log_q)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let z = self.coordinates.changed(points);
        let (_, log_jacobian) = self.coordinates.original(&z);
        let mut log_q = self.inner.log_density(&z);
        for (q, j) in log_q.iter_mut().zip(log_jacobian) {
            *q -= j;
        }
        log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        None
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        None
    }

    fn arrays(&self) -> Arrays {
        let mut arrays = self.inner.arrays();
        let degrees = Array::f64(&[self.degrees.len()], self.degrees.clone());
        arrays.insert("degrees".into(), degrees);
        arrays
    }
}
