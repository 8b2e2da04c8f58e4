// limit: diagnostics 2
model {
  target += a;
  target += b;
  target += c;
  target += d;
}
