//! What a constructor can object to, and the checks that every constructor shares.
//!
//! The one idea: a message names the distribution, the parameter, the value that came in and what
//! is required of it, so that nobody has to open this source to mend a call.

use elbo_math::MathError;
use elbo_math::linalg::{Cholesky, Matrix};

/// A parameter that no distribution of the family has.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DistError {
    /// A scalar parameter is outside its domain.
    #[error("{distribution}: {parameter} is {value}, but must be {requirement}")]
    InvalidParameter {
        /// The distribution that was asked for.
        distribution: &'static str,
        /// The parameter's name in the constructor.
        parameter: &'static str,
        /// The value that came in.
        value: f64,
        /// What the value must be.
        requirement: &'static str,
    },
    /// An entry of a vector parameter is outside its domain.
    #[error("{distribution}: {parameter}[{index}] is {value}, but must be {requirement}")]
    InvalidEntry {
        /// The distribution that was asked for.
        distribution: &'static str,
        /// The parameter's name in the constructor.
        parameter: &'static str,
        /// Position of the offending entry.
        index: usize,
        /// The value that came in.
        value: f64,
        /// What each entry must be.
        requirement: &'static str,
    },
    /// A vector or matrix parameter has the wrong shape.
    #[error("{distribution}: {parameter} has length {length}, but must have {requirement}")]
    InvalidLength {
        /// The distribution that was asked for.
        distribution: &'static str,
        /// The parameter's name in the constructor.
        parameter: &'static str,
        /// The length that came in.
        length: usize,
        /// What the length must be.
        requirement: String,
    },
    /// A matrix parameter is not positive definite.
    #[error("{distribution}: {parameter}: {source}")]
    InvalidMatrix {
        /// The distribution that was asked for.
        distribution: &'static str,
        /// The parameter's name in the constructor.
        parameter: &'static str,
        /// What the factorisation met.
        source: MathError,
    },
}

impl DistError {
    /// The name of the parameter at fault.
    pub fn parameter(&self) -> &'static str {
        match self {
            Self::InvalidParameter { parameter, .. }
            | Self::InvalidEntry { parameter, .. }
            | Self::InvalidLength { parameter, .. }
            | Self::InvalidMatrix { parameter, .. } => parameter,
        }
    }
}

/// The checks of one distribution's constructor; the field is the distribution's name.
#[derive(Clone, Copy)]
pub(crate) struct Check(pub(crate) &'static str);

impl Check {
    /// Passes `value` on if `ok`.
    pub(crate) fn require(
        self,
        ok: bool,
        parameter: &'static str,
        value: f64,
        requirement: &'static str,
    ) -> Result<f64, DistError> {
        if ok {
            return Ok(value);
        }
        Err(DistError::InvalidParameter {
            distribution: self.0,
            parameter,
            value,
            requirement,
        })
    }

    pub(crate) fn finite(self, parameter: &'static str, value: f64) -> Result<f64, DistError> {
        self.require(value.is_finite(), parameter, value, "finite")
    }

    pub(crate) fn positive(self, parameter: &'static str, value: f64) -> Result<f64, DistError> {
        let ok = value > 0.0 && value.is_finite();
        self.require(ok, parameter, value, "positive and finite")
    }

    pub(crate) fn probability(self, parameter: &'static str, value: f64) -> Result<f64, DistError> {
        self.require(
            (0.0..=1.0).contains(&value),
            parameter,
            value,
            "between 0 and 1",
        )
    }

    /// Passes a vector on if it is not empty and each entry satisfies `ok`.
    pub(crate) fn each(
        self,
        parameter: &'static str,
        values: &[f64],
        ok: impl Fn(f64) -> bool,
        requirement: &'static str,
    ) -> Result<(), DistError> {
        if values.is_empty() {
            return self.length(parameter, 0, false, || "at least one entry".into());
        }
        match values.iter().position(|v| !ok(*v)) {
            None => Ok(()),
            Some(index) => Err(DistError::InvalidEntry {
                distribution: self.0,
                parameter,
                index,
                value: values[index],
                requirement,
            }),
        }
    }

    pub(crate) fn each_finite(self, parameter: &'static str, v: &[f64]) -> Result<(), DistError> {
        self.each(parameter, v, f64::is_finite, "finite")
    }

    pub(crate) fn each_positive(self, parameter: &'static str, v: &[f64]) -> Result<(), DistError> {
        self.each(
            parameter,
            v,
            |x| x > 0.0 && x.is_finite(),
            "positive and finite",
        )
    }

    /// Accepts a length if `ok`.
    pub(crate) fn length(
        self,
        parameter: &'static str,
        length: usize,
        ok: bool,
        requirement: impl Fn() -> String,
    ) -> Result<(), DistError> {
        if ok {
            return Ok(());
        }
        let requirement = requirement();
        Err(DistError::InvalidLength {
            distribution: self.0,
            parameter,
            length,
            requirement,
        })
    }

    /// Accepts the natural parameters' vector if it has the family's length.
    pub(crate) fn natural(self, natural: &[f64], expected: usize) -> Result<(), DistError> {
        self.length(
            "natural_params",
            natural.len(),
            natural.len() == expected,
            || format!("{expected} entries"),
        )
    }

    /// Factorises a matrix parameter that has to be positive definite of size `dim`.
    pub(crate) fn cholesky(
        self,
        parameter: &'static str,
        matrix: &Matrix,
        dim: usize,
    ) -> Result<Cholesky, DistError> {
        let (rows, cols) = (matrix.rows(), matrix.cols());
        let odd = if rows == dim { cols } else { rows };
        self.length(parameter, odd, odd == dim && dim > 0, || {
            format!("{} rows and as many columns", dim.max(1))
        })?;
        Cholesky::new(matrix).map_err(|source| self.matrix(parameter, source))
    }

    pub(crate) fn matrix(self, parameter: &'static str, source: MathError) -> DistError {
        DistError::InvalidMatrix {
            distribution: self.0,
            parameter,
            source,
        }
    }
}
