functions {
  real f(real x) {
    return x;
  }
}
data {
  int N;
  int N;
  real struct;
  real under__;
  vector[N] y;
}
parameters {
  real mu_lupdf;
  real f;
}
model {
  real y = 1;
  for (N in 1:2) { }
  target += y(1);
  target += mu(1);
  target += normal_lpdf;
  target += N(3);
  target += poisson_lpdf(N | 2.0) + normal_lpmf(N | 0, 1);
  y ~ normal_lpdf(0, 1);
  target += true;
  target += normal_pdf(y, 0, 1);
}
