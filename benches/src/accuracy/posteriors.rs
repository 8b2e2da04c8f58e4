//! Ten posteriors that tell methods apart, written with the builder.
//!
//! Data are published tables or simulated with a fixed seed. Where NUTS itself cannot be trusted, the
//! posterior names a reparameterised model of the same quantities as its reference.

use std::path::Path;

use anyhow::{Context as _, Result};
use elbo::graph::model::{
    CompiledModel, Model, Ode, Variable, bernoulli_logit, beta, half_cauchy, half_normal,
    lognormal, normal, poisson_log,
};
use elbo::graph::ode::Tolerances;
use elbo::math::random::{RngExt as _, Stream, standard_normal, stream};

/// A posterior, and how to get the right answer.
pub(crate) struct Posterior {
    pub(crate) name: &'static str,
    /// The model as a user would write it.
    pub(crate) build: fn(&Path) -> Result<CompiledModel>,
    /// The same quantities from coordinates in which NUTS is reliable, where the model's are not.
    pub(crate) reference: Option<fn(&Path) -> Result<CompiledModel>>,
    /// Parameters that are compared in logarithms, because their posterior has no mean or variance.
    pub(crate) in_logarithms: &'static [&'static str],
}

/// All of them.
pub(crate) const POSTERIORS: [Posterior; 11] = [
    Posterior {
        name: "eight-schools",
        build: |_| eight_schools(false),
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "eight-schools-centred",
        build: |_| eight_schools(true),
        reference: Some(|_| eight_schools(false)),
        in_logarithms: &[],
    },
    Posterior {
        name: "election88",
        build: election88,
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "prostate-horseshoe",
        build: prostate_horseshoe,
        reference: None,
        in_logarithms: &["tau", "lambda"],
    },
    Posterior {
        name: "gp-poisson",
        build: gp_poisson,
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "garch",
        build: garch,
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "mixture",
        build: mixture,
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "irt-2pl",
        build: irt,
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "lotka-volterra",
        build: lotka_volterra,
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "banana",
        build: |_| banana(),
        reference: None,
        in_logarithms: &[],
    },
    Posterior {
        name: "funnel",
        build: |_| funnel(true),
        reference: Some(|_| funnel(false)),
        in_logarithms: &[],
    },
];

/// Rubin (1981): coaching effects in eight schools.
fn eight_schools(centred: bool) -> Result<CompiledModel> {
    let y = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
    let sigma = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
    let mut m = Model::new();
    let mu = m.real("mu");
    let tau = m.positive("tau");
    m.assume(&mu, normal(0.0, 5.0));
    m.assume(&tau, half_cauchy(5.0));
    let theta = if centred {
        let theta = m.vector("theta", 8);
        m.assume(&theta, normal(&mu, &tau));
        theta
    } else {
        let eta = m.latent_vector(8);
        m.assume(&eta, normal(0.0, 1.0));
        let theta = &mu + &tau * &eta;
        m.derive("theta", &theta);
        theta
    };
    m.observe(normal(&theta, &sigma), &y);
    Ok(m.compile()?)
}

/// Gelman and Hill (2007), ch. 14: who votes Republican, by state, age, education and region.
fn election88(data: &Path) -> Result<CompiledModel> {
    let json = read_json(&data.join("tabular/election88_full.json.gz"))?;
    let column = |name: &str| -> Result<Vec<f64>> {
        let values = json[name]
            .as_array()
            .with_context(|| format!("no column {name}"))?;
        Ok(values
            .iter()
            .filter_map(serde_json::Value::as_f64)
            .collect())
    };
    let integer = |value: &serde_json::Value| -> Result<usize> {
        let number = value.as_u64().context("a number that is no count")?;
        Ok(usize::try_from(number)?)
    };
    let index = |name: &str| -> Result<Vec<usize>> {
        let values = json[name]
            .as_array()
            .with_context(|| format!("no column {name}"))?;
        values.iter().map(|v| Ok(integer(v)? - 1)).collect()
    };
    let count = |name: &str| integer(&json[name]).with_context(|| format!("reading {name}"));
    let mut m = Model::new();
    let b: Vec<Variable> = (1..=5).map(|k| m.real(&format!("beta[{k}]"))).collect();
    for b in &b {
        m.assume(b, normal(0.0, 100.0));
    }
    let effect = |m: &mut Model, name: &str, n: usize| {
        let scale = m.between(&format!("sigma_{name}"), 0.0, 100.0);
        let z = m.vector(&format!("z_{name}"), n);
        m.assume(&z, normal(0.0, 1.0));
        scale * z
    };
    let age = effect(&mut m, "a", count("n_age")?);
    let education = effect(&mut m, "b", count("n_edu")?);
    let both = effect(&mut m, "c", count("n_age_edu")?);
    let state = effect(&mut m, "d", count("n_state")?);
    let region = effect(&mut m, "e", count("n_region_full")?);
    let (black, female) = (column("black")?, column("female")?);
    let interaction: Vec<f64> = black.iter().zip(&female).map(|(a, b)| a * b).collect();
    let logit = &b[0]
        + &b[1] * &Variable::from(&black)
        + &b[2] * &Variable::from(&female)
        + &b[4] * &Variable::from(&interaction)
        + &b[3] * &Variable::from(&column("v_prev_full")?)
        + age.at(&index("age")?)
        + education.at(&index("edu")?)
        + both.at(&index("age_edu")?)
        + state.at(&index("state")?)
        + region.at(&index("region_full")?);
    m.observe(bernoulli_logit(&logit), &column("y")?);
    Ok(m.compile()?)
}

