//! Increasing functions of one number whose shape a network chooses.
//!
//! The one idea: a coupling layer needs four things of such a function: forward, inverse, the log
//! slope, and the adjoint of both outputs. One type per kind of flow.

/// An increasing function `y = f(x; shape)` on the real line.
pub trait Elementwise: Clone + Send + Sync + std::fmt::Debug + PartialEq + 'static {
    /// The name of the flow that is built of such functions.
    const NAME: &'static str;

    /// How many numbers shape one function; with all of them zero it is the identity.
    fn n_shapes(&self) -> usize;

    /// `y` and `log ∂y/∂x`.
    fn forward(&self, x: f64, shape: &[f64]) -> (f64, f64);

    /// `x`.
    fn inverse(&self, y: f64, shape: &[f64]) -> f64;

    /// The adjoint of [`forward`](Self::forward): for cotangents of `y` and of the log slope, writes
    /// that of the shape and returns that of `x`.
    fn backward(
        &self,
        x: f64,
        shape: &[f64],
        cotangents: (f64, f64),
        shape_cotangent: &mut [f64],
    ) -> f64;

    /// What else defines it, as numbers to save.
    fn settings(&self) -> Vec<f64>;

    /// From what [`settings`](Self::settings) gave.
    fn from_settings(settings: &[f64]) -> Option<Self>;
}
