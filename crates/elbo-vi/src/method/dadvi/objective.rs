//! The ELBO of a mean-field Gaussian with its draws held fixed.
//!
//! `L(μ, ξ) = (1/N) Σ_n log p(μ + e^ξ ∘ z_n) + Σ_i ξ_i + (D/2)(1 + log 2π)` with `σ = e^ξ`. The one
//! idea: with `z` fixed this is an ordinary function, with gradients and products with its Hessian
//! that are sums over the same draws, all in lanes `[@giordano2023dadvi, eq. 4]`.

use std::sync::{Mutex, PoisonError};

use elbo_math::special::LN_2PI;

use crate::optimizer::Smooth;
use crate::{Draws, Target, ViError};

/// A standard deviation beyond this is a runaway, not an answer.
const LARGEST_SCALE: f64 = 1e100;

/// The objective; its points are `(μ, ξ)`.
pub(super) struct FixedDraws<'a, 'b> {
    target: &'a Target<'b>,
    noise: &'a Draws,
    /// The gradients at the last point, which products with the Hessian there need.
    last: Mutex<Option<(Vec<f64>, Draws)>>,
}

impl<'a, 'b> FixedDraws<'a, 'b> {
    pub(super) fn new(target: &'a Target<'b>, noise: &'a Draws) -> Self {
        Self {
            target,
            noise,
            last: Mutex::new(None),
        }
    }

    /// The draws `μ + e^ξ ∘ z_n`; `None` if they are not finite.
    fn points(&self, parameters: &[f64]) -> Option<Draws> {
        let d = self.noise.dimension();
        let mut points = self.noise.clone();
        for i in 0..d {
            let (mean, scale) = (parameters[i], parameters[d + i].exp());
            if !(mean.is_finite() && scale > 0.0 && scale < LARGEST_SCALE) {
                return None;
            }
            for x in points.coordinate_mut(i) {
                *x = mean + scale * *x;
            }
        }
        Some(points)
    }

    /// Values and gradients of the density at the draws; `None` if one of them cannot be used.
    fn evaluate(&self, parameters: &[f64]) -> Result<Option<(Vec<f64>, Draws)>, ViError> {
        let Some(points) = self.points(parameters) else {
            return Ok(None);
        };
        let (values, gradients) = self.target.log_densities_and_gradients(&points)?;
        Ok(values
            .iter()
            .all(|v| v.is_finite())
            .then_some((values, gradients)))
    }

    /// The gradients at the draws, from the last evaluation if that was here.
    fn gradients(&self, parameters: &[f64]) -> Result<Option<Draws>, ViError> {
        {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, gradients)) = &*last
                && at == parameters
            {
                return Ok(Some(gradients.clone()));
            }
        }
        let evaluated = self.evaluate(parameters)?;
        Ok(evaluated.map(|(_, gradients)| {
            self.remember(parameters, &gradients);
            gradients
        }))
    }

    fn remember(&self, parameters: &[f64], gradients: &Draws) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((parameters.to_vec(), gradients.clone()));
    }

    /// The gradient that each draw contributes, less the entropy's: `(2D, N)`.
    pub(super) fn gradient_per_draw(&self, parameters: &[f64]) -> Result<Option<Draws>, ViError> {
        let Some(gradients) = self.gradients(parameters)? else {
            return Ok(None);
        };
        let (d, n) = (self.noise.dimension(), self.noise.n_draws());
        let mut all = Draws::zeros(2 * d, n);
        for i in 0..d {
            let scale = parameters[d + i].exp();
            all.coordinate_mut(i)
                .copy_from_slice(gradients.coordinate(i));
            for (s, v) in all.coordinate_mut(d + i).iter_mut().enumerate() {
                *v = gradients.get(i, s) * scale * self.noise.get(i, s);
            }
        }
        Ok(Some(all))
    }
}

impl Smooth for FixedDraws<'_, '_> {
    fn dimension(&self) -> usize {
        2 * self.noise.dimension()
    }

