//! Logistic regressions, plain and with groups: the posteriors that the rows of black-box methods
//! share, and the judge of Gaussians with independent coordinates.
//!
//! A side leaves its answer in `answer.f64`: the means, then the standard deviations, of the
//! unconstrained numbers `(μ, log τ, a, b)` or `b`. Deliberately absent: the methods.

use anyhow::{Context as _, Result};
use elbo::graph::model::{CompiledModel, Model, Variable, bernoulli_logit, half_normal, normal};
use elbo::math::random::{RngExt as _, Stream, standard_normal, stream};
use elbo::vi::coupled::coupled_normals;
use elbo::vi::driver::{self, DriverConfig, silent};
use elbo::vi::family::{MeanField, Reparameterised as _};
use elbo::vi::method::{self, GaussianConfig, Start};
use elbo::vi::{Approximation, Target};

use crate::raw;
use crate::row::{Case, Judgement};

/// Simulates `y_n ~ Bernoulli(logit⁻¹(a_g(n) + x_n b))`, `a ~ N(−½, 1)`, `b ~ N(0, 0.7²)`; without
/// groups `a = 0` and `b ~ N(0, 0.3²)`.
pub(super) fn simulate(case: &Case) -> Result<()> {
    let (n, d, groups) = (case.get("n"), case.get("d"), case.get("groups"));
    let mut rng = stream(case.seed, "bench/logistic", 0);
    let normals = |rng: &mut Stream, k: usize, mean: f64, sd: f64| -> Vec<f64> {
        (0..k).map(|_| mean + sd * standard_normal(rng)).collect()
    };
    let x = normals(&mut rng, n * d, 0.0, 1.0);
    let effects = normals(&mut rng, groups, -0.5, 1.0);
    let slopes = normals(&mut rng, d, 0.0, if groups > 0 { 0.7 } else { 0.3 });
    let last = u32::try_from(groups.max(1))?;
    let group: Vec<u32> = (0..n).map(|_| rng.random_range(0..last)).collect();
    let y: Vec<f64> = x
        .chunks_exact(d)
        .zip(&group)
        .map(|(row, g)| {
            let own = effects.get(*g as usize).copied().unwrap_or(0.0);
            let logit: f64 = own + row.iter().zip(&slopes).map(|(x, b)| x * b).sum::<f64>();
            f64::from(u8::from(rng.random::<f64>() < 1.0 / (1.0 + (-logit).exp())))
        })
        .collect();
    raw::write_f64(case.folder, "x.f64", &x)?;
    raw::write_f64(case.folder, "y.f64", &y)?;
    raw::write_u32(case.folder, "group.u32", &group)
}

/// With groups `μ ~ N(0, 2²)`, `τ ~ N⁺(0, 1)`, `a_j ~ N(μ, τ²)`; slopes `b ~ N(0, 1)`.
pub(super) fn model(case: &Case) -> Result<CompiledModel> {
    let (n, d, groups) = (case.get("n"), case.get("d"), case.get("groups"));
    let mut m = Model::new();
    let effects = (groups > 0).then(|| {
        let mu = m.real("mu");
        let tau = m.positive("tau");
        let effects = m.vector("a", groups);
        m.assume(&mu, normal(0.0, 2.0));
        m.assume(&tau, half_normal(1.0));
        m.assume(&effects, normal(&mu, &tau));
        effects
    });
    let slopes = m.vector("b", d);
    m.assume(&slopes, normal(0.0, 1.0));
    let x = Variable::matrix(n, d, &raw::read_f64(case.folder, "x.f64")?);
    let mut logit = x.matmul(&slopes);
    if let Some(effects) = effects {
        let group = raw::read_u32(case.folder, "group.u32")?;
        let group: Vec<usize> = group.into_iter().map(|g| g as usize).collect();
        logit = logit + effects.at(&group);
    }
    m.observe(
        bernoulli_logit(&logit),
        &raw::read_f64(case.folder, "y.f64")?,
    );
    Ok(m.compile()?)
}

/// Simulates, and leaves the best answer with independent coordinates in `best.f64`: ten to a hundred
/// times as exact as what is asked of the sides.
pub(super) fn simulate_with_best(case: &Case) -> Result<()> {
    simulate(case)?;
    let model = model(case)?;
    let target = Target::new(model.program(), model.dimension())?;
    let method = method::MeanField {
        config: GaussianConfig {
            tolerance: Some(0.005),
            ..GaussianConfig::default()
        },
    };
    let config = DriverConfig::default();
    let start = Start::Random;
    let found = driver::fit(&method, &target, &start, case.seed, &config, &mut silent)?;
    anyhow::ensure!(found.outcome.converged(), "the best answer is not found");
    write_answer(case, "best.f64", &*found.approximation)
}

/// Leaves an answer for the judge.
pub(super) fn write_answer(case: &Case, name: &str, q: &dyn Approximation) -> Result<()> {
    let mut numbers = q.mean().context("a family with means")?;
    numbers.extend(
        q.standard_deviations()
            .context("a family with deviations")?,
    );
    raw::write_f64(case.folder, name, &numbers)
}

/// How many nats the ELBO of `answer.f64` lies below the best one's, by the same draws of noise.
pub(super) fn nats_below_best(case: &Case) -> Result<Judgement> {
    let model = model(case)?;
    let target = Target::new(model.program(), model.dimension())?;
    // About ten seconds of work at most; coupled draws leave an error of a few hundredths of a nat in
    // each bound, and of much less in their difference.
    let n_draws = (100_000_000 / (case.get("n") * case.get("d"))).clamp(500, 5_000);
    let mut rng = stream(1, "bench/judge", 0);
    let noise = coupled_normals(model.dimension(), n_draws, &mut rng);
    let bound = |name: &str| -> Result<f64> {
        let numbers = raw::read_f64(case.folder, name)?;
        let (means, scales) = numbers.split_at(numbers.len() / 2);
        let q = MeanField::new(means.to_vec(), scales.to_vec())?;
        let (points, log_q) = q.transform(&noise);
        let log_p = target.log_densities(&points)?;
        let terms = log_p.iter().zip(&log_q).map(|(p, q)| p - q);
        Ok(terms.sum::<f64>() / n_draws as f64)
    };
    Ok(Judgement::of(bound("best.f64")? - bound("answer.f64")?))
}
