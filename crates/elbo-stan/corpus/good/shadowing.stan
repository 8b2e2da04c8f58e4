// Variables may have the names of functions, and siblings the same names.
data {
  int N;
  real beta;
  vector[N] exp;
}
parameters {
  real gamma;
  real lower_bound;
}
model {
  for (i in 1:N) {
    real x = exp[i];
    gamma ~ normal(x, 1);
  }
  for (i in 1:N) {
    real x = beta;
    gamma ~ gamma(x, 1);
  }
  if (N > 1) {
    real y = 1;
    target += y;
  } else {
    vector[2] y = [1, 2]';
    target += y;
  }
  real pi = pi();
  target += pi;
}
generated quantities {
  real x = exp(gamma);
}
