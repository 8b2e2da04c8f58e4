//! Hidden states against sums over all paths and the joint normal density; derivatives against
//! differences.

use elbo_testkit::assert_close;

use super::*;
use crate::tests::check;
use crate::{Graph, NodeId, Program, Shape, Transform};

/// `log ω`, rows of transitions and initial probabilities, all unknown.
fn unknown(graph: &mut Graph, states: usize, times: usize) -> [NodeId; 3] {
    let log_omega = graph.parameter(Shape::matrix(states, times));
    let simplexes = Transform::RowStochastic {
        rows: states,
        cols: states,
    };
    let transitions = simplexes.parameter(graph).value;
    let initial = Transform::Simplex { size: states }.parameter(graph).value;
    [log_omega, transitions, initial]
}

fn points(n: usize) -> Vec<f64> {
    (0..n).map(|k| 1.5 * ((k * k) as f64 + 0.7).sin()).collect()
}

#[test]
fn paths_and_states_are_summed_over() {
    let (states, times) = (3, 4);
    let mut graph = Graph::new();
    let [log_omega, transitions, initial] = unknown(&mut graph, states, times);
    let marginal = hmm_marginal(&mut graph, log_omega, transitions, initial);
    let probabilities = hmm_hidden_state_prob(&mut graph, log_omega, transitions, initial);
    let outputs = [marginal, probabilities, log_omega, transitions, initial];
    let program = Program::report(&graph, &outputs);
    let out = program.outputs(&points(program.dimension() * 2), 2);
    for l in 0..2 {
        let lane = |k: usize, e: usize| out[k][e * 2 + l];
        let mut total = 0.0;
        let mut by_state = [0.0; 12];
        for path in 0..states.pow(4) {
            let at = |t: u32| path / states.pow(t) % states;
            let mut p = lane(4, at(0));
            for t in 0..4 {
                let k = at(t);
                p *= lane(2, k * times + t as usize).exp();
                if t > 0 {
                    p *= lane(3, at(t - 1) * states + k);
                }
            }
            total += p;
            (0..4).for_each(|t| by_state[at(t) * times + t as usize] += p);
        }
        assert_close("log marginal", lane(0, 0), total.ln(), 1e-13);
        for (e, p) in by_state.iter().enumerate() {
            assert_close("probability", lane(1, e), p / total, 1e-14);
        }
    }
}

#[test]
fn hidden_markov_models_have_derivatives() {
    for (states, times) in [(1, 1), (2, 1), (3, 4)] {
        let mut graph = Graph::new();
        let [log_omega, transitions, initial] = unknown(&mut graph, states, times);
        let marginal = hmm_marginal(&mut graph, log_omega, transitions, initial);
        graph.add_to_log_density(marginal);
        check(&graph);
        let mut graph = Graph::new();
        let [log_omega, transitions, initial] = unknown(&mut graph, states, times);
        let states_at = hmm_hidden_state_prob(&mut graph, log_omega, transitions, initial);
        let square = graph.pointwise(Function::Exp, &[states_at]);
        let mixed = graph.pointwise(Function::Multiply, &[square, log_omega]);
        graph.add_to_log_density(mixed);
        check(&graph);
    }
}

#[test]
fn long_series_do_not_underflow() {
    let times = 5000;
    let mut graph = Graph::new();
    let rate = graph.parameter(Shape::SCALAR);
    let log_omega = graph.constant(vec![-1000.0; 2 * times], Shape::matrix(2, times));
    let log_omega = graph.pointwise(Function::Multiply, &[log_omega, rate]);
    let transitions = graph.constant([0.9, 0.1, 0.3, 0.7], Shape::matrix(2, 2));
    let initial = graph.constant([0.5, 0.5], Shape::vector(2));
    let sum = hmm_marginal(&mut graph, log_omega, transitions, initial);
    graph.add_to_log_density(sum);
    let (mut value, mut gradient) = ([0.0], [0.0]);
    let program = Program::new(&graph);
    program.log_densities_and_gradients(&[1.0], 1, None, &mut value, &mut gradient);
    // Every path has the same density.
    let expected = -1000.0 * times as f64;
    assert_close("log marginal", value[0], expected, 1e-12 * -expected);
    assert_close("derivative", gradient[0], expected, 1e-12 * -expected);
}

#[test]
fn the_filter_gives_the_joint_normal_density() {
    let y: Vec<f64> = (0..6).map(|i| (f64::from(i) + 0.5).cos()).collect();
    let full = ([0.5, 0.1, 0.1, 0.4].to_vec(), Shape::matrix(2, 2));
    let diagonal = ([0.5, 0.4].to_vec(), Shape::vector(2));
    // scipy.stats.multivariate_normal of all observations, whose covariances are sums of powers of G.
    for ((noise, shape), expected) in [(full, -8.801482338508492), (diagonal, -8.37529439394989)] {
        let mut graph = Graph::new();
        let design = graph.constant([1.0, 0.3, 0.2, 0.8, 0.5, 0.4], Shape::matrix(3, 2));
        let square = Shape::matrix(3, 3);
        let transition = [0.9, 0.1, 0.0, 0.0, 0.8, 0.2, 0.1, 0.0, 0.7];
        let transition = graph.constant(transition, square);
        let state_noise = [0.3, 0.05, 0.0, 0.05, 0.2, 0.01, 0.0, 0.01, 0.4];
        let state_noise = graph.constant(state_noise, square);
        let covariance = [1.0, 0.1, 0.0, 0.1, 1.2, 0.0, 0.0, 0.0, 0.9];
        let model = DynamicLinearModel {
            design,
            transition,
            observation_noise: graph.constant(noise, shape),
            state_noise,
            initial_mean: graph.constant([0.1, 0.2, 0.3], Shape::vector(3)),
            initial_covariance: graph.constant(covariance, square),
        };
        let y = graph.constant(y.clone(), Shape::matrix(2, 3));
        let density = gaussian_dlm_obs(&mut graph, y, &model);
        let known = graph.known(density).expect("all is known");
        assert_close("log density", known[0], expected, 1e-13);
        // Scales of every part of the model, unknown.
        let scale = |graph: &mut Graph, node| {
            let factor = graph.parameter(Shape::SCALAR);
            graph.pointwise(Function::Multiply, &[node, factor])
        };
        let model = DynamicLinearModel {
            design: scale(&mut graph, model.design),
            transition: scale(&mut graph, model.transition),
            observation_noise: scale(&mut graph, model.observation_noise),
            state_noise: scale(&mut graph, model.state_noise),
            initial_mean: scale(&mut graph, model.initial_mean),
            initial_covariance: scale(&mut graph, model.initial_covariance),
        };
        let y = scale(&mut graph, y);
        let density = gaussian_dlm_obs(&mut graph, y, &model);
        graph.add_to_log_density(density);
        check(&graph);
    }
}