/// The prostate data of Hastie et al. (2009), eight standardised predictors, a regularised horseshoe
/// (Piironen and Vehtari 2017) in non-centred form.
fn prostate_horseshoe(data: &Path) -> Result<CompiledModel> {
    let text = std::fs::read_to_string(data.join("tabular/prostate.data"))?;
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| {
            line.split_whitespace()
                .skip(1)
                .take(9)
                .filter_map(|v| v.parse().ok())
                .collect()
        })
        .filter(|row: &Vec<f64>| row.len() == 9)
        .collect();
    let n = rows.len();
    let columns: Vec<Vec<f64>> = (0..9)
        .map(|j| standardised(rows.iter().map(|r| r[j])))
        .collect();
    let x: Vec<f64> = (0..n)
        .flat_map(|i| (0..8).map(|j| columns[j][i]).collect::<Vec<_>>())
        .collect();
    let mut m = Model::new();
    let sigma = m.positive("sigma");
    let tau = m.positive("tau");
    let lambda = m.positive_vector("lambda", 8);
    let slab = m.positive("slab");
    let z = m.latent_vector(8);
    m.assume(&sigma, half_normal(1.0));
    m.assume(&tau, half_cauchy(0.1));
    m.assume(&lambda, half_cauchy(1.0));
    m.assume(&slab, lognormal(0.0, 0.5));
    m.assume(&z, normal(0.0, 1.0));
    let local = (&tau * &lambda).square();
    let slab = slab.square();
    let scale = (&slab * &local / (&slab + &local)).sqrt();
    let slopes = z * scale;
    m.derive("beta", &slopes);
    m.observe(
        normal(Variable::matrix(n, 8, &x).matmul(&slopes), &sigma),
        &columns[8],
    );
    Ok(m.compile()?)
}

/// Counts with a smooth log rate: a Gaussian process on 25 points, simulated.
fn gp_poisson(_: &Path) -> Result<CompiledModel> {
    let n = 25;
    let mut rng = simulation("gp");
    let x: Vec<f64> = (0..n)
        .map(|i| 10.0 * f64::from(i) / f64::from(n - 1))
        .collect();
    let y: Vec<f64> = x
        .iter()
        .map(|x| draw_poisson(&mut rng, (1.0 + x.sin()).exp()))
        .collect();
    let squares: Vec<f64> = x
        .iter()
        .flat_map(|a| x.iter().map(move |b| (a - b).powi(2)))
        .collect();
    let n = x.len();
    let mut m = Model::new();
    let length = m.positive("length");
    let scale = m.positive("scale");
    let z = m.latent_vector(n);
    m.assume(&length, lognormal(0.5, 0.5));
    m.assume(&scale, half_normal(1.0));
    m.assume(&z, normal(0.0, 1.0));
    let jitter: Vec<f64> = (0..n * n)
        .map(|k| if k % (n + 1) == 0 { 1e-6 } else { 0.0 })
        .collect();
    let exponent = Variable::matrix(n, n, &squares) * -0.5 / length.square();
    let covariance = exponent.exp() * scale.square() + Variable::matrix(n, n, &jitter);
    let f = covariance.cholesky().matmul(&z);
    m.derive("f", &f);
    m.observe(poisson_log(&f), &y);
    Ok(m.compile()?)
}

