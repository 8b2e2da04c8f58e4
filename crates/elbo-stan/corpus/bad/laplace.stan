functions {
  real likelihood(vector theta, array[] int y) {
    return poisson_log_lpmf(y | theta);
  }
  real through_hmm(vector theta, matrix g) {
    return hmm_marginal(g, g, theta);
  }
  matrix covariance(array[] vector x, real rho) {
    return gp_exp_quad_cov(x, 1.0, rho);
  }
}
data {
  int N;
  array[N] int y;
  array[N] vector[2] x;
  matrix[N, N] g;
}
parameters {
  real<lower=0> rho;
}
model {
  target += laplace_marginal(likelihood, (y,), 1, covariance, (x, rho));
  target += laplace_marginal(through_hmm, (g,), 1, covariance, (x, rho));
  target += laplace_marginal(likelihood, y, 1, covariance, (x, rho));
  target += laplace_marginal(likelihood, (y, 1), 1, covariance, (x, rho));
  target += laplace_marginal(covariance, (y,), 1, covariance, (x, rho));
  target += laplace_marginal(likelihood, (y,), rho, covariance, (x, rho));
  target += laplace_marginal(likelihood, (y,), 1, covariance);
  target += laplace_marginal_tol(likelihood, (y,), 1, covariance, (x, rho), 3);
  y ~ laplace_marginal_poisson_log(y, rho, 1, covariance, (x, rho));
}
