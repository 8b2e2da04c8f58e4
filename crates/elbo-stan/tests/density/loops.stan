// Rows in loops: by an index, by a group, with locals, with branches on data.
data {
  int<lower=0> N; int<lower=1> J;
  array[N] int<lower=1, upper=J> group;
  vector[N] x; vector[N] y; array[N] int<lower=0, upper=1> z;
}
parameters { real mu; real<lower=0> tau; vector[J] theta; real beta; real<lower=0> sigma; }
transformed parameters {
  vector[N] eta;
  for (n in 1:N) eta[n] = theta[group[n]] + beta * x[n];
}
model {
  mu ~ normal(0, 5); tau ~ cauchy(0, 2); beta ~ normal(0, 1); sigma ~ lognormal(0, 1);
  for (j in 1:J) theta[j] ~ normal(mu, tau);
  for (n in 1:N) {
    real e = eta[n];
    if (z[n] == 1) { y[n] ~ normal(e, sigma); }
    else if (x[n] > 0) { real s = sigma * 2; y[n] ~ student_t(4, e + 0.1 * square(mu), s); }
    else target += normal_lpdf(y[n] | e, 3);
    z[n] ~ bernoulli_logit(e);
  }
  for (v in y) target += -0.01 * square(v - mu);
}
