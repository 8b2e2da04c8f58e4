functions {
  real f(real x) {
    x = 1;
    return x;
  }
}
data {
  int N;
  vector[3] y;
}
transformed data {
  int k;
  real r;
  vector[3] v;
  matrix[3, 3] m;
  array[3] int ii = {1, 2, 3};
  tuple(real, int) t = (1.5, 2);
  N = 3;
  exp = 1;
  1 = k;
  k = 1.5;
  v = {1, 2, 3};
  v = 1;
  r = v;
  m = v;
  t = (1, 2.5);
  (r, k) = (1, 2, 3);
  (r, r) = (1, 2);
  (t, t.1) = ((1, 2), 3);
  ii[ii[1]] = 2;
  m[1:2][1] = v';
  k += 1.5;
  v *= v;
  r .*= 2;
  v[1] = v;
  (r + 1) = 2;
  for (i in 1:3) {
    i = 2;
  }
  for (e in v) {
    e += 1;
  }
}
parameters {
  real mu;
}
model {
  mu = 1;
  y[1] = 2;
}
generated quantities {
  real z = 1;
  mu += z;
}
