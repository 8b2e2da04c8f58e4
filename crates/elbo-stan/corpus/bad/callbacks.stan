functions {
  vector rhs(real t, vector y, real theta) {
    return -theta * y;
  }
  vector wrong(vector y, real t) {
    return y;
  }
  real returns_real(real t, vector y) {
    return t;
  }
  vector data_time(data real t, vector y) {
    return y;
  }
  vector draws_rng(real t, vector y) {
    return y;
  }
  real part(array[] real slice, int start, int end, real mu) {
    return sum(slice) * mu;
  }
  real scalar_part(real slice, int start, int end) {
    return slice;
  }
  vector either(real t, vector y, real a, int b) {
    return y;
  }
  vector either(real t, vector y, int a, real b) {
    return y;
  }
}
data {
  array[3] real ts;
  real t0;
}
parameters {
  vector[2] y0;
  real theta;
}
transformed parameters {
  array[3] vector[2] a = ode_rk45(rhs, y0, t0, ts, theta);
  array[3] vector[2] b = ode_rk45(rhs, y0, t0, ts);
  array[3] vector[2] c = ode_rk45(wrong, y0, t0, ts);
  array[3] vector[2] d = ode_rk45(returns_real, y0, t0, ts);
  array[3] vector[2] e = ode_rk45(data_time, y0, t0, ts);
  array[3] vector[2] f = ode_rk45(draws_rng, y0, t0, ts);
  array[3] vector[2] g = ode_rk45(rsh, y0, t0, ts, theta);
  array[3] vector[2] h = ode_rk45(exp, y0, t0, ts, theta);
  array[3] vector[2] i = ode_rk45(theta, y0, t0, ts, theta);
  array[3] vector[2] j = ode_rk45(either, y0, t0, ts, 1, 1);
  array[3] vector[2] k = ode_rk45_tol(rhs, y0, t0, ts, theta, 1e-6, 100, 1.0);
  array[3] vector[2] l = ode_rk45();
}
model {
  target += reduce_sum(part, ts, 1, theta);
  target += reduce_sum(part, ts, 1);
  target += reduce_sum(scalar_part, theta, 1);
  target += part;
  rhs = 1;
}
