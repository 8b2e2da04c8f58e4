//! Cuts any number of draws into blocks that a program takes.
//!
//! Deliberately absent: what is computed of a block.

use crate::program::MOST_LANES;

/// Consecutive draws of a buffer with draws innermost, as a program takes them: a power of two of
/// lanes, the last draw repeated.
#[derive(Debug, Clone)]
pub struct LaneBlock {
    lanes: usize,
    first: usize,
    n_draws: usize,
    numbers: Vec<f64>, // (rows, lanes)
}

impl LaneBlock {
    /// The blocks of `n_draws` draws, of which `points` holds `rows × n_draws` numbers.
    pub fn all(points: &[f64], n_draws: usize) -> impl Iterator<Item = Self> {
        (0..n_draws)
            .step_by(MOST_LANES)
            .map(move |first| Self::load(points, n_draws, first))
    }

    fn load(points: &[f64], all: usize, first: usize) -> Self {
        let n_draws = MOST_LANES.min(all - first);
        let lanes = n_draws.next_power_of_two();
        let mut numbers = Vec::with_capacity(points.len() / all * lanes);
        for row in points.chunks_exact(all) {
            let block = &row[first..first + n_draws];
            numbers.extend_from_slice(block);
            numbers.extend(std::iter::repeat_n(block[n_draws - 1], lanes - n_draws));
        }
        Self {
            lanes,
            first,
            n_draws,
            numbers,
        }
    }

    /// The number of lanes.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// `rows × lanes` numbers.
    pub fn numbers(&self) -> &[f64] {
        &self.numbers
    }

    /// Writes results, `rows × lanes`, to this block's draws of a buffer with `all` draws.
    pub fn store(&self, results: &[f64], to: &mut [f64], all: usize) {
        for (row, block) in to
            .chunks_exact_mut(all)
            .zip(results.chunks_exact(self.lanes))
        {
            row[self.first..self.first + self.n_draws].copy_from_slice(&block[..self.n_draws]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_draw_once() {
        for n in [1, 3, 16, 37] {
            let points: Vec<f64> = (0..2 * n).map(|i| i as f64).collect();
            let mut copy = vec![-1.0; points.len()];
            for block in LaneBlock::all(&points, n) {
                assert!(block.lanes().is_power_of_two() && block.lanes() <= MOST_LANES);
                block.store(block.numbers(), &mut copy, n);
            }
            assert_eq!(copy, points);
        }
        assert_eq!(LaneBlock::all(&[], 0).count(), 0);
    }
}
