functions {
  real mine_lpdf(real y, real m, real s) { return normal_lpdf(y | m, s) + 0.1; }
  real vec_lpdf(vector y, real m, real s) { real r = 0; for (i in 1:num_elements(y)) r += mine_lpdf(y[i] | m, s); return r; }
  void add_lp(real a) { target += -square(a); a ~ std_normal(); }
  vector twice(vector x) { vector[rows(x)] r = 2 * x; for (i in 1:rows(x)) { if (i == 2) continue; if (i > 3) break; r[i] += 1; } return r; }
  real either(real a, int which) { if (which == 1) { return exp(a); } else { return square(a); } }
  real deep(real a) { return either(either(a, 2), 1) * 0.1; }
}
data { int N; vector[N] y; array[N] int w; }
parameters { real m; real<lower=0> s; vector[4] v; }
model {
  y ~ vec(m, s);
  target += mine_lupdf(y[1] | m, s);
  add_lp(m); add_lp(v[1]);
  { vector[4] u = twice(v); u ~ normal(0, 4); }
  for (n in 1:N) { target += either(m * y[n], w[n]) * 0.01; target += -deep(v[1 + n % 4]); }
}
