data {
  int N;
parameters {
  real mu;
}
model {
  if (N > 1) {
    mu ~ normal(0, 1);
