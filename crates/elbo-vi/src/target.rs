//! The density as methods see it: counted, checked, and evaluated in parallel.
//!
//! The one idea: whatever a user's density does (NaN, +∞, a panic, a point outside the support), a
//! method meets one thing only, a log density of −∞ with a gradient of zeros, which it treats as a
//! rejected point; everything else is a typed error. Deliberately absent: stepping around bad points.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use elbo_math::parallel;

use crate::reparameterised::Coordinates;
use crate::{DensityError, Draws, LogDensity, Subsampled, ViError};

/// Draws evaluated together by one thread; a multiple of every lane width in use.
const BLOCK: usize = 16;

/// A [`LogDensity`] with its dimension and the account of its evaluations.
pub struct Target<'a> {
    density: &'a dyn LogDensity,
    original: Option<&'a dyn Coordinates>,
    dimension: usize,
    gradient_evaluations: AtomicU64,
    evaluated: AtomicU64,
    rejected: Mutex<Rejected>,
}

/// Points at which something was not finite: how many, and one of them.
#[derive(Debug, Clone, Copy, Default)]
struct Rejected {
    count: u64,
    value: f64,
    coordinate: usize,
    gradient: f64,
}

impl<'a> Target<'a> {
    /// Takes `density` as a function of `dimension` unconstrained numbers.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`].
    pub fn new(density: &'a dyn LogDensity, dimension: usize) -> Result<Self, ViError> {
        if dimension == 0 {
            return Err(ViError::ZeroDimension);
        }
        Ok(Self {
            density,
            original: None,
            dimension,
            gradient_evaluations: AtomicU64::new(0),
            evaluated: AtomicU64::new(0),
            rejected: Mutex::new(Rejected::default()),
        })
    }

    /// As [`new`](Self::new), in coordinates from which there is a way back to the user's.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`].
    pub fn in_coordinates(
        coordinates: &'a dyn Coordinates,
        dimension: usize,
    ) -> Result<Self, ViError> {
        Ok(Self {
            original: Some(coordinates),
            ..Self::new(coordinates, dimension)?
        })
    }

