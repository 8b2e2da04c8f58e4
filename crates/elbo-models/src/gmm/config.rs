//! Settings of a Gaussian mixture, as a user gives them.

use std::fmt;
use std::str::FromStr;

use super::posterior::GmmPosterior;
use super::precision::Structure;
use crate::ModelError;
use crate::driver::CoordinateAscentConfig;

/// What the components' covariance matrices may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Covariance {
    /// A matrix per component; normal–Wishart prior.
    #[default]
    Full,
    /// A diagonal matrix per component; normal–gamma priors, one per coordinate.
    Diagonal,
    /// A multiple of the identity per component; one gamma prior.
    Spherical,
    /// One matrix shared by all components; Wishart prior, independent means given it.
    Tied,
}

impl Covariance {
    /// All types, with the names that [`FromStr`] takes.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("full", Self::Full),
        ("diagonal", Self::Diagonal),
        ("spherical", Self::Spherical),
        ("tied", Self::Tied),
    ];

    pub(crate) fn structure(self) -> Structure {
        match self {
            Self::Full | Self::Tied => Structure::Full,
            Self::Diagonal => Structure::Diagonal,
            Self::Spherical => Structure::Spherical,
        }
    }
}

impl fmt::Display for Covariance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, c)| c == self);
        f.pad(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for Covariance {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        let found = Self::NAMES.iter().find(|(n, _)| *n == name);
        found.map(|(_, c)| *c).ok_or_else(|| {
            ModelError::setting("covariance", name, "one of full, diagonal, spherical, tied")
        })
    }
}

/// Where coordinate ascent starts; `P` is the posterior of the model that is fitted.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Start<P = GmmPosterior> {
    /// k-means++ and a few Lloyd sweeps, on columns scaled by the prior's variances.
    #[default]
    KMeans,
    /// Responsibilities drawn from the uniform distribution on the simplex, row by row.
    Random,
    /// Given responsibilities: (n, K), rows sum to 1.
    Responsibilities(Vec<f64>),
    /// An earlier fit: its `q`, with the priors of this fit.
    Posterior(Box<P>),
}

/// Settings of a Gaussian mixture; `None` means the documented default.
///
/// The defaults of the priors are those of scikit-learn's `BayesianGaussianMixture`.
#[derive(Debug, Clone, PartialEq)]
pub struct GmmConfig {
    /// The number of components `K`; those that the data do not need stay empty.
    pub n_components: usize,
    /// The covariance type.
    pub covariance: Covariance,
    /// `α₀` of each weight; `1/K` by default. Small values empty components that are not needed.
    pub weight_concentration: Option<f64>,
    /// `m₀`; the data's mean by default.
    pub mean: Option<Vec<f64>>,
    /// `β₀`: how many observations the prior mean is worth.
    pub mean_precision: f64,
    /// `ν₀`; D by default.
    pub degrees_of_freedom: Option<f64>,
    /// `C₀`, with `E[Λ] = ν₀ C₀⁻¹`: D×D row by row (full, tied), D variances (diagonal) or one
    /// (spherical); the data's covariance, variances or mean variance by default.
    pub covariance_prior: Option<Vec<f64>>,
    /// Where to start.
    pub start: Start,
    /// The number of starts, of which the best is kept; starts that are given are used once.
    pub n_restarts: usize,
    /// When to stop.
    pub ascent: CoordinateAscentConfig,
}

impl GmmConfig {
    /// The defaults for `n_components` components.
    pub fn new(n_components: usize) -> Self {
        Self {
            n_components,
            covariance: Covariance::Full,
            weight_concentration: None,
            mean: None,
            mean_precision: 1.0,
            degrees_of_freedom: None,
            covariance_prior: None,
            start: Start::KMeans,
            n_restarts: 1,
            // A component that the data do not need empties slowly: its last members leave over
            // many iterations that each gain little.
            ascent: CoordinateAscentConfig {
                rel_tol: 1e-9,
                ..CoordinateAscentConfig::default()
            },
        }
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        if self.n_components == 0 {
            return Err(ModelError::setting("n_components", 0, "give at least 1"));
        }
        let positive = |name, value: f64| {
            if value > 0.0 && value.is_finite() {
                return Ok(());
            }
            Err(ModelError::setting(name, value, "give a positive number"))
        };
        if let Some(concentration) = self.weight_concentration {
            positive("weight_concentration", concentration)?;
        }
        positive("mean_precision", self.mean_precision)
    }
}
