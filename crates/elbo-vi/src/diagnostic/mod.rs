//! Whether to believe a fit: diagnostics that know a target and an approximation of it, and no method.

pub(crate) mod annealing;
pub mod calibration;
pub(crate) mod checks;
pub mod compare;
pub mod doubt;
pub mod drift;
pub mod generalized_pareto;
mod homecoming;
pub mod importance;
pub mod missed_mass;
pub mod monte_carlo_error;
pub mod psis;
pub mod tails;
pub mod verdict;
pub(crate) mod weighed;

#[cfg(test)]
mod tests;
