//! Block mean-field: coordinates in groups, dependent within a group and independent between them.
//!
//! `q(θ) = Π_g N(θ_g | m_g, L_g L_gᵀ)` for any partition of the coordinates; `λ` holds the groups'
//! own parameters one after another, each as in [`FullRank`]. Groups of one make the mean-field
//! family, a single group the full-rank one.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;

use super::{
    Family, FullRank, Natural, Reparameterised, Scored, array, check_finite, standard_normal_draws,
};
use crate::{Approximation, Draws, ViError};

/// A product of full-rank Gaussians over groups of coordinates.
///
/// ```
/// use elbo_vi::Approximation;
/// use elbo_vi::family::{Block, Family};
///
/// // Coordinates 0 and 2 together, coordinate 1 by itself.
/// let q = Block::standard(&[vec![0, 2], vec![1]])?;
/// assert_eq!(q.dimension(), 3);
/// assert_eq!(q.params().len(), (2 + 3) + (1 + 1));
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    groups: Vec<Vec<usize>>,
    members: Vec<FullRank>,
    params: Vec<f64>,
}

impl Block {
    /// The family's name.
    pub const NAME: &'static str = "block";

    /// From groups of coordinates and a member for each.
    ///
    /// # Errors
    /// [`ViError::Parameters`] unless the groups hold each of `0 … D − 1` once and each member has
    /// its group's dimension.
    pub fn new(groups: Vec<Vec<usize>>, members: Vec<FullRank>) -> Result<Self, ViError> {
        let fault = |found| ViError::Parameters {
            family: Self::NAME,
            name: "groups",
            found,
            requirement: "a partition of the coordinates with one member for each group",
        };
        let d: usize = groups.iter().map(Vec::len).sum();
        if d == 0 {
            return Err(ViError::ZeroDimension);
        }
        let mut seen = vec![false; d];
        for i in groups.iter().flatten() {
            match seen.get_mut(*i) {
                Some(slot) if !*slot => *slot = true,
                _ => return Err(fault(format!("coordinate {i} twice, or a gap before it"))),
            }
        }
        let fits = |(g, m): (&Vec<usize>, &FullRank)| g.len() == m.dimension();
        if groups.len() != members.len() || !groups.iter().zip(&members).all(fits) {
            return Err(fault("of other sizes than the members".into()));
        }
        let params = members.iter().flat_map(|m| m.params().to_vec()).collect();
        Ok(Self {
            groups,
            members,
            params,
        })
    }

    /// The standard normal distribution in groups.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn standard(groups: &[Vec<usize>]) -> Result<Self, ViError> {
        let members: Result<_, _> = groups.iter().map(|g| FullRank::standard(g.len())).collect();
        Self::new(groups.to_vec(), members?)
    }

    /// The groups of coordinates.
    pub fn groups(&self) -> &[Vec<usize>] {
        &self.groups
    }

    /// Each group's Gaussian.
    pub fn members(&self) -> &[FullRank] {
        &self.members
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let group_of = array(Self::NAME, arrays, "group")?.to_f64();
        let order = array(Self::NAME, arrays, "order")?.to_f64();
        let params = array(Self::NAME, arrays, "params")?.to_f64();
        check_finite(Self::NAME, "order", &order, group_of.len())?;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (g, i) in group_of.iter().zip(&order) {
            if *g != groups.len() as f64 - 1.0 {
                groups.push(Vec::new());
            }
            if let Some(group) = groups.last_mut() {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "what is no index becomes one that the constructor refuses"
                )]
                group.push(*i as usize);
            }
        }
        let mut q = Self::standard(&groups)?;
        q.set_params(&params)?;
        Ok(q)
    }

    /// Each group with its coordinates' first parameter.
    fn parts(&self) -> impl Iterator<Item = (&[usize], &FullRank, std::ops::Range<usize>)> {
        let mut start = 0;
        self.groups.iter().zip(&self.members).map(move |(g, m)| {
            let range = start..start + m.params().len();
            start = range.end;
            (g.as_slice(), m, range)
        })
    }

    /// A vector over coordinates, from one per group.
    fn scattered(&self, of: impl Fn(&FullRank) -> Option<Vec<f64>>) -> Option<Vec<f64>> {
        let mut all = vec![0.0; self.dimension()];
        for (group, member, _) in self.parts() {
            for (i, v) in group.iter().zip(of(member)?) {
                all[*i] = v;
            }
        }
        Some(all)
    }
}

