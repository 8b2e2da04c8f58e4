  real wv(vector v) { real s = 0; for (i in 1:rows(v)) s += (i + 0.5) * v[i]; return s; }
  real wr(row_vector v) { real s = 0; for (i in 1:cols(v)) s += (i + 0.5) * v[i]; return s; }
  real wm(matrix v) { real s = 0; for (i in 1:rows(v)) s += (i + 0.3) * wr(v[i]); return s; }
  real wa(array[] real v) { real s = 0; for (i in 1:size(v)) s += (i + 0.5) * v[i]; return s; }
  real wam(array[] matrix v) { real s = 0; for (i in 1:size(v)) s += (i + 0.3) * wm(v[i]); return s; }
  real wav(array[] vector v) { real s = 0; for (i in 1:size(v)) s += (i + 0.3) * wv(v[i]); return s; }
  real war(array[] row_vector v) { real s = 0; for (i in 1:size(v)) s += (i + 0.3) * wr(v[i]); return s; }
  real waa(array[,] real v) { real s = 0; for (i in 1:size(v)) s += (i + 0.3) * wa(v[i]); return s; }
