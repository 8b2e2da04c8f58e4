functions {
  real twice(real x);
  real twice(real x) {
    return x;
  }
  real twice(real y) {
    return y;
  }
  int twice(real z) {
    return 1;
  }
  real never(real x);
  real with_data(data real x);
  real with_data(real x) {
    return x;
  }
  real exp(real x) {
    return x;
  }
  vector ode_rk45(vector x) {
    return x;
  }
  int wrong_lpdf(real x) {
    return 1;
  }
  real wrong_lpmf(real x) {
    return 1;
  }
  real also_wrong_lpdf(int x) {
    return 1;
  }
  real free_lupdf(real x) {
    return x;
  }
  real same(real x, real x) {
    return x;
  }
}
