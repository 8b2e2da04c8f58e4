//! Copies a graph with some parameters replaced by functions of others.
//!
//! The one idea: nodes are copied when they are needed, each after what it needs, so that a
//! parameter may be defined before the location that it now depends on. Deliberately absent: which
//! parameters ([`super::find`], which also sees to it that none depends on itself).

use super::{Group, Location, Scale};
use crate::graph::{Graph, NodeId, Op};
use crate::pointwise::Function;
use crate::shape::Shape;
use crate::transform::reshape;

use super::standard::Standard;

/// Degrees of centring of a group's entries.
pub(super) enum Degree {
    Fixed(Vec<f64>),
    /// A parameter.
    Unknown(NodeId),
}

/// Writes formulas of nodes.
pub(super) struct Formula<'g> {
    graph: &'g mut Graph,
}

impl Formula<'_> {
    pub(super) fn one(&mut self, function: Function, x: NodeId) -> NodeId {
        self.graph.pointwise(function, &[x])
    }

    pub(super) fn two(&mut self, function: Function, a: NodeId, b: NodeId) -> NodeId {
        self.graph.pointwise(function, &[a, b])
    }

    pub(super) fn three(&mut self, function: Function, a: NodeId, b: NodeId, c: NodeId) -> NodeId {
        self.graph.pointwise(function, &[a, b, c])
    }

    pub(super) fn number(&mut self, value: f64) -> NodeId {
        self.graph.constant([value], Shape::SCALAR)
    }

    pub(super) fn times(&mut self, x: NodeId, by: f64) -> NodeId {
        let by = self.number(by);
        self.two(Function::Multiply, x, by)
    }

    pub(super) fn plus(&mut self, x: NodeId, what: f64) -> NodeId {
        let what = self.number(what);
        self.two(Function::Add, x, what)
    }
}

/// The first unconstrained coordinate of a parameter.
pub(super) fn first_coordinate(graph: &Graph, parameter: NodeId) -> usize {
    match graph.nodes[parameter.index()].op {
        Op::Parameter { first } => first,
        _ => unreachable!("groups are of parameters"),
    }
}

/// A graph under construction, whose first nodes are the new coordinates of every parameter.
pub(super) struct Rewritten {
    pub graph: Graph,
    done: Vec<Option<NodeId>>,
}

impl Rewritten {
    /// The same coordinates, with no functions of them yet.
    pub(super) fn parameters(from: &Graph) -> Self {
        let mut graph = Graph::new();
        let mut done = vec![None; from.nodes.len()];
        for (node, done) in from.nodes.iter().zip(&mut done) {
            if matches!(node.op, Op::Parameter { .. }) {
                *done = Some(graph.parameter(node.shape));
            }
        }
        Self { graph, done }
    }

    /// Adds the log density in the new coordinates; answers the original value of every parameter,
    /// and the terms of the log-Jacobian.
    pub(super) fn rewrite(
        &mut self,
        from: &Graph,
        groups: &[Group],
        degrees: &[Degree],
    ) -> (Vec<NodeId>, Vec<NodeId>) {
        let parameters: Vec<NodeId> = parameters(from).collect();
        // A parameter with a group is the new coordinate until it is replaced.
        let mut waiting = std::mem::replace(&mut self.done, vec![None; from.nodes.len()]);
        let of = |parameter: NodeId| {
            let own = groups.iter().zip(degrees);
            own.filter(move |(group, _)| group.parameter == parameter)
        };
        let mut jacobian = Vec::new();
        let mut stack: Vec<NodeId> = from.terms.iter().chain(&parameters).copied().collect();
        while let Some(id) = stack.pop() {
            if self.done[id.index()].is_some() {
                continue;
            }
            let node = &from.nodes[id.index()];
            let mut needs = node.op.args();
            for (group, _) in of(id) {
                needs.extend(group.location.node());
                needs.extend(group.scale.node());
            }
            needs.retain(|n| self.done[n.index()].is_none());
            if !needs.is_empty() {
                stack.push(id);
                stack.extend(needs);
                continue;
            }
            let copy = if let Some(z) = waiting[id.index()].take() {
                let mut value = z;
                for (group, degree) in of(id) {
                    let (u, terms) = self.changed(group, degree, z);
                    value = placed(&mut self.graph, value, group, u);
                    jacobian.extend(terms);
                }
                value
            } else {
                let op = node.op.clone().with_args(|a| self.copied(a));
                self.graph.add(op, node.shape)
            };
            self.done[id.index()] = Some(copy);
        }
        for term in &from.terms {
            let term = self.copied(*term);
            self.graph.add_to_log_density(term);
        }
        for term in &jacobian {
            self.graph.add_to_log_density(*term);
        }
        let originals = parameters.into_iter().map(|p| self.copied(p)).collect();
        (originals, jacobian)
    }

    fn copied(&self, id: NodeId) -> NodeId {
        self.done[id.index()].expect("what is needed is copied first")
    }

    /// The original values of a group's entries, and the terms of their log-Jacobian.
    fn changed(&mut self, group: &Group, degree: &Degree, z: NodeId) -> (NodeId, Vec<NodeId>) {
        let location = group.location.node().map(|n| self.copied(n));
        let scale = group.scale.node().map(|n| self.copied(n));
        let mut f = Formula {
            graph: &mut self.graph,
        };
        let mut terms = Vec::new();
        let mut w = picked(f.graph, group, z);
        if group.standard != Standard::Normal {
            let (value, log_derivative) = group.standard.of_normal(&mut f, w);
            terms.push(log_derivative);
            w = value;
        }
        let form = Form::new(&mut f, group, degree, location, scale);
        let u = form.original(&mut f, w);
        terms.extend(form.log_power);
        (u, terms)
    }
}

