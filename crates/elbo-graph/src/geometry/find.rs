//! Which parameters get other coordinates, from the densities that were seen.
//!
//! The one idea: a density is read only for its location and scale, and only where its variable is
//! some entries of one parameter, as they are or under a constraint that is an `exp` or a logit.
//! Whatever does not fit is left as it is. Deliberately absent: the formulas ([`super::rewrite`]).

use std::collections::BTreeSet;

use super::standard::Standard;
use super::{Assumed, Group, Location, Scale};
use crate::graph::{Graph, NodeId, Op};
use crate::pointwise::Function;
use crate::shape::Shape;

/// How deep a scale is looked into for what makes it positive.
const DEPTH: usize = 12;

/// How a variable is computed from entries of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Identity,
    Exp,
    Logit,
}

struct Entries {
    parameter: NodeId,
    index: Vec<u32>,
    link: Link,
}

pub(super) fn groups(graph: &Graph) -> Vec<Group> {
    let mut finder = Finder {
        graph,
        groups: Vec::new(),
        claimed: vec![false; graph.n_parameters()],
    };
    for assumed in &graph.assumed {
        if let Some(group) = finder.read(assumed) {
            finder.accept(group);
        }
    }
    finder.products();
    finder.flat();
    finder.groups
}

struct Finder<'a> {
    graph: &'a Graph,
    groups: Vec<Group>,
    /// Coordinates that have a group.
    claimed: Vec<bool>,
}