/// GARCH(1, 1) on 200 simulated returns.
fn garch(_: &Path) -> Result<CompiledModel> {
    let mut rng = simulation("garch");
    let (mut variance, mut last) = (1.0_f64, 0.0_f64);
    let y: Vec<f64> = (0..200)
        .map(|_| {
            variance = 0.2 + 0.3 * last * last + 0.5 * variance;
            last = variance.sqrt() * standard_normal(&mut rng);
            0.3 + last
        })
        .collect();
    let mut m = Model::new();
    let mu = m.real("mu");
    let constant = m.positive("alpha0");
    let arch = m.between("alpha1", 0.0, 1.0);
    let garch = m.between("beta1", 0.0, 1.0 - &arch);
    m.assume(&mu, normal(0.0, 1.0));
    m.assume(&constant, half_normal(1.0));
    let mut variance = Variable::from(1.0);
    let mut variances = Vec::new();
    for t in 0..y.len() {
        if t > 0 {
            variance = &constant + &arch * &(y[t - 1] - &mu).square() + &garch * &variance;
        }
        variances.push(variance.clone());
    }
    let scale = Variable::rows(&variances.iter().collect::<Vec<_>>()).sqrt();
    m.observe(normal(&mu, &scale), &y);
    Ok(m.compile()?)
}

/// Two normals, kept apart by ordered means: 500 simulated numbers.
fn mixture(_: &Path) -> Result<CompiledModel> {
    let mut rng = simulation("mixture");
    let y: Vec<f64> = (0..500)
        .map(|_| {
            if rng.random_range(0.0..1.0) < 0.35 {
                -2.0 + 0.8 * standard_normal(&mut rng)
            } else {
                1.5 + 1.2 * standard_normal(&mut rng)
            }
        })
        .collect();
    let mut m = Model::new();
    let mu = m.ordered("mu", 2);
    let sigma = m.positive_vector("sigma", 2);
    let share = m.between("theta", 0.0, 1.0);
    m.assume(&mu, normal(0.0, 2.0));
    m.assume(&sigma, half_normal(2.0));
    m.assume(&share, beta(5.0, 5.0));
    let y = Variable::from(&y);
    let log_share = [share.ln(), (1.0 - &share).ln()];
    let parts: Vec<Variable> = (0..2)
        .map(|k| {
            let density = m.log_density(&normal(mu.row(k), sigma.row(k)), &y);
            density + &log_share[k]
        })
        .collect();
    m.add(&Variable::columns(&[&parts[0], &parts[1]]).row_log_sum_exp());
    Ok(m.compile()?)
}

/// A two-parameter item response model: 20 items, 100 persons, simulated.
fn irt(_: &Path) -> Result<CompiledModel> {
    let (items, persons) = (20, 100);
    let mut rng = simulation("irt");
    let mut normals =
        |n: usize| -> Vec<f64> { (0..n).map(|_| standard_normal(&mut rng)).collect() };
    let (ability, difficulty) = (normals(persons), normals(items));
    let discrimination: Vec<f64> = normals(items).iter().map(|z| (0.5 * z).exp()).collect();
    let pairs: Vec<(usize, usize)> = (0..persons)
        .flat_map(|j| (0..items).map(move |i| (i, j)))
        .collect();
    let y: Vec<f64> = pairs
        .iter()
        .map(|(i, j)| {
            let logit = discrimination[*i] * (ability[*j] - difficulty[*i]);
            f64::from(u8::from(
                rng.random_range(0.0..1.0) < 1.0 / (1.0 + (-logit).exp()),
            ))
        })
        .collect();
    let (item, person): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
    let mut m = Model::new();
    let sigma_theta = m.positive("sigma_theta");
    let theta = m.vector("theta", persons);
    let sigma_a = m.positive("sigma_a");
    let a = m.positive_vector("a", items);
    let mu_b = m.real("mu_b");
    let sigma_b = m.positive("sigma_b");
    let b = m.vector("b", items);
    m.assume(&sigma_theta, half_cauchy(2.0));
    m.assume(&theta, normal(0.0, &sigma_theta));
    m.assume(&sigma_a, half_cauchy(2.0));
    m.assume(&a, lognormal(0.0, &sigma_a));
    m.assume(&mu_b, normal(0.0, 5.0));
    m.assume(&sigma_b, half_cauchy(2.0));
    m.assume(&b, normal(&mu_b, &sigma_b));
    let logit = a.at(&item) * (theta.at(&person) - b.at(&item));
    m.observe(bernoulli_logit(&logit), &y);
    Ok(m.compile()?)
}

