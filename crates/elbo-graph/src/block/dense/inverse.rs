//! Inverses and determinants of general square matrices.

use super::lu::Lu;
use super::{add_to_lane, identity, lane, product, set_lane, transposed};
use crate::block::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// `A⁻¹`. In a lane with a singular matrix the result is not finite.
#[derive(Debug, Clone, Copy)]
pub struct Inverse {
    /// Rows of the matrix.
    pub n: usize,
}

impl Block for Inverse {
    fn name(&self) -> &'static str {
        "inverse"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0], Shape::matrix(self.n, self.n), "a square matrix");
        args[0]
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        for l in 0..lanes {
            let factors = Lu::new(lane(args[0], lanes, l), self.n);
            let inverse = factors.solve(&identity(self.n), self.n);
            set_lane(out, lanes, l, &inverse);
        }
    }

    /// `Ā −= A⁻ᵀ X̄ A⁻ᵀ`.
    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            out,
            adjoint,
            gradient,
            ..
        } = call;
        for l in 0..lanes {
            let inverse = transposed(&lane(out, lanes, l), self.n);
            let half = product(&inverse, &lane(adjoint, lanes, l), self.n);
            let mut part = product(&half, &inverse, self.n);
            for p in &mut part {
                *p = -*p;
            }
            add_to_lane(gradient, lanes, l, &part);
        }
    }
}

/// `log |det A|` and the sign of the determinant, a vector of two numbers.
#[derive(Debug, Clone, Copy)]
pub struct LogAbsDeterminant {
    /// Rows of the matrix.
    pub n: usize,
}

impl Block for LogAbsDeterminant {
    fn name(&self) -> &'static str {
        "log_determinant"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0], Shape::matrix(self.n, self.n), "a square matrix");
        Shape::vector(2)
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        for l in 0..lanes {
            let factors = Lu::new(lane(args[0], lanes, l), self.n);
            let (log, sign) = factors.log_abs_determinant();
            set_lane(out, lanes, l, &[log, T::constant(sign)]);
        }
    }

    /// `Ā += ā A⁻ᵀ`, from the logarithm alone.
    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            args,
            adjoint,
            gradient,
            ..
        } = call;
        for l in 0..lanes {
            let factors = Lu::new(lane(args[0], lanes, l), self.n);
            let inverse = factors.solve(&identity(self.n), self.n);
            let mut part = transposed(&inverse, self.n);
            for p in &mut part {
                *p = *p * adjoint[l];
            }
            add_to_lane(gradient, lanes, l, &part);
        }
    }
}
