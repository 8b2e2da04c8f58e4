//! The measure-valued gradient of a Gaussian with any covariance.
//!
//! In whitened coordinates, `θ = m + L ε`, moving `m_i` moves `ε` along `u = L⁻¹ e_i`, and moving
//! `L_ij` moves it along `u ε_j`. Along a unit vector `v` the normal density has the derivative
//! `(W₊ − W₋)/√(2π)` of a factorised one, and where `v ⟂ e_j`
//! `E[f (v·ε) ε_j] = Σ ± ±' E f(v·ε = ±W, ε_j = ±'W')/(2π)`, four expectations. `u` has no entries
//! above `i`, so `v ⟂ e_j` for `j < i`; for `j = i` the part along `e_i` is a change of scale, Maxwell
//! less normal. The cost is about `2 D² n_draws` values.

use elbo_math::linalg::dot;
use elbo_math::random::{Stream, uniform};

use super::measure_valued::{rayleigh, values_at};
use super::{Coupling, Estimate, Expectation, GradientEstimator, MeasureValued, Usable};
use crate::family::{Family, FullRank, Reparameterised};
use crate::{Approximation, Draws, ViError};

/// `noise` with its component along the unit vector `v` set to `along`.
fn replaced(noise: &Draws, v: &[f64], along: &[f64]) -> Draws {
    let mut out = noise.clone();
    for (s, a) in along.iter().enumerate() {
        let mut point = noise.draw(s);
        let shift = a - dot(&point, v);
        elbo_math::linalg::axpy(shift, v, &mut point);
        out.set_draw(s, &point);
    }
    out
}

/// The length of a vector and the unit vector along it; `None` if it is 0.
fn direction(u: &[f64]) -> Option<(f64, Vec<f64>)> {
    let length = dot(u, u).sqrt();
    (length > 0.0).then(|| (length, u.iter().map(|x| x / length).collect()))
}

fn scaled(values: &[f64], by: f64) -> Vec<f64> {
    values.iter().map(|v| v * by).collect()
}

/// One estimate under way: where draws come from and what was rejected so far.
struct Work<'a, 'e> {
    q: &'a FullRank,
    expectation: &'a Expectation<'e>,
    coupling: Coupling,
    noise: Draws,
    rejected: usize,
}

impl Work<'_, '_> {
    /// The mean of `Σ sign · h` over parts given as noise.
    fn contrast(&mut self, parts: &[(f64, Draws)]) -> Result<f64, ViError> {
        let mut total = vec![0.0; self.noise.n_draws()];
        for (sign, noise) in parts {
            let values = values_at(self.q, self.expectation, noise)?;
            for (t, v) in total.iter_mut().zip(values) {
                // Not finite where any part is not.
                *t = if v.is_finite() { *t + sign * v } else { v };
            }
        }
        let usable = Usable::new(&total)?;
        self.rejected += usable.rejected;
        Ok(usable.mean(&total).0)
    }

    /// Noise for another part: the same when coupled.
    fn others(&self, stream: &mut Stream) -> Draws {
        match self.coupling {
            Coupling::Coupled => self.noise.clone(),
            Coupling::Uncoupled => self.q.noise(self.noise.n_draws(), stream),
        }
    }

    fn rayleighs(&self, stream: &mut Stream) -> Vec<f64> {
        (0..self.noise.n_draws())
            .map(|_| rayleigh(uniform(stream)))
            .collect()
    }

    /// `E[f (v·ε) ε_j]` for a unit vector `v` without entry `j`.
    fn product(&mut self, v: &[f64], j: usize, stream: &mut Stream) -> Result<f64, ViError> {
        let mut axis = vec![0.0; v.len()];
        axis[j] = 1.0;
        let (mut first, mut second) = (self.rayleighs(stream), self.rayleighs(stream));
        let mut parts = Vec::with_capacity(4);
        for (a, b) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let noise = replaced(&self.others(stream), v, &scaled(&first, a));
            parts.push((a * b, replaced(&noise, &axis, &scaled(&second, b))));
            if self.coupling == Coupling::Uncoupled {
                (first, second) = (self.rayleighs(stream), self.rayleighs(stream));
            }
        }
        Ok(self.contrast(&parts)? / std::f64::consts::TAU)
    }
}

impl GradientEstimator<FullRank> for MeasureValued {
    fn estimate(
        &mut self,
        q: &FullRank,
        expectation: &Expectation<'_>,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let d = q.dimension();
        let noise = q.noise(n_draws, stream);
        let values = values_at(q, expectation, &noise)?;
        let usable = Usable::new(&values)?;
        let (value, standard_error) = usable.mean(&values);
        let mut work = Work {
            q,
            expectation,
            coupling: self.coupling,
            noise,
            rejected: usable.rejected,
        };
        let mut gradient = vec![0.0; q.params().len()];
        let root_tau = std::f64::consts::TAU.sqrt();
        let mut next = d;
        for i in 0..d {
            let mut u = vec![0.0; d];
            u[i] = 1.0;
            q.factor().solve_lower_in_place(&mut u);
            if let Some((length, v)) = direction(&u) {
                let parts = self.of_mean(n_draws, stream);
                let others = work.others(stream);
                let parts = [
                    (1.0, replaced(&work.noise, &v, &parts.positive)),
                    (-1.0, replaced(&others, &v, &parts.negative)),
                ];
                gradient[i] = length / root_tau * work.contrast(&parts)?;
                for j in 0..i {
                    gradient[next + j] = length * work.product(&v, j, stream)?;
                }
            }
            let mut axis = vec![0.0; d];
            axis[i] = 1.0;
            let parts = self.of_scale(n_draws, stream);
            let others = work.others(stream);
            let parts = [
                (1.0, replaced(&work.noise, &axis, &parts.positive)),
                (-1.0, replaced(&others, &axis, &parts.negative)),
            ];
            // ∂/∂log L_ii = L_ii ∂/∂L_ii, and u_i = 1/L_ii.
            gradient[next + i] = work.contrast(&parts)?;
            let own = u[i];
            u[i] = 0.0;
            if let Some((length, v)) = direction(&u) {
                gradient[next + i] += length / own * work.product(&v, i, stream)?;
            }
            next += i + 1;
        }
        Ok(Estimate {
            value,
            standard_error,
            gradient,
            rejected: work.rejected,
        })
    }
}
