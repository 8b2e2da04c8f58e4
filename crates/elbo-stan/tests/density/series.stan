// Recursions, and sums that grow.
data { int<lower=2> T; vector[T] y; }
parameters { real mu; real<lower=-1, upper=1> phi; real<lower=0> omega; real<lower=0, upper=1> alpha; real<lower=0, upper=1> b; }
model {
  real total = 0;
  real last = 0;
  array[T] real h;
  vector[T] err;
  real cum = mu;
  h[1] = omega;
  err[1] = y[1] - mu;
  for (t in 2:T) {
    h[t] = omega + alpha * square(err[t - 1]) + b * h[t - 1] * (1 - alpha);
    err[t] = y[t] - mu - phi * err[t - 1];
  }
  for (t in 1:T) {
    y[t] ~ normal(mu, sqrt(h[t]));
    total += err[t];
    total -= 0.5 * mu;
    last = last * phi + err[t];
    cum += square(err[t]) * 0.01;
    target += -0.1 * cum;
  }
  for (i in 1:3) { real s = 0; for (j in 1:i) s += mu * j; target += -square(s); }
  total ~ normal(0, 10);
  last ~ normal(0, 3);
  { real p = 1; while (p < 8) p *= 2; target += p * phi; }
}
