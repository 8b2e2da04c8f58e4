//! `P A = L U` with rows exchanged for the largest pivots.

use crate::number::Number;

/// The factors of one matrix, in its place.
#[derive(Debug, Default)]
pub(crate) struct Lu<T> {
    n: usize,
    factors: Vec<T>,
    /// The row of the matrix that stands in each row of the factors.
    rows: Vec<usize>,
    exchanges: usize,
}

impl<T: Number> Lu<T> {
    /// Factors `a` (n × n). A singular matrix has a zero on the diagonal of `U`.
    pub(crate) fn new(a: Vec<T>, n: usize) -> Self {
        let mut factors = Self {
            n,
            factors: a,
            rows: Vec::new(),
            exchanges: 0,
        };
        factors.eliminate();
        factors
    }

    /// Factors another matrix in the same memory.
    pub(crate) fn factor(&mut self, n: usize, a: impl Iterator<Item = T>) {
        self.n = n;
        self.factors.clear();
        self.factors.extend(a);
        self.eliminate();
    }

    fn eliminate(&mut self) {
        let (n, a) = (self.n, &mut self.factors);
        self.rows.clear();
        self.rows.extend(0..n);
        self.exchanges = 0;
        for k in 0..n {
            let size = |i: usize| a[i * n + k].value().abs();
            let pivot = (k..n).fold(k, |best, i| if size(i) > size(best) { i } else { best });
            if pivot != k {
                for j in 0..n {
                    a.swap(k * n + j, pivot * n + j);
                }
                self.rows.swap(k, pivot);
                self.exchanges += 1;
            }
            for i in k + 1..n {
                let ratio = a[i * n + k] / a[k * n + k];
                a[i * n + k] = ratio;
                for j in k + 1..n {
                    a[i * n + j] = a[i * n + j] - ratio * a[k * n + j];
                }
            }
        }
    }

    /// The solutions `x` of `A x = b` for the columns of `b` (n × m).
    pub(crate) fn solve(&self, b: &[T], m: usize) -> Vec<T> {
        let mut x = Vec::new();
        self.solve_into(b, m, &mut x);
        x
    }

    /// As [`solve`](Self::solve), in memory that is kept.
    pub(crate) fn solve_into(&self, b: &[T], m: usize, x: &mut Vec<T>) {
        let n = self.n;
        x.clear();
        for r in &self.rows {
            x.extend_from_slice(&b[r * m..(r + 1) * m]);
        }
        for i in 0..n {
            for k in 0..i {
                subtract_row(x, (i, k), m, self.factors[i * n + k]);
            }
        }
        for i in (0..n).rev() {
            for k in i + 1..n {
                subtract_row(x, (i, k), m, self.factors[i * n + k]);
            }
            for x in &mut x[i * m..(i + 1) * m] {
                *x = *x / self.factors[i * n + i];
            }
        }
    }

    /// `log |det A|` and the sign of the determinant.
    pub(crate) fn log_abs_determinant(&self) -> (T, f64) {
        let mut sign = if self.exchanges.is_multiple_of(2) {
            1.0
        } else {
            -1.0
        };
        let mut sum = T::default();
        for i in 0..self.n {
            let u = self.factors[i * self.n + i];
            sign *= u.value().signum();
            sum += T::select(u.value() < 0.0, -u, u).ln();
        }
        (sum, sign)
    }
}

/// Row `i` −= `factor` × row `k`.
fn subtract_row<T: Number>(x: &mut [T], (i, k): (usize, usize), m: usize, factor: T) {
    for c in 0..m {
        x[i * m + c] = x[i * m + c] - factor * x[k * m + c];
    }
}

impl Lu<f64> {
    /// The solution of `A x = b` for one `b` of any numbers.
    pub(crate) fn solve_known<T: Number>(&self, b: &[T], x: &mut Vec<T>) {
        let n = self.n;
        x.clear();
        x.extend(self.rows.iter().map(|r| b[*r]));
        for i in 0..n {
            for k in 0..i {
                x[i] = x[i] - x[k].times(self.factors[i * n + k]);
            }
        }
        for i in (0..n).rev() {
            for k in i + 1..n {
                x[i] = x[i] - x[k].times(self.factors[i * n + k]);
            }
            x[i] = x[i].times(1.0 / self.factors[i * n + i]);
        }
    }
}
