functions {
  real f(real x) {
    if (x > 0) {
      return 1;
    }
  }
  real g(real x) { }
  void h(real x) {
    return x;
  }
  real k(int n) {
    return;
  }
  real l(int n) {
    return {1, 2};
  }
  int m(int n) {
    while (n > 0) {
      if (n == 3) break;
    }
  }
}
data {
  int N;
  vector[N] y;
  complex z;
}
transformed data {
  break;
  continue;
  return 1;
  return;
  if (y) { }
  while (1.5) { }
  for (i in 1.5:N) { }
  for (i in 1:y) { }
  for (i in N) { }
  for (i in z) { }
  print(exp);
}
