functions {
  real f(real[] x, int[,] y, vector z[2]) {
    return sum(x);
  }
}
data {
  int N;
  real y[N];
  vector[2] z[N, 3];
}
parameters {
  real mu;
}
transformed parameters {
  real nu;
  nu <- mu * 2;
}
model {
  # a comment of long ago
  real s <- 1;
  increment_log_prob(normal_log(mu, 0, 1));
  target += normal_ccdf_log(mu, 0, 1);
  target += poisson_log(N, 2.0) + bernoulli_logit_log(1, mu);
  target += if_else(N > 1, 1, 0) + fabs(mu) + get_lp() + multiply_log(1, 2);
  lp__ <- lp__ + 1;
}
