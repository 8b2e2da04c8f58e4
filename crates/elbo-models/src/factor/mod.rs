//! The latent factor model of ratings, by variational Bayes.
//!
//! `y_ij ~ N(μ + a_i + b_j + A_i·B_j, σ²)` for the observed pairs, `μ ~ N(0, mu_sd²)`, and per side
//! rows `(a_i, A_i) ~ N(0, C_user)`, `(b_j, B_j) ~ N(0, C_item)`. `q` factorises over `μ` and the
//! rows, each row a Gaussian with full (or diagonal) covariance; `σ` and the priors' covariances
//! are learnt by the M-step. On request every user has noise of its own size. The one idea: users are local variables and items global ones, so
//! users stream through a model whose size is that of the items. Deliberately absent: files, ids,
//! and any dense user × item matrix.
//!
//! # References
//! `[@lim2007variational]` and `[@nakajima2011theoretical]` for variational matrix factorisation.

mod config;
mod fit;
mod generate;
mod items;
mod kernel;
mod layout;
mod local;
mod model;
mod noise;
mod posterior;
mod predict;
mod prior;
mod ratings;
mod records;
mod statistics;
mod system;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use config::{FactorConfig, Precision, RowCovariance};
pub use fit::{HeldoutRatings, fit, fit_source, fit_stochastic};
pub use generate::{GenerateConfig, Generated, generate};
pub use noise::NoiseShape;
pub use posterior::{FactorPosterior, Row};
pub use predict::{Heldout, Prediction, Recommendation, RowDraws};
pub use prior::PriorShape;
pub use ratings::Ratings;
