// Effects of coaching in eight schools, after Rubin (1981), as Gelman et al. (Bayesian Data Analysis,
// ch. 5) model them. The centred form is the hard one for samplers.
data {
  int<lower=0> J; // schools
  vector[J] y; // estimated effect in each
  vector<lower=0>[J] sigma; // its standard error
}
parameters {
  real mu; // mean effect
  real<lower=0> tau; // spread of the effects
  vector[J] theta; // effect in each school
}
model {
  mu ~ normal(0, 5);
  tau ~ cauchy(0, 5);
  theta ~ normal(mu, tau);
  y ~ normal(theta, sigma);
}
generated quantities {
  vector[J] y_new = to_vector(normal_rng(theta, sigma)); // another experiment in each
}
