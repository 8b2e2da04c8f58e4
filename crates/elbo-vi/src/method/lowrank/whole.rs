//! Steps of the low-rank family on all data, in closed form, with no matrix larger than `D × 3r`.
//!
//! The one idea: with `Σ = diag(d) (I + V Vᵀ) diag(d)` the ELBO is stationary where `V`'s columns are
//! directions in which `B = diag(d) Ā diag(d)`, `Ā = E_q[−∇² log p]`, has curvatures `λ_j < 1`, of
//! squared length `1/λ_j − 1`, and where `d_i² Ā_ii = 1 − (V (I + VᵀV)⁻¹ Vᵀ)_ii`: both follow from
//! setting `∂ELBO/∂Σ = ½ (Σ⁻¹ − Ā)` to zero along the family. So curvatures are followed by products
//! with `Ā` ([`Directions`]), whose noise does not grow with the dimension as that of outer products of
//! gradients does; `Ā_ii` comes from the draws, without noise where `q` is the target. Deliberately
//! absent: mini-batches, for which there are no such products (`first_order`).

use elbo_math::linalg::{Matrix, dot, matmul, matmul_tn};
use elbo_math::random::{standard_normal, stream};

use super::directions::Directions;
use crate::coupled::coupled_normals;
use crate::family::{Family as _, LowRank as Member, Reparameterised as _};
use crate::gradient::Integrand as _;
use crate::method::Info;
use crate::method::natural::{adapted_mean_rate, elbo_of, mean_and_noise};
use crate::method::outliers::{draw_weights, weigh};
use crate::optimizer::natural::precision_factor;
use crate::{Draws, Target, ViError};

/// The share of the way that a step goes at first.
const FIRST_RATE: f64 = 0.5;

/// No step makes a curvature smaller than this share of what it was: a variance grows step by step.
const LEAST_CURVATURE: f64 = 0.25;

/// A coordinate keeps at least this share of its variance to itself.
const OWN: f64 = 0.01;

/// A fit ends where a full step promises less than this share of the tolerance.
const NOTHING_LEFT: f64 = 1e-4;

/// Averages show nothing but noise where a full step would gain less than this many times the noise.
const AUDIBLE: f64 = 3.0;

/// Nats, beside the tolerance and five standard errors, by which a step may lower the median draw.
const FALL: f64 = 1.0;

/// Steps that lost more than that before these steps are given up.
const FALLS: u32 = 3;

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeState {
    seed: u64,
    iteration: u64,
    q: Member,
    directions: Directions,
    mean_rate: f64,
    last_delta: Vec<f64>,
    /// Steps in a row that showed nothing but noise; what they are averaged with.
    quiet: u32,
    last_left: f64,
    /// The last member whose draws were as good as any before, and how good they were.
    good: (Member, Directions, f64),
    /// Nats below that which are no noise.
    may_fall: f64,
    falls: u32,
    rate: f64,
}

/// The averages of a step in units of `d`.
struct Averages {
    delta: Vec<f64>,
    excess: Vec<f64>,
    /// Nats that their noise seems to be worth.
    noise: f64,
    delta_noise: f64,
}

impl WholeState {
    pub(super) fn new(
        mean: Vec<f64>,
        scales: Vec<f64>,
        rank: usize,
        seed: u64,
    ) -> Result<Self, ViError> {
        let d = mean.len();
        let mut rng = stream(seed, "method/lowrank", 0);
        let start = Matrix::from_fn(d, rank, |_, _| standard_normal(&mut rng));
        let directions = Directions::new(&start)?;
        let q = Member::new(mean, scales, Matrix::zeros(d, rank))?;
        Ok(Self {
            seed,
            iteration: 0,
            good: (q.clone(), directions.clone(), f64::NEG_INFINITY),
            may_fall: FALL,
            falls: 0,
            directions,
            mean_rate: FIRST_RATE,
            last_delta: vec![0.0; d],
            quiet: 0,
            last_left: f64::INFINITY,
            rate: FIRST_RATE,
            q,
        })
    }

    /// The current approximation.
    pub fn approximation(&self) -> &Member {
        &self.q
    }

    /// The best member so far and the seed, where steps from draws of the present one led away from it again and again:
    /// so it is where curvatures have tails that no sixteen draws see.
    pub(super) fn given_up(&self) -> Option<(Member, u64)> {
        (self.falls >= FALLS).then(|| (self.good.0.clone(), self.seed))
    }

