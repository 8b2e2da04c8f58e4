real half(real x) {
  return x / ;
}
