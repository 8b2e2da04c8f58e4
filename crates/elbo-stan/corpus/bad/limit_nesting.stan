// limit: nesting 6
model {
  target += ((((((((1))))))));
}
