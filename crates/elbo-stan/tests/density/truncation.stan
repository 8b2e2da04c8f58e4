data { int N; vector[N] y; array[N] int k; }
parameters { real m; real<lower=0> s; real<lower=0.2> u; real<lower=0> l; }
model {
  for (n in 1:N) y[n] ~ normal(m, s) T[0, ];
  for (n in 1:N) y[n] ~ normal(m, s) T[, 10];
  for (n in 1:N) y[n] ~ normal(m, s) T[-1, 9];
  for (n in 1:N) k[n] ~ poisson(l) T[1, ];
  for (n in 1:N) k[n] ~ poisson(l) T[1, 30];
  u ~ gamma(2, 3) T[0.2, ];
  m ~ student_t(4, 0, 1);
  l ~ exponential(1); s ~ exponential(1);
}
