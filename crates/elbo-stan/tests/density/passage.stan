data { int n; vector[n] y; }
parameters { real<lower=0> a; real v; real<lower=0> sv; real<lower=0, upper=0.3> tau; real<lower=0, upper=0.5> st; real<lower=0, upper=0.5> sw; vector[n] w; }
model {
  y ~ wiener(rep_vector(a, n), rep_vector(tau, n), inv_logit(w), rep_vector(v, n), rep_vector(sv, n), 1e-10);
  y ~ wiener(rep_vector(a, n), rep_vector(tau, n), 0.2 + 0.6 * inv_logit(w), rep_vector(v, n), rep_vector(sv, n), rep_vector(sw / 2, n), rep_vector(st, n), 1e-10);
  for (i in 1:n) {
    y[i] ~ wiener(a, 0.1, 0.4, v, sv, sw, 0, 1e-10);
    target += wiener_lpdf(y[i] | a, 0.1, 0.4, v, sv, 0, st, 1e-10);
    target += wiener_lpdf(y[i] | a, 0.1, 0.4, v, sv, 1e-12);
  }
  a ~ normal(1, 1); v ~ normal(0, 1); sv ~ normal(0, 1); w ~ normal(0, 1);
}