/// Hares and lynxes, 1900–1920 (Hudson's Bay Company; Carpenter 2018), Lotka–Volterra dynamics.
fn lotka_volterra(_: &Path) -> Result<CompiledModel> {
    const HARE: [f64; 21] = [
        30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1, 40.3, 57.0, 76.6, 52.3,
        19.5, 11.2, 7.6, 14.6, 16.2, 24.7,
    ];
    const LYNX: [f64; 21] = [
        4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4, 8.0, 12.3, 19.5, 45.7, 51.1,
        29.7, 15.8, 9.7, 10.1, 8.6,
    ];
    let dynamics = Ode::new(2, 4, |_, y, theta| {
        let [u, v] = [0, 1].map(|k| y.row(k));
        let [alpha, beta, gamma, delta] = [0, 1, 2, 3].map(|k| theta.row(k));
        let hares = (alpha - beta * &v) * &u;
        let lynxes = (delta * u - gamma) * v;
        Variable::rows(&[&hares, &lynxes])
    })
    // Near the posterior 70 steps are enough; where chains begin, a million are not.
    .tolerances(Tolerances {
        most_steps: 10_000,
        ..Tolerances::default()
    });
    let mut m = Model::new();
    let theta: Vec<Variable> = ["alpha", "beta", "gamma", "delta"]
        .map(|name| m.positive(name))
        .into();
    for (k, theta) in theta.iter().enumerate() {
        m.assume(
            theta,
            if k % 2 == 0 {
                normal(1.0, 0.5)
            } else {
                normal(0.05, 0.05)
            },
        );
    }
    let start = [m.positive("u0"), m.positive("v0")];
    let sigma = [m.positive("sigma_u"), m.positive("sigma_v")];
    for k in 0..2 {
        m.assume(&start[k], lognormal(10.0_f64.ln(), 1.0));
        m.assume(&sigma[k], lognormal(-1.0, 1.0));
    }
    let theta = Variable::rows(&theta.iter().collect::<Vec<_>>());
    let years: Vec<f64> = (1..HARE.len()).map(|t| t as f64).collect();
    let later = dynamics.solve(Variable::rows(&[&start[0], &start[1]]), 0.0, &years, theta);
    for (k, data) in [HARE, LYNX].iter().enumerate() {
        let path = Variable::rows(&[&start[k], &later.column(k)]);
        m.observe(lognormal(path.ln(), &sigma[k]), data);
    }
    Ok(m.compile()?)
}

/// A normal bent along a parabola.
fn banana() -> Result<CompiledModel> {
    let mut m = Model::new();
    let x = m.real("x");
    let y = m.real("y");
    m.assume(&x, normal(0.0, 1.0));
    m.assume(&y, normal(x.square() * 0.5, 0.5));
    Ok(m.compile()?)
}

/// Neal's funnel (2003) in ten dimensions.
fn funnel(centred: bool) -> Result<CompiledModel> {
    let mut m = Model::new();
    let v = m.real("v");
    m.assume(&v, normal(0.0, 3.0));
    let scale = (&v * 0.5).exp();
    if centred {
        let x = m.vector("x", 9);
        m.assume(&x, normal(0.0, &scale));
    } else {
        let z = m.latent_vector(9);
        m.assume(&z, normal(0.0, 1.0));
        m.derive("x", &(scale * z));
    }
    Ok(m.compile()?)
}

fn simulation(name: &str) -> Stream {
    stream(20_261_124, &format!("bench/accuracy/{name}"), 0)
}

/// By inversion; means here are below 10.
fn draw_poisson(rng: &mut Stream, mean: f64) -> f64 {
    let u: f64 = rng.random_range(0.0..1.0);
    let (mut count, mut mass) = (0.0, (-mean).exp());
    let mut below = mass;
    while below < u && count < 200.0 {
        count += 1.0;
        mass *= mean / count;
        below += mass;
    }
    count
}

fn standardised(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    values.iter().map(|v| (v - mean) / sd).collect()
}

fn read_json(path: &Path) -> Result<serde_json::Value> {
    let file = std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let reader = flate2::read::GzDecoder::new(file);
    serde_json::from_reader(reader).with_context(|| format!("reading {}", path.display()))
}
