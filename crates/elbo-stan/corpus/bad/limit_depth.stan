// limit: depth 4
model {
  target += 1 + 2 + 3 + 4 + 5;
}
