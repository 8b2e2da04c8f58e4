data {
  int N
  vector[N] y;
  real a, int b;
}
transformed data {
  real a = (1 + 2;
  real b = 1 +;
  real c = {};
  real d = ();
  int for = 3;
  int e = int(2.5);
}
parameters {
  real mu;
}
model {
  mu + 1;
  mu + 1 = 2;
  if (N = 1) mu ~ normal(0, 1);
  target = 3;
  for (int i in 1:N) { }
  else { }
  y ~ normal(mu, 1) T[0];
  x[1 = 2;
}
