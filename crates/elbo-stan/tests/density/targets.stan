parameters { real a; vector[3] b; }
transformed parameters { vector<lower=0>[3] p = exp(b); }
model {
  target += normal_lpdf(a | 0, 1);
  target += -0.1 * square(target());
  target += b;
  target += {1.0 * a, 2.0};
  p ~ gamma(2, 1);
  profile("here") { b ~ normal(a, 1); }
  print("a is ", a);
}
