// limit: tokens 8
data {
  int N;
  int K;
}
