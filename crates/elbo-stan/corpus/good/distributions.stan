// Distribution statements with every shape, truncation, cumulative functions.
data {
  int N;
  array[N] int counts;
  array[N] int trials;
  vector[N] y;
  array[N] real ys;
  array[N] vector[3] points;
  array[N] int<lower=1, upper=3> classes;
  matrix[N, 3] X;
  int D;
}
parameters {
  real mu;
  real<lower=0> sigma;
  vector[N] mus;
  vector[3] beta;
  simplex[3] p;
  ordered[2] cuts;
  cov_matrix[3] Sigma;
  cholesky_factor_corr[3] L;
}
model {
  y ~ normal(mu, sigma);
  ys ~ normal(mus, 1);
  mu ~ normal(ys, sigma);
  mu + 1 ~ student_t(4, 0, 1);
  sigma ~ normal(0, 1) T[0, ];
  mu ~ cauchy(0, 1) T[ , 3];
  y[1] ~ normal(mu, sigma) T[-1, 1];
  counts[1] ~ poisson(2.5) T[1, 10];
  counts ~ poisson_log(mus);
  counts ~ binomial(trials, 0.5);
  counts ~ binomial(10, inv_logit(mus));
  counts ~ neg_binomial_2(exp(mus), 1);
  counts ~ bernoulli_logit_glm(X, mu, beta);
  y ~ normal_id_glm(X, mus, beta, sigma);
  classes ~ categorical(p);
  classes ~ ordered_logistic(mus, cuts);
  points ~ multi_normal(beta, Sigma);
  points[1] ~ multi_normal_cholesky(rep_vector(0, 3), diag_pre_multiply(beta, L));
  p ~ dirichlet(rep_vector(1, 3));
  L ~ lkj_corr_cholesky(2);
  {1, 2} ~ normal(0, 1);
  [1, 2]' ~ normal(0, 1);
  target += normal_lpdf(y | mu, sigma) + normal_lupdf(ys | mus, sigma);
  target += std_normal_lpdf(mu) + normal_lcdf(y | 0, 1) + normal_lccdf(y | 0, 1);
  target += log(normal_cdf(1 | 0, 1)) + poisson_lpmf(counts | exp(mus));
  target += y;
  target += {mu, sigma};
  target += log_sum_exp(normal_lpdf(y[1] | 0, 1), normal_lpdf(y[1] | 3, 1));
}
generated quantities {
  array[N] real draws = normal_rng(mus, sigma);
  array[N] int events = poisson_log_rng(mus);
  real one = normal_rng(0, 1);
  vector[3] m = multi_normal_rng(beta, Sigma);
  int d = D > 1 ? categorical_rng(p) : 1;
}
