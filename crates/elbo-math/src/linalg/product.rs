//! Matrix products, cut into chunks of fixed size for the thread pool.

use faer::linalg::matmul::{matmul as faer_matmul, triangular};
use faer::{Accum, MatRef, Par};

use super::Matrix;
use crate::parallel;
use crate::simd::clear_upper_halves;

/// Below this many multiply-adds a product runs on one thread.
const PARALLEL_WORK: usize = 1 << 21;

/// `A B`.
pub fn matmul(a: &Matrix, b: &Matrix) -> Matrix {
    assert_eq!(a.cols(), b.rows(), "matrix shapes differ");
    product(
        a.rows(),
        b.cols(),
        a.cols(),
        |rows| a.view().subrows(rows.start, rows.len()),
        b.view(),
    )
}

/// `Aᵀ B`.
pub fn matmul_tn(a: &Matrix, b: &Matrix) -> Matrix {
    assert_eq!(a.rows(), b.rows(), "matrix shapes differ");
    let at = a.view().transpose();
    product(
        a.cols(),
        b.cols(),
        a.rows(),
        |rows| at.subrows(rows.start, rows.len()),
        b.view(),
    )
}

/// `A Bᵀ`.
pub fn matmul_nt(a: &Matrix, b: &Matrix) -> Matrix {
    assert_eq!(a.cols(), b.cols(), "matrix shapes differ");
    let bt = b.view().transpose();
    product(
        a.rows(),
        b.rows(),
        a.cols(),
        |rows| a.view().subrows(rows.start, rows.len()),
        bt,
    )
}

fn product<'a>(
    rows: usize,
    cols: usize,
    inner: usize,
    left: impl Fn(std::ops::Range<usize>) -> MatRef<'a, f64> + Sync + Send,
    right: MatRef<'a, f64>,
) -> Matrix {
    let mut out = Matrix::zeros(rows, cols);
    if rows * cols * inner == 0 {
        return out;
    }
    // The chunk depends on the shapes alone, so the bits do not depend on the number of threads.
    let work_per_row = cols * inner;
    let chunk = if rows * work_per_row < PARALLEL_WORK {
        rows
    } else {
        rows.div_ceil(16)
    };
    parallel::for_each_chunk(out.as_mut_slice(), chunk * cols, |c, part| {
        let n = part.len() / cols;
        let dst = faer::MatMut::from_row_major_slice_mut(part, n, cols);
        faer_matmul(
            dst,
            Accum::Replace,
            left(c * chunk..c * chunk + n),
            right,
            1.0,
            Par::Seq,
        );
        clear_upper_halves();
    });
    out
}

/// A matrix inside a slice that belongs to something else, read as it stands or transposed.
#[derive(Debug, Clone, Copy)]
pub struct View<'a>(MatRef<'a, f64>);

impl<'a> View<'a> {
    /// Rows of `cols` entries, each beginning `stride` entries after the last one.
    ///
    /// # Panics
    /// If the slice is too short, or the stride less than a row.
    pub fn new(data: &'a [f64], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(
            cols <= stride && (rows == 0 || (rows - 1) * stride + cols <= data.len()),
            "the view does not fit into the slice"
        );
        Self(MatRef::from_row_major_slice_with_stride(
            data, rows, cols, stride,
        ))
    }

    /// The transposed matrix.
    #[must_use]
    pub fn transpose(self) -> Self {
        Self(self.0.transpose())
    }
}

/// `out ← A B`, or `out ← out + A B` where `add`, into rows of a buffer that is there already; on the
/// calling thread.
///
/// # Panics
/// If the shapes differ.
pub fn matmul_into(out: &mut [f64], add: bool, a: View<'_>, b: View<'_>) {
    let (rows, inner, cols) = (a.0.nrows(), a.0.ncols(), b.0.ncols());
    assert_eq!(inner, b.0.nrows(), "matrix shapes differ");
    assert_eq!(out.len(), rows * cols, "matrix shapes differ");
    if out.is_empty() {
        return;
    }
    if inner == 0 {
        if !add {
            out.fill(0.0);
        }
        return;
    }
    let dst = faer::MatMut::from_row_major_slice_mut(out, rows, cols);
    let accum = if add { Accum::Add } else { Accum::Replace };
    faer_matmul(dst, accum, a.0, b.0, 1.0, Par::Seq);
    clear_upper_halves();
}

/// `Xᵀ diag(w) X` for a row-major `X` with `cols` columns; without weights `w = 1`.
///
/// # Complexity
/// `n D²/2` multiply-adds, parallel over fixed blocks of rows.
pub fn gram(x: &[f64], cols: usize, weights: Option<&[f64]>) -> Matrix {
    if cols == 0 {
        return Matrix::zeros(0, 0);
    }
    assert_eq!(x.len() % cols, 0, "the entries do not fill whole rows");
    let n = x.len() / cols;
    assert!(weights.is_none_or(|w| w.len() == n), "one weight per row");
    let fold = |acc: &mut Matrix, rows: std::ops::Range<usize>| {
        // Blocks of rows small enough for the weighted copy to stay in cache.
        for start in rows.clone().step_by(256) {
            let end = (start + 256).min(rows.end);
            let block = &x[start * cols..end * cols];
            let weighted;
            let right = match weights {
                None => block,
                Some(w) => {
                    weighted = scale_rows(block, cols, &w[start..end]);
                    &weighted
                }
            };
            accumulate_gram(acc, block, right, cols);
        }
    };
    let sum = parallel::fold_reduce(
        n,
        16,
        || Matrix::zeros(cols, cols),
        fold,
        |a, b| a.add_scaled(1.0, &b),
    );
    let mut gram = sum.unwrap_or_else(|| Matrix::zeros(cols, cols));
    for i in 0..cols {
        for j in 0..i {
            gram[(j, i)] = gram[(i, j)];
        }
    }
    gram
}

fn scale_rows(block: &[f64], cols: usize, weights: &[f64]) -> Vec<f64> {
    block
        .chunks_exact(cols)
        .zip(weights)
        .flat_map(|(r, w)| r.iter().map(move |v| w * v))
        .collect()
}

/// Adds `leftᵀ right` to the lower triangle of `acc`.
fn accumulate_gram(acc: &mut Matrix, left: &[f64], right: &[f64], cols: usize) {
    let n = left.len() / cols;
    let left = MatRef::from_row_major_slice(left, n, cols);
    let right = MatRef::from_row_major_slice(right, n, cols);
    triangular::matmul(
        acc.view_mut(),
        triangular::BlockStructure::TriangularLower,
        Accum::Add,
        left.transpose(),
        triangular::BlockStructure::Rectangular,
        right,
        triangular::BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    clear_upper_halves();
}
