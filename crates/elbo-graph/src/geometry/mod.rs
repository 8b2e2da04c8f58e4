//! Other coordinates of the same density, in which its posterior is closer to a Gaussian.
//!
//! The one idea: a graph remembers which parameters were given a density with a location and a scale
//! that depend on other parameters, as in `θ ~ normal(μ, τ)`. Such a `θ` can be replaced by `z` with
//!
//! `θ = (1 − λ) μ + τ^(1−λ) z`,
//!
//! which is the centred form for a degree `λ` of 1, the non-centred one for 0, and in between where
//! that is better `[@papaspiliopoulos2007general]`, `[@gorinova2020automatic]`; unlike in the latter, the
//! share of the location does not depend on the unit of `τ`. A parameter whose prior is
//! known but not normal becomes `Φ⁻¹(F(θ))`, whose prior is: the importance ratios of a Gaussian then
//! stay bounded in directions that the data say nothing about. Both are changes of variables with
//! their Jacobians, exact whatever the density is; what is remembered is a hint, never an assumption.
//! Deliberately absent: which degrees are good, which whoever fits the density learns.

mod find;
mod rewrite;
mod standard;
#[cfg(test)]
mod tests;

use crate::graph::{Graph, NodeId};
use crate::lanes::LaneBlock;
use crate::program::Program;
use crate::shape::Shape;
use rewrite::{Degree, Rewritten};
use standard::Standard;

/// A density by name with its arguments, the variable first.
#[derive(Debug, Clone)]
pub(crate) struct Assumed {
    pub density: &'static str,
    pub args: Vec<NodeId>,
}

/// A location as a function of a node.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Location {
    None,
    Node(NodeId),
    /// Its logarithm.
    Log(NodeId),
    /// The logarithm of its inverse.
    MinusLog(NodeId),
}

impl Location {
    fn node(self) -> Option<NodeId> {
        match self {
            Self::None => None,
            Self::Node(n) | Self::Log(n) | Self::MinusLog(n) => Some(n),
        }
    }
}

/// A scale `s` as a function of a node, and in which form the parameter `u` was written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    None,
    /// Centred: `u` has the scale.
    Centred(NodeId),
    /// Non-centred: `location + s u` is what has the location and the scale.
    NonCentred(NodeId),
}

impl Scale {
    fn node(self) -> Option<NodeId> {
        match self {
            Self::None => None,
            Self::Centred(n) | Self::NonCentred(n) => Some(n),
        }
    }
}

/// Entries of one parameter that get other coordinates together.
#[derive(Debug, Clone)]
struct Group {
    parameter: NodeId,
    /// Entries of the parameter, one for each entry of `shape`.
    entries: Vec<u32>,
    shape: Shape,
    location: Location,
    scale: Scale,
    standard: Standard,
    density: &'static str,
    /// Whether location or scale depend on parameters, so that there is a degree to choose.
    has_degrees: bool,
}

impl Group {
    fn n_degrees(&self) -> usize {
        if self.has_degrees {
            self.shape.len()
        } else {
            0
        }
    }
}

/// What a graph knows about its parameters' densities; made by [`Program::geometry`].
#[derive(Debug, Clone)]
pub struct Geometry {
    graph: Graph,
    groups: Vec<Group>,
}

/// Some coordinates and how they were changed, for a reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Recoordinated {
    /// The unconstrained coordinates.
    pub coordinates: Vec<usize>,
    /// The density that was seen.
    pub density: &'static str,
    /// The degree of centring of each: 1 centred, 0 non-centred; empty where there is none to choose.
    pub degrees: Vec<f64>,
    /// Whether they are standardised so that a prior that is not normal becomes so.
    pub standardised: bool,
}

impl Geometry {
    /// What `graph` knows; `None` if that is nothing.
    pub(crate) fn of(graph: &Graph) -> Option<Self> {
        let groups = find::groups(graph);
        (!groups.is_empty()).then(|| Self {
            graph: graph.clone(),
            groups,
        })
    }

    /// The number of degrees of centring, one for each coordinate that has a choice.
    pub fn n_degrees(&self) -> usize {
        self.groups.iter().map(Group::n_degrees).sum()
    }

    /// `log p(u(z; λ)) + log |∂u/∂z|` as a function of `z`, and after it of `λ`, which may
    /// be any number.
    pub fn extended(&self) -> Program {
        let mut rewritten = Rewritten::parameters(&self.graph);
        let degrees: Vec<Degree> = self
            .groups
            .iter()
            .map(|group| {
                if group.has_degrees {
                    Degree::Unknown(rewritten.graph.parameter(group.shape))
                } else {
                    Degree::Fixed(vec![0.0; group.shape.len()])
                }
            })
            .collect();
        rewritten.rewrite(&self.graph, &self.groups, &degrees);
        Program::new(&rewritten.graph)
    }

