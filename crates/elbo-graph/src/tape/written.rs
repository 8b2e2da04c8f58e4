//! Writes a graph out as steps over single numbers.
//!
//! Deliberately absent: running them ([`super::tape`]).

use std::collections::BTreeMap;

use crate::graph::{Graph, Node, NodeId, Op};
use crate::op::pointwise::MOST_ARGS;
use crate::plan::Kind;
use crate::pointwise::Function;
use crate::shape::Shape;

/// Products of matrices with more multiplications than this are left whole.
const MOST_WRITTEN_OUT: usize = 64;

/// What a step computes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Code {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// Any function of numbers.
    Other(Function),
    /// An operation on whole values, by its number.
    Whole(usize),
}

/// One step; the registers that it reads come before the one that it writes.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub code: Code,
    pub out: usize,
    pub args: [usize; MOST_ARGS],
    pub n_args: usize,
    /// Whether an argument depends on an input.
    pub moves: [bool; MOST_ARGS],
}

impl Step {
    /// A function of registers, of which some `moves`.
    pub(crate) fn new(
        function: Function,
        args: &[usize],
        moves: impl Fn(usize) -> bool,
        out: usize,
    ) -> Self {
        // Arguments that a function does not have are never used.
        let mut all = [args[0]; MOST_ARGS];
        all[..args.len()].copy_from_slice(args);
        let code = match function {
            Function::Add => Code::Add,
            Function::Subtract => Code::Subtract,
            Function::Multiply => Code::Multiply,
            Function::Divide => Code::Divide,
            // x x, which has both derivatives.
            Function::Square => {
                all[1] = args[0];
                Code::Multiply
            }
            other => Code::Other(other),
        };
        Self {
            code,
            out,
            args: all,
            n_args: args.len(),
            moves: all.map(moves),
        }
    }
}

/// An operation on whole values: the registers of its arguments are brought together first. It writes
/// as many registers as its shape has entries.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    pub kind: Kind,
    pub args: Vec<(Vec<usize>, Shape)>,
    pub shape: Shape,
}

/// The code so far.
pub(crate) struct Writer<'a> {
    graph: &'a Graph,
    /// The registers of nodes that have been written.
    registers: BTreeMap<NodeId, Vec<usize>>,
    /// Registers by the bits of their numbers.
    pub constants: BTreeMap<u64, usize>,
    /// Whether a register depends on an input.
    moves: Vec<bool>,
    pub steps: Vec<Step>,
    pub whole: Vec<Whole>,
}

