//! What is known in closed form about each rule.

use elbo_math::random::{standard_normal, stream};
use elbo_testkit::{assert_all_close, assert_close};

use super::*;

fn run(
    rule: &dyn Optimizer,
    start: &[f64],
    n_steps: usize,
    mut gradient: impl FnMut(&[f64], usize) -> Vec<f64>,
) -> (Vec<Vec<f64>>, OptimizerState) {
    let mut params = start.to_vec();
    let mut state = rule.init(&params);
    let mut iterates = vec![params.clone()];
    for t in 0..n_steps {
        let g = gradient(&params, t);
        rule.step(&mut state, &mut params, &g);
        iterates.push(params.clone());
    }
    (iterates, state)
}

fn every_rule() -> Vec<Box<dyn Optimizer>> {
    vec![
        Box::new(Sgd::new(RobbinsMonro::new(0.3, 1.0, 0.7).unwrap())),
        Box::new(Momentum::new(0.05, 0.8).unwrap()),
        Box::new(AdaGrad::new(0.5).unwrap()),
        Box::new(RmsProp::new(0.01, 0.9).unwrap()),
        Box::new(Adam::new(0.05).unwrap()),
        Box::new(Dog::default()),
        Box::new(Dowg::default()),
    ]
}

#[test]
fn robbins_monro_with_steps_one_over_t_is_the_running_mean() {
    // On ½(x − y_t)² the first step forgets the start and x_t = (y_1 + … + y_t) / t.
    let mut rng = stream(1, "optimizer/tests", 0);
    let data: Vec<f64> = (0..50).map(|_| standard_normal(&mut rng)).collect();
    let rule = Sgd::new(RobbinsMonro::new(1.0, 0.0, 1.0).unwrap());
    let (iterates, _) = run(&rule, &[100.0], 50, |x, t| vec![x[0] - data[t]]);
    for t in 1..=50 {
        let mean = data[..t].iter().sum::<f64>() / t as f64;
        assert_close("x_t", iterates[t][0], mean, 1e-13);
    }
}

#[test]
fn the_critical_heavy_ball_has_a_double_root() {
    // With β = (1 − √(αλ))² and x₁ = x₀(1 − αλ): x_t = r^t (a + b t), r = √β.
    let (alpha, lambda) = (0.1, 4.0);
    let r = 1.0 - f64::sqrt(alpha * lambda);
    let rule = Momentum::new(alpha, r * r).unwrap();
    let (iterates, _) = run(&rule, &[1.0], 40, |x, _| vec![lambda * x[0]]);
    let b = (1.0 - alpha * lambda) / r - 1.0;
    for (t, x) in iterates.iter().enumerate() {
        let t = t as f64;
        assert_close("x_t", x[0], r.powf(t) * (1.0 + b * t), 1e-13);
    }
}

#[test]
fn scaled_rules_step_as_their_formulas_say_under_a_constant_gradient() {
    type Size = fn(f64) -> f64;
    let n = 100;
    let gradient = |_: &[f64], _: usize| vec![-3.0, 0.02];
    // The t-th step, in the direction −sign(g), per rule; ε shifts it by 1e-8 / 0.02 at most.
    let steps: [(Box<dyn Optimizer>, Size); 3] = [
        (Box::new(Adam::new(0.1).unwrap()), |_| 0.1),
        (Box::new(AdaGrad::new(0.1).unwrap()), |t| 0.1 / t.sqrt()),
        (Box::new(RmsProp::new(0.1, 0.9).unwrap()), |t| {
            0.1 / (1.0 - 0.9_f64.powf(t)).sqrt()
        }),
    ];
    for (rule, size) in &steps {
        let (iterates, _) = run(rule.as_ref(), &[0.0, 0.0], n, gradient);
        for t in 1..=n {
            let expected = size(t as f64);
            let moved = [
                iterates[t][0] - iterates[t - 1][0],
                iterates[t - 1][1] - iterates[t][1],
            ];
            assert_all_close(rule.name(), &moved, &[expected; 2], 2e-6);
        }
    }
}

