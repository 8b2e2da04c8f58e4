//! The few directions in which a curvature is smallest, followed as the curvature changes.
//!
//! The one idea: the best approximation within the span of the current directions, their residuals and
//! their last change is a small eigenproblem `[@knyazev2001lobpcg, alg. 5.1]`, so one step needs a few
//! products with the curvature and no inverse. Deliberately absent: what the curvature is.

use elbo_math::linalg::{Matrix, SymmetricEigen, matmul, matmul_tn};

use crate::ViError;

/// Parts of the span shorter than this share of the longest are rounding.
const RANK: f64 = 1e-12;

/// Orthonormal directions and the curvature along each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Directions {
    /// `(dimension, rank)`, columns orthonormal.
    pub(super) vectors: Matrix,
    /// Ascending.
    pub(super) values: Vec<f64>,
    /// The last change of the vectors, empty at first.
    change: Option<Matrix>,
    /// `|B v − λ v|²` of each direction before the last step.
    pub(super) residuals: Vec<f64>,
}

impl Directions {
    /// Any directions, made orthonormal.
    ///
    /// # Errors
    /// [`ViError::Matrix`] if they do not span their number of dimensions.
    pub(super) fn new(start: &Matrix) -> Result<Self, ViError> {
        let basis = orthonormal(start)?;
        let rank = basis.cols();
        Ok(Self {
            vectors: matmul(start, &basis),
            values: vec![1.0; rank],
            change: None,
            residuals: vec![f64::INFINITY; rank],
        })
    }

    /// One step towards the directions of smallest curvature, given products `X ↦ B X` with it.
    ///
    /// # Errors
    /// What the product fails with; [`ViError::Matrix`] where it is not finite.
    pub(super) fn step(
        &self,
        mut product: impl FnMut(&Matrix) -> Result<Matrix, ViError>,
    ) -> Result<Self, ViError> {
        let rank = self.values.len();
        let bv = product(&self.vectors)?;
        let small = matmul_tn(&self.vectors, &bv);
        let values = small.diagonal();
        // What of B V points out of the span of V.
        let mut residual = bv.clone();
        residual.add_scaled(-1.0, &matmul(&self.vectors, &small));
        let mut residuals = vec![0.0; rank];
        for i in 0..bv.rows() {
            for (j, r) in residuals.iter_mut().enumerate() {
                let off = bv[(i, j)] - values[j] * self.vectors[(i, j)];
                *r += off * off;
            }
        }
        let mut parts = vec![(self.vectors.clone(), bv)];
        for part in [Some(residual), self.change.clone()].into_iter().flatten() {
            if let Some(part) = unit_columns(&part) {
                let image = product(&part)?;
                parts.push((part, image));
            }
        }
        let span = beside(&parts.iter().map(|p| &p.0).collect::<Vec<_>>());
        let image = beside(&parts.iter().map(|p| &p.1).collect::<Vec<_>>());
        let basis = orthonormal(&span)?;
        let reduced = matmul_tn(&basis, &matmul(&matmul_tn(&span, &image), &basis));
        let reduced = Matrix::from_fn(reduced.rows(), reduced.cols(), |i, j| {
            0.5 * (reduced[(i, j)] + reduced[(j, i)])
        });
        let eigen = SymmetricEigen::new(&reduced)?;
        let few = Matrix::from_fn(reduced.rows(), rank, |i, j| eigen.vectors[(i, j)]);
        let mut coefficients = matmul(&basis, &few);
        let vectors = matmul(&span, &coefficients);
        // The change is what came from outside of the old directions.
        for i in 0..rank {
            coefficients.row_mut(i).fill(0.0);
        }
        Ok(Self {
            change: Some(matmul(&span, &coefficients)),
            values: eigen.values[..rank].to_vec(),
            vectors,
            residuals,
        })
    }
}

/// `E Λ^{-½}` of the Gram matrix, whose product with `span` is orthonormal.
fn orthonormal(span: &Matrix) -> Result<Matrix, ViError> {
    let eigen = SymmetricEigen::new(&matmul_tn(span, span))?;
    let longest = eigen.values.last().copied().unwrap_or(0.0);
    let kept: Vec<usize> = (0..eigen.values.len())
        .filter(|k| eigen.values[*k] > RANK * longest)
        .collect();
    Ok(Matrix::from_fn(span.cols(), kept.len(), |i, j| {
        eigen.vectors[(i, kept[j])] / eigen.values[kept[j]].sqrt()
    }))
}

/// The columns that are not zero, at length one.
fn unit_columns(matrix: &Matrix) -> Option<Matrix> {
    let mut squares = vec![0.0; matrix.cols()];
    for i in 0..matrix.rows() {
        for (s, v) in squares.iter_mut().zip(matrix.row(i)) {
            *s += v * v;
        }
    }
    let kept: Vec<usize> = (0..matrix.cols())
        .filter(|j| squares[*j] > 1e-28 && squares[*j].is_finite())
        .collect();
    (!kept.is_empty()).then(|| {
        Matrix::from_fn(matrix.rows(), kept.len(), |i, j| {
            matrix[(i, kept[j])] / squares[kept[j]].sqrt()
        })
    })
}

fn beside(parts: &[&Matrix]) -> Matrix {
    let cols = parts.iter().map(|p| p.cols()).sum();
    let mut all = Matrix::zeros(parts[0].rows(), cols);
    for i in 0..all.rows() {
        let numbers = parts.iter().flat_map(|p| p.row(i));
        for (out, v) in all.row_mut(i).iter_mut().zip(numbers) {
            *out = *v;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_math::random::{standard_normal, stream};
    use elbo_testkit::assert_close;

    #[test]
    fn the_smallest_eigenvalues_of_a_known_matrix_are_found() {
        // Diagonal, with a bulk between 0.8 and 1.2 and three values below.
        let n = 300;
        let at = |i: usize| match i {
            17 => 0.01,
            40 => 0.1,
            200 => 0.5,
            _ => 0.8 + 0.4 * i as f64 / n as f64,
        };
        let mut rng = stream(1, "directions", 0);
        let start = Matrix::from_fn(n, 3, |_, _| standard_normal(&mut rng));
        let mut directions = Directions::new(&start).unwrap();
        for _ in 0..30 {
            directions = directions
                .step(|x| Ok(Matrix::from_fn(n, x.cols(), |i, j| at(i) * x[(i, j)])))
                .unwrap();
        }
        for (k, (i, value)) in [(17, 0.01), (40, 0.1), (200, 0.5)].into_iter().enumerate() {
            // Values converge with the square of the residual.
            assert_close("value", directions.values[k], value, 1e-8);
            assert_close("vector", directions.vectors[(i, k)].abs(), 1.0, 1e-8);
        }
    }
}
