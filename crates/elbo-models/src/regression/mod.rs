//! Bayesian regression: linear (exact), with relevance determination, and logistic.
//!
//! The one idea: all three are a Gaussian `q(w)` over standardised, coded inputs ([`Design`]); they
//! differ in the likelihood and in what is known about the weights' precisions. More rows than
//! weights go through a Gram matrix, fewer through an `n × n` system, with the same answers.

pub mod ard;
pub mod linear;
pub mod logistic;

mod coding;
mod design;
#[cfg(test)]
mod design_tests;
mod evidence;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod heldout_tests;
mod least_squares;
mod method;
mod noise;
mod precision;
mod predict;
mod relevance;
mod rows;
mod scale;
mod warm_start;
#[cfg(test)]
mod warm_start_tests;
mod weights;

pub use coding::{Coding, Column};
pub use design::{Design, DesignConfig};
pub use least_squares::Moments;
pub use method::{HeldOut, Method};
pub use noise::NoisePrior;
pub use predict::Prediction;
pub use relevance::Relevance;
pub use rows::Rows;
pub use scale::Coefficient;
