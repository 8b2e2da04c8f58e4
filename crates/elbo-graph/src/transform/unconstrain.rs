//! Free coordinates of numbers that satisfy a constraint, for initial values.
//!
//! Deliberately absent: gradients; models differentiate the other direction only.

use super::Transform;

/// Numbers that do not satisfy a constraint.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// The number of entries is not that of whole values.
    #[error("{got} numbers for {transform}, which has {expected} in each value")]
    Length {
        /// The constraint.
        transform: &'static str,
        /// Entries of a value.
        expected: usize,
        /// Entries that were given.
        got: usize,
    },
    /// An entry is where the constraint does not let it be.
    #[error("entry {entry} is {value}, but {transform} needs {needs}")]
    Outside {
        /// The constraint.
        transform: &'static str,
        /// The entry's position among all, row-major, from 0.
        entry: usize,
        /// Its value, or that of the sum or product that is wrong.
        value: f64,
        /// What it should be.
        needs: &'static str,
    },
}

/// How far a sum may be from what it should be: what numbers printed with eight digits leave.
const TOLERANCE: f64 = 1e-8;

type Result<T> = std::result::Result<T, TransformError>;

impl Transform<Vec<f64>> {
    /// The free coordinates of one or several values, one after the other, each row-major. Bounds
    /// are one number for all entries, or one for each.
    ///
    /// # Errors
    /// [`TransformError`] if the numbers do not satisfy the constraint.
    pub fn unconstrain(&self, values: &[f64]) -> Result<Vec<f64>> {
        let len = self.shape().len();
        if len == 0 && values.is_empty() {
            return Ok(Vec::new());
        }
        if len == 0 || !values.len().is_multiple_of(len) {
            return Err(TransformError::Length {
                transform: self.name(),
                expected: len,
                got: values.len(),
            });
        }
        let mut free = Vec::with_capacity(values.len() / len * self.free_len());
        for (i, value) in values.chunks_exact(len).enumerate() {
            let from = From {
                transform: self.name(),
                first: i * len,
                value,
            };
            self.append(&from, &mut free)?;
        }
        Ok(free)
    }

    fn append(&self, from: &From<'_>, free: &mut Vec<f64>) -> Result<()> {
        from.finite()?;
        let (x, n) = (from.value, from.value.len());
        let bound = |b: &[f64]| if b.len() == 1 { b[0] } else { b[from.first] };
        match self {
            Self::Identity => free.push(x[0]),
            Self::Lower(lower) => free.push(from.between(bound(lower), f64::INFINITY)?),
            Self::Upper(upper) => free.push(from.between(f64::NEG_INFINITY, bound(upper))?),
            Self::LowerUpper(lower, upper) => free.push(from.between(bound(lower), bound(upper))?),
            Self::OffsetMultiplier(offset, multiplier) => {
                free.push((x[0] - bound(offset)) / bound(multiplier));
            }
            Self::Ordered { .. } => {
                free.push(x[0]);
                for k in 1..n {
                    free.push(
                        from.positive(k, x[k] - x[k - 1], "increasing entries")?
                            .ln(),
                    );
                }
            }
            Self::PositiveOrdered { .. } => {
                free.push(from.positive(0, x[0], "positive entries")?.ln());
                for k in 1..n {
                    free.push(
                        from.positive(k, x[k] - x[k - 1], "increasing entries")?
                            .ln(),
                    );
                }
            }
            Self::Simplex { .. } => from.simplex(0, 1, n, free)?,
            Self::UnitVector { .. } => {
                let square = x.iter().map(|x| x * x).sum();
                from.near(0, square, 1.0, "squares that sum to 1")?;
                free.extend_from_slice(x);
            }
            Self::SumToZero { .. } => {
                from.near(0, x.iter().sum(), 0.0, "entries that sum to 0")?;
                free.extend(project(x));
            }
            Self::SumToZeroMatrix { cols, .. } => from.sum_to_zero(*cols, free)?,
            Self::ColumnStochastic { rows, cols } => {
                for c in 0..*cols {
                    from.simplex(c, *cols, *rows, free)?;
                }
            }
            Self::RowStochastic { rows, cols } => {
                let mut by_row = Vec::new();
                for r in 0..*rows {
                    from.simplex(r * cols, 1, *cols, &mut by_row)?;
                }
                free.extend(transposed(&by_row, *rows));
            }
            Self::CorrMatrix { size } => {
                let partial = partial_correlations(&from.unit_diagonal(*size)?, *size);
                // From row by row to column by column.
                for j in 0..*size {
                    free.extend((j + 1..*size).map(|i| partial[i * (i - 1) / 2 + j]));
                }
            }
            Self::CholeskyFactorCorr { size } => {
                from.triangle(*size)?;
                for (i, row) in x.chunks_exact(*size).enumerate() {
                    let square = row.iter().map(|x| x * x).sum();
                    from.near(i * size, square, 1.0, "rows of length 1")?;
                }
                free.extend(partial_correlations(x, *size));
            }
            Self::CovMatrix { size } => log_diagonal(&from.cholesky(*size)?, *size, free),
            Self::CholeskyFactorCov { cols, .. } => {
                from.triangle(*cols)?;
                log_diagonal(x, *cols, free);
            }
        }
        Ok(())
    }
}

/// One value, and what to call it in an error.
struct From<'a> {
    transform: &'static str,
    first: usize,
    value: &'a [f64],
}

