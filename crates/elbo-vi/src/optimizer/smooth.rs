//! What a deterministic optimiser maximises: a function with exact gradients.
//!
//! The one idea: a [`Target`] is one, and so is any bound that is made deterministic by holding its
//! draws fixed, so L-BFGS and Newton-CG serve both. Deliberately absent: noisy objectives.

use elbo_math::linalg::Matrix;

use crate::{Draws, Target, ViError};

/// A function of a point, to be maximised.
pub trait Smooth: Sync {
    /// The number of coordinates.
    fn dimension(&self) -> usize;

    /// The value at `position`; writes the gradient. −∞ marks a point that cannot be used.
    ///
    /// # Errors
    /// What makes it senseless to go on anywhere.
    fn value_and_gradient(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64, ViError>;

    /// The Hessian at `position` times `direction`.
    ///
    /// # Errors
    /// As [`value_and_gradient`](Self::value_and_gradient).
    fn hessian_vector_product(
        &self,
        position: &[f64],
        direction: &[f64],
    ) -> Result<Vec<f64>, ViError>;
}

/// Columns of a Hessian asked for at a time: enough lanes for any density, little memory.
const COLUMNS: usize = 64;

impl Target<'_> {
    /// The Hessian of the log density, symmetrised: products with the unit vectors, many at a time.
    ///
    /// # Errors
    /// As [`hessian_vector_products`](Target::hessian_vector_products).
    pub fn hessian(&self, position: &[f64]) -> Result<Matrix, ViError> {
        let d = self.dimension();
        let mut hessian = Matrix::zeros(d, d);
        for first in (0..d).step_by(COLUMNS) {
            let n = COLUMNS.min(d - first);
            let mut positions = Draws::zeros(d, n);
            let mut directions = Draws::zeros(d, n);
            for (i, x) in position.iter().enumerate() {
                positions.coordinate_mut(i).fill(*x);
            }
            for s in 0..n {
                directions.coordinate_mut(first + s)[s] = 1.0;
            }
            let products = self.hessian_vector_products(&positions, &directions)?;
            for i in 0..d {
                hessian.row_mut(i)[first..first + n].copy_from_slice(products.coordinate(i));
            }
        }
        for i in 0..d {
            for j in 0..i {
                let mean = f64::midpoint(hessian[(i, j)], hessian[(j, i)]);
                (hessian[(i, j)], hessian[(j, i)]) = (mean, mean);
            }
        }
        Ok(hessian)
    }
}

impl Smooth for Target<'_> {
    fn dimension(&self) -> usize {
        Target::dimension(self)
    }

    fn value_and_gradient(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64, ViError> {
        self.log_density_and_gradient(position, gradient)
    }

    fn hessian_vector_product(
        &self,
        position: &[f64],
        direction: &[f64],
    ) -> Result<Vec<f64>, ViError> {
        let dimension = Target::dimension(self);
        let products = self.hessian_vector_products(
            &Draws::from_points(dimension, &[position]),
            &Draws::from_points(dimension, &[direction]),
        )?;
        Ok(products.draw(0))
    }
}
