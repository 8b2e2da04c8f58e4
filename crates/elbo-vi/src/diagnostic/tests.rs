//! Verdicts on approximations whose faults are known.

use elbo_math::linalg::Matrix;

use super::doubt::Doubt;
use super::verdict::{Belief, Circumstances, Grade, Judged, VerdictConfig, judge};
use crate::density::FromFn;
use crate::family::{FullRank, MeanField};
use crate::method::pathfinder::Pathfinder;
use crate::method::{Method, Start};
use crate::testing::{BANANA, FUNNEL, Gaussian, TWO_MODES};
use crate::{Approximation, LogDensity, Target};

/// Judges `q`, converged, with a probe that knows nothing beyond `q` unless others are given.
fn verdict_on(
    density: &dyn LogDensity,
    q: &dyn Approximation,
    probes: &[&dyn Approximation],
    seed: u64,
) -> Judged {
    let target = Target::new(density, q.dimension()).unwrap();
    let circumstances = Circumstances {
        converged: true,
        probes: if probes.is_empty() { &[q] } else { probes },
        halves: None,
    };
    judge(&target, q, circumstances, &VerdictConfig::default(), seed).unwrap()
}

fn exact(gaussian: &Gaussian) -> FullRank {
    FullRank::from_covariance(gaussian.mean.clone(), &gaussian.covariance).unwrap()
}

#[test]
fn an_exact_fit_is_good_and_everything_may_be_believed() {
    for (dimension, condition) in [(1, 1.0), (5, 100.0), (50, 1e4)] {
        let gaussian = Gaussian::new(dimension, condition, 4);
        let verdict = verdict_on(&gaussian, &exact(&gaussian), &[], 1).verdict;
        assert_eq!(verdict.grade, Grade::Good, "{verdict}");
        assert_eq!(verdict.doubts, [], "{dimension}");
        assert_eq!(verdict.hints, []);
        assert_eq!(
            verdict.believe,
            Belief {
                means: true,
                sds: true,
                tails: true
            }
        );
        assert!(verdict.to_string().starts_with("Good: "));
    }
}

#[test]
fn a_fit_that_did_not_converge_is_bad_however_well_it_looks() {
    let gaussian = Gaussian::new(3, 2.0, 5);
    let target = Target::new(&gaussian, 3).unwrap();
    let q = exact(&gaussian);
    let circumstances = Circumstances {
        converged: false,
        probes: &[&q],
        halves: None,
    };
    let verdict = judge(&target, &q, circumstances, &VerdictConfig::default(), 1)
        .unwrap()
        .verdict;
    assert_eq!(verdict.grade, Grade::Bad);
    assert_eq!(verdict.doubts, [Doubt::NotConverged]);
    assert!(!verdict.believe.means);
    assert!(verdict.to_string().contains("did not converge"));
    // A bad fit is not worth chains.
    assert_eq!(target.gradient_evaluations(), 0);
}

#[test]
fn a_narrow_mean_field_fit_says_that_weights_correct_it() {
    // Correlation 0.8: mean-field standard deviations are too small by 1 − √(1 − 0.64) = 40%.
    let covariance = Matrix::from_rows(&[[1.0, 0.8], [0.8, 1.0]]);
    let target = FromFn(|x: &[f64], g: &mut [f64]| {
        let scale = 1.0 / 0.36;
        g[0] = -scale * (x[0] - 0.8 * x[1]);
        g[1] = -scale * (x[1] - 0.8 * x[0]);
        0.5 * (x[0] * g[0] + x[1] * g[1])
    });
    let narrow = MeanField::new(vec![0.0; 2], vec![0.6; 2]).unwrap();
    let verdict = verdict_on(&target, &narrow, &[], 2).verdict;
    assert_ne!(verdict.grade, Grade::Good, "{verdict}");
    let found = verdict
        .doubts
        .iter()
        .find(|d| matches!(d, Doubt::Corrected { .. }));
    let Some(Doubt::Corrected { sd, serious, .. }) = found else {
        panic!("{verdict:?}");
    };
    assert!(*serious && *sd < -0.25, "{sd}");
    // The same answer without a fault has none.
    let right = FullRank::from_covariance(vec![0.0; 2], &covariance).unwrap();
    assert_eq!(
        verdict_on(&target, &right, &[], 2).verdict.grade,
        Grade::Good
    );
}

#[test]
fn a_mode_that_only_probes_know_makes_a_fit_bad() {
    let left = MeanField::new(vec![-3.0, 0.0], vec![1.0, 1.0]).unwrap();
    let right = MeanField::new(vec![3.0, 0.0], vec![1.0, 1.0]).unwrap();
    let judged = verdict_on(&TWO_MODES, &left, &[&left, &right], 3);
    assert_eq!(judged.verdict.grade, Grade::Bad, "{}", judged.verdict);
    assert!(
        judged
            .verdict
            .doubts
            .iter()
            .any(|d| matches!(d, Doubt::Missed { fatal: true, .. }))
    );
    // Pooled with the probe's, the draws have the right mean, −1.5.
    let pooled = judged.missed.unwrap().pooled.moments().unwrap();
    assert!((pooled[0].mean.mean + 1.5).abs() < 5.0 * pooled[0].mean.mcse);
}

