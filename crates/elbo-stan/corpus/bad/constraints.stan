data {
  int<lower=0.5> n;
  int<offset=1> k;
  real<lower=1, upper=0> r;
  real<lower=-1, upper=-2.5> s;
  complex<lower=0> z;
  complex_vector<lower=0>[3] w;
  simplex<lower=0>[3] p;
  real<lower=0, lower=1> twice;
  real<lower=0, offset=1> mixed;
  vector<lower="a">[2] v;
  vector<upper={1, 2}>[2] u;
  real<least=0> l;
}
parameters {
  int i;
  array[3] int j;
  tuple(real, int) t;
}
transformed parameters {
  int h = 1;
  real size = 2;
  vector[size] x;
  array[to_int(size)] real y;
  vector[num_elements(x)] z;
}
