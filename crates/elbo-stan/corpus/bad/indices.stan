data {
  int n;
  real r;
  vector[3] v;
  matrix[3, 3] m;
  array[3] vector[2] a;
  tuple(real, vector[2]) t;
  array[2] tuple(real, int) ts;
}
transformed data {
  real b = r[1];
  real c = v[1, 2];
  real d = m[1, 2, 3];
  real e = a[1, 2, 3];
  real f = v[1.5];
  vector[2] g = v[1.0:2];
  real h = t.3;
  real i = t.0;
  real j = v.1;
  real k = ts.1;
  real l = t[1];
  array[3] real o = v;
}
