//! From what was recorded to a graph.
//!
//! The one idea: components in order. A group that does not need itself is one batch; in a cycle,
//! instances are made in waves, each of what only needs the waves before.

use std::collections::HashMap;

use elbo_graph::{Graph, NodeId, Shape};

use super::chain;
use super::narrow;
use super::number::{Number, Operand, Symbol};
use super::pack::{Packer, Place};
use super::schedule::{Component, components};
use super::{Column, Group, Kind, Site, Trace};

/// As many single numbers in a wave as are written out one by one: a graph runs these as
/// straight-line code, which takes less time than gathering them would.
const FEW: usize = 8;

/// Whether a log density counts changes of variables: it does on unconstrained space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Jacobian {
    /// Log-Jacobians of constraints are terms.
    #[default]
    Included,
    /// The density of the parameters themselves.
    LeftOut,
}

/// Which parts of a program become a graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emission<'a> {
    /// Whether there is a log density, and whether it has the Jacobians of constraints.
    pub(crate) density: Option<Jacobian>,
    /// Values that are needed beside the log density.
    pub(crate) outputs: &'a [Symbol],
    /// Places of random numbers, which become coordinates behind the parameters', in this order.
    pub(crate) random: &'a [u32],
}

/// A graph, and where in it the recorded numbers are.
#[derive(Debug)]
pub(crate) struct Emitted {
    packer: Packer,
}

impl Emitted {
    /// The graph.
    pub(crate) fn graph(&mut self) -> &mut Graph {
        &mut self.packer.graph
    }

    /// Recorded numbers as a node; they must be parameters, outputs or needed for the density.
    pub(crate) fn node(&mut self, numbers: &[Number], shape: Shape) -> NodeId {
        self.packer.pack(numbers, shape)
    }
}

impl Emitted {
    /// The node that holds a symbol's group, if one node does.
    pub(crate) fn whole(&self, symbol: Symbol) -> Option<NodeId> {
        match self.packer.places[symbol.group as usize] {
            Place::Whole(node) => Some(node),
            _ => None,
        }
    }
}

/// What could not be built, and where in the program.
pub(crate) type Fault = (Site, String);

impl Trace {
    /// Builds the graph of the log density.
    pub(crate) fn emit(&self, emission: Emission<'_>) -> Result<Emitted, Fault> {
        self.emit_with(emission, Graph::new(), &[])
    }

    /// Adds what is needed of some numbers to a graph that has nodes for all free coordinates.
    pub(crate) fn emit_into(
        &self,
        graph: Graph,
        free: &[NodeId],
        numbers: &[Number],
    ) -> Result<(Graph, NodeId), Fault> {
        let outputs: Vec<Symbol> = numbers
            .iter()
            .filter_map(|n| match n {
                Number::Symbol(symbol) => Some(*symbol),
                Number::Known(_) => None,
            })
            .collect();
        let emission = Emission {
            density: None,
            outputs: &outputs,
            random: &[],
        };
        let mut emitted = self.emit_with(emission, graph, free)?;
        let node = emitted.node(numbers, Shape::vector(numbers.len()));
        Ok((emitted.packer.graph, node))
    }

    fn emit_with(
        &self,
        emission: Emission<'_>,
        graph: Graph,
        free: &[NodeId],
    ) -> Result<Emitted, Fault> {
        let lengths = self.groups.iter().map(|g| narrow(g.out.len())).collect();
        let mut emitter = Emitter {
            groups: &self.groups,
            packer: Packer::new(graph, lengths),
            jacobian: Vec::new(),
            uses: HashMap::new(),
        };
        let terms = || {
            self.terms.iter().filter(|term| match emission.density {
                Some(Jacobian::Included) => true,
                Some(Jacobian::LeftOut) => !term.jacobian,
                None => false,
            })
        };
        let parameters = || {
            (0..narrow(self.groups.len())).filter(|g| {
                matches!(
                    self.groups[*g as usize].kind,
                    Kind::Free | Kind::Constrained(_)
                )
            })
        };
        // Coordinates are numbered in the order in which they are declared.
        let mut given = free.iter().copied();
        for group in parameters() {
            emitter.free(group, &mut given);
        }
        for group in emission.random {
            let g = &self.groups[*group as usize];
            let shape = Shape::vector(g.instances() * g.out.len());
            let node = emitter.packer.graph.parameter(shape);
            emitter.packer.places[*group as usize] = Place::Whole(node);
        }
        let roots = parameters()
            .chain(terms().map(|term| term.group))
            .chain(emission.outputs.iter().map(|symbol| symbol.group));
        let order = components(&self.groups, roots);
        let needed = terms()
            .flat_map(|term| {
                (term.first..term.first + term.len).map(|entry| Symbol {
                    group: term.group,
                    entry,
                })
            })
            .chain(emission.outputs.iter().copied());
        emitter.uses = chain::uses(&self.groups, &order, needed);
        for component in &order {
            emitter.component(component)?;
        }
        if emission.density == Some(Jacobian::Included) {
            for node in std::mem::take(&mut emitter.jacobian) {
                emitter.packer.graph.add_to_log_density(node);
            }
        }
        emitter.add_terms(terms().map(|term| (term.group, term.first, term.len)));
        let constant = match emission.density {
            Some(Jacobian::Included) => self.constants[0] + self.constants[1],
            Some(Jacobian::LeftOut) => self.constants[0],
            None => 0.0,
        };
        if constant != 0.0 {
            let graph = &mut emitter.packer.graph;
            let constant = graph.constant([constant], Shape::SCALAR);
            graph.add_to_log_density(constant);
        }
        Ok(Emitted {
            packer: emitter.packer,
        })
    }
}

