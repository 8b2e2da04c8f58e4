//! Sums that grow in a loop.
//!
//! The one idea: `s += x` in a loop is a chain of sums of two. Where only its end is used, it is one
//! sum of many, which treats its terms alike and needs no waves.

use std::collections::HashMap;

use elbo_graph::{Function, Shape};

use super::emit::Emitter;
use super::narrow;
use super::number::{Number, Symbol};
use super::schedule::Component;
use super::{Column, Group, Kind};

/// Whether a group adds or subtracts single numbers.
fn sign(group: &Group) -> Option<f64> {
    if !group.out.is_scalar() {
        return None;
    }
    match group.kind {
        Kind::Pointwise(Function::Add) => Some(1.0),
        Kind::Pointwise(Function::Subtract) => Some(-1.0),
        _ => None,
    }
}

fn is_chain(groups: &[Group], component: &Component) -> bool {
    component.is_cyclic
        && component
            .groups
            .iter()
            .all(|g| sign(&groups[*g as usize]).is_some())
}

/// How often each sum that may be part of a chain is used.
pub(super) fn uses(
    groups: &[Group],
    order: &[Component],
    needed: impl Iterator<Item = Symbol>,
) -> HashMap<Symbol, u32> {
    let mut in_chain = vec![false; groups.len()];
    for component in order.iter().filter(|c| is_chain(groups, c)) {
        for group in &component.groups {
            in_chain[*group as usize] = true;
        }
    }
    let mut uses = HashMap::new();
    if !in_chain.contains(&true) {
        return uses;
    }
    let mut see = |symbol: Symbol, times: u32| {
        if in_chain[symbol.group as usize] {
            *uses.entry(symbol).or_insert(0) += times;
        }
    };
    // A value that is wanted for itself must be there however often it is used.
    needed.for_each(|symbol| see(symbol, 2));
    for component in order {
        for group in &component.groups {
            let outside = if in_chain[*group as usize] { 1 } else { 2 };
            for column in &groups[*group as usize].args {
                let mut number = |number| {
                    if let Number::Symbol(symbol) = number {
                        see(symbol, outside);
                    }
                };
                match column {
                    Column::Numbers(numbers) => numbers.iter().copied().for_each(&mut number),
                    Column::Values(values) => {
                        values
                            .iter()
                            .flat_map(super::Operand::numbers)
                            .for_each(&mut number);
                    }
                }
            }
        }
    }
    uses
}

impl Emitter<'_> {
    /// Makes a component that is nothing but chains of sums; gives whether it is.
    pub(super) fn chains(&mut self, component: &Component) -> bool {
        if !is_chain(self.groups, component) {
            return false;
        }
        let inside = |symbol: Symbol| component.groups.contains(&symbol.group);
        let is_root = |symbol: Symbol| self.uses.get(&symbol).copied().unwrap_or(0) != 1;
        // The ends of chains, each with its terms and their signs.
        let mut ends: Vec<(Symbol, Vec<(Number, f64)>)> = Vec::new();
        for group in &component.groups {
            for instance in 0..self.groups[*group as usize].instances() {
                let end = Symbol {
                    group: *group,
                    entry: narrow(instance),
                };
                if !is_root(end) || !self.uses.contains_key(&end) {
                    continue;
                }
                let mut terms = Vec::new();
                let mut rest = vec![(end, 1.0)];
                while let Some((symbol, factor)) = rest.pop() {
                    let g = &self.groups[symbol.group as usize];
                    let second = factor * sign(g).unwrap_or(1.0);
                    for (column, factor) in g.args.iter().zip([factor, second]) {
                        let Column::Numbers(numbers) = column else {
                            return false;
                        };
                        match numbers[symbol.entry as usize] {
                            Number::Symbol(s) if inside(s) => {
                                // A chain whose middle is used elsewhere goes in waves.
                                if is_root(s) {
                                    return false;
                                }
                                rest.push((s, factor));
                            }
                            number => terms.push((number, factor)),
                        }
                    }
                }
                // From the first term to the last, as they were added.
                terms.reverse();
                ends.push((end, terms));
            }
        }
        ends.sort_by_key(|(end, terms)| (terms.len(), *end));
        let mut at = 0;
        while at < ends.len() {
            let length = ends[at].1.len();
            let until = ends[at..].iter().position(|(_, t)| t.len() != length);
            let alike = &ends[at..until.map_or(ends.len(), |n| at + n)];
            at += alike.len();
            self.sums(alike, length);
        }
        true
    }

    /// Sums of as many terms each.
    fn sums(&mut self, ends: &[(Symbol, Vec<(Number, f64)>)], length: usize) {
        let shape = if ends.len() == 1 {
            Shape::vector(length)
        } else {
            Shape::matrix(ends.len(), length)
        };
        let (numbers, signs): (Vec<Number>, Vec<f64>) = ends
            .iter()
            .flat_map(|(_, terms)| terms.iter().copied())
            .unzip();
        let mut terms = self.packer.pack(&numbers, shape);
        let graph = &mut self.packer.graph;
        if signs.contains(&-1.0) {
            let signs = graph.constant(signs, shape);
            terms = graph.pointwise(Function::Multiply, &[terms, signs]);
        }
        let node = if ends.len() == 1 {
            graph.sum(terms)
        } else {
            graph.row_sum(terms)
        };
        for (row, (end, _)) in ends.iter().enumerate() {
            self.place_one(*end, node, row);
        }
    }

    fn place_one(&mut self, symbol: Symbol, node: elbo_graph::NodeId, row: usize) {
        use super::pack::Place;
        let instances = self.groups[symbol.group as usize].instances();
        let place = &mut self.packer.places[symbol.group as usize];
        if !matches!(place, Place::Parts(_)) {
            *place = Place::Parts(vec![None; instances]);
        }
        if let Place::Parts(parts) = place {
            parts[symbol.entry as usize] = Some((node, narrow(row)));
        }
    }
}
