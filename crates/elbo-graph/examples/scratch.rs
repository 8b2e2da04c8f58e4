//! scratch
use elbo_graph::*;
use elbo_math::random::{self, RngExt};
use std::time::Instant;
fn time(name: &str, n: usize, build: impl Fn(&mut Graph)) {
    let mut g = Graph::new();
    build(&mut g);
    let p = Program::new(&g);
    let mut rng = random::stream(3, "x", 2);
    for lanes in [1usize, 16] {
        let xs: Vec<f64> = (0..p.dimension() * lanes)
            .map(|_| rng.random_range(-0.1..0.1))
            .collect();
        let (mut v, mut gr) = (vec![0.0; lanes], vec![0.0; xs.len()]);
        let mut best = [f64::INFINITY; 2];
        elbo_math::parallel::with_threads(1, || {
            for _ in 0..2000 {
                let t = Instant::now();
                p.log_densities_and_gradients(&xs, lanes, None, &mut v, &mut gr);
                best[0] = best[0].min(t.elapsed().as_secs_f64());
                let t = Instant::now();
                p.log_densities(&xs, lanes, &mut v);
                best[1] = best[1].min(t.elapsed().as_secs_f64());
            }
        });
        println!(
            "{name:20} lanes={lanes:2}: {:.2} ns per row-draw, value alone {:.2}",
            best[0] * 1e9 / (n * lanes) as f64,
            best[1] * 1e9 / (n * lanes) as f64
        );
    }
}
fn main() {
    let n = 1000usize;
    let mut rng = random::stream(3, "x", 1);
    let mut data = |k: usize| -> Vec<f64> { (0..k).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let y = data(n);
    let idx: Vec<u32> = (0..n).map(|i| (i * 7 % 50) as u32).collect();
    time("gather+sum", n, |g| {
        let u = g.parameter(Shape::vector(50));
        let e = g.gather(u, idx.clone());
        g.add_to_log_density(e);
    });
    time("gather+add scalar", n, |g| {
        let u = g.parameter(Shape::vector(50));
        let s = g.parameter(Shape::SCALAR);
        let e = g.gather(u, idx.clone());
        let e = g.pointwise(Function::Add, &[e, s]);
        g.add_to_log_density(e);
    });
    time("gather*data", n, |g| {
        let u = g.parameter(Shape::vector(50));
        let s = g.constant(y.clone(), Shape::vector(n));
        let e = g.gather(u, idx.clone());
        let e = g.pointwise(Function::Multiply, &[e, s]);
        g.add_to_log_density(e);
    });
    time("gather log1pexp", n, |g| {
        let u = g.parameter(Shape::vector(50));
        let e = g.gather(u, idx.clone());
        let e = g.pointwise(Function::Log1pExp, &[e]);
        g.add_to_log_density(e);
    });
    time("gather exp", n, |g| {
        let u = g.parameter(Shape::vector(50));
        let e = g.gather(u, idx.clone());
        let e = g.pointwise(Function::Exp, &[e]);
        g.add_to_log_density(e);
    });
    for d in [5, 20, 100] {
        let x = data(n * d);
        time(&format!("matmul {d}"), n, |g| {
            let b = g.parameter(Shape::vector(d));
            let x = g.constant(x.clone(), Shape::matrix(n, d));
            let e = g.matmul(x, b);
            g.add_to_log_density(e);
        });
    }
}
