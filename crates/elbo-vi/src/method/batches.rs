//! Mini-batches: every row once per pass, in an order shuffled anew for each.
//!
//! Deliberately absent: the scale `n / |batch|`, which the [`Target`](crate::Target) applies from the
//! batch's true size.

use elbo_math::random::{permutation, stream};

use crate::{Draws, Target, ViError};

/// Where a fit is in its passes over the rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batches {
    seed: u64,
    batch_size: usize,
    pass: u64,
    next: usize,
    order: Vec<usize>,
}

impl Batches {
    /// `None` where a batch would be all rows, or none is asked for.
    ///
    /// # Errors
    /// [`ViError::Setting`] if the density has no rows, or for a size of 0.
    pub(super) fn new(
        batch_size: Option<usize>,
        n_rows: Option<usize>,
        seed: u64,
    ) -> Result<Option<Self>, ViError> {
        let Some(batch_size) = batch_size else {
            return Ok(None);
        };
        let unusable = |requirement| ViError::Setting {
            name: "batch_size",
            value: batch_size.to_string(),
            requirement,
        };
        let Some(n_rows) = n_rows else {
            let requirement = "unset: this density is not a sum over rows of data";
            return Err(unusable(requirement));
        };
        if batch_size == 0 {
            return Err(unusable("at least 1"));
        }
        if batch_size >= n_rows {
            return Ok(None);
        }
        Ok(Some(Self {
            seed,
            batch_size,
            pass: 0,
            next: 0,
            order: order(seed, 0, n_rows),
        }))
    }

    /// Log densities and gradients at points, of the next rows or, without batches, of all; and the
    /// number of these rows relative to a full batch's. Where it fails, the batches do not move on.
    ///
    /// # Errors
    /// What the density fails with.
    pub(super) fn evaluate(
        batches: &mut Option<Self>,
        target: &Target<'_>,
        points: &Draws,
    ) -> Result<(f64, (Vec<f64>, Draws)), ViError> {
        let Some(before) = batches else {
            return Ok((1.0, target.log_densities_and_gradients(points)?));
        };
        let mut after = before.clone();
        let (rows, share) = after.advance();
        let found = target.log_densities_and_gradients_of_rows(points, &rows)?;
        *before = after;
        Ok((share, found))
    }

    /// The next rows, and their number relative to a full batch's: the last batch of a pass may be
    /// smaller.
    fn advance(&mut self) -> (Vec<usize>, f64) {
        if self.next >= self.order.len() {
            self.pass += 1;
            self.next = 0;
            self.order = order(self.seed, self.pass, self.order.len());
        }
        let end = (self.next + self.batch_size).min(self.order.len());
        let rows = self.order[self.next..end].to_vec();
        self.next = end;
        let share = rows.len() as f64 / self.batch_size as f64;
        (rows, share)
    }
}

fn order(seed: u64, pass: u64, n_rows: usize) -> Vec<usize> {
    permutation(&mut stream(seed, "method/batches", pass), n_rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_visits_every_row_once_and_the_last_batch_knows_its_size() {
        let mut batches = Batches::new(Some(4), Some(10), 1).unwrap().unwrap();
        let mut passes = Vec::new();
        for _ in 0..2 {
            let mut seen = Vec::new();
            for expected in [4, 4, 2] {
                let (rows, share) = batches.advance();
                assert_eq!(rows.len(), expected);
                assert_eq!(share, expected as f64 / 4.0);
                seen.extend(rows);
            }
            passes.push(seen.clone());
            seen.sort_unstable();
            assert_eq!(seen, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(passes[0], passes[1]);
    }

    #[test]
    fn sizes_that_make_no_batches_are_refused_or_mean_all_rows() {
        assert_eq!(Batches::new(None, None, 1), Ok(None));
        assert_eq!(Batches::new(Some(10), Some(10), 1), Ok(None));
        assert!(Batches::new(Some(0), Some(10), 1).is_err());
        assert!(Batches::new(Some(3), None, 1).is_err());
    }
}