#[test]
fn without_probes_or_chains_nothing_is_good() {
    let gaussian = Gaussian::new(3, 2.0, 5);
    let target = Target::new(&gaussian, 3).unwrap();
    let q = exact(&gaussian);
    let probes: [&dyn Approximation; 1] = [&q];
    let of = |probes, drift| {
        let circumstances = Circumstances {
            converged: true,
            probes,
            halves: None,
        };
        let config = VerdictConfig {
            drift,
            ..VerdictConfig::default()
        };
        judge(&target, &q, circumstances, &config, 1)
            .unwrap()
            .verdict
    };
    let chains = VerdictConfig::default().drift;
    assert_eq!(of(&probes, chains).grade, Grade::Good);
    assert_eq!(of(&[], chains).grade, Grade::Usable);
    assert_eq!(of(&probes, None).grade, Grade::Usable);
}

#[test]
fn halves_that_differ_are_a_doubt() {
    let gaussian = Gaussian::new(2, 1.0, 6);
    let target = Target::new(&gaussian, 2).unwrap();
    let q = exact(&gaussian);
    let mut moved = gaussian.mean.clone();
    moved[1] += 0.5;
    let other = MeanField::new(moved, vec![1.0; 2]).unwrap();
    let circumstances = Circumstances {
        converged: true,
        probes: &[&q],
        halves: Some([&q, &other]),
    };
    let verdict = judge(&target, &q, circumstances, &VerdictConfig::default(), 1)
        .unwrap()
        .verdict;
    assert_eq!(verdict.grade, Grade::Usable);
    let [
        Doubt::HalvesDisagree {
            coordinate: 1,
            mean,
            ..
        },
    ] = verdict.doubts[..]
    else {
        panic!("{verdict:?}");
    };
    assert!((mean - 0.5).abs() < 0.05, "{mean}");
}

#[test]
fn no_overlap_and_wrong_shapes_are_told_apart() {
    let nowhere = FromFn(|_: &[f64], _: &mut [f64]| f64::NEG_INFINITY);
    let q = MeanField::standard(2).unwrap();
    let verdict = verdict_on(&nowhere, &q, &[], 1).verdict;
    assert_eq!(verdict.grade, Grade::Bad);
    assert!(verdict.doubts.contains(&Doubt::NoOverlap));
    let target = Target::new(&nowhere, 3).unwrap();
    let error = judge(
        &target,
        &q,
        Circumstances::default(),
        &VerdictConfig::default(),
        1,
    );
    assert!(error.is_err());
}