    pub(super) fn step(
        &mut self,
        n_draws: usize,
        tolerance: f64,
        target: &Target<'_>,
    ) -> Result<Info, ViError> {
        let mut rng = stream(self.seed, "method/lowrank/draws", self.iteration);
        let noise = coupled_normals(self.q.noise_dimension(), n_draws, &mut rng);
        let (points, log_q) = self.q.transform(&noise);
        let (log_p, gradients) = target.values_and_gradients(&points)?;
        // The products cost most of a step, and fail if anything does: before anything is changed.
        let few = points.slice(0..points.n_draws().min(2));
        let directions = self
            .directions
            .step(|x| curvature_times(target, &self.q, &few, x));
        self.iteration += 1;
        let mut info = elbo_of(&log_p, &log_q);
        if self.fell(&log_p, &log_q, tolerance) {
            info.rejected = true;
            return Ok(info);
        }
        let averages = self.averages(&noise, &points, &gradients, &log_p);
        let (Some(averages), Ok(mut directions)) = (averages, directions) else {
            info.rejected = true;
            return Ok(info);
        };
        for (new, old) in directions.values.iter_mut().zip(&self.directions.values) {
            *new = new.max(LEAST_CURVATURE * old.min(1.0));
        }
        let left = self.left(&averages, &directions);
        let is_quiet = left < AUDIBLE * averages.noise && left > 0.5 * self.last_left;
        self.last_left = left;
        // From the first quiet steps on the steps average, later ones with more weight, so that where
        // they began is soon forgotten; the noise falls with their number.
        self.quiet = if is_quiet || self.quiet > 1 {
            self.quiet + 1
        } else {
            0
        };
        let rate = self.rate.min(2.0 / (f64::from(self.quiet) + 1.0));
        self.mean_rate = adapted_mean_rate(
            self.mean_rate,
            rate,
            &averages.delta,
            averages.delta_noise,
            &mut self.last_delta,
        );
        let Ok(q) = self.moved(&averages, &directions, rate) else {
            info.rejected = true;
            return Ok(info);
        };
        self.q = q;
        self.directions = directions;
        // Weights in proportion to their number average as three quarters of as many equal ones do.
        let noise = averages.noise / (0.75 * f64::from(self.quiet)).max(1.0);
        info.converged = left < NOTHING_LEFT * tolerance
            || (self.quiet > 1 && is_quiet && 2.0 * noise < tolerance);
        info.widest = widest(&self.q);
        Ok(info)
    }

    /// Whether the last step lost more than noise; then it is taken back and the next ones are shorter.
    /// The median of the draws is judged, not their mean, which a single draw in a tail can ruin.
    fn fell(&mut self, log_p: &[f64], log_q: &[f64], tolerance: f64) -> bool {
        let mut terms: Vec<f64> = log_p.iter().zip(log_q).map(|(p, q)| p - q).collect();
        terms.sort_by(f64::total_cmp);
        let n = terms.len();
        let median = terms[n / 2];
        // Five standard errors of the median, from the quartiles of the draws.
        let noise = 5.0 * (terms[3 * n / 4] - terms[n / 4]) / (n as f64).sqrt();
        if median > self.good.2 - 0.1 * self.may_fall {
            // What counts as good follows the draws down slowly, and up at once.
            let level = f64::max(median, self.good.2 - 0.1);
            self.good = (self.q.clone(), self.directions.clone(), level);
            self.may_fall = FALL + tolerance + f64::max(noise, 0.0);
        }
        let fell = median < self.good.2 - self.may_fall;
        if fell {
            (self.q, self.directions) = (self.good.0.clone(), self.good.1.clone());
            self.good.2 -= 1.0; // Where it was luck, this does not go on.
            self.rate *= 0.5;
            self.falls += 1;
        }
        fell
    }

    fn averages(
        &self,
        noise: &Draws,
        points: &Draws,
        gradients: &Draws,
        log_p: &[f64],
    ) -> Option<Averages> {
        let scales = self.q.scales();
        let (_, of_q) = self.q.log_density_and_gradient(points);
        let mut h = Matrix::from_fn(scales.len(), log_p.len(), |i, s| {
            scales[i] * (gradients.get(i, s) - of_q.get(i, s))
        });
        let (weights, n) = draw_weights(&h, log_p)?;
        weigh(&mut h, &weights);
        let d = scales.len();
        let mut averages = Averages {
            delta: vec![0.0; d],
            excess: vec![0.0; d],
            noise: 0.0,
            delta_noise: 0.0,
        };
        let mut products = vec![0.0; log_p.len()];
        for i in 0..d {
            let z = noise.coordinate(i);
            let (mean, of_mean) = mean_and_noise(h.row(i), n);
            for ((p, z), h) in products.iter_mut().zip(z).zip(h.row(i)) {
                *p = z * h;
            }
            let (excess, of_excess) = mean_and_noise(&products, n);
            averages.delta[i] = mean;
            averages.excess[i] = excess;
            averages.delta_noise += of_mean;
            averages.noise += 0.5 * of_mean + 0.25 * of_excess;
        }
        let sum = averages.delta.iter().chain(&averages.excess).sum::<f64>();
        sum.is_finite().then_some(averages)
    }

