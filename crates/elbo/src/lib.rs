//! Variational inference: an approximate posterior, fast, with its evidence bound in nats.
//!
//! The one idea: this crate is a face, not a body. It re-exports the crates below under stable
//! paths, so that a program needs one dependency and their split can change. Deliberately absent:
//! logic, and files (`elbo-data`).
//!
//! | path | what |
//! |---|---|
//! | [`vi`] | any log density: methods, verdicts, NUTS for reference |
//! | [`models`] | models to fit, and the drivers: in memory, by mini-batches, from a stream |
//! | [`stan`] | Stan programs, checked, with diagnostics that point at the text |
//! | [`graph`] | differentiable programs over lanes of draws, and a builder that reads like a model |
//! | [`dist`] | distributions and exponential families |
//! | [`math`] | linear algebra, special functions, random streams, parallel sums |
//!
//! # Your own density
//!
//! A trait with one required method brings every method of [`vi`]; the default climbs from cheap to
//! rich until its own verdict is good.
//!
//! ```
//! use elbo::{DensityError, FitConfig, LogDensity, fit};
//!
//! /// Eight coin tosses, five heads, and a normal prior on the log odds.
//! struct Coin;
//!
//! impl LogDensity for Coin {
//!     fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
//!         let heads = 1.0 / (1.0 + (-x[0]).exp());
//!         g[0] = 5.0 - 8.0 * heads - x[0];
//!         Ok(5.0 * x[0] - 8.0 * x[0].exp().ln_1p() - 0.5 * x[0] * x[0])
//!     }
//! }
//!
//! let seed = 1;
//! let fit = fit(&Coin, 1, &FitConfig::new(seed))?;
//! println!("{}", fit.verdict); // Good: the weighted draws reproduce the posterior (k̂ = …
//! println!("log odds {:.2} ± {:.2}", fit.means()[0], fit.standard_deviations()[0]);
//! let draws = fit.draws(1000, seed); // from the posterior, by importance resampling
//! # assert_eq!(fit.verdict.grade, elbo::Grade::Good);
//! # assert_eq!(draws.n_draws(), 1000);
//! # Ok::<(), elbo::vi::ViError>(())
//! ```
//!
//! # A mixture in a few lines
//!
//! ```
//! use elbo::models::driver::silent;
//! use elbo::models::gmm::{self, GmmConfig, GmmData};
//!
//! // Two groups of numbers; three components are allowed.
//! let values = vec![0.1, -0.3, 0.2, 0.0, -0.1, 9.8, 10.1, 10.3, 9.9, 10.0];
//! let data = GmmData::new(values, 1)?;
//! let mut config = GmmConfig::new(3);
//! config.weight_concentration = Some(1e-3);
//! let seed = 1;
//! let fit = gmm::fit(&data, &config, seed, &mut silent)?;
//!
//! assert!(fit.outcome.converged());
//! assert_eq!(fit.posterior.n_effective_components(), 2);
//! println!("log evidence of at least {:.1} nats", fit.outcome.elbo);
//! # Ok::<(), elbo::models::ModelError>(())
//! ```
//!
//! # An exact bound
//!
//! ```
//! use elbo::dist::{ExponentialFamily, Gamma, Moments};
//!
//! // A rate with a Gamma(2, 1) prior; 3 waiting times that sum to 4.5 make a Gamma(5, 5.5).
//! let prior = Gamma::new(2.0, 1.0)?;
//! let posterior = Gamma::new(2.0 + 3.0, 1.0 + 4.5)?;
//! // ELBO = E log p(data | rate) − KL(q ‖ prior). With the exact posterior it is the log
//! // evidence, log Γ(5)/Γ(2) − 5 log 5.5.
//! let elbo = 3.0 * posterior.mean_log() - 4.5 * posterior.mean() - posterior.kl(&prior);
//! assert!((elbo - (24.0_f64.ln() - 5.0 * 5.5_f64.ln())).abs() < 1e-12);
//! # Ok::<(), elbo::dist::DistError>(())
//! ```

pub use elbo_dist as dist;
pub use elbo_graph as graph;
pub use elbo_math as math;
pub use elbo_models as models;
pub use elbo_stan as stan;
pub use elbo_vi as vi;

pub use elbo_vi::diagnostic::verdict::Grade;
pub use elbo_vi::{DensityError, Draws, Fit, FitConfig, LogDensity, ViError, fit};

/// The README's Rust code, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
