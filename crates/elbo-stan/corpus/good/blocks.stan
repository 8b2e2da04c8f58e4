// Every block, every type, every constraint.
functions {
  real shift(real x) {
    return x + 1;
  }
}
data {
  int<lower=0> N;
  int<lower=1, upper=10> K;
  array[N] int<lower=0, upper=1> flags;
  array[N, K] real table;
  vector<lower=0>[K] scales;
  row_vector<upper=1>[K] row;
  matrix<lower=-1, upper=1>[K, K] m;
  simplex[K] weights;
  tuple(int, real<lower=0>, array[2] vector[K]) mixed;
  array[2] tuple(real, simplex[K]) pairs;
  complex z;
  complex_vector[K] zv;
  complex_row_vector[K] zr;
  complex_matrix[K, K] zm;
  vector[0] nothing;
}
transformed data {
  int total = sum(flags);
  vector[K] centred = scales - mean(scales);
  array[N] int<lower=0> doubled;
  real<lower=0> positive = 1.5;
  for (n in 1:N) {
    doubled[n] = 2 * flags[n];
  }
}
parameters {
  real alpha;
  real<lower=0> sigma;
  real<upper=10> below;
  real<lower=0, upper=sigma> between;
  real<offset=alpha, multiplier=sigma> beta;
  vector<offset=alpha>[K] shifted;
  vector<multiplier=scales>[K] scaled;
  vector<lower=0>[K] positive_parts;
  ordered[K] cuts;
  positive_ordered[K] rates;
  simplex[K] theta;
  unit_vector[K] direction;
  sum_to_zero_vector[K] effects;
  sum_to_zero_matrix[K, 3] table_effects;
  row_stochastic_matrix[K, K] transitions;
  column_stochastic_matrix[K, K] emissions;
  cov_matrix[K] Sigma;
  corr_matrix[K] Omega;
  cholesky_factor_cov[K] L;
  cholesky_factor_cov[K, 2] tall;
  cholesky_factor_corr[K] C;
  array[3, 2] vector<lower=0, upper=1>[K] nested;
  tuple(real, vector<lower=0>[K]) t;
}
transformed parameters {
  vector[K] mu = alpha + centred;
  cov_matrix[K] S;
  S = tcrossprod(L);
}
model {
  alpha ~ normal(0, 1);
  beta ~ std_normal();
  to_vector(nested[1, 1]) ~ beta(2, 2);
}
generated quantities {
  real y = normal_rng(shift(alpha), sigma);
  array[N] int draws;
  int<lower=0> count = poisson_rng(3);
  for (n in 1:N) {
    draws[n] = bernoulli_rng(0.5);
  }
}
