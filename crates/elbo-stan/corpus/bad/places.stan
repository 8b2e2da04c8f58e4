functions {
  real f(real x) {
    target += x;
    x ~ normal(0, 1);
    jacobian += x;
    return normal_rng(0, 1) + normal_lupdf(x | 0, 1) + target();
  }
  real good_lp(real x) {
    target += x;
    return x;
  }
  real good_jacobian(real x) {
    jacobian += x;
    return x;
  }
}
data {
  int N;
}
transformed data {
  target += 1;
  1 ~ normal(0, 1);
  real a = good_lp(1.0);
  array[poisson_rng(3)] real b;
  real t = target();
}
parameters {
  real mu;
}
transformed parameters {
  real nu = normal_rng(mu, 1);
  target += nu;
}
model {
  jacobian += mu;
  real b = good_jacobian(mu);
  mu ~ normal_lpdf(0, 1);
  real c = normal_rng(0, 1);
  target += 1i;
  target += (1, 2);
  mu ~ normal(0, 1) T[{1}, ];
  mu ~ normal(0, 1) T[1, 2i];
  N ~ poisson_log(mu) T[0, ];
  mu ~ dirichlet(mu);
}
generated quantities {
  real q = normal_lupdf(mu | 0, 1);
  real r = good_lp(mu);
}