    /// The coordinates with these degrees.
    ///
    /// # Panics
    /// If there is another number of degrees.
    pub fn at(&self, degrees: &[f64]) -> Coordinates {
        let degrees = self.by_group(degrees);
        let fixed: Vec<Degree> = degrees.iter().cloned().map(Degree::Fixed).collect();
        let mut rewritten = Rewritten::parameters(&self.graph);
        let (originals, jacobian) = rewritten.rewrite(&self.graph, &self.groups, &fixed);
        let outputs: Vec<NodeId> = originals.iter().chain(&jacobian).copied().collect();
        let forward = Program::report(&rewritten.graph, &outputs);
        let program = Program::new(&rewritten.graph);
        let (graph, standard) = rewrite::inverse(&self.graph, &self.groups, &fixed);
        Coordinates {
            inverse: Program::report(&graph, &standard),
            program,
            forward,
        }
    }

    /// What was changed, and how far.
    ///
    /// # Panics
    /// If there is another number of degrees.
    pub fn account(&self, degrees: &[f64]) -> Vec<Recoordinated> {
        let degrees = self.by_group(degrees);
        let groups = self.groups.iter().zip(degrees);
        groups
            .map(|(group, degrees)| {
                let first = rewrite::first_coordinate(&self.graph, group.parameter);
                Recoordinated {
                    coordinates: group.entries.iter().map(|e| first + *e as usize).collect(),
                    density: group.density,
                    degrees: if group.has_degrees {
                        degrees
                    } else {
                        Vec::new()
                    },
                    standardised: group.standard != Standard::Normal,
                }
            })
            .collect()
    }

    /// The degrees of each group, zeros where it has none to choose.
    fn by_group(&self, degrees: &[f64]) -> Vec<Vec<f64>> {
        assert_eq!(degrees.len(), self.n_degrees(), "one number per degree");
        let mut rest = degrees;
        let take = |group: &Group| {
            let (own, after) = rest.split_at(group.n_degrees());
            rest = after;
            if group.has_degrees {
                own.to_vec()
            } else {
                vec![0.0; group.shape.len()]
            }
        };
        self.groups.iter().map(take).collect()
    }
}

impl std::fmt::Display for Recoordinated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, .., last] = self.coordinates[..] else {
            let only = self.coordinates.first().copied().unwrap_or_default();
            write!(f, "coordinate {only} ({})", self.density)?;
            return self.write_change(f);
        };
        write!(f, "coordinates {first} to {last} ({})", self.density)?;
        self.write_change(f)
    }
}

impl Recoordinated {
    fn write_change(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.standardised {
            write!(f, ": standardised")?;
        }
        if self.degrees.is_empty() {
            return Ok(());
        }
        let least = self.degrees.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.degrees.iter().copied().fold(0.0, f64::max);
        if most - least < 0.005 {
            write!(f, ": centred by {least:.2}")
        } else {
            write!(f, ": centred by {least:.2} to {most:.2}")
        }
    }
}

/// A density in other coordinates `z`, and the way between them and the original ones `u`.
#[derive(Debug)]
pub struct Coordinates {
    program: Program,
    /// `u`, then the terms of `log |∂u/∂z|`.
    forward: Program,
    /// `z` of `u`.
    inverse: Program,
}

impl Coordinates {
    /// `log p(u(z)) + log |∂u/∂z|`.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The original coordinates of points, `dimension × n_draws` numbers with draws innermost, and
    /// `log |∂u/∂z|` of every draw.
    pub fn original(&self, points: &[f64], n_draws: usize) -> (Vec<f64>, Vec<f64>) {
        let dimension = self.program.dimension();
        let mut all = vec![0.0; dimension * n_draws];
        let mut log_jacobian = vec![0.0; n_draws];
        for block in LaneBlock::all(points, n_draws) {
            let lanes = block.lanes();
            let entries = self.forward.outputs(block.numbers(), lanes).concat();
            let (values, terms) = entries.split_at(dimension * lanes);
            block.store(values, &mut all, n_draws);
            let mut sum = vec![0.0; lanes];
            for term in terms.chunks_exact(lanes) {
                for (s, t) in sum.iter_mut().zip(term) {
                    *s += t;
                }
            }
            block.store(&sum, &mut log_jacobian, n_draws);
        }
        (all, log_jacobian)
    }

    /// These coordinates of points given in the original ones.
    pub fn changed(&self, points: &[f64], n_draws: usize) -> Vec<f64> {
        let mut all = vec![0.0; points.len()];
        for block in LaneBlock::all(points, n_draws) {
            let entries = self
                .inverse
                .outputs(block.numbers(), block.lanes())
                .concat();
            block.store(&entries, &mut all, n_draws);
        }
        all
    }
}
