data {
  int<lower=0> N;
  vector[N] y;
}
parameters {
  real mu;
  real<lower=0> sigma;
}
model {
  real total = 0;
  for (n in 1:N) {
    real squared = square(y[n]);
    total += squared;
  }
  target += squared;
  y ~ normal(mu, sgima);
  y ~ norml(mu, sigma);
  target += nromal_lpdf(y | mu, sigma);
  target += quux(y);
}