pub(super) struct Emitter<'t> {
    pub(super) groups: &'t [Group],
    pub(super) packer: Packer,
    /// Log-Jacobians of constraints.
    jacobian: Vec<NodeId>,
    /// How often entries of sums that go on from sums are used.
    pub(super) uses: HashMap<Symbol, u32>,
}

impl Emitter<'_> {
    fn free(&mut self, group: u32, given: &mut dyn Iterator<Item = NodeId>) {
        let g = &self.groups[group as usize];
        if matches!(g.kind, Kind::Free) {
            let graph = &mut self.packer.graph;
            let node = given.next().unwrap_or_else(|| graph.parameter(g.out));
            self.packer.places[group as usize] = Place::Whole(node);
        }
    }

    fn component(&mut self, component: &Component) -> Result<(), Fault> {
        if component.is_cyclic {
            if self.chains(component) {
                return Ok(());
            }
            return self.waves(&component.groups);
        }
        let group = component.groups[0];
        let g = &self.groups[group as usize];
        match &g.kind {
            Kind::Free | Kind::Random => Ok(()),
            Kind::Constrained(transform) => {
                let args: Vec<NodeId> = (0..g.args.len())
                    .map(|p| self.packer.whole(g, p, 0))
                    .collect();
                let transform = transform.map_bounds(|p| args[p]);
                let constrained = transform.apply(&mut self.packer.graph, args[0]);
                self.jacobian.extend(constrained.log_jacobian);
                self.packer.places[group as usize] = Place::Whole(constrained.value);
                Ok(())
            }
            _ => {
                let all: Vec<u32> = (0..narrow(g.instances())).collect();
                self.make(group, &all)
            }
        }
    }

    /// Makes some instances of a group, whose arguments are made.
    fn make(&mut self, group: u32, which: &[u32]) -> Result<(), Fault> {
        let g = &self.groups[group as usize];
        let fault = |message| (g.site, message);
        match &g.kind {
            Kind::Block(name, build) => {
                for instance in which {
                    let args: Vec<NodeId> = (0..g.args.len())
                        .map(|p| self.packer.whole(g, p, *instance))
                        .collect();
                    let node = build(&mut self.packer.graph, &args)
                        .map_err(|message| fault(format!("{name}: {message}")))?;
                    self.place(group, &[*instance], node, false);
                }
            }
            Kind::Rows(function) => {
                for class in classes(g, function.shared, which) {
                    let batch = self.packer.batch(g, &class).map_err(fault)?;
                    self.place(group, &class, batch.node, batch.is_shared);
                }
            }
            _ => {
                let batch = self.packer.batch(g, which).map_err(fault)?;
                self.place(group, which, batch.node, batch.is_shared);
            }
        }
        Ok(())
    }

    /// Notes where instances are.
    pub(super) fn place(&mut self, group: u32, which: &[u32], node: NodeId, is_shared: bool) {
        let g = &self.groups[group as usize];
        let place = &mut self.packer.places[group as usize];
        if which.len() == g.instances() && !is_shared {
            *place = Place::Whole(node);
            return;
        }
        if !matches!(place, Place::Parts(_)) {
            *place = Place::Parts(vec![None; g.instances()]);
        }
        let Place::Parts(parts) = place else {
            return;
        };
        let length = narrow(g.out.len());
        for (row, instance) in which.iter().enumerate() {
            let first = if is_shared { 0 } else { narrow(row) * length };
            parts[*instance as usize] = Some((node, first));
        }
    }

    /// Instances that need each other, as in a recursion, in waves.
    fn waves(&mut self, groups: &[u32]) -> Result<(), Fault> {
        let mut local = HashMap::new();
        let mut all: Vec<(u32, usize, u32)> = Vec::new();
        for (l, group) in groups.iter().enumerate() {
            local.insert(*group, l);
            let order = self.groups[*group as usize].order.iter();
            all.extend(order.enumerate().map(|(i, order)| (*order, l, narrow(i))));
        }
        all.sort_unstable();
        let mut waves: Vec<Vec<u32>> = groups
            .iter()
            .map(|g| vec![0; self.groups[*g as usize].instances()])
            .collect();
        let mut by_wave: Vec<Vec<(usize, u32)>> = Vec::new();
        for (_, l, instance) in all {
            let group = &self.groups[groups[l] as usize];
            let mut wave = 0;
            let mut see = |number: Number| {
                if let Number::Symbol(symbol) = number
                    && let Some(other) = local.get(&symbol.group)
                {
                    let length = self.packer.lengths[symbol.group as usize];
                    wave = wave.max(waves[*other][(symbol.entry / length) as usize] + 1);
                }
            };
            for column in &group.args {
                match column {
                    Column::Numbers(numbers) => see(numbers[instance as usize]),
                    Column::Values(values) => {
                        values[instance as usize].numbers().for_each(&mut see);
                    }
                }
            }
            waves[l][instance as usize] = wave;
            if by_wave.len() <= wave as usize {
                by_wave.resize(wave as usize + 1, Vec::new());
            }
            by_wave[wave as usize].push((l, instance));
        }
        for mut wave in by_wave {
            wave.sort_unstable();
            for same in wave.chunk_by(|a, b| a.0 == b.0) {
                let group = groups[same[0].0];
                let which: Vec<u32> = same.iter().map(|(_, instance)| *instance).collect();
                let g = &self.groups[group as usize];
                let is_step = matches!(g.kind, Kind::Pointwise(_)) && g.out.is_scalar();
                if is_step && which.len() <= FEW {
                    for instance in which {
                        self.make(group, &[instance])?;
                    }
                } else {
                    self.make(group, &which)?;
                }
            }
        }
        Ok(())
    }

    /// Adds entries of groups to the log density, whole nodes where all their entries are terms.
    fn add_terms(&mut self, terms: impl Iterator<Item = (u32, u32, u32)>) {
        let mut by_group: Vec<(u32, Vec<(u32, u32)>)> = Vec::new();
        let mut at = HashMap::new();
        for (group, first, len) in terms {
            let next = by_group.len();
            let index = *at.entry(group).or_insert(next);
            if index == next {
                by_group.push((group, Vec::new()));
            }
            by_group[index].1.push((first, len));
        }
        for (group, mut runs) in by_group {
            runs.sort_unstable();
            let numbers: Vec<Number> = runs
                .iter()
                .flat_map(|(first, len)| *first..first + len)
                .map(|entry| Number::Symbol(Symbol { group, entry }))
                .collect();
            let node = self.packer.pack(&numbers, Shape::vector(numbers.len()));
            self.packer.graph.add_to_log_density(node);
        }
    }
}

