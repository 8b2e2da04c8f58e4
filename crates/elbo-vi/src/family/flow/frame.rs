//! The fixed affine map from a flow's own coordinates to the target's.
//!
//! The one idea: a flow learns what is not Gaussian; location, scale and correlation come from the
//! Gaussian that it starts from, whose draws it equals at first.

use elbo_math::linalg::{Matrix, matmul, matmul_tn};

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

    /// `m + L u`.
    pub(super) fn apply(&self, mut u: Matrix) -> Matrix {
        match self {
            Self::Diagonal(q) => scale_rows(&mut u, q.scales()),
            Self::Full(q) => u = matmul(q.factor().lower(), &u),
        }
        self.shift(&mut u, 1.0);
        u
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

    /// `Lᵀ v`: cotangents of `θ` become those of `u`.
    pub(super) fn pull(&self, mut v: Matrix) -> Matrix {
        match self {
            Self::Diagonal(q) => scale_rows(&mut v, q.scales()),
            Self::Full(q) => v = matmul_tn(q.factor().lower(), &v),
        }
        v
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

fn scale_rows(points: &mut Matrix, scales: &[f64]) {
    for (i, s) in scales.iter().enumerate() {
        for v in points.row_mut(i) {
            *v *= s;
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