    /// The way to the user's coordinates, where these are others.
    pub fn original(&self) -> Option<&'a dyn Coordinates> {
        self.original
    }

    /// The number of unconstrained coordinates.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Gradients computed so far, one per draw and pass over all rows; a batch of rows counts as its
    /// share, rounded up. Values without gradients are not counted.
    pub fn gradient_evaluations(&self) -> u64 {
        self.gradient_evaluations.load(Ordering::Relaxed)
    }

    /// The rows that can be cut into mini-batches, if the density has any.
    pub fn n_rows(&self) -> Option<usize> {
        self.density.subsampled().map(Subsampled::n_rows)
    }

    /// The points so far at which the density or its gradient was NaN, +∞ or otherwise not finite,
    /// as the error that a method may end with.
    pub fn rejections(&self) -> Option<ViError> {
        let rejected = *self
            .rejected
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        (rejected.count > 0).then(|| ViError::NotFinite {
            rejected: rejected.count,
            evaluated: self.evaluated.load(Ordering::Relaxed),
            value: rejected.value,
            coordinate: rejected.coordinate,
            gradient: rejected.gradient,
        })
    }

    /// The log density and gradient at one point; −∞ and zeros where the density is not finite.
    ///
    /// # Errors
    /// [`ViError::Length`], [`ViError::Density`], [`ViError::Panicked`].
    pub fn log_density_and_gradient(
        &self,
        position: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, ViError> {
        self.check_length(position.len())?;
        self.check_length(gradient.len())?;
        self.gradient_evaluations.fetch_add(1, Ordering::Relaxed);
        let value = guarded(|| self.density.log_density_and_gradient(position, gradient))?;
        let culprit = gradient.iter().position(|g| !g.is_finite());
        if self.admit(value, culprit.map(|i| (i, gradient[i]))) {
            return Ok(value);
        }
        gradient.fill(0.0);
        Ok(f64::NEG_INFINITY)
    }

    /// Log densities and gradients of many draws, in parallel over blocks of draws.
    ///
    /// # Errors
    /// As [`log_density_and_gradient`](Self::log_density_and_gradient).
    pub fn log_densities_and_gradients(
        &self,
        positions: &Draws,
    ) -> Result<(Vec<f64>, Draws), ViError> {
        self.check_length(positions.dimension())?;
        let n_draws = positions.n_draws();
        self.gradient_evaluations
            .fetch_add(n_draws as u64, Ordering::Relaxed);
        self.in_blocks(positions, |density, block, values, gradients| {
            density.log_densities_and_gradients(block, values, gradients)
        })
    }

    /// As [`log_densities_and_gradients`](Self::log_densities_and_gradients), estimated from the rows
    /// given, which the caller drew uniformly; scaled by `n_rows / rows.len()`.
    ///
    /// # Errors
    /// Besides those, [`ViError::Setting`] if the density has no rows or none are given.
    pub fn log_densities_and_gradients_of_rows(
        &self,
        positions: &Draws,
        rows: &[usize],
    ) -> Result<(Vec<f64>, Draws), ViError> {
        self.check_length(positions.dimension())?;
        let unusable = |requirement| ViError::Setting {
            name: "batch_size",
            value: rows.len().to_string(),
            requirement,
        };
        let Some(subsampled) = self.density.subsampled() else {
            return Err(unusable(
                "unset: this density is not a sum over rows of data",
            ));
        };
        if rows.is_empty() {
            return Err(unusable("at least 1"));
        }
        let scale = subsampled.n_rows() as f64 / rows.len() as f64;
        let passes = (positions.n_draws() * rows.len()).div_ceil(subsampled.n_rows());
        self.gradient_evaluations
            .fetch_add(passes as u64, Ordering::Relaxed);
        self.in_blocks(positions, |_, block, values, gradients| {
            subsampled.log_densities_and_gradients_of_rows(block, rows, scale, values, gradients)
        })
    }

    /// Log densities of many draws, in parallel over blocks of draws; −∞ where not finite.
    ///
    /// # Errors
    /// As [`log_density_and_gradient`](Self::log_density_and_gradient).
    pub fn log_densities(&self, positions: &Draws) -> Result<Vec<f64>, ViError> {
        self.check_length(positions.dimension())?;
        let blocks = parallel::map_chunks(positions.n_draws(), BLOCK, |range| {
            let block = positions.slice(range);
            let mut values = vec![0.0; block.n_draws()];
            guarded(|| self.density.log_densities(&block, &mut values))?;
            for value in &mut values {
                if !self.admit(*value, None) {
                    *value = f64::NEG_INFINITY;
                }
            }
            Ok::<_, ViError>(values)
        });
        let blocks: Vec<Vec<f64>> = blocks.into_iter().collect::<Result<_, ViError>>()?;
        Ok(blocks.concat())
    }

    /// `H(position) · direction`, one product per draw; zeros where it is not finite.
    ///
    /// # Errors
    /// As [`log_density_and_gradient`](Self::log_density_and_gradient).
    pub fn hessian_vector_products(
        &self,
        positions: &Draws,
        directions: &Draws,
    ) -> Result<Draws, ViError> {
        self.check_length(positions.dimension())?;
        self.check_length(directions.dimension())?;
        // A product costs about two gradients, by differences or by forward over reverse.
        self.gradient_evaluations
            .fetch_add(2 * positions.n_draws() as u64, Ordering::Relaxed);
        let blocks = parallel::map_chunks(positions.n_draws(), BLOCK, |range| {
            let mut products = Draws::zeros(self.dimension, range.len());
            guarded(|| {
                self.density.hessian_vector_products(
                    &positions.slice(range.clone()),
                    &directions.slice(range.clone()),
                    &mut products,
                )
            })?;
            for s in 0..products.n_draws() {
                if (0..self.dimension).any(|i| !products.get(i, s).is_finite()) {
                    products.set_draw(s, &vec![0.0; self.dimension]);
                }
            }
            Ok::<_, ViError>(products)
        });
        let mut all = Draws::zeros(self.dimension, positions.n_draws());
        for (b, block) in blocks.into_iter().enumerate() {
            all.put(b * BLOCK, &block?);
        }
        Ok(all)
    }

    fn in_blocks(
        &self,
        positions: &Draws,
        evaluate: impl Fn(&dyn LogDensity, &Draws, &mut [f64], &mut Draws) -> Result<(), DensityError>
        + Sync
        + Send,
    ) -> Result<(Vec<f64>, Draws), ViError> {
        // A few draws without lanes gain from threads; more fill their blocks.
        let apart = self.density.lanes() == 1 && positions.n_draws() <= BLOCK;
        let size = if apart { 1 } else { BLOCK };
        let blocks = parallel::map_chunks(positions.n_draws(), size, |range| {
            let block = positions.slice(range);
            let mut values = vec![0.0; block.n_draws()];
            let mut gradients = Draws::zeros(self.dimension, block.n_draws());
            guarded(|| evaluate(self.density, &block, &mut values, &mut gradients))?;
            for (s, value) in values.iter_mut().enumerate() {
                let culprit = (0..self.dimension)
                    .map(|i| (i, gradients.get(i, s)))
                    .find(|(_, g)| !g.is_finite());
                if !self.admit(*value, culprit) {
                    *value = f64::NEG_INFINITY;
                    gradients.set_draw(s, &vec![0.0; self.dimension]);
                }
            }
            Ok::<_, ViError>((values, gradients))
        });
        let mut all_values = Vec::with_capacity(positions.n_draws());
        let mut all_gradients = Draws::zeros(self.dimension, positions.n_draws());
        for block in blocks {
            let (values, gradients) = block?;
            all_gradients.put(all_values.len(), &gradients);
            all_values.extend(values);
        }
        Ok((all_values, all_gradients))
    }

    /// Whether a point can be used; a point that is not merely outside the support is recorded.
    fn admit(&self, value: f64, culprit: Option<(usize, f64)>) -> bool {
        self.evaluated.fetch_add(1, Ordering::Relaxed);
        if value.is_finite() && culprit.is_none() {
            return true;
        }
        if value != f64::NEG_INFINITY {
            let mut rejected = self
                .rejected
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            rejected.count += 1;
            rejected.value = value;
            (rejected.coordinate, rejected.gradient) = culprit.unwrap_or((0, 0.0));
        }
        false
    }

    fn check_length(&self, got: usize) -> Result<(), ViError> {
        if got == self.dimension {
            Ok(())
        } else {
            Err(ViError::Length {
                expected: self.dimension,
                got,
            })
        }
    }
}