/// The coordinates of one group.
fn gather(draws: &Draws, group: &[usize]) -> Draws {
    let mut part = Draws::zeros(group.len(), draws.n_draws());
    for (k, i) in group.iter().enumerate() {
        part.coordinate_mut(k).copy_from_slice(draws.coordinate(*i));
    }
    part
}

fn scatter(part: &Draws, group: &[usize], draws: &mut Draws) {
    for (k, i) in group.iter().enumerate() {
        draws.coordinate_mut(*i).copy_from_slice(part.coordinate(k));
    }
}

fn add(to: &mut [f64], values: &[f64]) {
    elbo_math::linalg::axpy(1.0, values, to);
}

impl Approximation for Block {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        self.transform(&standard_normal_draws(self.dimension(), n_draws, stream))
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let mut log_q = vec![0.0; points.n_draws()];
        for (group, member, _) in self.parts() {
            add(&mut log_q, &member.log_density(&gather(points, group)));
        }
        log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        self.scattered(Approximation::mean)
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        self.scattered(Approximation::standard_deviations)
    }

    fn arrays(&self) -> Arrays {
        let order: Vec<f64> = self.groups.iter().flatten().map(|i| *i as f64).collect();
        let group_of: Vec<f64> = self
            .groups
            .iter()
            .enumerate()
            .flat_map(|(g, members)| vec![g as f64; members.len()])
            .collect();
        let d = [order.len()];
        Arrays::from([
            ("group".into(), Array::f64(&d, group_of)),
            ("order".into(), Array::f64(&d, order)),
            (
                "params".into(),
                Array::f64(&[self.params.len()], self.params.clone()),
            ),
        ])
    }
}

impl Family for Block {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        let mut members = self.members.clone();
        for (member, (_, _, range)) in members.iter_mut().zip(self.parts()) {
            member.set_params(&params[range])?;
        }
        self.members = members;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let mut log_q = vec![0.0; points.n_draws()];
        let mut gradients = Draws::zeros(self.dimension(), points.n_draws());
        for (group, member, _) in self.parts() {
            let (values, part) = member.log_density_and_gradient(&gather(points, group));
            add(&mut log_q, &values);
            scatter(&part, group, &mut gradients);
        }
        (log_q, gradients)
    }

    fn entropy(&self) -> Option<f64> {
        self.members.iter().map(Family::entropy).sum()
    }
}

impl Reparameterised for Block {
    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let mut log_q = vec![0.0; noise.n_draws()];
        let mut points = Draws::zeros(self.dimension(), noise.n_draws());
        for (group, member, _) in self.parts() {
            let (part, values) = member.transform(&gather(noise, group));
            add(&mut log_q, &values);
            scatter(&part, group, &mut points);
        }
        (points, log_q)
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        for (group, member, range) in self.parts() {
            let part = gather(cotangents, group);
            member.pull_back(&gather(noise, group), &part, &mut gradient[range]);
        }
    }

    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        for (_, member, range) in self.parts() {
            member.pull_back_log_density(noise, weights, &mut gradient[range]);
        }
    }

    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        let mut gradient = Vec::with_capacity(self.params.len());
        for member in &self.members {
            gradient.extend(member.entropy_gradient()?);
        }
        Some(gradient)
    }
}

impl Scored for Block {
    fn scores(&self, points: &Draws) -> Draws {
        let mut all = Vec::with_capacity(self.params.len() * points.n_draws());
        for (group, member, _) in self.parts() {
            all.extend_from_slice(member.scores(&gather(points, group)).as_slice());
        }
        Draws::from_vec(self.params.len(), points.n_draws(), all)
    }
}

impl Natural for Block {
    fn natural_gradient(&self, gradient: &mut [f64]) {
        for (_, member, range) in self.parts() {
            member.natural_gradient(&mut gradient[range]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_are_no_partition_are_refused() {
        for groups in [
            vec![vec![0], vec![0]],
            vec![vec![0, 2]],
            vec![vec![0], vec![]],
        ] {
            assert!(Block::standard(&groups).is_err(), "{groups:?}");
        }
        assert!(matches!(Block::standard(&[]), Err(ViError::ZeroDimension)));
        let wrong = vec![FullRank::standard(1).unwrap()];
        assert!(Block::new(vec![vec![0, 1]], wrong).is_err());
    }
}
