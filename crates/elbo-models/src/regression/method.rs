//! Which driver fits a regression.

use super::rows::Rows;
use crate::driver::{
    CoordinateAscentConfig, Observer, Outcome, Shuffled, StochasticConfig, Whole,
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

/// Runs the driver that `method` names.
pub(crate) fn run<M: ConjugateModel<Batch = Rows>>(
    model: &mut M,
    rows: &Rows,
    method: &Method,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Outcome, ModelError> {
    match method {
        Method::CoordinateAscent(config) => {
            coordinate_ascent(model, &mut Whole::new(rows, rows.len()), config, observer)
        }
        Method::Stochastic { batch_size, config } => {
            let mut source = Shuffled::new(rows, *batch_size, seed)?;
            stochastic(model, &mut source, config, None, observer)
        }
    }
}
