//! The dense matrix type and the vector operations that need no library.

use std::ops::{Index, IndexMut};

/// A dense row-major matrix of `f64`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Vec<f64>, // (rows, cols), row-major
}

impl Matrix {
    /// A matrix of zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self {
            rows,
            cols,
            data: vec![0.0; rows * cols],
        }
    }

    /// The identity.
    pub fn identity(dim: usize) -> Self {
        Self::from_fn(dim, dim, |i, j| f64::from(u8::from(i == j)))
    }

    /// A diagonal matrix.
    pub fn from_diagonal(diagonal: &[f64]) -> Self {
        let mut m = Self::zeros(diagonal.len(), diagonal.len());
        for (i, d) in diagonal.iter().enumerate() {
            m[(i, i)] = *d;
        }
        m
    }

    /// The matrix with entries `f(row, column)`.
    pub fn from_fn(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> f64) -> Self {
        let mut data = Vec::with_capacity(rows * cols);
        for i in 0..rows {
            for j in 0..cols {
                data.push(f(i, j));
            }
        }
        Self { rows, cols, data }
    }

    /// Takes ownership of row-major entries.
    ///
    /// # Panics
    /// If `data.len() != rows * cols`.
    pub fn from_vec(rows: usize, cols: usize, data: Vec<f64>) -> Self {
        assert_eq!(
            data.len(),
            rows * cols,
            "a {rows}×{cols} matrix needs {} entries",
            rows * cols
        );
        Self { rows, cols, data }
    }

    /// Copies rows of equal length.
    ///
    /// # Panics
    /// If the rows differ in length.
    pub fn from_rows<R: AsRef<[f64]>>(rows: &[R]) -> Self {
        let cols = rows.first().map_or(0, |r| r.as_ref().len());
        let data: Vec<f64> = rows
            .iter()
            .flat_map(|r| r.as_ref().iter().copied())
            .collect();
        Self::from_vec(rows.len(), cols, data)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// Row `i`, mutable.
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// All entries, row by row.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// All entries, row by row, mutable.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// Gives the entries away, row by row.
    pub fn into_vec(self) -> Vec<f64> {
        self.data
    }

    /// The diagonal.
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.rows.min(self.cols))
            .map(|i| self[(i, i)])
            .collect()
    }

    /// The sum of the diagonal.
    pub fn trace(&self) -> f64 {
        (0..self.rows.min(self.cols)).map(|i| self[(i, i)]).sum()
    }

    /// The transposed matrix.
    #[must_use]
    pub fn transpose(&self) -> Self {
        Self::from_fn(self.cols, self.rows, |i, j| self[(j, i)])
    }

    /// `A x`.
    pub fn matvec(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.cols, "matrix and vector shapes differ");
        (0..self.rows).map(|i| dot(self.row(i), x)).collect()
    }

    /// `Aᵀ x`.
    pub fn matvec_transpose(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.rows, "matrix and vector shapes differ");
        let mut out = vec![0.0; self.cols];
        for (i, xi) in x.iter().enumerate() {
            axpy(*xi, self.row(i), &mut out);
        }
        out
    }

    /// `xᵀ A x`.
    pub fn quadratic_form(&self, x: &[f64]) -> f64 {
        (0..self.rows).map(|i| x[i] * dot(self.row(i), x)).sum()
    }

    /// `Σ_ij A_ij B_ij = tr(Aᵀ B)`.
    pub fn inner_product(&self, other: &Self) -> f64 {
        assert_eq!(
            (self.rows, self.cols),
            (other.rows, other.cols),
            "shapes differ"
        );
        dot(&self.data, &other.data)
    }

    /// `A ← A + weight · B`.
    pub fn add_scaled(&mut self, weight: f64, other: &Self) {
        assert_eq!(
            (self.rows, self.cols),
            (other.rows, other.cols),
            "shapes differ"
        );
        axpy(weight, &other.data, &mut self.data);
    }

    /// `A ← A + weight · x yᵀ`.
    pub fn add_outer(&mut self, weight: f64, x: &[f64], y: &[f64]) {
        assert_eq!((self.rows, self.cols), (x.len(), y.len()), "shapes differ");
        for (i, xi) in x.iter().enumerate() {
            axpy(weight * xi, y, self.row_mut(i));
        }
    }

    /// Adds `value` to the diagonal.
    pub fn add_to_diagonal(&mut self, value: f64) {
        for i in 0..self.rows.min(self.cols) {
            self[(i, i)] += value;
        }
    }

    /// `A ← factor · A`.
    pub fn scale(&mut self, factor: f64) {
        for v in &mut self.data {
            *v *= factor;
        }
    }

    pub(super) fn view(&self) -> faer::MatRef<'_, f64> {
        faer::MatRef::from_row_major_slice(&self.data, self.rows, self.cols)
    }

    pub(super) fn view_mut(&mut self) -> faer::MatMut<'_, f64> {
        faer::MatMut::from_row_major_slice_mut(&mut self.data, self.rows, self.cols)
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.data[i * self.cols + j]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.data[i * self.cols + j]
    }
}

/// `Σ x_i y_i`, in a fixed order with eight partial sums so that it vectorises.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    const LANES: usize = 8;
    assert_eq!(x.len(), y.len(), "vectors differ in length");
    let mut acc = [0.0; LANES];
    let (xc, yc) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let tail: f64 = xc
        .remainder()
        .iter()
        .zip(yc.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in xc.zip(yc) {
        for l in 0..LANES {
            acc[l] += a[l] * b[l];
        }
    }
    acc.iter().sum::<f64>() + tail
}

/// `y ← y + a x`.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    assert_eq!(x.len(), y.len(), "vectors differ in length");
    for (yi, xi) in y.iter_mut().zip(x) {
        *yi += a * xi;
    }
}
