//! Where a mixture starts: k-means++, random or given responsibilities, an earlier fit.
//!
//! The one idea: whatever the start, it becomes responsibilities, and one global step turns them
//! into a `q`. Distances are taken in units of the prior's variances, so a start does not depend on
//! the units of the columns unless the covariance type does.

use elbo_math::parallel;
use elbo_math::random::{self, RngExt, Stream};

use super::config::Start;
use super::data::GmmData;
use super::model::GmmModel;
use super::posterior::GmmPosterior;
use super::prior::GmmPrior;
use super::sweep::{self, Given};
use super::view::{Shape, View};
use crate::driver::Gather;
use crate::{ConjugateModel, ModelError, Statistics};

/// The most Lloyd's sweeps after seeding; they end when no label changes.
const LLOYD_SWEEPS: usize = 100;
/// Centres are found on a sample of at least this many rows, and this many per component.
const SAMPLE: usize = 10_000;
const SAMPLE_PER_COMPONENT: usize = 200;
/// Rows whose distances are computed by one task.
const CHUNK: usize = 1024;
/// How far given responsibilities of a row may be from summing to 1.
const SUM_TOLERANCE: f64 = 1e-6;

impl GmmModel {
    /// A model that starts from `start` on `data`, which stand for `n_total` rows.
    ///
    /// For data that do not fit in memory `data` are a sample, for a mini-batch fit the first batch.
    /// Different `restart`s draw different random numbers.
    ///
    /// # Errors
    /// Responsibilities or an earlier fit of the wrong shape, or a numerical failure.
    pub fn start(
        prior: GmmPrior,
        data: &GmmData,
        n_total: usize,
        start: &Start,
        seed: u64,
        restart: usize,
    ) -> Result<Self, ModelError> {
        if let Start::Posterior(earlier) = start {
            return warm_start(prior, earlier);
        }
        let variances = prior.variances();
        let scales = Scales {
            centre: &prior.mean,
            variances: &variances,
        };
        let given = responsibilities(start, data, prior.n_components(), &scales, seed, restart)?;
        let mut model = Self::new(GmmPosterior::from_prior(prior.clone()))?;
        let mut statistics = model.zero_statistics();
        sweep::accumulate(&model, data, Some(&given), &mut statistics)?;
        statistics.scale(n_total as f64 / data.len() as f64);
        model.global_step(&statistics, 1.0)?;
        Ok(model)
    }
}

/// The centre and the units in which distances between rows are measured.
pub(crate) struct Scales<'a> {
    pub centre: &'a [f64],
    pub variances: &'a [f64],
}

/// The responsibilities of a start that is not an earlier fit, row by row.
///
/// # Errors
/// Given responsibilities of the wrong shape or that do not sum to 1.
pub(crate) fn responsibilities<'a, P>(
    start: &'a Start<P>,
    data: &GmmData,
    n_components: usize,
    scales: &Scales<'_>,
    seed: u64,
    restart: usize,
) -> Result<Box<Given<'a>>, ModelError> {
    Ok(match start {
        Start::Responsibilities(all) => {
            check_responsibilities(all, data.len(), n_components)?;
            Box::new(move |i, r: &mut [f64]| {
                r.copy_from_slice(&all[i * n_components..(i + 1) * n_components]);
            })
        }
        Start::Random => Box::new(move |i, r: &mut [f64]| {
            uniform_on_simplex(&mut row_stream(seed, restart, i), r);
        }),
        Start::KMeans | Start::Posterior(_) => {
            let mut rng = random::stream(seed, "gmm/k-means", restart as u64);
            let labels = k_means(data, n_components, scales, &mut rng);
            Box::new(move |i, r: &mut [f64]| {
                r.fill(0.0);
                r[labels[i]] = 1.0;
            })
        }
    })
}

