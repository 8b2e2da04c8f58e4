functions {
  void shout(real x) {
    print(x);
  }
  real own(real x, int n) {
    return x * n;
  }
  real pair(int x, real y) {
    return 1;
  }
  real pair(real x, int y) {
    return 2;
  }
  real needs_data(data real x) {
    return x;
  }
}
data {
  int n;
  vector[3] v;
  matrix[3, 3] m;
}
parameters {
  real mu;
}
model {
  real a = shout(mu);
  own(mu, 1);
  exp(mu);
  a = own(1);
  a = own(mu, 2.5);
  a = inv_logit(mu, 1);
  a = dot_product(v, m);
  a = pair(1, 1);
  a = needs_data(mu);
  a = normal_lpdf(mu, 0, 1);
  a = own(mu | 1);
  v ~ normal(m, 1);
  n ~ normal({{1.0}}, 1);
  n ~ pair(1);
  mu ~ multi_normal(v, m);
  linspaced_vector(3, 0, mu) ~ std_normal();
}
