//! Mixtures of the members of another family, Gaussians above all.
//!
//! `λ = (logits of the weights, then each component's own λ)`, `q(θ) = Σ_k π_k q_k(θ)`, `π` the
//! softmax of the logits. A draw's component is discrete, so no draw is a smooth function of the
//! logits and the family is not `Reparameterised`: its gradients are the score function's, or the
//! stratified estimator's ([`Stratified`](crate::gradient::Stratified)), which sums over components
//! exactly and is pathwise within each.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::log_space::{log_sum_exp, softmax_in_place};
use elbo_math::random::{Stream, categorical};

use super::{Family, FullRank, LowRank, MeanField, Scored, array, check_finite};
use crate::{Approximation, Draws, ViError};

/// `Σ_k π_k q_k(θ)`.
///
/// ```
/// use elbo_vi::Approximation;
/// use elbo_vi::family::{MeanField, Mixture};
///
/// let left = MeanField::new(vec![-2.0], vec![1.0])?;
/// let right = MeanField::new(vec![2.0], vec![1.0])?;
/// let q = Mixture::new(&[0.25, 0.75], vec![left, right])?;
/// assert!((q.mean().unwrap()[0] - 1.0).abs() < 1e-15);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture<C> {
    params: Vec<f64>,
    weights: Vec<f64>,
    components: Vec<C>,
}

/// Log densities of every component at every point, and what follows from them.
struct Mixed {
    log_q: Vec<f64>,
    responsibilities: Vec<Vec<f64>>, // (n_components, n_draws)
}

impl<C: Family + Clone> Mixture<C> {
    /// The family's name.
    pub const NAME: &'static str = "mixture";

    /// From weights, which are normalised, and components.
    ///
    /// # Errors
    /// [`ViError::Parameters`] unless there are as many positive weights as components, at least one,
    /// and all components have the same dimension.
    pub fn new(weights: &[f64], components: Vec<C>) -> Result<Self, ViError> {
        check_finite(Self::NAME, "weights", weights, components.len())?;
        super::check_scales(Self::NAME, weights)?;
        if components
            .iter()
            .any(|c| c.dimension() != components[0].dimension())
        {
            return Err(ViError::Parameters {
                family: Self::NAME,
                name: "components",
                found: "of different dimensions".into(),
                requirement: "of the same dimension",
            });
        }
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let mut params: Vec<f64> = weights.iter().map(|w| w.ln()).collect();
        for component in &components {
            params.extend_from_slice(component.params());
        }
        Ok(Self {
            params,
            weights,
            components,
        })
    }

    /// The weights `π`, which sum to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The components.
    pub fn components(&self) -> &[C] {
        &self.components
    }

    /// Where each component's parameters stand in `λ`.
    pub(crate) fn ranges(&self) -> Vec<std::ops::Range<usize>> {
        let mut start = self.weights.len();
        self.components
            .iter()
            .map(|c| {
                let range = start..start + c.params().len();
                start = range.end;
                range
            })
            .collect()
    }

    fn mix(&self, densities: &[Vec<f64>]) -> Mixed {
        let n = densities[0].len();
        let mut mixed = Mixed {
            log_q: Vec::with_capacity(n),
            responsibilities: vec![vec![0.0; n]; self.weights.len()],
        };
        for s in 0..n {
            let terms: Vec<f64> = self
                .weights
                .iter()
                .zip(densities)
                .map(|(w, l)| w.ln() + l[s])
                .collect();
            let log_q = log_sum_exp(&terms);
            mixed.log_q.push(log_q);
            for (r, t) in mixed.responsibilities.iter_mut().zip(&terms) {
                r[s] = (t - log_q).exp();
            }
        }
        mixed
    }

    fn log_densities(&self, points: &Draws) -> Vec<Vec<f64>> {
        self.components
            .iter()
            .map(|c| c.log_density(points))
            .collect()
    }
}

impl<C: Family + Clone> Approximation for Mixture<C> {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.components[0].dimension()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let mut chosen = vec![Vec::new(); self.weights.len()];
        for s in 0..n_draws {
            chosen[categorical(stream, &self.weights)].push(s);
        }
        let mut points = Draws::zeros(self.dimension(), n_draws);
        for (component, places) in self.components.iter().zip(&chosen) {
            let part = component.sample(places.len(), stream).0;
            for (k, s) in places.iter().enumerate() {
                points.set_draw(*s, &part.draw(k));
            }
        }
        let log_q = self.log_density(&points);
        (points, log_q)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        self.mix(&self.log_densities(points)).log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        let mut mean = vec![0.0; self.dimension()];
        for (w, c) in self.weights.iter().zip(&self.components) {
            elbo_math::linalg::axpy(*w, &c.mean()?, &mut mean);
        }
        Some(mean)
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let mean = self.mean()?;
        let mut variance = vec![0.0; self.dimension()];
        for (w, c) in self.weights.iter().zip(&self.components) {
            let (own, sds) = (c.mean()?, c.standard_deviations()?);
            for (i, v) in variance.iter_mut().enumerate() {
                *v += w * (sds[i] * sds[i] + (own[i] - mean[i]).powi(2));
            }
        }
        Some(variance.iter().map(|v| v.sqrt()).collect())
    }

    /// The weights, and the components' arrays under `0.`, `1.`, ….
    fn arrays(&self) -> Arrays {
        let mut arrays = Arrays::from([(
            "weights".into(),
            Array::f64(&[self.weights.len()], self.weights.clone()),
        )]);
        for (k, component) in self.components.iter().enumerate() {
            for (name, array) in component.arrays() {
                arrays.insert(format!("{k}.{name}"), array);
            }
        }
        arrays
    }
}

