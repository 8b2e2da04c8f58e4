//! A batch of instances as a node.

use elbo_graph::{Function, NodeId, Shape};

use super::number::{Number, Operand};
use super::pack::Packer;
use super::{Column, Group, Kind, refusal};

/// What a batch became: a node, and whether all instances share one result.
pub(super) struct Batch {
    pub(super) node: NodeId,
    pub(super) is_shared: bool,
}

impl Packer {
    /// The node of some instances of a group of any kind but `Free`, `Constrained` and `Block`.
    pub(super) fn batch(&mut self, group: &Group, which: &[u32]) -> Result<Batch, String> {
        let n = which.len();
        let node = match &group.kind {
            Kind::Pointwise(function) => {
                let args = self.entrywise(group, which);
                self.graph.pointwise(*function, &args)
            }
            Kind::Density(density) => {
                let args = self.entrywise(group, which);
                density
                    .build(&mut self.graph, &args)
                    .map_err(|error| refusal::of_entries(&error, density, group, which))?
            }
            Kind::Sum | Kind::LogSumExp if n == 1 => {
                let (arg, _) = self.rows_of(group, 0, which);
                match group.kind {
                    Kind::Sum => self.graph.sum(arg),
                    _ => self.graph.row_log_sum_exp(arg),
                }
            }
            Kind::Sum => {
                let (arg, _) = self.rows_of(group, 0, which);
                self.graph.row_sum(arg)
            }
            Kind::LogSumExp => {
                let (arg, _) = self.rows_of(group, 0, which);
                self.graph.row_log_sum_exp(arg)
            }
            Kind::Dot => self.dots(group, which),
            Kind::Rows(function) => {
                let args: Vec<NodeId> = (0..group.args.len())
                    .map(|p| {
                        if function.shared.contains(&p) {
                            self.whole(group, p, which[0])
                        } else {
                            self.rows_of(group, p, which).0
                        }
                    })
                    .collect();
                (function.build)(&mut self.graph, &args)?
            }
            Kind::Free | Kind::Random | Kind::Constrained(_) | Kind::Block(..) => {
                unreachable!("{:?} has one instance", group.kind)
            }
        };
        let len = self.graph.shape(node).len();
        let is_shared = len == group.out.len() && n > 1;
        if !is_shared && len != n * group.out.len() {
            return Err(format!(
                "{} has {len} results in place of {}",
                group.kind.name(),
                n * group.out.len()
            ));
        }
        Ok(Batch { node, is_shared })
    }

    /// An argument of one instance, in its shape.
    pub(super) fn whole(&mut self, group: &Group, position: usize, instance: u32) -> NodeId {
        let shape = group.shapes[position];
        match &group.args[position] {
            Column::Numbers(numbers) => self.pack(&numbers[instance as usize..][..1], shape),
            Column::Values(values) => self.value(&values[instance as usize], shape),
        }
    }

    fn value(&mut self, value: &Operand, shape: Shape) -> NodeId {
        match value.known() {
            Some(known) => self.graph.constant(known, shape),
            None => self.pack(&value.numbers().collect::<Vec<_>>(), shape),
        }
    }

    /// What is done entry by entry: a row for each instance, or the only instance as a column. What
    /// all instances share is one row, or one number.
    fn entrywise(&mut self, group: &Group, which: &[u32]) -> Vec<NodeId> {
        (0..group.args.len())
            .map(|position| match &group.args[position] {
                Column::Values(values) if which.len() == 1 => {
                    self.value(&values[which[0] as usize], group.shapes[position])
                }
                _ => self.rows_of(group, position, which).0,
            })
            .collect()
    }

    /// A row for each instance, or one row if all share it.
    fn rows_of(&mut self, group: &Group, position: usize, which: &[u32]) -> (NodeId, bool) {
        let length = group.shapes[position].len();
        match &group.args[position] {
            Column::Numbers(numbers) => {
                let first = numbers[which[0] as usize];
                if which.iter().all(|i| is_same(numbers[*i as usize], first)) {
                    return (self.pack(&[first], Shape::SCALAR), true);
                }
                let all: Vec<Number> = which.iter().map(|i| numbers[*i as usize]).collect();
                (self.pack(&all, Shape::vector(all.len())), false)
            }
            Column::Values(values) => {
                let first = &values[which[0] as usize];
                let shared = which[1..].iter().all(|i| values[*i as usize].is(first));
                if shared {
                    return (self.value(first, Shape::matrix(1, length)), true);
                }
                let shape = Shape::matrix(which.len(), length);
                let all: Vec<Number> = which
                    .iter()
                    .flat_map(|i| values[*i as usize].numbers())
                    .collect();
                (self.pack(&all, shape), false)
            }
        }
    }

    fn dots(&mut self, group: &Group, which: &[u32]) -> NodeId {
        let (a, a_shared) = self.rows_of(group, 0, which);
        let (b, b_shared) = self.rows_of(group, 1, which);
        let column =
            |packer: &mut Self, node| elbo_graph::algebra::transpose(&mut packer.graph, node);
        match (a_shared, b_shared) {
            (_, true) => {
                let b = column(self, b);
                self.graph.matmul(a, b)
            }
            (true, false) => {
                let a = column(self, a);
                self.graph.matmul(b, a)
            }
            (false, false) => {
                let products = self.graph.pointwise(Function::Multiply, &[a, b]);
                self.graph.row_sum(products)
            }
        }
    }
}

fn is_same(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Known(a), Number::Known(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}
