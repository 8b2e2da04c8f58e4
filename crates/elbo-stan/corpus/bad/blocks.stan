parameters {
  real mu;
}
data {
  int N;
}
parameters {
  real sigma;
}
modle {
  mu ~ normal(0, 1);
}
model {
  mu ~ normal(0, 1);
}
}
