//! Components as the kernels see them: means, factors and constants in flat arrays.
//!
//! Deliberately absent: where they come from; every mixture makes its own.

/// How a second-moment matrix, or a factor of one, is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Lower triangle, row by row.
    Triangular,
    /// Diagonal.
    Diagonal,
}

impl Shape {
    pub(crate) fn len(self, dim: usize) -> usize {
        match self {
            Self::Triangular => dim * (dim + 1) / 2,
            Self::Diagonal => dim,
        }
    }
}

/// The components as a row sees them: `log p_k(x) = c_k − ½ |F_k (x − m_k)|²`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub dim: usize,
    pub shape: Shape,
    pub means: Vec<f64>,         // (n_components, dim)
    pub factors: Vec<f64>,       // (n_components, shape.len(dim))
    pub log_constants: Vec<f64>, // (n_components)
}

impl View {
    pub(crate) fn n_components(&self) -> usize {
        self.log_constants.len()
    }

    pub(crate) fn mean(&self, k: usize) -> &[f64] {
        &self.means[k * self.dim..(k + 1) * self.dim]
    }

    /// Diagonal components on some of the columns, their constants unchanged.
    pub(crate) fn columns(&self, columns: &[usize]) -> Self {
        assert_eq!(
            self.shape,
            Shape::Diagonal,
            "a triangle has no columns of its own"
        );
        let pick = |values: &[f64]| -> Vec<f64> {
            let rows = values.chunks_exact(self.dim);
            rows.flat_map(|row| columns.iter().map(|j| row[*j]))
                .collect()
        };
        Self {
            dim: columns.len(),
            shape: self.shape,
            means: pick(&self.means),
            factors: pick(&self.factors),
            log_constants: self.log_constants.clone(),
        }
    }

    pub(crate) fn factor(&self, k: usize) -> &[f64] {
        let len = self.shape.len(self.dim);
        &self.factors[k * len..(k + 1) * len]
    }
}
