data { int<lower=1> K; vector[K] low; }
parameters {
  real a;
  real<lower=-1> b;
  real<upper=a> c;
  real<lower=b, upper=10> d;
  real<offset=a, multiplier=exp(a)> e;
  vector<lower=low>[K] f;
  ordered[3] g;
  positive_ordered[3] h;
  simplex[4] i;
  unit_vector[3] j;
  sum_to_zero_vector[4] k;
  corr_matrix[3] l;
  cov_matrix[2] m;
  cholesky_factor_corr[3] n;
  cholesky_factor_cov[3, 2] o;
  array[2] simplex[3] p;
  array[2, 2] real<lower=0> q;
  matrix<lower=0>[2, 3] r;
  row_vector[2] s;
  sum_to_zero_matrix[3, 3] v;
  array[2] matrix[2, 2] w;
}
model {
  a ~ normal(0, 1); b ~ normal(0, 2); c ~ normal(-1, 1); d ~ normal(2, 1); e ~ normal(0, 3);
  f ~ normal(1, 2); g ~ normal(0, 2); h ~ normal(1, 2);
  for (q1 in 1:4) i[q1] ~ beta(2, 2 + q1);
  for (q1 in 1:3) target += 0.3 * q1 * j[q1] + 0.1 * square(j[q1]);
  k ~ normal(0, 1.5);
  target += 0.4 * l[2, 1] - square(l[3, 1]) + 0.2 * l[3, 2];
  target += -0.5 * m[1, 1] - 0.7 * m[2, 2] + 0.1 * m[2, 1];
  target += log(n[2, 2]) - square(n[3, 1]) + 0.3 * n[3, 2];
  target += -square(o[1, 1]) - square(o[2, 1]) - 0.5 * square(o[3, 2]) - square(o[2, 2]) - square(o[3, 1]);
  for (q1 in 1:2) { for (q2 in 1:3) { target += q1 * log(p[q1, q2]) * q2; } q[q1] ~ gamma(2, 1 + q1); }
  for (q1 in 1:2) for (q2 in 1:3) r[q1, q2] ~ gamma(q1 + q2, q2);
  s ~ normal(1, 2);
  for (q1 in 1:3) for (q2 in 1:3) v[q1, q2] ~ normal(0, q1 + q2);
  for (q1 in 1:2) for (q2 in 1:2) w[q1, q2] ~ normal(q1, q2);
}