/// Runs the user's code; a panic becomes an error.
fn guarded<R>(work: impl FnOnce() -> Result<R, DensityError>) -> Result<R, ViError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Ok(result?),
        Err(payload) => {
            let message = payload
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_else(|| "no message".to_string());
            Err(ViError::Panicked { message })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;

    #[test]
    fn whatever_a_density_returns_becomes_minus_infinity_or_a_typed_error() {
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = if x[0] == 3.0 { f64::NAN } else { -x[0] };
            match x[0] {
                1.0 => f64::NAN,
                2.0 => f64::INFINITY,
                v if v < 0.0 => f64::NEG_INFINITY,
                v if v > 9.0 => panic!("nine is the most"),
                v => -0.5 * v * v,
            }
        });
        let target = Target::new(&density, 1).unwrap();
        let positions = Draws::from_vec(1, 5, vec![0.5, 1.0, 2.0, 3.0, -1.0]);
        let (values, gradients) = target.log_densities_and_gradients(&positions).unwrap();
        assert_eq!(values[0], -0.125);
        assert_eq!(values[1..], [f64::NEG_INFINITY; 4]);
        assert_eq!(gradients.as_slice(), [-0.5, 0.0, 0.0, 0.0, 0.0]);
        // Outside the support is no fault; the other three are.
        assert!(matches!(
            target.rejections(),
            Some(ViError::NotFinite {
                rejected: 3,
                evaluated: 5,
                ..
            })
        ));
        assert_eq!(
            target.log_density_and_gradient(&[10.0], &mut [0.0]),
            Err(ViError::Panicked {
                message: "nine is the most".into()
            })
        );
        assert_eq!(
            target.log_density_and_gradient(&[1.0, 2.0], &mut [0.0]),
            Err(ViError::Length {
                expected: 1,
                got: 2
            })
        );
        assert!(matches!(
            Target::new(&density, 0),
            Err(ViError::ZeroDimension)
        ));
    }

    #[test]
    fn blocks_of_draws_cover_every_draw_once() {
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = 2.0 * x[0];
            g[1] = 1.0;
            x[0] * x[0] + x[1]
        });
        let target = Target::new(&density, 2).unwrap();
        let n = 2 * BLOCK + 3;
        let mut positions = Draws::zeros(2, n);
        for s in 0..n {
            positions.set_draw(s, &[s as f64, 0.5]);
        }
        let (values, gradients) = target.log_densities_and_gradients(&positions).unwrap();
        assert_eq!(target.log_densities(&positions).unwrap(), values);
        for s in 0..n {
            assert_eq!(values[s], (s * s) as f64 + 0.5);
            assert_eq!(gradients.draw(s), [2.0 * s as f64, 1.0]);
        }
        assert_eq!(target.gradient_evaluations(), n as u64);
    }
}
