//! What is approximated: an unnormalised log density on unconstrained space, with its gradient.
//!
//! The one idea: one required method, for one point; a density that can do many points at once, a
//! part of its data, or second derivatives says so by overriding. Deliberately absent: the
//! dimension, which whoever fits a density states once (see [`Target`](crate::Target)).

use crate::Draws;
use crate::reparameterised::Geometry;

/// A log density that the user supplies.
///
/// ```
/// use elbo_vi::{DensityError, LogDensity};
///
/// struct StandardNormal;
///
/// impl LogDensity for StandardNormal {
///     fn log_density_and_gradient(
///         &self,
///         position: &[f64],
///         gradient: &mut [f64],
///     ) -> Result<f64, DensityError> {
///         for (g, x) in gradient.iter_mut().zip(position) {
///             *g = -x;
///         }
///         Ok(-0.5 * position.iter().map(|x| x * x).sum::<f64>())
///     }
/// }
/// ```
pub trait LogDensity: Sync {
    /// The log density at `position`; writes its gradient.
    ///
    /// A point outside the support is `Ok(f64::NEG_INFINITY)`, with any gradient.
    ///
    /// # Errors
    /// What makes it senseless to go on anywhere.
    fn log_density_and_gradient(
        &self,
        position: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, DensityError>;

    /// The same at many points; writes one value and one gradient per draw.
    ///
    /// Override it where evaluating draws together is cheaper than one by one.
    ///
    /// # Errors
    /// As [`log_density_and_gradient`](Self::log_density_and_gradient).
    fn log_densities_and_gradients(
        &self,
        positions: &Draws,
        values: &mut [f64],
        gradients: &mut Draws,
    ) -> Result<(), DensityError> {
        let mut point = vec![0.0; positions.dimension()];
        let mut gradient = vec![0.0; positions.dimension()];
        for (s, value) in values.iter_mut().enumerate() {
            positions.copy_draw(s, &mut point);
            *value = self.log_density_and_gradient(&point, &mut gradient)?;
            gradients.set_draw(s, &gradient);
        }
        Ok(())
    }

    /// The log density alone at many points.
    ///
    /// Override it where leaving the gradient out is cheaper.
    ///
    /// # Errors
    /// As [`log_density_and_gradient`](Self::log_density_and_gradient).
    fn log_densities(&self, positions: &Draws, values: &mut [f64]) -> Result<(), DensityError> {
        let mut gradients = Draws::zeros(positions.dimension(), positions.n_draws());
        self.log_densities_and_gradients(positions, values, &mut gradients)
    }

    /// `H(position) · direction`, one product per draw; by default central differences of gradients
    /// with a step of `ε^(1/3)` along the scaled direction.
    ///
    /// # Errors
    /// As [`log_density_and_gradient`](Self::log_density_and_gradient).
    fn hessian_vector_products(
        &self,
        positions: &Draws,
        directions: &Draws,
        products: &mut Draws,
    ) -> Result<(), DensityError> {
        differenced_products(self, positions, directions, products)
    }

    /// The density as a prior and a sum over rows of data, if it is one.
    fn subsampled(&self) -> Option<&dyn Subsampled> {
        None
    }

    /// Draws that it is cheaper to evaluate together than one by one; 1 if there are none.
    ///
    /// Of a density that has no such lanes, a few draws are evaluated on as many threads.
    fn lanes(&self) -> usize {
        1
    }

    /// Other coordinates, if the density knows some in which its posterior may be closer to a
    /// Gaussian.
    fn geometry(&self) -> Option<&dyn Geometry> {
        None
    }
}

/// A log density `prior(θ) + Σ_n row_n(θ)` that can be evaluated on some of its rows.
pub trait Subsampled: Sync {
    /// The number of rows in the sum.
    fn n_rows(&self) -> usize;

    /// `prior(θ) + scale · Σ_{n ∈ rows} row_n(θ)` and its gradient, at many points.
    ///
    /// The engine passes `scale = n_rows / rows.len()`, which makes the estimate unbiased for rows
    /// drawn uniformly.
    ///
    /// # Errors
    /// What makes it senseless to go on anywhere.
    fn log_densities_and_gradients_of_rows(
        &self,
        positions: &Draws,
        rows: &[usize],
        scale: f64,
        values: &mut [f64],
        gradients: &mut Draws,
    ) -> Result<(), DensityError>;
}

/// A density that cannot be evaluated any more, in the words of whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DensityError {
    message: String,
}

impl DensityError {
    /// With a message that says what failed and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// Adapts a closure `(position, gradient) → log density`.
pub struct FromFn<F>(pub F);

impl<F: Fn(&[f64], &mut [f64]) -> f64 + Sync> LogDensity for FromFn<F> {
    fn log_density_and_gradient(
        &self,
        position: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, DensityError> {
        Ok((self.0)(position, gradient))
    }
}

fn differenced_products<D: LogDensity + ?Sized>(
    density: &D,
    positions: &Draws,
    directions: &Draws,
    products: &mut Draws,
) -> Result<(), DensityError> {
    let (dimension, n_draws) = (positions.dimension(), positions.n_draws());
    let steps: Vec<f64> = (0..n_draws)
        .map(|s| {
            let (mut size, mut length) = (1.0_f64, 0.0_f64);
            for i in 0..dimension {
                size = size.max(positions.get(i, s).abs());
                length = length.max(directions.get(i, s).abs());
            }
            if length > 0.0 {
                f64::EPSILON.cbrt() * size / length
            } else {
                0.0
            }
        })
        .collect();
    let mut values = vec![0.0; n_draws];
    let mut gradients = [
        Draws::zeros(dimension, n_draws),
        Draws::zeros(dimension, n_draws),
    ];
    for (sign, gradient) in [1.0, -1.0].into_iter().zip(&mut gradients) {
        let mut moved = positions.clone();
        for i in 0..dimension {
            let direction = directions.coordinate(i);
            for (s, v) in moved.coordinate_mut(i).iter_mut().enumerate() {
                *v += sign * steps[s] * direction[s];
            }
        }
        density.log_densities_and_gradients(&moved, &mut values, gradient)?;
    }
    for i in 0..dimension {
        for (s, v) in products.coordinate_mut(i).iter_mut().enumerate() {
            let difference = gradients[0].get(i, s) - gradients[1].get(i, s);
            *v = if steps[s] > 0.0 {
                difference / (2.0 * steps[s])
            } else {
                0.0
            };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quartic in two coordinates, whose Hessian is known.
    fn quartic(x: &[f64], g: &mut [f64]) -> f64 {
        g[0] = -4.0 * x[0].powi(3) - x[1];
        g[1] = -x[0] - 2.0 * x[1];
        -x[0].powi(4) - x[0] * x[1] - x[1] * x[1]
    }

    #[test]
    fn differenced_products_agree_with_the_hessian() {
        let positions = Draws::from_points(2, &[[0.7, -0.3], [1.5, 2.0]]);
        let directions = Draws::from_points(2, &[[1.0, 2.0], [0.0, 0.0]]);
        let mut products = Draws::zeros(2, 2);
        FromFn(quartic)
            .hessian_vector_products(&positions, &directions, &mut products)
            .unwrap();
        // H = [[−12 x², −1], [−1, −2]]; central differences of a cubic are off by h² · 4.
        let expected = [-12.0 * 0.49 - 2.0, -1.0 - 4.0];
        for (i, e) in expected.into_iter().enumerate() {
            assert!(
                (products.get(i, 0) - e).abs() < 1e-8,
                "{}",
                products.get(i, 0)
            );
        }
        assert_eq!(products.draw(1), [0.0, 0.0]);
    }
}
