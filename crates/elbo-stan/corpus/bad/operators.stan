data {
  int n;
  real r;
  vector[3] v;
  row_vector[3] w;
  matrix[3, 3] m;
  array[3] real a;
}
transformed data {
  vector[3] x = v * v;
  vector[3] y = v / v;
  vector[3] z = v + w;
  array[3] real b = a + a;
  int i = r && n;
  int j = !r;
  int k = r % 2;
  int l = r %/% 2;
  int o = v == v;
  real p = -a[1:2];
  real q = a';
  real s = r ? 1 : 2;
  real t = n ? v : w;
  array[2] real c = {1, v};
  row_vector[2] d = [1, v];
  matrix[2, 2] e = [w, 1];
}
