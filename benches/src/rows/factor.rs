//! The latent factor model against myFM's variational factorisation machine.

use std::ops::ControlFlow;

use anyhow::Result;
use elbo::math::random::{stream, uniform};
use elbo::models::factor::{self, FactorConfig, GenerateConfig, Ratings, generate};

use super::Laps;
use crate::raw;
use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    let row = Row {
        name: "factor",
        title: "latent factors, 900,000 ratings of the shape of MovieLens 1M, rank 10",
        per: "sweep",
        accuracy: "test RMSE",
        goals: &[(2, Some(20.0)), (1, None)],
        rival: Some(("factor_myfm.py", 1)),
        options: &[
            ("users", "6040"),
            ("items", "3706"),
            ("ratings", "1000000"),
            ("rank", "10"),
            ("sweeps", "20"),
        ],
        prepare,
        ours,
        whole_process: false,
        judge: None,
    };
    vec![
        Row {
            name: "factor-4m",
            title: "latent factors, 4.5 million ratings, 200,000 × 30,000, rank 32",
            goals: &[(2, None)],
            options: &[
                ("users", "200000"),
                ("items", "30000"),
                ("ratings", "5000000"),
                ("rank", "32"),
                ("sweeps", "3"),
            ],
            ..row
        },
        Row {
            name: "factor-18m",
            title: "latent factors, 18 million ratings, 200,000 × 30,000, rank 32",
            goals: &[(2, Some(10.0)), (1, None)],
            options: &[
                ("users", "200000"),
                ("items", "30000"),
                ("ratings", "20000000"),
                ("rank", "32"),
                ("sweeps", "3"),
            ],
            ..row
        },
        growth(
            "factor-100k",
            "latent factors, 100,000 ratings, 20,000 × 5,000, rank 10",
            GROWTH_5,
        ),
        growth(
            "factor-1m",
            "latent factors, 1,000,000 ratings, 20,000 × 5,000, rank 10",
            GROWTH_6,
        ),
        growth(
            "factor-10m",
            "latent factors, 10,000,000 ratings, 20,000 × 5,000, rank 10",
            GROWTH_7,
        ),
        growth(
            "factor-30m",
            "latent factors, 31,600,000 ratings, 20,000 × 5,000, rank 10",
            GROWTH_75,
        ),
        row,
    ]
}

type Options = &'static [(&'static str, &'static str)];

// Users and items stay the same, so that the ratings alone grow.
const GROWTH_5: Options = &[
    ("users", "20000"),
    ("items", "5000"),
    ("ratings", "111111"),
    ("rank", "10"),
    ("sweeps", "12"),
];
const GROWTH_6: Options = &[
    ("users", "20000"),
    ("items", "5000"),
    ("ratings", "1111111"),
    ("rank", "10"),
    ("sweeps", "8"),
];
const GROWTH_7: Options = &[
    ("users", "20000"),
    ("items", "5000"),
    ("ratings", "11111111"),
    ("rank", "10"),
    ("sweeps", "5"),
];
const GROWTH_75: Options = &[
    ("users", "20000"),
    ("items", "5000"),
    ("ratings", "35111111"),
    ("rank", "10"),
    ("sweeps", "4"),
];

fn growth(name: &'static str, title: &'static str, options: Options) -> Row {
    Row {
        name,
        title,
        per: "sweep",
        accuracy: "test RMSE",
        goals: &[(2, None)],
        rival: None,
        options,
        prepare,
        ours,
        whole_process: false,
        judge: None,
    }
}

/// Ratings drawn from the model; every tenth is kept back.
fn prepare(case: &Case) -> Result<()> {
    let [users, items, ratings, rank] =
        ["users", "items", "ratings", "rank"].map(|key| case.get(key));
    let made = generate(&GenerateConfig::new(users, items, ratings, rank), case.seed)?;
    let mut rng = stream(case.seed, "bench/factor", 0);
    let (mut train, mut test) = (Triplets::default(), Triplets::default());
    for triplet in made.ratings.triplets() {
        if uniform(&mut rng) < 0.1 {
            test.push(triplet);
        } else {
            train.push(triplet);
        }
    }
    train.write(case, "")?;
    test.write(case, "test_")
}

fn ours(case: &Case) -> Result<Report> {
    let (users, items) = (case.get("users"), case.get("items"));
    let train = Triplets::read(case, "")?;
    let ratings = Ratings::from_triplets(users, items, &train.users, &train.items, &train.values)?;
    drop(train);
    let mut config = FactorConfig {
        rank: case.get("rank"),
        ..FactorConfig::default()
    };
    config.ascent.max_iters = case.get("sweeps");
    config.ascent.rel_tol = 0.0;
    let mut laps = Laps::default();
    let fit = factor::fit(&ratings, &config, 1, &mut |_| {
        laps.lap();
        ControlFlow::Continue(())
    })?;
    let test = Triplets::read(case, "test_")?;
    let heldout = fit
        .posterior
        .heldout(test.triplets())
        .expect("there are test ratings");
    Ok(Report::ours(laps.median(), heldout.rmse)
        .with("cpu", laps.median_cpu())
        .with("coverage of 90%", heldout.coverage_90))
}

/// Ratings as parallel arrays.
#[derive(Default)]
struct Triplets {
    users: Vec<u32>,
    items: Vec<u32>,
    values: Vec<f32>,
}

impl Triplets {
    fn push(&mut self, (user, item, value): (u32, u32, f32)) {
        self.users.push(user);
        self.items.push(item);
        self.values.push(value);
    }

    fn triplets(&self) -> impl Iterator<Item = (Option<usize>, Option<usize>, f64)> + '_ {
        let ids = self.users.iter().zip(&self.items);
        ids.zip(&self.values)
            .map(|((u, i), y)| (Some(*u as usize), Some(*i as usize), f64::from(*y)))
    }

    fn write(&self, case: &Case, prefix: &str) -> Result<()> {
        raw::write_u32(case.folder, &format!("{prefix}users.u32"), &self.users)?;
        raw::write_u32(case.folder, &format!("{prefix}items.u32"), &self.items)?;
        raw::write_f32(case.folder, &format!("{prefix}ratings.f32"), &self.values)
    }

    fn read(case: &Case, prefix: &str) -> Result<Self> {
        Ok(Self {
            users: raw::read_u32(case.folder, &format!("{prefix}users.u32"))?,
            items: raw::read_u32(case.folder, &format!("{prefix}items.u32"))?,
            values: raw::read_f32(case.folder, &format!("{prefix}ratings.f32"))?,
        })
    }
}
