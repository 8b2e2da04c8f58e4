//! Copies pieces of a value by number, and adds adjoints back where they came from.

use multiversion::multiversion;

use crate::number::Number;

/// Piece `i` of `out` is the piece `index[i]` of `source`, or is added to if the gather `adds`; `width`
/// entries a piece.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn forward<T: Number, const W: usize>(
    out: &mut [T],
    source: &[T],
    index: &[u32],
    width: usize,
    adds: bool,
) {
    let ((out, _), (source, _)) = (out.as_chunks_mut::<W>(), source.as_chunks::<W>());
    match (adds, width) {
        (true, 1) => {
            for (entry, i) in out.iter_mut().zip(index) {
                add(entry, &source[*i as usize]);
            }
        }
        (false, 1) => {
            for (entry, i) in out.iter_mut().zip(index) {
                *entry = source[*i as usize];
            }
        }
        (adds, _) => {
            for (piece, i) in out.chunks_exact_mut(width).zip(index) {
                let from = &source[*i as usize * width..][..width];
                if !adds {
                    piece.copy_from_slice(from);
                    continue;
                }
                for (entry, from) in piece.iter_mut().zip(from) {
                    add(entry, from);
                }
            }
        }
    }
}

/// Adds each piece of `adjoint` to the piece of `gradient` that it was copied from.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn backward<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    index: &[u32],
    width: usize,
) {
    let ((gradient, _), (adjoint, _)) = (gradient.as_chunks_mut::<W>(), adjoint.as_chunks::<W>());
    if width == 1 {
        for (from, i) in adjoint.iter().zip(index) {
            add(&mut gradient[*i as usize], from);
        }
        return;
    }
    for (piece, i) in adjoint.chunks_exact(width).zip(index) {
        let to = &mut gradient[*i as usize * width..][..width];
        for (entry, from) in to.iter_mut().zip(piece) {
            add(entry, from);
        }
    }
}

#[inline]
fn add<T: Number, const W: usize>(to: &mut [T; W], from: &[T; W]) {
    for l in 0..W {
        to[l] += from[l];
    }
}
