//! The fixed affine map from a flow's own coordinates to the target's.
//!
//! The one idea: a flow learns what is not Gaussian; location, scale and correlation come from the
//! Gaussian that it starts from, whose draws it equals at first.

use elbo_math::linalg::{Matrix, View, matmul_into};

use crate::Approximation;
use crate::family::{FullRank, MeanField};

/// `θ = m + L u`, with `L` diagonal or lower triangular.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// Scales along the coordinates.
    Diagonal(MeanField),
    /// Any covariance.
    Full(FullRank),
}

impl Frame {
    pub(super) fn dimension(&self) -> usize {
        self.location().len()
    }

    pub(super) fn location(&self) -> &[f64] {
        match self {
            Self::Diagonal(q) => q.means(),
            Self::Full(q) => q.mean_slice(),
        }
    }

    pub(super) fn log_det(&self) -> f64 {
        match self {
            Self::Diagonal(q) => q.scales().iter().map(|s| s.ln()).sum(),
            Self::Full(q) => 0.5 * q.factor().log_det(),
        }
    }

    /// `θ ← m + L u`.
    pub(crate) fn apply(&self, u: &[f64], theta: &mut [f64]) {
        let n = u.len() / self.dimension();
        match self {
            Self::Diagonal(q) => scaled_rows(u, q.scales(), theta),
            Self::Full(q) => {
                let d = self.dimension();
                let lower = View::new(q.factor().lower().as_slice(), d, d, d);
                matmul_into(theta, false, lower, View::new(u, d, n, n));
            }
        }
        for (m, row) in self.location().iter().zip(theta.chunks_exact_mut(n.max(1))) {
            for v in row {
                *v += m;
            }
        }
    }

    /// `L⁻¹ (θ − m)`.
    pub(super) fn invert(&self, mut theta: Matrix) -> Matrix {
        self.shift(&mut theta, -1.0);
        match self {
            Self::Diagonal(q) => divide_rows(&mut theta, q.scales()),
            Self::Full(q) => theta = q.factor().solve_lower_matrix(&theta),
        }
        theta
    }

    /// `out ← Lᵀ v`: cotangents of `θ` become those of `u`.
    pub(crate) fn pull(&self, v: &[f64], out: &mut [f64]) {
        match self {
            Self::Diagonal(q) => scaled_rows(v, q.scales(), out),
            Self::Full(q) => {
                let d = self.dimension();
                let n = v.len() / d;
                let lower = View::new(q.factor().lower().as_slice(), d, d, d);
                matmul_into(out, false, lower.transpose(), View::new(v, d, n, n));
            }
        }
    }

    /// `L⁻ᵀ v`: gradients in `u` become those in `θ`.
    pub(super) fn push(&self, mut v: Matrix) -> Matrix {
        match self {
            Self::Diagonal(q) => divide_rows(&mut v, q.scales()),
            Self::Full(q) => v = q.factor().solve_lower_transpose_matrix(&v),
        }
        v
    }

    fn shift(&self, points: &mut Matrix, sign: f64) {
        for (i, m) in self.location().iter().enumerate() {
            for v in points.row_mut(i) {
                *v += sign * m;
            }
        }
    }

    pub(super) fn as_approximation(&self) -> &dyn Approximation {
        match self {
            Self::Diagonal(q) => q,
            Self::Full(q) => q,
        }
    }
}

fn scaled_rows(points: &[f64], scales: &[f64], out: &mut [f64]) {
    let n = (points.len() / scales.len()).max(1);
    let rows = points.chunks_exact(n).zip(out.chunks_exact_mut(n));
    for ((from, to), s) in rows.zip(scales) {
        for (v, x) in to.iter_mut().zip(from) {
            *v = s * x;
        }
    }
}

fn divide_rows(points: &mut Matrix, scales: &[f64]) {
    for (i, s) in scales.iter().enumerate() {
        for v in points.row_mut(i) {
            *v /= s;
        }
    }
}