#[test]
fn adam_follows_a_hand_computed_path() {
    // g = 2x from x = 1, α = 0.1, computed with 50 digits: two steps by the paper's algorithm.
    let rule = Adam::new(0.1).unwrap();
    let (iterates, _) = run(&rule, &[1.0], 2, |x, _| vec![2.0 * x[0]]);
    let x1 = 1.0 - 0.1 * 2.0 / (2.0 + 1e-8);
    assert_close("x₁", iterates[1][0], x1, 1e-15);
    let (g1, g2) = (2.0, 2.0 * x1);
    let m = (0.9 * 0.1 * g1 + 0.1 * g2) / (1.0 - 0.81);
    let v = (0.999 * 0.001 * g1 * g1 + 0.001 * g2 * g2) / (1.0 - 0.999 * 0.999);
    assert_close(
        "x₂",
        iterates[2][0],
        x1 - 0.1 * m / (v.sqrt() + 1e-8),
        1e-13,
    );
}

#[test]
fn tuning_free_steps_begin_small_and_find_the_distance() {
    // ½ Σ λ x²: both papers show r̄ within a small factor of the true distance once it is found.
    let lambda = [1.0, 10.0];
    let start = [30.0, -40.0]; // 50 from the optimum
    for rule in [&Dog::default() as &dyn Optimizer, &Dowg::default()] {
        let (iterates, mut state) = run(rule, &start, 3000, |x, _| {
            x.iter().zip(lambda).map(|(x, l)| l * x).collect()
        });
        let first = f64::hypot(iterates[1][0] - 30.0, iterates[1][1] + 40.0);
        assert_close("first step / r_ε", first / (1e-6 * 51.0), 1.0, 1e-6);
        let [_, distance, _] = state.slots();
        assert!((25.0..150.0).contains(&distance[0]), "{}", distance[0]);
        let last = iterates.last().unwrap();
        let loss = |x: &[f64]| 0.5 * (x[0] * x[0] + 10.0 * x[1] * x[1]);
        // Lipschitz bound of the papers, d²L log(T)/T with d = 50: 2500 · 10 · 8 / 3000.
        assert!(loss(last) < 67.0, "{}: {}", rule.name(), loss(last));
    }
}

#[test]
fn tuning_free_steps_do_not_see_the_scale_of_the_loss() {
    for rule in [&Dog::default() as &dyn Optimizer, &Dowg::default()] {
        let path = |scale: f64| {
            run(rule, &[3.0, 1.0], 50, |x, _| {
                vec![scale * x[0], scale * 5.0 * x[1]]
            })
            .0
        };
        for (a, b) in path(1.0).iter().zip(path(1024.0)) {
            // A power of two: not even rounding differs.
            assert_eq!(*a, b, "{}", rule.name());
        }
    }
}

#[test]
fn every_rule_resumes_from_its_arrays_with_the_same_bits() {
    for rule in every_rule() {
        let gradient = |x: &[f64], t: usize| vec![x[0] + (t as f64).sin(), 3.0 * x[1]];
        let (whole, _) = run(rule.as_ref(), &[1.0, -2.0], 30, gradient);
        let (half, state) = run(rule.as_ref(), &[1.0, -2.0], 15, gradient);
        let mut params = half.last().unwrap().clone();
        let mut resumed = rule.init(&[1.0, -2.0]);
        resumed.restore(&state.arrays()).unwrap();
        assert_eq!(resumed, state);
        for t in 15..30 {
            let g = gradient(&params, t);
            rule.step(&mut resumed, &mut params, &g);
        }
        assert_eq!(&params, whole.last().unwrap(), "{}", rule.name());
        let mut other = rule.init(&[0.0; 3]);
        if rule.name() != "sgd" {
            assert!(other.restore(&state.arrays()).is_err(), "{}", rule.name());
        }
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    assert!(RobbinsMonro::new(1.0, 0.0, 0.5).is_err());
    assert!(RobbinsMonro::new(0.0, 0.0, 1.0).is_err());
    assert!(RobbinsMonro::new(1.0, f64::NAN, 1.0).is_err());
    assert!(Momentum::new(0.1, 1.0).is_err());
    assert!(AdaGrad::new(-1.0).is_err());
    assert!(RmsProp::new(0.1, -0.1).is_err());
    assert!(Adam::with_decays(0.1, 0.9, 1.0).is_err());
    assert!(Dog::with_first_movement(0.0).is_err());
    assert!(Dowg::with_first_movement(f64::INFINITY).is_err());
}
