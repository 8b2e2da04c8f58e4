//! A program with its data, ready to be evaluated.
//!
//! The one idea: the program is run once with symbols for its parameters, and what it computes
//! becomes a program of `elbo-graph` ([`path`]). Where parameters decide what is run, that program
//! holds for some points only; others get their own, found when such a point is met. Generated
//! quantities are run once per draw ([`generated`]).

mod columns;
mod density;
mod generated;
mod generation;
mod path;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use elbo_graph::Summary;
use elbo_graph::geometry::Recoordinated;

use crate::run::{self, Known, RunError, RunLimits, Value};
use crate::typed::{BlockKind, Program};
pub use columns::Column;
pub use density::DensityOptions;
pub use generated::Quantities;
use path::Path;

/// As many paths as are kept; more are made again when they are needed.
const MOST_PATHS: usize = 1_000;

/// A program with its data.
#[derive(Debug)]
pub struct Model {
    program: Arc<Program>,
    known: Known,
    limits: RunLimits,
    columns: Vec<Column>,
    /// The path at the origin.
    main: Arc<Path>,
    others: Mutex<Vec<Arc<Path>>>,
    /// Paths of densities that leave something out.
    variants: Mutex<Vec<(DensityOptions, Arc<Path>)>>,
}

impl Model {
    /// Checks the data, runs `transformed data`, and builds the log density.
    ///
    /// `say` gets what the program prints on the way.
    ///
    /// # Errors
    /// What is wrong with the data, or what of the program cannot be evaluated, with its place.
    pub fn new(
        program: impl Into<Arc<Program>>,
        data: &BTreeMap<String, Value>,
        limits: &RunLimits,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Self, RunError> {
        let program = program.into();
        let known = run::known(&program, data, limits, say)?;
        let columns = columns::columns(&program, &known, limits)?;
        // At the origin nothing has happened yet that could not happen anywhere.
        let dimension = run::dimension(&program, &known, limits)?;
        let origin = vec![0.0; dimension];
        let main = Path::new(
            &program,
            &known,
            limits,
            say,
            &origin,
            &[],
            DensityOptions::default(),
        )?;
        Ok(Self {
            program,
            known,
            limits: limits.clone(),
            columns,
            main: Arc::new(main),
            others: Mutex::new(Vec::new()),
            variants: Mutex::new(Vec::new()),
        })
    }

    /// The number of unconstrained coordinates.
    pub fn dimension(&self) -> usize {
        self.main.dimension
    }

    /// The numbers of a draw: parameters, transformed parameters, generated quantities.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What is computed, for a person to read; of the path at the origin, if parameters decide.
    pub fn summary(&self) -> Option<&Summary> {
        self.main.density.as_ref().map(elbo_graph::Program::summary)
    }

    /// The coordinates that a fit changes before it begins, and the densities that ask for it; of the
    /// path at the origin, and of none where parameters decide.
    pub fn recoordinated(&self) -> Vec<Recoordinated> {
        let geometry = match &self.main.density {
            Some(density) if !self.is_branching() => density.geometry(),
            _ => None,
        };
        geometry.map_or_else(Vec::new, |g| g.account(&vec![0.0; g.n_degrees()]))
    }

    /// Whether what is run depends on parameters.
    pub fn is_branching(&self) -> bool {
        !self.main.decisions.is_empty()
    }

    /// The unconstrained point at which the parameters have these values, by name.
    ///
    /// # Errors
    /// A parameter that is missing, of the wrong shape, or outside its constraint.
    pub fn unconstrain(&self, values: &BTreeMap<String, Value>) -> Result<Vec<f64>, RunError> {
        run::unconstrain(&self.program, &self.known, &self.limits, values)
    }

    /// The path that a point takes.
    fn path_at(&self, point: &[f64]) -> Result<Arc<Path>, RunError> {
        let mut path = Arc::clone(&self.main);
        loop {
            let Some(start) = path.first_other(point) else {
                return Ok(path);
            };
            let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            let found = others.iter().find(|other| other.begins_with(&start));
            if let Some(other) = found {
                path = Arc::clone(other);
                continue;
            }
            drop(others);
            let new = Arc::new(Path::new(
                &self.program,
                &self.known,
                &self.limits,
                &mut |_| {},
                point,
                &start,
                DensityOptions::default(),
            )?);
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            if others.len() >= MOST_PATHS {
                others.clear();
            }
            others.push(Arc::clone(&new));
            return Ok(new);
        }
    }

    /// The same path, for a density that may leave something out.
    fn variant(
        &self,
        options: DensityOptions,
        path: Arc<Path>,
        point: &[f64],
    ) -> Result<Arc<Path>, RunError> {
        if options == DensityOptions::default() {
            return Ok(path);
        }
        let is_it =
            |(o, p): &&(DensityOptions, Arc<Path>)| *o == options && p.decisions == path.decisions;
        let lock = || self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = lock().iter().find(is_it) {
            return Ok(Arc::clone(found));
        }
        let new = Arc::new(Path::new(
            &self.program,
            &self.known,
            &self.limits,
            &mut |_| {},
            point,
            &path.decisions,
            options,
        )?);
        let mut variants = lock();
        if variants.len() >= MOST_PATHS {
            variants.clear();
        }
        variants.push((options, Arc::clone(&new)));
        Ok(new)
    }

    /// Numbers of the blocks before generated quantities.
    fn blocks() -> [BlockKind; 2] {
        [BlockKind::Parameters, BlockKind::TransformedParameters]
    }
}
