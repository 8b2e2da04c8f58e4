functions {
  vector curved(vector y, real a, vector b, matrix m) { return m * y + a * sinh(y) - b; }
  vector cubic(vector x, real a) { return [x[1]^3 + x[1] - a]'; }
  vector old(vector y, vector theta, data array[] real xr, data array[] int xi) {
    vector[2] z;
    z[1] = y[1]^3 + y[1] * xr[1] - theta[1];
    if (y[1] > 0) z[2] = y[2] - y[1] * theta[2]; else z[2] = y[2] * xi[1];
    return z;
  }
}
data { real known; matrix[3, 3] m; }
transformed data { real root = solve_powell(cubic, [0.0]', known)[1]; }
parameters { real<lower=0> a; vector[3] b; vector[2] theta; }
model {
  vector[3] y = solve_powell_tol(curved, rep_vector(0.1, 3), 1e-12, 1e-10, 1000, a, b, m);
  vector[3] z = solve_newton_tol(curved, rep_vector(0.1, 3), 1e-8, 1e-10, 1000, a, b, m);
  vector[2] v = algebra_solver(old, [0.5, 0.5]', theta, {1.5}, {2}, 1e-12, 1e-10, 1000);
  vector[2] w = algebra_solver_newton(old, [0.5, 0.5]', theta + 2, {1.5}, {2}, 1e-10, 1e-10, 1000);
  a ~ lognormal(0, 1); b ~ normal(root, 1); theta ~ normal(2, 1);
  target += normal_lpdf(y | 0.3, 0.7); z ~ normal(0.1, 1); v ~ normal(0.1, 1); w ~ normal(0.1, 1);
}
