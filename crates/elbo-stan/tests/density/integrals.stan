functions {
  real bump(real x, real xc, array[] real theta, array[] real xr, array[] int xi) { return exp(-theta[1] * square(x - theta[2])); }
  real part(array[] real slice, int start, int end, real m, real s) { return normal_lpdf(slice | m, s) + 0.0 * (end - start); }
  vector shard(vector phi, vector theta, array[] real xr, array[] int xi) { return [ normal_lpdf(xr | phi[1] + theta[1], exp(theta[2])) ]'; }
}
data { int N; array[N] real y; array[2, 3] real xr; array[2, 0] int xi; }
parameters { real<lower=0> a; real m; array[2] vector[2] theta; }
model {
  target += log(integrate_1d(bump, 0.0, a, {a, m}, {0.0}, {0}, 1e-8));
  target += log(integrate_1d(bump, negative_infinity(), positive_infinity(), {a, m}, {0.0}, {0}, 1e-8));
  target += reduce_sum(part, y, 1, m, a);
  target += sum(map_rect(shard, [m]', theta, xr, xi));
  a ~ exponential(1); for (i in 1:2) theta[i] ~ normal(0, 1);
}