/// The new coordinates of every parameter, in a copy of the graph in the original ones.
pub(super) fn inverse(from: &Graph, groups: &[Group], degrees: &[Degree]) -> (Graph, Vec<NodeId>) {
    let mut graph = from.clone();
    let changed = parameters(from)
        .map(|parameter| {
            let mut value = parameter;
            let own = groups.iter().zip(degrees);
            for (group, degree) in own.filter(|(group, _)| group.parameter == parameter) {
                let u = picked(&mut graph, group, parameter);
                let mut f = Formula { graph: &mut graph };
                let (location, scale) = (group.location.node(), group.scale.node());
                let form = Form::new(&mut f, group, degree, location, scale);
                let w = form.changed(&mut f, u);
                let z = group.standard.to_normal(&mut f, w);
                value = placed(&mut graph, value, group, z);
            }
            value
        })
        .collect();
    (graph, changed)
}

/// `u = shift + sᵉ w`: where centred with a shift of `(1 − λ) l`, where not with one of `−λ l / s`.
struct Form {
    shift: Option<NodeId>,
    /// `sᵉ`.
    power: Option<NodeId>,
    /// `e log s`, one for each entry.
    log_power: Option<NodeId>,
}

impl Form {
    fn new(
        f: &mut Formula<'_>,
        group: &Group,
        degree: &Degree,
        location: Option<NodeId>,
        scale: Option<NodeId>,
    ) -> Self {
        let (degree, known) = match degree {
            Degree::Fixed(values) => {
                let known = values.iter().all(|v| *v == values[0]).then_some(values[0]);
                (f.graph.constant(values.clone(), group.shape), known)
            }
            Degree::Unknown(degree) => (*degree, None),
        };
        let location = location.map(|l| match group.location {
            Location::Log(_) => f.one(Function::Log, l),
            Location::MinusLog(_) => {
                let log = f.one(Function::Log, l);
                f.one(Function::Negate, log)
            }
            _ => l,
        });
        // What is left of the location and the exponent of the scale: 1 − λ, or −λ.
        let centred = !matches!(group.scale, Scale::NonCentred(_));
        let nothing = if centred { 1.0 } else { 0.0 };
        if known == Some(nothing) {
            return Self {
                shift: None,
                power: None,
                log_power: None,
            };
        }
        let minus = f.one(Function::Negate, degree);
        let exponent = if centred { f.plus(minus, 1.0) } else { minus };
        let shift = location.map(|l| {
            let part = f.two(Function::Multiply, exponent, l);
            match group.scale {
                Scale::NonCentred(_) => {
                    f.two(Function::Divide, part, scale.expect("it has a scale"))
                }
                _ => part,
            }
        });
        let powers = scale.map(|s| {
            let log_s = f.one(Function::Log, s);
            let log_power = f.two(Function::Multiply, exponent, log_s);
            let power = match known {
                Some(0.0) => s,
                _ => f.one(Function::Exp, log_power),
            };
            (power, log_power)
        });
        Self {
            shift,
            power: powers.map(|p| p.0),
            log_power: powers.map(|p| p.1),
        }
    }

    fn original(&self, f: &mut Formula<'_>, w: NodeId) -> NodeId {
        let mut u = w;
        if let Some(power) = self.power {
            u = f.two(Function::Multiply, power, u);
        }
        if let Some(shift) = self.shift {
            u = f.two(Function::Add, shift, u);
        }
        u
    }

    fn changed(&self, f: &mut Formula<'_>, u: NodeId) -> NodeId {
        let mut w = u;
        if let Some(shift) = self.shift {
            w = f.two(Function::Subtract, w, shift);
        }
        if let Some(power) = self.power {
            w = f.two(Function::Divide, w, power);
        }
        w
    }
}

fn parameters(graph: &Graph) -> impl Iterator<Item = NodeId> {
    let nodes = graph.nodes.iter().enumerate();
    nodes
        .filter(|(_, node)| matches!(node.op, Op::Parameter { .. }))
        .map(|(i, _)| NodeId(u32::try_from(i).expect("node numbers are 32 bits")))
}

fn is_whole(group: &Group, of: Shape) -> bool {
    let in_order = group.entries.iter().zip(0..).all(|(e, k)| *e == k);
    group.shape == of && in_order
}

/// A group's entries of a parameter.
fn picked(graph: &mut Graph, group: &Group, parameter: NodeId) -> NodeId {
    if is_whole(group, graph.shape(parameter)) {
        return parameter;
    }
    graph.elements(parameter, group.entries.clone(), group.shape)
}

/// `value` with a group's entries replaced.
fn placed(graph: &mut Graph, value: NodeId, group: &Group, entries: NodeId) -> NodeId {
    let shape = graph.shape(value);
    if is_whole(group, shape) {
        return entries;
    }
    let first = reshape(graph, value, Shape::vector(shape.len()));
    let second = reshape(graph, entries, Shape::vector(group.shape.len()));
    let all = graph.rows(&[first, second]);
    let mut index: Vec<u32> = (0..).take(shape.len()).collect();
    for (at, entry) in (index.len()..).zip(&group.entries) {
        index[*entry as usize] = u32::try_from(at).expect("a value has below 2³² entries");
    }
    graph.elements(all, index, shape)
}
