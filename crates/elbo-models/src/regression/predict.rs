//! What is predicted for new rows, whatever the regression.

use elbo_dist::{Cumulative, Distribution, Normal, StudentT};

use crate::ModelError;

/// Predictions for rows, one entry per row, on the user's scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The predictive mean.
    pub mean: Vec<f64>,
    /// The standard deviation of the regression function: what more data would reduce.
    pub sd_of_mean: Vec<f64>,
    /// The standard deviation of a new observation.
    pub sd: Vec<f64>,
    /// Lower end of the central interval for a new observation.
    pub lower: Vec<f64>,
    /// Upper end of that interval.
    pub upper: Vec<f64>,
    /// The probability that the interval holds.
    pub level: f64,
}

/// Refuses a level outside `(0, 1)`.
pub(crate) fn check_level(level: f64) -> Result<(), ModelError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(ModelError::setting(
        "level",
        level,
        "give a probability between 0 and 1, such as 0.9",
    ))
}

/// The half-width in scales of a central interval: a Student-t with `degrees_of_freedom`, or a
/// normal where that is infinite.
pub(crate) fn half_width(degrees_of_freedom: f64, level: f64) -> Result<f64, ModelError> {
    check_level(level)?;
    let p = 0.5 + 0.5 * level;
    let failed = |error: elbo_dist::DistError| ModelError::data(error.to_string());
    if degrees_of_freedom.is_infinite() {
        return Ok(Normal::new(0.0, 1.0).map_err(failed)?.quantile(p));
    }
    let t = StudentT::new(degrees_of_freedom, 0.0, 1.0).map_err(failed)?;
    Ok(t.quantile(p))
}

/// The variance of a standard Student-t; infinite for two degrees of freedom or fewer.
pub(crate) fn student_variance(degrees_of_freedom: f64) -> f64 {
    if degrees_of_freedom.is_infinite() {
        1.0
    } else if degrees_of_freedom > 2.0 {
        degrees_of_freedom / (degrees_of_freedom - 2.0)
    } else {
        f64::INFINITY
    }
}

/// A normal or Student-t prediction from means, function variances and a noise variance (all in
/// scales: a Student-t's variance is [`student_variance`] times the squared scale).
pub(crate) fn location_scale(
    mean: Vec<f64>,
    function: &[f64],
    noise: f64,
    degrees_of_freedom: f64,
    level: f64,
) -> Result<Prediction, ModelError> {
    let width = half_width(degrees_of_freedom, level)?;
    let inflation = student_variance(degrees_of_freedom);
    let scales: Vec<f64> = function.iter().map(|v| (v + noise).sqrt()).collect();
    let ends = |sign: f64| -> Vec<f64> {
        let pairs = mean.iter().zip(&scales);
        pairs.map(|(m, s)| m + sign * width * s).collect()
    };
    Ok(Prediction {
        lower: ends(-1.0),
        upper: ends(1.0),
        sd_of_mean: function.iter().map(|v| (inflation * v).sqrt()).collect(),
        sd: scales.iter().map(|s| inflation.sqrt() * s).collect(),
        mean,
        level,
    })
}

/// The log density of each target under the prediction that [`location_scale`] makes.
pub(crate) fn log_densities(
    mean: &[f64],
    function: &[f64],
    noise: f64,
    degrees_of_freedom: f64,
    y: &[f64],
) -> Result<Vec<f64>, ModelError> {
    let failed = |error: elbo_dist::DistError| ModelError::data(error.to_string());
    let rows = mean.iter().zip(function).zip(y);
    rows.map(|((m, v), y)| {
        let scale = (v + noise).sqrt();
        if degrees_of_freedom.is_infinite() {
            return Ok(Normal::new(*m, scale).map_err(failed)?.log_density(y));
        }
        let t = StudentT::new(degrees_of_freedom, *m, scale).map_err(failed)?;
        Ok(t.log_density(y))
    })
    .collect()
}