impl Finder<'_> {
    /// The group that a density suggests.
    fn read(&self, assumed: &Assumed) -> Option<Group> {
        let graph = self.graph;
        let [y, rest @ ..] = &assumed.args[..] else {
            return None;
        };
        let of = self.entries(*y)?;
        let zero = |n: NodeId| self.is_all(n, 0.0);
        let (location, scale, standard) = match (of.link, assumed.density, rest) {
            (Link::Identity, "cauchy", [l, s]) => located(*l, *s, Standard::Cauchy),
            (Link::Identity, "double_exponential", [l, s]) => located(*l, *s, Standard::Laplace),
            (Link::Identity, "logistic", [l, s]) => located(*l, *s, Standard::Logistic),
            (Link::Identity, "normal", [l, s])
            | (Link::Identity, "student_t", [_, l, s])
            | (Link::Exp, "lognormal", [l, s]) => located(*l, *s, Standard::Normal),
            (Link::Exp, "normal", [l, s]) if zero(*l) => scaled(*s, Standard::LogHalfNormal),
            (Link::Exp, "cauchy", [l, s]) if zero(*l) => scaled(*s, Standard::LogHalfCauchy),
            (Link::Exp, "student_t", [_, l, s]) if zero(*l) => scaled(*s, Standard::Normal),
            (Link::Exp, "exponential", [rate]) => (
                Location::MinusLog(*rate),
                Scale::None,
                Standard::LogExponential,
            ),
            (Link::Exp, "gamma", [_, rate]) => {
                (Location::MinusLog(*rate), Scale::None, Standard::Normal)
            }
            (Link::Exp, "inv_gamma" | "weibull", [_, s]) => scaled(*s, Standard::Normal),
            _ => return None,
        };
        let nodes = [location.node(), scale.node()];
        let has_degrees = nodes.into_iter().flatten().any(|n| !self.is_known(n));
        if !has_degrees && standard == Standard::Normal {
            return None;
        }
        Some(Group {
            parameter: of.parameter,
            entries: of.index,
            shape: graph.shape(*y),
            location,
            scale,
            standard,
            density: assumed.density,
            has_degrees,
        })
    }

    /// Parameters that were written in non-centred form: standard normal, then multiplied by a scale.
    fn products(&mut self) {
        let graph = self.graph;
        let standard: BTreeSet<NodeId> = graph
            .assumed
            .iter()
            .filter(|a| match (a.density, &a.args[1..]) {
                ("std_normal", []) => true,
                ("normal", [l, s]) => self.is_all(*l, 0.0) && self.is_all(*s, 1.0),
                _ => false,
            })
            .map(|a| a.args[0])
            .filter(|y| matches!(graph.nodes[y.index()].op, Op::Parameter { .. }))
            .collect();
        for parameter in standard {
            let users = self.users(parameter, Function::Multiply);
            let [(product, scale)] = users[..] else {
                continue;
            };
            let shape = graph.shape(parameter);
            if self.is_known(scale) || graph.shape(product) != shape || !self.is_positive(scale, 0)
            {
                continue;
            }
            let sums = self.users(product, Function::Add);
            let location = match sums[..] {
                [(sum, l)] if graph.shape(sum) == shape => Location::Node(l),
                _ => Location::None,
            };
            let group = Group {
                parameter,
                entries: (0..).take(shape.len()).collect(),
                shape,
                location,
                scale: Scale::NonCentred(scale),
                standard: Standard::Normal,
                density: "normal",
                has_degrees: true,
            };
            let without = Group {
                location: Location::None,
                ..group.clone()
            };
            if !self.accept(group) {
                self.accept(without);
            }
        }
    }

    /// Numbers between bounds that nothing is said about: their logits are logistic.
    fn flat(&mut self) {
        let graph = self.graph;
        let said: BTreeSet<NodeId> = graph
            .assumed
            .iter()
            .filter(|a| a.density != "uniform")
            .filter_map(|a| Some(self.entries(a.args[0])?.parameter))
            .collect();
        for node in &graph.nodes {
            let Op::Pointwise {
                function: Function::LogInvLogit,
                args,
            } = &node.op
            else {
                continue;
            };
            // Its Jacobian shows that it is a constraint.
            let parameter = args[0];
            let free = matches!(graph.nodes[parameter.index()].op, Op::Parameter { .. });
            if !free || said.contains(&parameter) {
                continue;
            }
            let shape = graph.shape(parameter);
            self.accept(Group {
                parameter,
                entries: (0..).take(shape.len()).collect(),
                shape,
                location: Location::None,
                scale: Scale::None,
                standard: Standard::Logistic,
                density: "uniform",
                has_degrees: false,
            });
        }
    }

    /// Takes a group unless its shapes do not fit, its entries are taken, or it would depend on
    /// itself.
    fn accept(&mut self, group: Group) -> bool {
        let graph = self.graph;
        let nodes = [group.location.node(), group.scale.node()];
        let fits = nodes.into_iter().flatten().all(|n| {
            let shape = graph.shape(n);
            shape.broadcast(group.shape) == Some(group.shape)
        });
        let first = super::rewrite::first_coordinate(graph, group.parameter);
        let mut own = vec![false; graph.shape(group.parameter).len()];
        let twice = group.entries.iter().any(|e| {
            let e = *e as usize;
            std::mem::replace(&mut own[e], true) || self.claimed[first + e]
        });
        if !fits || twice || self.is_circular(&group) {
            return false;
        }
        for e in &group.entries {
            self.claimed[first + *e as usize] = true;
        }
        self.groups.push(group);
        true
    }

    fn is_circular(&self, group: &Group) -> bool {
        let graph = self.graph;
        let mut seen = vec![false; graph.nodes.len()];
        let mut stack: Vec<NodeId> = group.location.node().into_iter().collect();
        stack.extend(group.scale.node());
        while let Some(id) = stack.pop() {
            if std::mem::replace(&mut seen[id.index()], true) {
                continue;
            }
            if id == group.parameter {
                return true;
            }
            stack.extend(graph.nodes[id.index()].op.args());
            for other in self.groups.iter().filter(|g| g.parameter == id) {
                stack.extend(other.location.node());
                stack.extend(other.scale.node());
            }
        }
        false
    }

    fn is_known(&self, node: NodeId) -> bool {
        self.graph.known(node).is_some()
    }

    fn is_all(&self, node: NodeId, value: f64) -> bool {
        let known = self.graph.known(node);
        known.is_some_and(|values| values.iter().all(|v| *v == value))
    }

    /// Nodes `function(a, b)` with `a` or `b` the node, and the other argument.
    fn users(&self, node: NodeId, wanted: Function) -> Vec<(NodeId, NodeId)> {
        let nodes = self.graph.nodes.iter().zip(0..);
        nodes
            .filter_map(|(n, id)| match &n.op {
                Op::Pointwise { function, args } if *function == wanted => match args[..] {
                    [a, b] if a == node && b != node => Some((NodeId(id), b)),
                    [a, b] if b == node && a != node => Some((NodeId(id), a)),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    /// Whether a value is never negative, as far as its computation shows.
    fn is_positive(&self, node: NodeId, depth: usize) -> bool {
        if let Some(values) = self.graph.known(node) {
            return values.iter().all(|v| *v > 0.0);
        }
        let all = |nodes: &[NodeId]| nodes.iter().all(|n| self.is_positive(*n, depth + 1));
        depth < DEPTH
            && match &self.graph.nodes[node.index()].op {
                Op::Pointwise { function, args } => match function {
                    Function::Exp
                    | Function::Sqrt
                    | Function::Square
                    | Function::InvLogit
                    | Function::Log1pExp => true,
                    // A lower bound of zero is an addition of zero.
                    Function::Add => {
                        let rest: Vec<NodeId> = args
                            .iter()
                            .copied()
                            .filter(|a| !self.is_all(*a, 0.0))
                            .collect();
                        all(&rest)
                    }
                    Function::Multiply | Function::Divide | Function::Inverse => all(args),
                    Function::Power => all(&args[..1]),
                    _ => false,
                },
                Op::Gather { source, .. } => all(&[*source]),
                Op::Rows(parts) | Op::Columns(parts) => all(parts),
                _ => false,
            }
    }

    /// The entries of one parameter that a value is.
    fn entries(&self, node: NodeId) -> Option<Entries> {
        let graph = self.graph;
        let shape = graph.shape(node);
        match &graph.nodes[node.index()].op {
            Op::Parameter { .. } => Some(Entries {
                parameter: node,
                index: (0..).take(shape.len()).collect(),
                link: Link::Identity,
            }),
            Op::Gather {
                source,
                index,
                width,
                ..
            } => {
                let of = self.entries(*source)?;
                let entries = index.iter().flat_map(|i| {
                    let first = *i as usize * width;
                    of.index[first..first + width].iter().copied()
                });
                Some(Entries {
                    index: entries.collect(),
                    ..of
                })
            }
            Op::Pointwise { function, args } => self.entries_of(*function, args, shape),
            _ => None,
        }
    }

    fn entries_of(&self, function: Function, args: &[NodeId], shape: Shape) -> Option<Entries> {
        let linked = |node: NodeId, link: Link| {
            let of = self.entries(node)?;
            let plain = of.link == Link::Identity && self.graph.shape(node) == shape;
            plain.then_some(Entries { link, ..of })
        };
        match (function, args) {
            (Function::Exp, [x]) => linked(*x, Link::Exp),
            (Function::InvLogit, [x]) => linked(*x, Link::Logit),
            (Function::Add | Function::Multiply, [a, b]) => {
                let (known, x) = match (self.is_known(*a), self.is_known(*b)) {
                    (true, false) => (*a, *b),
                    (false, true) => (*b, *a),
                    _ => return None,
                };
                let of = self.entries(x)?;
                let same = self.graph.shape(x) == shape;
                // Only the logarithm and the logit of what has a bound of zero are locations.
                let keeps = match of.link {
                    Link::Identity => false,
                    Link::Exp => function == Function::Add && self.is_all(known, 0.0),
                    Link::Logit => true,
                };
                (same && keeps).then_some(of)
            }
            _ => None,
        }
    }
}

fn located(l: NodeId, s: NodeId, standard: Standard) -> (Location, Scale, Standard) {
    (Location::Node(l), Scale::Centred(s), standard)
}

/// The logarithm of a variable of scale `s`.
fn scaled(s: NodeId, standard: Standard) -> (Location, Scale, Standard) {
    (Location::Log(s), Scale::None, standard)
}