impl<'a> Writer<'a> {
    /// No code yet; the graph's parameters are the first registers.
    pub(crate) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            registers: BTreeMap::new(),
            constants: BTreeMap::new(),
            moves: vec![true; graph.n_parameters()],
            steps: Vec::new(),
            whole: Vec::new(),
        }
    }

    pub(crate) fn n_registers(&self) -> usize {
        self.moves.len()
    }

    /// Writes a node and all that it needs; gives the registers of its entries.
    pub(crate) fn write(&mut self, node: NodeId) -> Vec<usize> {
        let mut needed = vec![false; node.index() + 1];
        needed[node.index()] = true;
        for i in (0..needed.len()).rev() {
            if needed[i] {
                for arg in self.graph.nodes[i].op.args() {
                    needed[arg.index()] = true;
                }
            }
        }
        for (i, needed) in needed.into_iter().enumerate() {
            let id = NodeId(u32::try_from(i).expect("node numbers are 32 bits"));
            if needed && !self.registers.contains_key(&id) {
                let registers = self.entries(&self.graph.nodes[i]);
                self.registers.insert(id, registers);
            }
        }
        self.registers[&node].clone()
    }

    fn entries(&mut self, node: &Node) -> Vec<usize> {
        let shape = node.shape;
        let cells = || (0..shape.rows).flat_map(move |r| (0..shape.cols).map(move |c| (r, c)));
        match &node.op {
            Op::Parameter { first } => (*first..first + shape.len()).collect(),
            Op::Constant(values) => values.iter().map(|v| self.constant(*v)).collect(),
            Op::Pointwise { function, args } => cells()
                .map(|(r, c)| {
                    let args: Vec<usize> = args.iter().map(|a| self.repeated(*a, r, c)).collect();
                    self.step(*function, &args)
                })
                .collect(),
            Op::Gather {
                source,
                index,
                width,
                ..
            } => {
                let source = &self.registers[source];
                let pieces = index.iter().map(|i| *i as usize * width);
                pieces
                    .flat_map(|first| source[first..first + width].iter().copied())
                    .collect()
            }
            Op::Columns(parts) => {
                let mut registers = Vec::with_capacity(shape.len());
                for r in 0..shape.rows {
                    for part in parts {
                        registers.extend_from_slice(self.row(*part, r));
                    }
                }
                registers
            }
            Op::Rows(parts) => parts
                .iter()
                .flat_map(|part| &self.registers[part])
                .copied()
                .collect(),
            Op::MatMul { a, b } => {
                let inner = self.graph.shape(*a).cols;
                if inner == 0 || shape.len() * inner > MOST_WRITTEN_OUT {
                    return self.whole(node);
                }
                cells()
                    .map(|(r, c)| {
                        let entry = |k: usize| {
                            let row = self.registers[a][r * inner + k];
                            [row, self.registers[b][k * shape.cols + c]]
                        };
                        let pairs: Vec<[usize; 2]> = (0..inner).map(entry).collect();
                        let products = pairs.iter().map(|p| self.step(Function::Multiply, p));
                        let products: Vec<usize> = products.collect();
                        self.chain(Function::Add, &products)
                    })
                    .collect()
            }
            Op::Sum(source) => {
                let all = self.registers[source].clone();
                vec![self.chain(Function::Add, &all)]
            }
            Op::RowSum(source) => self.chain_rows(Function::Add, *source),
            Op::RowLogSumExp(source) => self.chain_rows(Function::LogSumExp, *source),
            Op::Block { .. } => self.whole(node),
        }
    }

    fn row(&self, node: NodeId, row: usize) -> &[usize] {
        let cols = self.graph.shape(node).cols;
        &self.registers[&node][row * cols..(row + 1) * cols]
    }

    /// The register of an entry, where single rows and columns are repeated.
    fn repeated(&self, node: NodeId, row: usize, col: usize) -> usize {
        let Shape { rows, cols } = self.graph.shape(node);
        let row = if rows == 1 { 0 } else { row };
        self.row(node, row)[if cols == 1 { 0 } else { col }]
    }

    fn constant(&mut self, value: f64) -> usize {
        let next = self.moves.len();
        let register = *self.constants.entry(value.to_bits()).or_insert(next);
        if register == next {
            self.moves.push(false);
        }
        register
    }

    fn step(&mut self, function: Function, args: &[usize]) -> usize {
        let out = self.moves.len();
        let step = Step::new(function, args, |arg| self.moves[arg], out);
        self.moves.push(step.moves.contains(&true));
        self.steps.push(step);
        out
    }

    /// `f(… f(f(x_0, x_1), x_2) …)`.
    fn chain(&mut self, function: Function, all: &[usize]) -> usize {
        let Some((first, rest)) = all.split_first() else {
            return self.constant(if function == Function::Add {
                0.0
            } else {
                f64::NEG_INFINITY
            });
        };
        let mut last = *first;
        for register in rest {
            last = self.step(function, &[last, *register]);
        }
        last
    }

    fn chain_rows(&mut self, function: Function, source: NodeId) -> Vec<usize> {
        (0..self.graph.shape(source).rows)
            .map(|r| {
                let row = self.row(source, r).to_vec();
                self.chain(function, &row)
            })
            .collect()
    }

    fn whole(&mut self, node: &Node) -> Vec<usize> {
        let args = node.op.args().into_iter().map(|arg| {
            let registers = self.registers[&arg].clone();
            (registers, self.graph.shape(arg))
        });
        let whole = Whole {
            kind: Kind::of(&node.op),
            args: args.collect(),
            shape: node.shape,
        };
        let first = self.moves.len();
        let registers: Vec<usize> = (first..first + node.shape.len()).collect();
        self.moves.resize(first + node.shape.len(), true);
        // What a step reads comes before what it writes, and a step reads something.
        let some = whole
            .args
            .iter()
            .find_map(|(registers, _)| registers.first());
        let args = [some.copied().unwrap_or(0); MOST_ARGS];
        self.steps.push(Step {
            code: Code::Whole(self.whole.len()),
            out: first,
            args,
            n_args: 0,
            moves: [true; MOST_ARGS],
        });
        self.whole.push(whole);
        registers
    }
}