fn warm_start(prior: GmmPrior, earlier: &GmmPosterior) -> Result<GmmModel, ModelError> {
    let shape = |p: &GmmPrior| (p.n_components(), p.dim(), p.covariance());
    if shape(&prior) != shape(earlier.prior()) {
        return Err(ModelError::data(format!(
            "the earlier fit has {} components on {} columns of type '{}', this one {} on {} of \
             type '{}'; they must agree",
            earlier.n_components(),
            earlier.dim(),
            earlier.prior().covariance(),
            prior.n_components(),
            prior.dim(),
            prior.covariance(),
        )));
    }
    let mut posterior = earlier.clone();
    posterior.prior = prior;
    GmmModel::new(posterior)
}

fn check_responsibilities(all: &[f64], n: usize, n_components: usize) -> Result<(), ModelError> {
    if all.len() != n * n_components {
        return Err(ModelError::Shape {
            what: "starting responsibilities (rows × components)",
            expected: n * n_components,
            got: all.len(),
        });
    }
    let wrong = all.chunks_exact(n_components).position(|r| {
        let sum: f64 = r.iter().sum();
        !((sum - 1.0).abs() <= SUM_TOLERANCE) || r.iter().any(|v| !(*v >= 0.0))
    });
    match wrong {
        None => Ok(()),
        Some(i) => Err(ModelError::data(format!(
            "starting responsibilities of row {}: they must be at least 0 and sum to 1",
            i + 1
        ))),
    }
}

fn row_stream(seed: u64, restart: usize, row: usize) -> Stream {
    random::stream(seed, &format!("gmm/random-start/{restart}"), row as u64)
}

fn uniform_on_simplex(rng: &mut Stream, out: &mut [f64]) {
    for v in out.iter_mut() {
        *v = -(1.0 - random::uniform(rng)).ln();
    }
    let total: f64 = out.iter().sum();
    for v in out {
        *v /= total;
    }
}

/// Labels of k-means++ followed by Lloyd's sweeps, both on a sample of the rows where
/// there are many.
///
/// # References
/// `[@arthur2007kmeans]`.
fn k_means(
    data: &GmmData,
    n_components: usize,
    scales: &Scales<'_>,
    rng: &mut Stream,
) -> Vec<usize> {
    let metric = Metric {
        inverse_variances: scales.variances.iter().map(|v| v.recip()).collect(),
    };
    let size = SAMPLE.max(SAMPLE_PER_COMPONENT * n_components);
    if data.len() <= size {
        let centres = find_centres(data, n_components, scales.centre, &metric, rng);
        return nearest(data, &centres, &metric);
    }
    let rows: Vec<usize> = (0..size).map(|_| rng.random_range(0..data.len())).collect();
    let sample = data.gather(&rows);
    let centres = find_centres(&sample, n_components, scales.centre, &metric, rng);
    nearest(data, &centres, &metric)
}

fn find_centres(
    data: &GmmData,
    n_components: usize,
    fallback: &[f64],
    metric: &Metric,
    rng: &mut Stream,
) -> Vec<Vec<f64>> {
    let mut centres = seed_centres(data, n_components, fallback, metric, rng);
    let mut labels = Vec::new();
    for _ in 0..LLOYD_SWEEPS {
        let next = nearest(data, &centres, metric);
        if next == labels {
            break;
        }
        labels = next;
        move_centres(data, &labels, &mut centres);
    }
    centres
}

/// Squared distances over the entries that are there, scaled up to all of them.
struct Metric {
    inverse_variances: Vec<f64>,
}

impl Metric {
    fn distance(&self, row: &[f64], centre: &[f64]) -> f64 {
        let (mut sum, mut seen) = (0.0, 0.0);
        for ((x, c), iv) in row.iter().zip(centre).zip(&self.inverse_variances) {
            if !x.is_nan() {
                sum += (x - c) * (x - c) * iv;
                seen += 1.0;
            }
        }
        sum * row.len() as f64 / seen
    }
}

