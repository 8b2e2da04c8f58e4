//! What is computed once per evaluation: operations on whole values, and steps on single numbers.
//!
//! The one idea: recursions that are written out (time series, filters) are thousands of functions of
//! single numbers, which take less time than finding their operands does; so a run of them is
//! straight-line code over the arena ([`crate::tape`]). Consecutive entries of a value are not copied
//! but named.

use std::sync::Arc;

use super::{Index, Instruction, Kind, Place, Plan, Planner, Role, Slot, shared_partial};
use crate::graph::{Node, NodeId, Op};
use crate::tape::Step;

/// One operation on whole values, or steps one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Outer {
    Whole(Instruction),
    Steps(Vec<Step>),
}

impl Planner<'_> {
    pub(super) fn outer_instructions(&mut self, plan: &mut Plan) {
        for (i, node) in self.graph.nodes.iter().enumerate() {
            let id = NodeId(u32::try_from(i).expect("node numbers are 32 bits"));
            if !self.division.needed[i] || self.division.in_plate[i] {
                continue;
            }
            match &node.op {
                Op::Constant(_) => {}
                Op::Parameter { first } => {
                    self.outer.insert(id, *first);
                }
                op => {
                    if let Some(at) = self.consecutive(op) {
                        self.outer.insert(id, at);
                    } else if !self.step(plan, id, node) {
                        self.whole(plan, id, node);
                    }
                }
            }
        }
    }

    /// Where the entries lie that a gather would copy, if they follow each other.
    fn consecutive(&self, op: &Op) -> Option<usize> {
        let Op::Gather {
            source,
            index,
            width,
            ..
        } = op
        else {
            return None;
        };
        let first = *index.first()?;
        let follow = (first..)
            .zip(index.iter())
            .all(|(expected, i)| expected == *i);
        follow.then(|| self.outer[source] + first as usize * width)
    }

    /// Adds a function of single numbers; gives whether the node is one.
    fn step(&mut self, plan: &mut Plan, id: NodeId, node: &Node) -> bool {
        let Op::Pointwise { function, args } = &node.op else {
            return false;
        };
        if !args.iter().all(|a| self.graph.shape(*a).is_scalar()) {
            return false;
        }
        let args: Vec<usize> = args.iter().map(|a| self.entry(plan, *a)).collect();
        let at = plan.outer_len;
        plan.outer_len += 1;
        self.outer.insert(id, at);
        let constants = &plan.constants;
        let moves = |entry: usize| constants.binary_search_by_key(&entry, |(e, _)| *e).is_err();
        let step = Step::new(*function, &args, moves, at);
        match plan.outer.last_mut() {
            Some(Outer::Steps(steps)) => steps.push(step),
            _ => plan.outer.push(Outer::Steps(vec![step])),
        }
        true
    }

    /// The entry of a single number, which a known one gets here.
    fn entry(&mut self, plan: &mut Plan, id: NodeId) -> usize {
        let Some(known) = self.graph.known(id) else {
            return self.outer[&id];
        };
        *self.constants.entry(known[0].to_bits()).or_insert_with(|| {
            // Entries grow, so the list stays sorted.
            plan.constants.push((plan.outer_len, known[0]));
            plan.outer_len += 1;
            plan.outer_len - 1
        })
    }

    fn whole(&mut self, plan: &mut Plan, id: NodeId, node: &Node) {
        let args = node.op.args();
        let args: Vec<Slot> = args.iter().map(|a| self.outer_slot(plan, *a)).collect();
        let kind = match &node.op {
            Op::Gather { index, width, .. } => Kind::Gather {
                index: Index::Whole(Arc::clone(index)),
                width: *width,
            },
            op => Kind::with_args(op, &args),
        };
        let is_term = matches!(kind, Kind::Pointwise(_)) && self.sums.is_term(id);
        let (role, place) = if is_term {
            let shared = shared_partial(&kind, &args);
            (Role::Term { shared }, Place::Local(usize::MAX))
        } else {
            let at = plan.outer_len;
            plan.outer_len += node.shape.len();
            self.outer.insert(id, at);
            (Role::Value, Place::Local(at))
        };
        let out = Slot {
            place,
            shape: node.shape,
            by_row: false,
        };
        plan.outer.push(Outer::Whole(Instruction {
            kind,
            args,
            out,
            role,
            partial: None,
        }));
    }
}
