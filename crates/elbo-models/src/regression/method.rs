//! Which driver fits a regression.

use super::design::Design;
use super::rows::Rows;
use crate::driver::{
    CoordinateAscentConfig, Heldout, Observer, Outcome, Shuffled, StochasticConfig, Whole,
    coordinate_ascent, stochastic,
};
use crate::{ConjugateModel, ModelError};

/// How a model is fitted.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// All rows in every iteration.
    CoordinateAscent(CoordinateAscentConfig),
    /// Mini-batches; always through `D × D` matrices.
    Stochastic {
        /// Rows per batch.
        batch_size: usize,
        /// Step sizes and stopping.
        config: StochasticConfig,
    },
}

impl Default for Method {
    fn default() -> Self {
        Self::CoordinateAscent(CoordinateAscentConfig::default())
    }
}

/// Rows kept back from a fit, coded as those that are fitted (see [`Design::split`]).
///
/// Mini-batches stop when their predictive density no longer rises.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// The inputs.
    pub design: Design,
    /// The target.
    pub y: Vec<f64>,
}

impl HeldOut {
    /// The mean of one value per row, weighted as the rows are.
    pub fn weighted_mean(&self, values: &[f64]) -> f64 {
        self.design.weighted_mean(values)
    }
}

/// Runs the driver that `method` names.
pub(crate) fn run<M: ConjugateModel<Batch = Rows>>(
    model: &mut M,
    rows: &Rows,
    method: &Method,
    seed: u64,
    heldout: Option<&Heldout<'_, M>>,
    observer: &mut Observer<'_>,
) -> Result<Outcome, ModelError> {
    match method {
        Method::CoordinateAscent(config) => {
            coordinate_ascent(model, &mut Whole::new(rows, rows.len()), config, observer)
        }
        Method::Stochastic { batch_size, config } => {
            let mut source = Shuffled::new(rows, *batch_size, seed)?;
            stochastic(model, &mut source, config, heldout, observer)
        }
    }
}