    /// What a full step would gain, in nats and to second order.
    fn left(&self, averages: &Averages, new: &Directions) -> f64 {
        let along = matmul_tn(&self.directions.vectors, &column(&averages.delta));
        let mut left = 0.5 * dot(&averages.delta, &averages.delta)
            + 0.25 * dot(&averages.excess, &averages.excess);
        for (j, old) in self.directions.values.iter().enumerate() {
            let (old, next) = (old.min(1.0), new.values[j].min(1.0));
            let longer = 1.0 / old - 1.0;
            left += 0.5 * longer * (along[(j, 0)].powi(2) + new.residuals[j]);
            left += 0.25 * (next / old).ln().powi(2);
        }
        left
    }

    fn moved(
        &self,
        averages: &Averages,
        directions: &Directions,
        rate: f64,
    ) -> Result<Member, ViError> {
        let d = averages.delta.len();
        let (mut mean, mut scales) = (self.q.params()[..d].to_vec(), self.q.scales().to_vec());
        // Σ ḡ with the present covariance.
        let old = &self.directions;
        let mut along = matmul_tn(&old.vectors, &column(&averages.delta));
        for (j, value) in old.values.iter().enumerate() {
            along.row_mut(j)[0] *= 1.0 / value.min(1.0) - 1.0;
        }
        let far = matmul(&old.vectors, &along);
        for i in 0..d {
            mean[i] += self.mean_rate * scales[i] * (averages.delta[i] + far[(i, 0)]);
            let shared = directions.values.iter().zip(directions.vectors.row(i));
            let shared: f64 = shared.map(|(l, v)| v * v * (1.0 - l.min(1.0))).sum();
            let own = (1.0 - shared).max(OWN);
            // d² Ā_ii = own − W_ii at the old d; where the share changed, so does d.
            let before = old.values.iter().zip(old.vectors.row(i));
            let before: f64 = before.map(|(l, v)| v * v * (1.0 - l.min(1.0))).sum();
            let before = (1.0 - before).max(OWN);
            let factor = precision_factor(rate * (1.0 - (before - averages.excess[i]) / own));
            scales[i] /= factor.sqrt();
        }
        let factor = Matrix::from_fn(d, directions.values.len(), |i, j| {
            let length = (1.0 / directions.values[j].min(1.0) - 1.0).sqrt();
            scales[i] * length * directions.vectors[(i, j)]
        });
        Member::new(mean, scales, factor)
    }
}

fn column(values: &[f64]) -> Matrix {
    Matrix::from_vec(values.len(), 1, values.to_vec())
}

/// `diag(d) (−∇² log p) diag(d) X`, averaged over a few points.
fn curvature_times(
    target: &Target<'_>,
    q: &Member,
    points: &Draws,
    x: &Matrix,
) -> Result<Matrix, ViError> {
    let (d, n) = (x.rows(), points.n_draws());
    let scales = q.scales();
    let mut at = Draws::zeros(d, n * x.cols());
    let mut along = Draws::zeros(d, n * x.cols());
    for i in 0..d {
        for (s, v) in at.coordinate_mut(i).iter_mut().enumerate() {
            *v = points.get(i, s % n);
        }
        for (s, v) in along.coordinate_mut(i).iter_mut().enumerate() {
            *v = scales[i] * x[(i, s / n)];
        }
    }
    let products = target.hessian_vector_products(&at, &along)?;
    Ok(Matrix::from_fn(d, x.cols(), |i, j| {
        let some = &products.coordinate(i)[j * n..(j + 1) * n];
        -scales[i] * some.iter().sum::<f64>() / n as f64
    }))
}

fn widest(q: &Member) -> Option<(usize, f64)> {
    let scales = crate::Approximation::standard_deviations(q)?;
    scales
        .into_iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
}
