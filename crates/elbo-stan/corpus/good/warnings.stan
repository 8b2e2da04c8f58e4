// Programs that mean something, though perhaps not what was meant.
functions {
  void jump_lp(real x) {
    target += x;
  }
  real stop(real x) {
    return x;
    print("never");
  }
}
data {
  int n;
  int k;
  matrix[2, 2] m;
  corr_matrix[2] R;
  array[2] real ts;
}
transformed data {
  real a = n / k;
  real b = 1 / k;
  real c = n / 2;
  int d = 1 < n < k;
  matrix[2, 2] e = m ^ 2;
  real f = 1;
  f = f;
}
parameters {
  real x;
}
transformed parameters {
  real y = x;
  vector[2] z = lower_bound_jacobian([1, 2]', 0);
  jump_lp(x);
}
model {
  R ~ lkj_corr(1);
  x ~ normal(0, 1);
}