impl<C: Family + Clone> Family for Mixture<C> {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        let mut weights = params[..self.weights.len()].to_vec();
        softmax_in_place(&mut weights);
        super::check_scales(Self::NAME, &weights)?;
        let mut components = self.components.clone();
        for (component, range) in components.iter_mut().zip(self.ranges()) {
            component.set_params(&params[range])?;
        }
        self.weights = weights;
        self.components = components;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let (densities, gradients): (Vec<_>, Vec<_>) = self
            .components
            .iter()
            .map(|c| c.log_density_and_gradient(points))
            .unzip();
        let mixed = self.mix(&densities);
        let mut gradient = Draws::zeros(self.dimension(), points.n_draws());
        for (r, part) in mixed.responsibilities.iter().zip(&gradients) {
            for i in 0..self.dimension() {
                let out = gradient.coordinate_mut(i).iter_mut();
                for (g, (r, p)) in out.zip(r.iter().zip(part.coordinate(i))) {
                    *g += r * p;
                }
            }
        }
        (mixed.log_q, gradient)
    }
}

impl<C: Scored + Clone> Scored for Mixture<C> {
    /// `r_k − π_k` for a logit, `r_k` times the component's score for its parameters, with `r` the
    /// responsibilities.
    fn scores(&self, points: &Draws) -> Draws {
        let mixed = self.mix(&self.log_densities(points));
        let mut scores = Draws::zeros(self.params.len(), points.n_draws());
        for ((k, component), range) in self.components.iter().enumerate().zip(self.ranges()) {
            let r = &mixed.responsibilities[k];
            for (v, r) in scores.coordinate_mut(k).iter_mut().zip(r) {
                *v = r - self.weights[k];
            }
            let own = component.scores(points);
            for (j, i) in range.enumerate() {
                let out = scores.coordinate_mut(i).iter_mut();
                for (v, (r, o)) in out.zip(r.iter().zip(own.coordinate(j))) {
                    *v = r * o;
                }
            }
        }
        scores
    }
}

/// A mixture of whatever Gaussians its arrays describe.
pub(super) fn restore(arrays: &Arrays) -> Result<Box<dyn Approximation>, ViError> {
    const NAME: &str = Mixture::<FullRank>::NAME;
    let weights = array(NAME, arrays, "weights")?.to_f64();
    let parts: Vec<Arrays> = (0..weights.len())
        .map(|k| {
            let own = |(name, array): (&String, &Array)| {
                let name = name.strip_prefix(&format!("{k}."))?;
                Some((name.to_string(), array.clone()))
            };
            arrays.iter().filter_map(own).collect()
        })
        .collect();
    let has = |name: &str| arrays.contains_key(&format!("0.{name}"));
    if has("cholesky") {
        rebuild(&weights, &parts, FullRank::from_arrays)
    } else if has("factor") {
        rebuild(&weights, &parts, LowRank::from_arrays)
    } else {
        rebuild(&weights, &parts, MeanField::from_arrays)
    }
}

fn rebuild<C: Family + Clone + 'static>(
    weights: &[f64],
    parts: &[Arrays],
    component: impl Fn(&Arrays) -> Result<C, ViError>,
) -> Result<Box<dyn Approximation>, ViError> {
    let components: Vec<C> = parts.iter().map(component).collect::<Result<_, _>>()?;
    let mut mixture = Mixture::new(weights, components)?;
    // As saved: normalising again could change the last bit.
    mixture.weights.copy_from_slice(weights);
    Ok(Box::new(mixture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_components_that_do_not_fit_are_refused() {
        let one = || MeanField::standard(1).unwrap();
        let two = MeanField::standard(2).unwrap();
        assert!(Mixture::new(&[0.5], vec![one(), one()]).is_err());
        assert!(Mixture::new(&[0.5, -0.5], vec![one(), one()]).is_err());
        assert!(Mixture::new(&[0.5, 0.5], vec![one(), two]).is_err());
        assert!(Mixture::<MeanField>::new(&[], vec![]).is_err());
    }
}
