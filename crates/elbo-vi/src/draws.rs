//! Many points of an unconstrained space in one buffer, draws innermost.
//!
//! The one idea: coordinate `i` of all draws is one contiguous slice, so that arithmetic over draws
//! vectorises and a matrix times one point becomes a matrix times many. Deliberately absent: what
//! the points mean.

/// `dimension × n_draws` numbers; coordinate-major, draws innermost.
#[expect(
    clippy::struct_field_names,
    reason = "`n_draws` is the field's own word"
)]
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    dimension: usize,
    n_draws: usize,
    values: Vec<f64>, // (dimension, n_draws)
}

impl Draws {
    /// All zeros.
    pub fn zeros(dimension: usize, n_draws: usize) -> Self {
        Self {
            dimension,
            n_draws,
            values: vec![0.0; dimension * n_draws],
        }
    }

    /// From a buffer in this layout.
    ///
    /// # Panics
    /// If the buffer does not hold `dimension × n_draws` numbers.
    pub fn from_vec(dimension: usize, n_draws: usize, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), dimension * n_draws, "shape and values differ");
        Self {
            dimension,
            n_draws,
            values,
        }
    }

    /// From points, one slice per draw.
    ///
    /// # Panics
    /// If the points differ in length.
    pub fn from_points<P: AsRef<[f64]>>(dimension: usize, points: &[P]) -> Self {
        let mut draws = Self::zeros(dimension, points.len());
        for (s, point) in points.iter().enumerate() {
            draws.set_draw(s, point.as_ref());
        }
        draws
    }

    /// The number of coordinates.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The number of draws.
    pub fn n_draws(&self) -> usize {
        self.n_draws
    }

    /// One coordinate of every draw.
    pub fn coordinate(&self, i: usize) -> &[f64] {
        &self.values[i * self.n_draws..(i + 1) * self.n_draws]
    }

    /// One coordinate of every draw, to write.
    pub fn coordinate_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.values[i * self.n_draws..(i + 1) * self.n_draws]
    }

    /// Coordinate `i` of draw `s`.
    pub fn get(&self, i: usize, s: usize) -> f64 {
        self.values[i * self.n_draws + s]
    }

    /// Copies draw `s` into `point`.
    ///
    /// # Panics
    /// If `point` does not have the dimension's length.
    pub fn copy_draw(&self, s: usize, point: &mut [f64]) {
        assert_eq!(point.len(), self.dimension, "the point has another length");
        for (i, v) in point.iter_mut().enumerate() {
            *v = self.values[i * self.n_draws + s];
        }
    }

    /// Draw `s` as a point.
    pub fn draw(&self, s: usize) -> Vec<f64> {
        let mut point = vec![0.0; self.dimension];
        self.copy_draw(s, &mut point);
        point
    }

    /// Overwrites draw `s`.
    ///
    /// # Panics
    /// If `point` does not have the dimension's length.
    pub fn set_draw(&mut self, s: usize, point: &[f64]) {
        assert_eq!(point.len(), self.dimension, "the point has another length");
        for (i, v) in point.iter().enumerate() {
            self.values[i * self.n_draws + s] = *v;
        }
    }

    /// The draws `range`, copied.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let mut part = Self::zeros(self.dimension, range.len());
        for i in 0..self.dimension {
            part.coordinate_mut(i)
                .copy_from_slice(&self.coordinate(i)[range.clone()]);
        }
        part
    }

    /// The draws at `indices`, copied; an index may occur more than once.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut part = Self::zeros(self.dimension, indices.len());
        for i in 0..self.dimension {
            let from = self.coordinate(i);
            for (v, s) in part.coordinate_mut(i).iter_mut().zip(indices) {
                *v = from[*s];
            }
        }
        part
    }

    /// Writes `part` over the draws that start at `first`.
    ///
    /// # Panics
    /// If the dimensions differ or the part does not fit.
    pub fn put(&mut self, first: usize, part: &Self) {
        assert_eq!(self.dimension, part.dimension, "the dimensions differ");
        for i in 0..self.dimension {
            self.coordinate_mut(i)[first..first + part.n_draws].copy_from_slice(part.coordinate(i));
        }
    }

    /// The whole buffer, coordinate-major.
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    /// The whole buffer, to write.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.values
    }
}
