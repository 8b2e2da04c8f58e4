functions {
  vector sho(real t, vector y, real k, array[] real d) { vector[2] r; r[1] = y[2]; if (t > 1) r[2] = -k * y[1] - d[1] * y[2]; else r[2] = -k * y[1]; return r; }
  array[] real old(real t, array[] real y, array[] real theta, array[] real xr, array[] int xi) { return { theta[1] * y[1] * (1 - y[1] / xr[1]) + xi[1] * 0 }; }
  vector stiff(real t, vector y, vector p) { return [ -p[1] * y[1] + p[2] * y[2], p[1] * y[1] - p[2] * y[2] - 3 * square(y[2]) ]'; }
}
data { int T; array[T] real ts; vector[T] y; }
parameters { real<lower=0> k; real<lower=0> d; vector[2] y0; real<lower=0> r; vector<lower=0>[2] p; }
model {
  array[T] vector[2] z = ode_rk45_tol(sho, y0, 0.0, ts, 1e-10, 1e-10, 100000, k, {d, 1.0});
  array[T, 1] real w = integrate_ode_rk45(old, {0.1 + d}, 0.0, ts, {r}, {2.0}, {3}, 1e-10, 1e-10, 1e6);
  array[T] vector[2] v = ode_bdf_tol(stiff, [1, 0.5]', 0.0, ts, 1e-9, 1e-9, 100000, p);
  for (t in 1:T) { y[t] ~ normal(z[t, 1], 0.5); y[t] ~ normal(w[t, 1], 1); v[t] ~ normal(0.3, 1); }
  k ~ lognormal(0, 1); d ~ exponential(1); y0 ~ normal(0, 1); r ~ lognormal(0, 0.5); p ~ lognormal(0, 0.5);
}
