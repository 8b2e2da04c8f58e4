functions { real quad(matrix M) { return M[1, 1] + M[2, 2] + M[1, 2]; } }
data { int N; array[N] int idx; matrix[N, 3] X; vector[N] y; }
parameters { matrix[3, 4] A; vector[3] b; array[2, 3] real c; }
model {
  matrix[3, 4] B = A;
  B[2] = B[1] * 2;
  B[1:2, 3] = b[{3, 1}];
  B[, 4] += b;
  to_vector(A) ~ normal(0, 1);
  for (i in 1:3) B[i] ~ normal(0, 2 + i);
  y ~ normal(X * b, 1.5);
  y ~ normal(X[, 2] * b[2] + b[idx], 2);
  X[idx, 1] ~ normal(dot_product(X[1], b), 3);
  c[1] ~ normal(0, 1); c[2, 2:] ~ normal(1, 1); c[2, 1] ~ normal(2, 1);
  target += -0.1 * square(X[2] * b) - 0.1 * A[1, 2:3] * b[1:2] - square(B[3, 4]) * 0.05;
  row_vector[4] r = b' * A;
  r ~ normal(0, 5);
  target += -0.01 * quad(A * A') ;
  { vector[3] z; z[1] = b[2]; z[2] = 3; z[3] = b[1] * b[2]; z ~ normal(0, 2); }
}
