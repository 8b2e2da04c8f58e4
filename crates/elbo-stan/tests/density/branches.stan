// Parameters decide what is run.
data { int N; vector[N] y; }
parameters { real a; real<lower=0> b; vector[N] x; }
transformed parameters {
  real c = a > 0 ? a * a : -a;
  real d;
  if (a > 0.1 && b < 2) d = sin(a); else if (b > 3) d = b; else d = a * b;
}
model {
  int k = 0;
  b ~ exponential(1); a ~ normal(0, 1); x ~ normal(0, 1);
  for (n in 1:N) {
    if (x[n] > y[n]) { target += -square(x[n] - y[n]); k += 1; }
    else { target += normal_lpdf(x[n] | y[n], 2); }
  }
  target += -0.3 * k;
  real z = abs(a);
  while (z > 0.5) { z -= 0.4; target += -0.1 * z; }
  target += -c - 0.1 * d;
}
