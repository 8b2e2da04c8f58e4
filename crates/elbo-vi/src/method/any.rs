//! Any method by its name, with its settings.
//!
//! Deliberately absent: logic; a method is a file of its own, and this is a table.

use super::{Auto, Start, auto};
use crate::driver::{self, DriverConfig, Fitted, Observer};
use crate::{Target, ViError};

/// `module::Method` for every file beside this one; `auto`, which climbs over them, comes by itself,
/// and a method that cannot do without more than a density (`ep`: its factors) goes through
/// [`fit_with`](crate::fit::fit_with).
macro_rules! methods {
    ($($module:ident :: $Method:ident),* $(,)?) => {
        /// A method with its settings.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum AnyMethod {
            #[doc = "See [`auto`]."]
            Auto(Auto),
            $(
                #[doc = concat!("See [`", stringify!($module), "`](super::", stringify!($module), ").")]
                $Method(super::$Method),
            )*
        }

        impl AnyMethod {
            /// The method that goes by `name`, with its default settings.
            pub fn named(name: &str) -> Option<Self> {
                if name == auto::DESCRIPTION.name {
                    return Some(Self::Auto(Auto::default()));
                }
                $(
                    if name == super::$module::DESCRIPTION.name {
                        return Some(Self::$Method(super::$Method::default()));
                    }
                )*
                None
            }

            /// What it is called.
            pub fn name(&self) -> &'static str {
                match self {
                    Self::Auto(_) => auto::DESCRIPTION.name,
                    $(Self::$Method(_) => super::$module::DESCRIPTION.name,)*
                }
            }

            /// Runs it.
            ///
            /// # Errors
            /// As [`driver::fit`].
            pub fn run(
                &self,
                target: &Target<'_>,
                start: &Start,
                seed: u64,
                config: &DriverConfig,
                observer: &mut Observer<'_>,
            ) -> Result<Fitted, ViError> {
                match self {
                    Self::Auto(m) => m.run(target, start, seed, config, observer),
                    $(Self::$Method(m) => driver::fit(m, target, start, seed, config, observer),)*
                }
            }
        }
    };
}

methods! {
    adaptive::Adaptive,
    bam::Bam,
    copula::Copula,
    dadvi::Dadvi,
    flow::Flow,
    fullrank::FullRank,
    laplace::Laplace,
    lowrank::LowRank,
    meanfield::MeanField,
    mixture::Mixture,
    pathfinder::Pathfinder,
    score::Score,
}

impl Default for AnyMethod {
    /// `auto`.
    fn default() -> Self {
        Self::Auto(Auto::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::METHODS;

    #[test]
    fn every_method_listed_can_be_had_by_name() {
        // `ep` needs the factors that its density is a product of.
        for description in METHODS.iter().filter(|d| d.name != "ep") {
            let method = AnyMethod::named(description.name);
            assert_eq!(method.map(|m| m.name()), Some(description.name));
        }
        assert_eq!(AnyMethod::named("magic"), None);
    }
}
