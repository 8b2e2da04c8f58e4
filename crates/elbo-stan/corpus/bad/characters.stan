# an old comment
data {
  int N@;
  int größe;
}
transformed data {
  int big = 3000000000;
  real huge = 1e999;
  print("never closed);
  print(“typographic”);
  real x = 1 − 2;
}
model {
  target += 1 & 2;
}
/* and a comment