impl From<'_> {
    fn outside<T>(&self, entry: usize, value: f64, needs: &'static str) -> Result<T> {
        Err(TransformError::Outside {
            transform: self.transform,
            entry: self.first + entry,
            value,
            needs,
        })
    }

    fn finite(&self) -> Result<()> {
        match self.value.iter().position(|x| !x.is_finite()) {
            Some(entry) => self.outside(entry, self.value[entry], "finite numbers"),
            None => Ok(()),
        }
    }

    fn positive(&self, entry: usize, x: f64, needs: &'static str) -> Result<f64> {
        if x > 0.0 {
            Ok(x)
        } else {
            self.outside(entry, self.value[entry], needs)
        }
    }

    fn near(&self, entry: usize, x: f64, target: f64, needs: &'static str) -> Result<()> {
        if (x - target).abs() <= TOLERANCE {
            Ok(())
        } else {
            self.outside(entry, x, needs)
        }
    }

    fn between(&self, lower: f64, upper: f64) -> Result<f64> {
        let x = self.value[0];
        let above = || self.positive(0, x - lower, "numbers above the lower bound");
        let below = || self.positive(0, upper - x, "numbers below the upper bound");
        Ok(match (lower > f64::NEG_INFINITY, upper < f64::INFINITY) {
            (false, false) => x,
            (true, false) => above()?.ln(),
            (false, true) => below()?.ln(),
            (true, true) => (above()? / below()?).ln(),
        })
    }

    /// `n` entries from `first` on, `stride` apart.
    fn simplex(&self, first: usize, stride: usize, n: usize, free: &mut Vec<f64>) -> Result<()> {
        let entries: Vec<usize> = (0..n).map(|k| first + k * stride).collect();
        let sum = entries.iter().map(|e| self.value[*e]).sum();
        self.near(first, sum, 1.0, "entries that sum to 1")?;
        let logs: Result<Vec<f64>> = entries
            .iter()
            .map(|e| Ok(self.positive(*e, self.value[*e], "positive entries")?.ln()))
            .collect();
        free.extend(project(&logs?));
        Ok(())
    }

    fn sum_to_zero(&self, cols: usize, free: &mut Vec<f64>) -> Result<()> {
        let rows = self.value.len() / cols;
        let mut narrow = Vec::new();
        // The last row and column come first; see `matrix::sum_to_zero`.
        for r in 0..rows {
            let r = (r + rows - 1) % rows;
            let mut row = self.value[r * cols..(r + 1) * cols].to_vec();
            self.near(r * cols, row.iter().sum(), 0.0, "rows that sum to 0")?;
            row.rotate_right(1);
            narrow.extend(project(&row));
        }
        for c in 0..cols {
            let sum = self.value.iter().skip(c).step_by(cols).sum();
            self.near(c, sum, 0.0, "columns that sum to 0")?;
        }
        let by_column = transposed(&narrow, rows);
        free.extend(by_column.chunks_exact(rows).flat_map(project));
        Ok(())
    }

    /// Checks for a lower triangle with a positive diagonal.
    fn triangle(&self, cols: usize) -> Result<()> {
        for (i, row) in self.value.chunks_exact(cols).enumerate() {
            for (j, x) in row.iter().enumerate() {
                let entry = i * cols + j;
                if i == j {
                    self.positive(entry, *x, "a positive diagonal")?;
                } else if j > i && *x != 0.0 {
                    return self.outside(entry, *x, "zeros above the diagonal");
                }
            }
        }
        Ok(())
    }

    fn unit_diagonal(&self, size: usize) -> Result<Vec<f64>> {
        for i in 0..size {
            self.near(
                i * size + i,
                self.value[i * size + i],
                1.0,
                "ones on the diagonal",
            )?;
        }
        self.cholesky(size)
    }

    fn cholesky(&self, size: usize) -> Result<Vec<f64>> {
        let mut factor = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..=i {
                let entry = i * size + j;
                let x = self.value[entry];
                if (x - self.value[j * size + i]).abs() > TOLERANCE {
                    return self.outside(entry, x, "a symmetric matrix");
                }
                let dot: f64 = (0..j)
                    .map(|k| factor[i * size + k] * factor[j * size + k])
                    .sum();
                factor[entry] = if i == j {
                    self.positive(entry, x - dot, "a positive definite matrix")?
                        .sqrt()
                } else {
                    (x - dot) / factor[j * size + j]
                };
            }
        }
        Ok(factor)
    }
}

/// Coordinates of a vector in the basis of those that sum to zero; see `SumToZero`.
fn project(x: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    (1..x.len())
        .map(|j| {
            sum += x[j - 1];
            let weight = j as f64;
            (sum - weight * x[j]) / (weight * (weight + 1.0)).sqrt()
        })
        .collect()
}

fn transposed(x: &[f64], rows: usize) -> Vec<f64> {
    let cols = x.len() / rows.max(1);
    (0..x.len())
        .map(|e| x[(e % rows) * cols + e / rows])
        .collect()
}

/// `atanh` of the partial correlations, row by row. `sinh y_ij` is an entry over the length of what
/// follows it in its row, which no cancellation spoils.
fn partial_correlations(factor: &[f64], size: usize) -> Vec<f64> {
    let mut free = Vec::new();
    for (i, row) in factor.chunks_exact(size).enumerate() {
        for j in 0..i {
            let rest: f64 = row[j + 1..=i].iter().map(|x| x * x).sum();
            free.push((row[j] / rest.sqrt()).asinh());
        }
    }
    free
}

/// A triangle row by row, with logarithms on the diagonal.
fn log_diagonal(factor: &[f64], cols: usize, free: &mut Vec<f64>) {
    for (i, row) in factor.chunks_exact(cols).enumerate() {
        free.extend_from_slice(&row[..i.min(cols)]);
        if i < cols {
            free.push(row[i].ln());
        }
    }
}
