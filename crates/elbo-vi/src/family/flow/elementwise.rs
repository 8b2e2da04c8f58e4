//! Increasing functions of one number whose shape a network chooses, over lanes of draws.
//!
//! The one idea: a coupling layer needs four things of such a function: forward, inverse, the log
//! slope, and the adjoint of both outputs. Each works on all draws of one coordinate at once, so that
//! it vectorises: `x[s]` belongs to draw `s`, shape `j` of all draws is the row
//! `shapes[j · n..(j + 1) · n]`. What an adjoint needs again is left on a *tape* of a few rows. One
//! type per kind of flow.

/// The row of a tape that holds the slope `∂y/∂x`.
pub const SLOPE: usize = 0;

/// The row of a tape that holds `∂ log(∂y/∂x)/∂x`.
pub const CURVATURE: usize = 1;

/// An increasing function `y = f(x; shape)` on the real line.
pub trait Elementwise: Clone + Send + Sync + std::fmt::Debug + PartialEq + 'static {
    /// The name of the flow that is built of such functions.
    const NAME: &'static str;

    /// How many numbers shape one function; with all of them zero it is the identity.
    fn n_shapes(&self) -> usize;

    /// Rows of a tape, [`SLOPE`] and [`CURVATURE`] among them.
    fn n_tape(&self) -> usize;

    /// Turns shapes, `n` draws a row, into what the other functions read; once.
    fn prepare(&self, shapes: &mut [f64], n: usize);

    /// Writes `y` and the tape, and adds `log ∂y/∂x`.
    fn forward(
        &self,
        x: &[f64],
        shapes: &[f64],
        tape: &mut [f64],
        y: &mut [f64],
        log_slope: &mut [f64],
    );

    /// Writes `x`.
    fn inverse(&self, y: &[f64], shapes: &[f64], x: &mut [f64]);

    /// The adjoint of [`forward`](Self::forward): for cotangents of `y` and of the log slope, writes
    /// that of the shapes as they were before [`prepare`](Self::prepare), and over `of_y` that of `x`.
    fn backward(
        &self,
        shapes: &[f64],
        tape: &[f64],
        of_y: &mut [f64],
        of_log_slope: &[f64],
        of_shapes: &mut [f64],
    );

    /// What else defines it, as numbers to save.
    fn settings(&self) -> Vec<f64>;

    /// From what [`settings`](Self::settings) gave.
    fn from_settings(settings: &[f64]) -> Option<Self>;
}

/// The rows of `n` numbers that a buffer consists of.
pub(super) fn rows<const N: usize>(buffer: &[f64], n: usize) -> [&[f64]; N] {
    let mut rest = buffer;
    std::array::from_fn(|_| {
        let (row, after) = rest.split_at(n);
        rest = after;
        row
    })
}

/// The same, to write.
pub(super) fn rows_mut<const N: usize>(buffer: &mut [f64], n: usize) -> [&mut [f64]; N] {
    let mut rest = buffer;
    std::array::from_fn(|_| {
        let (row, after) = std::mem::take(&mut rest).split_at_mut(n);
        rest = after;
        row
    })
}
