functions {
  x = 1;
  real f(vector[3] x, array[2] real y, simplex s, real<lower=0> z) {
    return sum(x);
  }
}
data {
  int N = 3;
  N = 4;
  vector y;
  matrix[N] m;
  array[] real a;
  real f(real x) { return x; }
}
parameters {
  real mu = 1;
  mu ~ normal(0, 1);
}
transformed parameters {
  real f(real x) { return x; }
  void g() { }
}
model {
  real<lower=0> local = 1;
  simplex[3] p = [0.2, 0.3, 0.5]';
}
