// Functions handed to functions.
functions {
  vector decay(real t, vector y, real rate, data array[] real x) {
    return -rate * y;
  }
  array[] real old_decay(real t, array[] real y, array[] real theta,
                         data array[] real x_r, data array[] int x_i) {
    return {-theta[1] * y[1]};
  }
  vector residual(real t, vector y, vector dy, real rate) {
    return dy + rate * y;
  }
  vector root(vector x, real a) {
    return x .^ 2 - a;
  }
  vector old_root(vector x, vector theta, data array[] real x_r, data array[] int x_i) {
    return x .^ 2 - theta;
  }
  real integrand(real x, real xc, array[] real theta, array[] real x_r, array[] int x_i) {
    return exp(-x ^ 2 * theta[1]);
  }
  real new_integrand(real x, real xc, real a) {
    return exp(-x ^ 2 * a);
  }
  real part_sum(array[] int slice, int start, int end, vector lambda) {
    return poisson_lpmf(slice | lambda[start:end]);
  }
  real part_lpmf(array[] int slice, int start, int end, real lambda) {
    return poisson_lupmf(slice | lambda);
  }
  vector shard(vector phi, vector theta, data array[] real x_r, data array[] int x_i) {
    return [normal_lpdf(x_r | phi[1], theta[1])]';
  }
  real likelihood(vector f, array[] int y) {
    return poisson_log_lpmf(y | f);
  }
  matrix covariance(array[] real x, real rho) {
    return add_diag(gp_exp_quad_cov(x, 1.0, rho), 1e-6);
  }
}
data {
  int N;
  array[N] int y;
  array[N] real ts;
  array[N] real x;
  array[2, 3] real x_r;
  array[2, 0] int x_i;
}
transformed data {
  array[0] int none;
}
parameters {
  real<lower=0> rate;
  vector[2] start;
  vector<lower=0>[N] lambda;
  array[2] vector[1] theta;
}
transformed parameters {
  array[N] vector[2] a = ode_rk45(decay, start, 0, ts, rate, x);
  array[N] vector[2] b = ode_bdf_tol(decay, start, 0, ts, 1e-6, 1e-6, 100, rate, x);
  array[N] vector[2] c = dae(residual, start, -start, 0, ts, rate);
  vector[2] r = solve_newton(root, [1, 1]', rate);
  vector[2] s = algebra_solver(old_root, [1, 1]', [rate, rate]', x, none);
  real q = integrate_1d(integrand, 0, positive_infinity(), {rate}, x, none);
  real p = integrate_1d_gauss_kronrod(new_integrand, 0, 1, rate);
  array[N, 1] real old = integrate_ode_rk45(old_decay, {1.0}, 0, ts, {rate}, x, none);
}
model {
  target += reduce_sum(part_sum, y, 1, lambda);
  target += reduce_sum(part_lupmf, y, 1, rate);
  target += sum(map_rect(shard, start, theta, x_r, x_i));
  target += laplace_marginal(likelihood, (y,), 1, covariance, (x, rate));
  target += laplace_marginal_tol(likelihood, (y,), 1, covariance, (x, rate),
                                 (rep_vector(0, N), 1e-6, 100, 1, 10, 1));
  y ~ laplace_marginal_poisson_log(y, rep_vector(0, N), 1, covariance, (x, rate));
}
generated quantities {
  vector[N] f = laplace_latent_rng(likelihood, (y,), 1, covariance, (x, rate));
}
