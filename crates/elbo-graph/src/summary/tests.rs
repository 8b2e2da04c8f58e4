//! Summaries as golden texts.

use crate::model::{Model, Variable, bernoulli_logit, half_normal, normal};

/// `y_n ~ Bernoulli(logit⁻¹(x_n β + a_g(n)))` with 300 rows and 20 groups.
fn groups() -> Model {
    let n = 300;
    let x: Vec<f64> = (0..2 * n).map(|i| (i as f64).sin()).collect();
    let y: Vec<f64> = (0..n).map(|i| f64::from(i % 3 == 0)).collect();
    let group: Vec<usize> = (0..n).map(|i| i * i % 20).collect();
    let mut m = Model::new();
    let beta = m.vector("beta", 2);
    let tau = m.positive("tau");
    let share = m.between("share", 0.0, 1.0);
    let effects = m.vector("effect", 20);
    m.assume(&beta, normal(0.0, 1.0));
    m.assume(&tau, half_normal(1.0));
    m.assume(&effects, normal(0.0, &tau * &share));
    let x = m.data("x", Variable::matrix(n, 2, &x));
    let logit = x.matmul(&beta) + effects.at(&group);
    m.observe(bernoulli_logit(&logit), m.data("y", &y));
    m
}

#[test]
fn a_hierarchical_model_reads_like_this() {
    let model = groups().compile().unwrap();
    let expected = "\
24 unconstrained coordinates

parameters
  beta    vector[2]
  tau     scalar      positive
  share   scalar      between 0 and 1
  effect  vector[20]

once: 11 operations
  computes  normal_density ×3, exp, inv_logit, log_inv_logit, add, subtract, multiply, inverse_scale, log_scale
  adds      normal ×3, log Jacobian ×2

plate of 300 rows: 4 operations, 28 bytes of data and 8 of work per row
  computes  matmul, gather, add, bernoulli_logit
  adds      bernoulli_logit
  data      x[2], y, positions
  reads     beta[2], effect[20]
";
    assert_eq!(model.summary().to_string(), expected);
    assert_eq!(
        model.summary().plates[0],
        model.program().plates()[0],
        "a program's plates are those of its summary"
    );
}

#[test]
fn large_models_stay_short() {
    let mut m = Model::new();
    for k in 0..500 {
        let x = m.real(&format!("x{k}"));
        m.assume(&x, normal(0.0, f64::from(k + 1)));
    }
    let text = m.compile().unwrap().summary().to_string();
    assert!(text.lines().count() < 40, "{text}");
    assert!(text.contains("  … and 476 more\n"), "{text}");
    assert!(text.contains("normal ×500"), "{text}");
}
