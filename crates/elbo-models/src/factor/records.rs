//! Storage of records, aligned so that no vector straddles two cache lines.

use super::layout::Layout;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Records of consecutive rows.
#[derive(Debug)]
pub(super) struct Records<T> {
    layout: Layout,
    data: Vec<T>, // padding, then (n, layout.width()), then padding
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Records<T> {
    /// `n` records of zeros.
    pub(super) fn zero(layout: Layout, n: usize) -> Self {
        let len = n * layout.width();
        let data = vec![T::default(); len + LINE];
        // An allocator that cannot tell costs speed, nothing else.
        let start = data.as_ptr().align_offset(LINE).min(LINE);
        Self {
            layout,
            data,
            start,
            len,
        }
    }

    pub(super) fn as_slice(&self) -> &[T] {
        &self.data[self.start..][..self.len]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data[self.start..][..self.len]
    }
}

impl<T: Copy + Default> Clone for Records<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zero(self.layout, self.len / self.layout.width());
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
    }
}
