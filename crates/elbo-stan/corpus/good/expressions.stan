// Operators in their precedence, literals, indices.
data {
  int N;
  vector[N] v;
  row_vector[N] w;
  matrix[N, N] m;
  array[N] int ii;
  array[N] vector[N] a;
  array[N, N] matrix[N, N] b;
  tuple(real, tuple(int, vector[N])) t;
  array[N] tuple(real, int) ts;
}
transformed data {
  real r = 1 + 2 * 3 - 4 / 5.0 + 2 ^ 3 ^ 2;
  real unary = -2 ^ 2 + +3 - -4;
  int logic = !(N > 1) || N < 5 && N >= 2 != (N <= 3) == 1;
  int whole = 7 %/% 2 + 7 % 2;
  int choice = N > 1 ? N > 2 ? 3 : 2 : 1;
  real promoted = N > 1 ? 1 : 2.5;
  real numbers = 1e3 + 1.5E-2 + .5 + 1_000 + 2.;
  complex z = 1 + 2i - 1.5e2i;
  complex square = z * z + 1;
  int same = z == 1.0;
  real dot = w * v;
  matrix[N, N] outer = v * w;
  vector[N] solved = m \ v;
  row_vector[N] right = w / m;
  matrix[N, N] elementwise = m .* m ./ m .^ 2 + m'';
  vector[N] scaled = 2 * v / 3;
  vector[N] parts = v[ii] + v[1:N] + v[:] + a[1] + m[ , 1];
  vector[N - 1] tail_part = v[2:];
  vector[2] head_part = v[:2];
  row_vector[N] one_row = m[1];
  row_vector[N] one_row_all = m[1, :];
  matrix[2, N] two_rows = m[1:2];
  matrix[2, 2] corner = m[1:2, 1:2];
  real element = m[1, 2] + a[1, 2] + a[1][2] + b[1, 1, 1, 1];
  array[2] vector[N] some = a[{1, 2}];
  array[N] matrix[N, N] slab = b[:, 1];
  real first = t.1;
  int second = t.2.1;
  real third = t.2.2[1] + ts[1].1;
  array[2, 2] real literal = {{1, 2}, {3, 4.5}};
  row_vector[3] row = [1, 2.5, 3];
  matrix[2, 3] rows = [[1, 2, 3], row];
  row_vector[0] empty_row = [];
  complex_row_vector[2] complex_row = [1, 2i];
  tuple(int, array[2] real) made = (1, {2, 3.5});
  tuple(real, complex) converted = (1, 2);
  tuple(int,) single = (1,);
  array[2] complex zs = {1, 2.5};
  real grouped = (((1)));
  real T = 1;
}