/// A density and the exact means and standard deviations.
type Known = (&'static str, Box<dyn LogDensity>, Vec<f64>, Vec<f64>);

fn known() -> Vec<Known> {
    let gaussian = Gaussian::new(8, 50.0, 7);
    let (mean, sd) = (
        gaussian.mean.clone(),
        gaussian
            .covariance
            .diagonal()
            .iter()
            .map(|v| v.sqrt())
            .collect(),
    );
    let student = FromFn(|x: &[f64], g: &mut [f64]| {
        // Five independent Student variables of five degrees of freedom: variance 5/3.
        for (g, v) in g.iter_mut().zip(x) {
            *g = -6.0 * v / (5.0 + v * v);
        }
        x.iter().map(|v| -3.0 * (v * v / 5.0).ln_1p()).sum()
    });
    let independent = Gaussian::new(6, 1.0, 8);
    vec![
        ("gaussian", Box::new(gaussian), mean, sd),
        (
            "independent",
            Box::new(Gaussian::new(6, 1.0, 8)),
            independent.mean,
            vec![1.0; 6],
        ),
        (
            "banana",
            Box::new(BANANA),
            vec![0.0; 2],
            vec![1.0, 0.75_f64.sqrt()],
        ),
        (
            "funnel",
            Box::new(FUNNEL),
            vec![0.0; 10],
            [vec![3.0], vec![4.5_f64.exp().sqrt(); 9]].concat(),
        ),
        (
            "two modes",
            Box::new(TWO_MODES),
            vec![-1.5, 0.0],
            vec![7.75_f64.sqrt(), 1.0],
        ),
        (
            "student",
            Box::new(student),
            vec![0.0; 5],
            vec![(5.0_f64 / 3.0).sqrt(); 5],
        ),
    ]
}

#[test]
fn no_fault_that_misleads_is_ever_called_good() {
    // Mean-field approximations around the truth with every fault of location and scale, and what
    // Pathfinder finds; the probes are Pathfinder's.
    let mut good = 0;
    for (name, density, mean, sd) in known() {
        let target = Target::new(&*density, mean.len()).unwrap();
        let method = Pathfinder::default();
        let mut state = method.init(&target, &Start::Random, 11).unwrap();
        while !method.step(&target, &mut state).unwrap().converged {}
        let mixture = method.mixture(&target, &state).unwrap();
        let probes: Vec<&dyn Approximation> = mixture
            .components()
            .iter()
            .map(|c| c as &dyn Approximation)
            .collect();
        let mut fits: Vec<(String, Box<dyn Approximation>)> =
            vec![("pathfinder".into(), Box::new(mixture.clone()))];
        for shift in [0.0, 0.3, 1.0] {
            for scale in [0.4, 0.7, 1.0, 1.5] {
                let m = mean.iter().zip(&sd).map(|(m, s)| m + shift * s).collect();
                let s = sd.iter().map(|s| scale * s).collect();
                let q = MeanField::new(m, s).unwrap();
                fits.push((format!("shift {shift}, scale {scale}"), Box::new(q)));
            }
        }
        for (fault, q) in fits {
            let judged = verdict_on(&*density, &*q, &probes, 12);
            if judged.verdict.grade != Grade::Good {
                continue;
            }
            good += 1;
            for (i, m) in judged.verdict.moments.iter().enumerate() {
                let off = [
                    (m.mean.mean - mean[i]).abs() / sd[i] / 0.3,
                    (m.own_mean - mean[i]).abs() / sd[i] / 0.3,
                    (m.sd.mean / sd[i] - 1.0).abs() / 0.4,
                    (m.own_sd / sd[i] - 1.0).abs() / 0.4,
                ];
                assert!(
                    off.iter().all(|o| *o < 1.0),
                    "{name}, {fault}, coordinate {i}: {m:?}\n{}",
                    judged.verdict
                );
            }
        }
    }
    // Not by calling nothing good.
    assert!(good >= 2, "{good}");
}

#[test]
fn an_answer_that_few_of_many_scattered_paths_confirm_is_not_good() {
    // A standard normal, and modes of a millionth of its mass where paths end.
    let gaussian = Gaussian::new(3, 1.0, 5);
    let center = gaussian.mean.clone();
    let modes = FromFn(|x: &[f64], g: &mut [f64]| {
        let parts = [0.0, -30.0, 30.0].map(|far: f64| {
            let squares: f64 = x
                .iter()
                .zip(&center)
                .map(|(x, m)| (x - m - far).powi(2))
                .sum();
            -0.5 * squares - if far == 0.0 { 0.0 } else { 14.0 }
        });
        let total = elbo_math::log_space::log_sum_exp(&parts);
        for (i, g) in g.iter_mut().enumerate() {
            let terms = parts.iter().zip([0.0, -30.0, 30.0]);
            let pull = terms.map(|(p, far)| (p - total).exp() * (center[i] + far - x[i]));
            *g = pull.sum();
        }
        total
    });
    let q = exact(&gaussian);
    let at = |far: f64| {
        let mean = gaussian.mean.iter().map(|m| m + far).collect();
        MeanField::new(mean, vec![1.0; 3]).unwrap()
    };
    let (left, right) = (at(-30.0), at(30.0));
    let judged = verdict_on(&modes, &q, &[&q, &left, &right, &left], 6);
    let verdict = judged.verdict;
    assert_eq!(verdict.grade, Grade::Usable, "{verdict}");
    let scattered = Doubt::Scattered {
        confirming: 1,
        n_probes: 4,
    };
    assert_eq!(verdict.doubts, [scattered]);
    assert!(!verdict.believe.means);
    // Three that agree leave little room for a fourth mode of the same size.
    let judged = verdict_on(&modes, &q, &[&q, &q, &q, &left, &right], 6);
    assert_eq!(judged.verdict.grade, Grade::Good, "{}", judged.verdict);
    // Where there are no modes, paths that stopped far away only had not arrived.
    let judged = verdict_on(&gaussian, &q, &[&q, &left, &right, &left], 6);
    assert_eq!(judged.verdict.grade, Grade::Good, "{}", judged.verdict);
}

#[test]
fn a_khat_that_noise_explains_is_judged_by_more_draws() {
    // N(0, 1) weighted from N(0, 0.8²): the tail of squares has a shape of about a half, and with this
    // seed one of six k̂ of the first draws is beyond 0.7.
    let gaussian = Gaussian::new(3, 1.0, 8);
    let narrow = MeanField::new(gaussian.mean.clone(), vec![0.8; 3]).unwrap();
    let verdict = verdict_on(&gaussian, &narrow, &[], 9).verdict;
    assert!(verdict.n_draws > 20_000, "{}", verdict.n_draws);
    assert_eq!(verdict.grade, Grade::Good, "{verdict}");
    // What has no mean is not made good by draws: in 30 dimensions the weights of N(0, 0.6²) have none.
    let gaussian = Gaussian::new(30, 1.0, 8);
    let narrow = MeanField::new(gaussian.mean.clone(), vec![0.6; 30]).unwrap();
    let verdict = verdict_on(&gaussian, &narrow, &[], 9).verdict;
    assert_eq!((verdict.n_draws, verdict.grade), (4000, Grade::Bad));
}

#[test]
fn what_seems_to_move_among_hundreds_of_quantities_is_looked_at_again() {
    // With this seed the first chains from exact draws seem to move one mean of 400 by four standard
    // errors and 0.15.
    let gaussian = Gaussian::new(400, 1.0, 4);
    let verdict = verdict_on(&gaussian, &exact(&gaussian), &[], 4).verdict;
    assert_eq!(verdict.doubts, []);
}
