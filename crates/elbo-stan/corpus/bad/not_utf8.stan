// Latin-1 in a comment: ä
model {
  target += nothing;
}
