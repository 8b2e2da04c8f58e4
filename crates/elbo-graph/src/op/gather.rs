//! Copies pieces of a value by number, and adds adjoints back where they came from.

use crate::number::Number;

/// Piece `i` of `out` is the piece `index[i]` of `source`; `size` numbers a piece, lanes included.
pub(crate) fn forward<T: Number>(out: &mut [T], source: &[T], index: &[u32], size: usize) {
    for (piece, i) in out.chunks_exact_mut(size).zip(index) {
        let from = *i as usize * size;
        piece.copy_from_slice(&source[from..from + size]);
    }
}

/// Adds each piece of `adjoint` to the piece of `gradient` that it was copied from.
pub(crate) fn backward<T: Number>(gradient: &mut [T], adjoint: &[T], index: &[u32], size: usize) {
    for (piece, i) in adjoint.chunks_exact(size).zip(index) {
        let to = *i as usize * size;
        for (g, a) in gradient[to..to + size].iter_mut().zip(piece) {
            *g += *a;
        }
    }
}