/// Instances with the same arguments at the positions that must be shared.
fn classes(group: &Group, shared: &[usize], which: &[u32]) -> Vec<Vec<u32>> {
    let is_like = |a: u32, b: u32| {
        shared.iter().all(|p| match &group.args[*p] {
            Column::Numbers(numbers) => numbers[a as usize] == numbers[b as usize],
            Column::Values(values) => values[a as usize].is(&values[b as usize]),
        })
    };
    let mut classes: Vec<Vec<u32>> = Vec::new();
    for instance in which {
        // The newest first: what is alike usually follows each other.
        match classes.iter_mut().rev().find(|c| is_like(c[0], *instance)) {
            Some(class) => class.push(*instance),
            None => classes.push(vec![*instance]),
        }
    }
    classes
}

/// The result of an operation whose arguments are all known.
pub(super) fn known(
    kind: &Kind,
    args: &[(Operand, Shape)],
    out: Shape,
) -> Result<Vec<f64>, String> {
    let mut packer = Packer::new(Graph::new(), Vec::new());
    let columns = args.iter().map(|(arg, shape)| {
        if shape.is_scalar() {
            Column::Numbers(vec![arg.number(0)])
        } else {
            Column::Values(vec![arg.clone()])
        }
    });
    let group = Group {
        site: Site {
            calls: 0,
            span: crate::Span { start: 0, end: 0 },
        },
        kind: kind.clone(),
        args: columns.collect(),
        shapes: args.iter().map(|(_, shape)| *shape).collect(),
        out,
        order: vec![0],
    };
    let node = match kind {
        Kind::Block(_, build) => {
            let args: Vec<NodeId> = (0..args.len())
                .map(|p| packer.whole(&group, p, 0))
                .collect();
            build(&mut packer.graph, &args)?
        }
        Kind::Constrained(transform) => {
            let args: Vec<NodeId> = (0..args.len())
                .map(|p| packer.whole(&group, p, 0))
                .collect();
            let transform = transform.map_bounds(|p| args[p]);
            transform.apply(&mut packer.graph, args[0]).value
        }
        _ => packer.batch(&group, &[0])?.node,
    };
    let numbers = packer.graph.known(node).map(|numbers| numbers.to_vec());
    numbers.ok_or_else(|| format!("{} is not computed from known numbers", kind.name()))
}
