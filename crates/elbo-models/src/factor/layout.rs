//! Where the numbers of a row stand: in its record and in sums of records.
//!
//! A row is `w = (bias, factors)`, `dim = rank + 1` numbers. Its *record* is what the other side
//! needs of `q(w)`: `[1 | E w | E w wᵀ as a packed lower triangle | padding]`. The leading 1 makes
//! one vector sum yield the count of ratings, the sum of means and the sum of second moments; the
//! head of the record, weighted by the rating, yields `Σ y` and `Σ y E w` the same way.

/// Records are padded to whole vectors of this many numbers.
pub(super) const VECTOR: usize = 16;

/// Sizes and offsets for one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Numbers of a row: the bias and the factors.
    pub dim: usize,
}

impl Layout {
    pub(super) fn new(rank: usize) -> Self {
        Self { dim: rank + 1 }
    }

    /// Numbers in a packed triangle.
    pub(super) fn triangle(self) -> usize {
        self.dim * (self.dim + 1) / 2
    }

    /// Numbers of a record.
    pub(super) fn width(self) -> usize {
        (1 + self.dim + self.triangle()).next_multiple_of(VECTOR)
    }

    /// Numbers of a record's head that are also summed with the rating as weight.
    pub(super) fn head(self) -> usize {
        (1 + self.dim).next_multiple_of(VECTOR)
    }

    /// Numbers of a sum: records, then heads weighted by ratings.
    pub(super) fn sums(self) -> usize {
        self.width() + self.head()
    }

    /// Reads a sum.
    pub(super) fn view(self, sums: &[f64]) -> Sums<'_> {
        let (records, heads) = sums.split_at(self.width());
        let (count, moments) = records.split_at(1);
        Sums {
            count: count[0],
            mean: &moments[..self.dim],
            second: &moments[self.dim..self.dim + self.triangle()],
            y: heads[0],
            y_mean: &heads[1..=self.dim],
        }
    }
}

/// Sums over the ratings of one row, of the moments of the rows at the other side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums<'a> {
    /// The number of ratings.
    pub count: f64,
    /// `Σ E w`.
    pub mean: &'a [f64],
    /// `Σ E w wᵀ`, packed.
    pub second: &'a [f64],
    /// `Σ y`.
    pub y: f64,
    /// `Σ y E w`.
    pub y_mean: &'a [f64],
}

/// Index of `(p, q)`, `q ≤ p`, in a packed lower triangle.
pub(super) fn packed(p: usize, q: usize) -> usize {
    p * (p + 1) / 2 + q
}

/// `Σ_pq A_pq B_pq` of two symmetric matrices given as packed triangles.
pub(super) fn packed_inner_product(a: &[f64], b: &[f64]) -> f64 {
    let (mut sum, mut start) = (0.0, 0);
    for p in 0.. {
        if start == a.len() {
            break;
        }
        let off_diagonal: f64 = elbo_math::linalg::dot(&a[start..start + p], &b[start..start + p]);
        sum += 2.0 * off_diagonal + a[start + p] * b[start + p];
        start += p + 1;
    }
    sum
}
