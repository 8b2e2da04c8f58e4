// Control flow, assignments, messages.
functions {
  real sign_of(real x) {
    if (x > 0) {
      return 1;
    } else if (x < 0) {
      return -1;
    } else {
      return 0;
    }
  }
  int first_above(vector v, real bound) {
    for (i in 1:num_elements(v)) {
      if (v[i] > bound) return i;
    }
    return 0;
  }
  int forever(int n) {
    while (1) {
      if (n > 3) return n;
    }
  }
  int gives_up(int n) {
    reject("never with n = ", n);
  }
  void say(real x) {
    print("x = ", x);
    return;
  }
}
data {
  int N;
  array[N] real y;
  array[N] vector[3] vs;
}
transformed data {
  int count = 0;
  real total;
  vector[3] v = rep_vector(0, 3);
  matrix[3, 3] m = identity_matrix(3);
  array[2, 3] int grid;
  tuple(real, int) t;
  real left;
  int right;
  total = 0;
  for (n in 1:N) {
    if (y[n] < 0) continue;
    if (y[n] > 1e6) break;
    total += y[n];
  }
  while (count < 3) count += 1;
  for (x in y) total += x;
  for (vec in vs) {
    for (x in vec) total -= x;
  }
  for (row in grid) {
    for (x in row) count += x;
  }
  for (x in m) total *= 1 + x;
  v[1] = 1;
  v[2:3] = [2, 3]';
  v[{1, 2}] = v[{2, 1}];
  m[1] = [1, 2, 3];
  m[:, 2] = v;
  m[1, 2] += 3;
  v .*= v;
  v ./= 2;
  v /= 2;
  v *= 2;
  m *= m;
  grid[1] = {1, 2, 3};
  t.1 = 2;
  t = (1, 2);
  (left, right) = t;
  (t.1, v[1]) = (1.5, 2);
  {
    real inner = 3;
    total += inner;
  }
  {
    real inner = 4;
    int second = 2, third;
    total += inner + second;
  }
  profile("sum") {
    total += sum(y);
  }
  say(total);
  print("total = ", total, " of ", N, (1, 2.5), {1, 2});
  if (total < 0) reject("negative: ", total);
  if (total > 1e9) fatal_error("too large");
  if (N) ; else print("none");
  ;
}
