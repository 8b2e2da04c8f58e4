// Overloads, recursion, densities, data arguments, forward declarations, endings.
functions {
  int is_odd(int n);
  int is_even(int n) {
    return n == 0 ? 1 : is_odd(n - 1);
  }
  int is_odd(int n) {
    return n == 0 ? 0 : is_even(n - 1);
  }
  real area(real side) {
    return side ^ 2;
  }
  real area(real a, real b) {
    return a * b;
  }
  vector area(vector a, vector b) {
    return a .* b;
  }
  int factorial(int n) {
    return n <= 1 ? 1 : n * factorial(n - 1);
  }
  real skewed_lpdf(real y, real mu) {
    return normal_lupdf(y | mu, 1);
  }
  real skewed_lpdf(vector y, real mu) {
    real total = 0;
    for (x in y) total += skewed_lupdf(x | mu);
    return total;
  }
  real skewed_lcdf(real y, real mu) {
    return normal_lcdf(y | mu, 1);
  }
  real skewed_lccdf(real y, real mu) {
    return normal_lccdf(y | mu, 1);
  }
  real counted_lpmf(array[] int y, real rate) {
    return poisson_lpmf(y | rate);
  }
  real skewed_rng(real mu) {
    return normal_rng(mu, 1);
  }
  void add_prior_lp(real x) {
    x ~ normal(0, 1);
    target += -target() * 0;
  }
  real positive_jacobian(real x) {
    jacobian += x;
    return exp(x);
  }
  matrix grid(data vector xs, data array[,] int counts, real scale) {
    return rep_matrix(xs * scale, size(counts));
  }
  tuple(real, int) both(tuple(real, int) x, complex z) {
    return (x.1 + get_real(z), x.2);
  }
  complex conjugate(complex z) {
    return conj(z);
  }
  // A name of Stan's with other arguments.
  real exp(tuple(real, real) x) {
    return x.1 ^ x.2;
  }
}
data {
  int N;
  vector[N] xs;
  array[N, 2] int counts;
  array[N] int y;
}
parameters {
  real mu;
  real raw;
}
transformed parameters {
  real rate = positive_jacobian(raw);
  vector[N] logits = lower_bound_jacobian(xs * mu, 0);
}
model {
  mu ~ skewed(0);
  xs ~ skewed(mu);
  y ~ counted(rate);
  mu ~ skewed(0) T[-1, 1];
  add_prior_lp(mu);
  target += area(mu) + area(mu, 2) + sum(area(xs, xs));
  target += skewed_lpdf(mu | 0) + skewed_lupdf(xs | mu);
  target += exp((mu, 2.0));
  target += sum(grid(xs, counts, mu));
}
generated quantities {
  real draw = skewed_rng(mu);
  int f = factorial(5) + is_even(4);
  tuple(real, int) b = both((mu, 1), 2i);
}