    fn value_and_gradient(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64, ViError> {
        let (d, n) = (self.noise.dimension(), self.noise.n_draws() as f64);
        let Some((values, gradients)) = self.evaluate(position)? else {
            gradient.fill(0.0);
            return Ok(f64::NEG_INFINITY);
        };
        self.remember(position, &gradients);
        let mut elbo = values.iter().sum::<f64>() / n + 0.5 * d as f64 * (1.0 + LN_2PI);
        for i in 0..d {
            let (g, z) = (gradients.coordinate(i), self.noise.coordinate(i));
            let along: f64 = g.iter().zip(z).map(|(g, z)| g * z).sum();
            gradient[i] = g.iter().sum::<f64>() / n;
            gradient[d + i] = position[d + i].exp() * along / n + 1.0;
            elbo += position[d + i];
        }
        Ok(elbo)
    }

    /// With `v_n = a + σ ∘ z_n ∘ b` and `h_n = H_n v_n`: the part of `μ` is the mean of `h_n`, that of
    /// `ξ` the mean of `σ ∘ z_n ∘ (h_n + g_n ∘ b)`.
    fn hessian_vector_product(
        &self,
        position: &[f64],
        direction: &[f64],
    ) -> Result<Vec<f64>, ViError> {
        let (d, n) = (self.noise.dimension(), self.noise.n_draws());
        let (Some(points), Some(gradients)) = (self.points(position), self.gradients(position)?)
        else {
            return Ok(vec![0.0; 2 * d]);
        };
        let mut directions = Draws::zeros(d, n);
        for i in 0..d {
            let moved = position[d + i].exp() * direction[d + i];
            for (v, z) in directions
                .coordinate_mut(i)
                .iter_mut()
                .zip(self.noise.coordinate(i))
            {
                *v = direction[i] + moved * z;
            }
        }
        let products = self.target.hessian_vector_products(&points, &directions)?;
        let mut product = vec![0.0; 2 * d];
        for i in 0..d {
            let (scale, b) = (position[d + i].exp(), direction[d + i]);
            for s in 0..n {
                let h = products.get(i, s);
                product[i] += h / n as f64;
                product[d + i] +=
                    scale * self.noise.get(i, s) * (h + gradients.get(i, s) * b) / n as f64;
            }
        }
        Ok(product)
    }
}

#[cfg(test)]
mod tests {
    use elbo_math::random::stream;
    use elbo_testkit::{assert_all_close, assert_close};

    use super::*;
    use crate::family::standard_normal_draws;
    use crate::testing::BANANA;

    #[test]
    fn gradient_and_products_are_the_derivatives_of_the_value() {
        let target = Target::new(&BANANA, 2).unwrap();
        let noise = standard_normal_draws(2, 6, &mut stream(1, "dadvi/test", 0));
        let objective = FixedDraws::new(&target, &noise);
        let at = [0.3, -0.2, -0.5, 0.1];
        let value = |x: &[f64]| objective.value_and_gradient(x, &mut [0.0; 4]).unwrap();
        let slope = |x: &[f64]| {
            let mut g = vec![0.0; 4];
            objective.value_and_gradient(x, &mut g).unwrap();
            g
        };
        let differences = elbo_testkit::gradient(value, &at);
        assert_all_close("gradient", &slope(&at), &differences, 1e-9);
        for i in 0..4 {
            let mut unit = [0.0; 4];
            unit[i] = 1.0;
            let column = elbo_testkit::jacobian_column(slope, &at, i);
            let product = objective.hessian_vector_product(&at, &unit).unwrap();
            // Products are central differences of gradients here, good to about 1e-9.
            assert_all_close("product", &product, &column, 1e-7);
        }
        let per_draw = objective.gradient_per_draw(&at).unwrap().unwrap();
        for (i, g) in slope(&at).into_iter().enumerate() {
            let mean = per_draw.coordinate(i).iter().sum::<f64>() / 6.0;
            let entropy = if i < 2 { 0.0 } else { 1.0 };
            assert_close("mean over draws", mean + entropy, g, 1e-12);
        }
    }
}