/// Greedy k-means++: of a few rows drawn with probability ∝ weight × squared distance to the nearest
/// centre so far, the one that leaves the least of that sum becomes the next centre.
///
/// # References
/// `[@arthur2007kmeans, sec. 5]`, with `2 + ⌊log₂ K⌋` candidates.
fn seed_centres(
    data: &GmmData,
    n_components: usize,
    fallback: &[f64],
    metric: &Metric,
    rng: &mut Stream,
) -> Vec<Vec<f64>> {
    let n_candidates = 2 + n_components.ilog2() as usize;
    let mut nearest = vec![f64::INFINITY; data.len()];
    let mut centres: Vec<Vec<f64>> = Vec::new();
    while centres.len() < n_components {
        let mass: Vec<f64> = if centres.is_empty() {
            (0..data.len()).map(|i| data.weight(i)).collect()
        } else {
            (0..data.len())
                .map(|i| data.weight(i) * nearest[i])
                .collect()
        };
        let tries = if centres.is_empty() { 1 } else { n_candidates };
        let candidates: Vec<Vec<f64>> = (0..tries)
            .map(|_| complete(data.row(draw_row(&mass, rng)), fallback))
            .collect();
        let distances = candidates.iter().map(|c| closer(data, &nearest, c, metric));
        let potential =
            |d: &[f64]| -> f64 { d.iter().enumerate().map(|(i, d)| data.weight(i) * d).sum() };
        let best = distances
            .zip(candidates.iter())
            .map(|(distances, centre)| (potential(&distances), distances, centre))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let (_, distances, centre) = best.expect("there is at least one candidate");
        nearest = distances;
        centres.push(centre.clone());
    }
    centres
}

/// A row drawn with probability ∝ mass; any row where all mass is gone, because there are fewer
/// distinct rows than components.
fn draw_row(mass: &[f64], rng: &mut Stream) -> usize {
    if mass.iter().sum::<f64>() > 0.0 {
        random::categorical(rng, mass)
    } else {
        rng.random_range(0..mass.len())
    }
}

/// The row, with the fallback's entries where its own are missing.
fn complete(row: &[f64], fallback: &[f64]) -> Vec<f64> {
    row.iter()
        .zip(fallback)
        .map(|(x, m)| if x.is_nan() { *m } else { *x })
        .collect()
}

/// Squared distances to the nearest centre once `centre` is among them.
fn closer(data: &GmmData, nearest: &[f64], centre: &[f64], metric: &Metric) -> Vec<f64> {
    let mut distances = nearest.to_vec();
    parallel::for_each_chunk(&mut distances, CHUNK, |c, part| {
        for (i, d) in part.iter_mut().enumerate() {
            *d = d.min(metric.distance(data.row(c * CHUNK + i), centre));
        }
    });
    distances
}

/// The nearest centre of each row: the likeliest of Gaussians with these centres.
fn nearest(data: &GmmData, centres: &[Vec<f64>], metric: &Metric) -> Vec<usize> {
    let factors = metric.inverse_variances.iter().map(|v| v.sqrt());
    let factors: Vec<f64> = factors.collect();
    let view = View {
        dim: data.dim(),
        shape: Shape::Diagonal,
        means: centres.concat(),
        factors: factors.repeat(centres.len()),
        log_constants: vec![0.0; centres.len()],
    };
    sweep::most_likely(&view, data)
}

/// Moves each centre to the weighted mean of its rows; an entry that none of them has stays.
fn move_centres(data: &GmmData, labels: &[usize], centres: &mut [Vec<f64>]) {
    let dim = data.dim();
    let mut sums = vec![(0.0, 0.0); centres.len() * dim];
    for (i, label) in labels.iter().enumerate() {
        let sums = &mut sums[label * dim..(label + 1) * dim];
        for ((sum, x), c) in sums.iter_mut().zip(data.row(i)).zip(&centres[*label]) {
            if !x.is_nan() {
                sum.0 += data.weight(i);
                sum.1 += data.weight(i) * (x - c);
            }
        }
    }
    for (centre, sums) in centres.iter_mut().zip(sums.chunks_exact(dim)) {
        for (c, (weight, sum)) in centre.iter_mut().zip(sums) {
            if *weight > 0.0 {
                *c += sum / weight;
            }
        }
    }
}
