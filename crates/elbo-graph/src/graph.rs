//! The program as it is built: nodes in order of definition, each with an operation and a shape.
//!
//! The one idea: a graph only describes. What is constant is computed when it is built; the rest is
//! compiled once ([`Program`](crate::Program)) and then run many times. Labels are for readers alone.
//! Deliberately absent: constraints and densities' normalising constants, which whoever builds the
//! graph adds as nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::block::BlockOperation;
use crate::geometry::Assumed;
use crate::pointwise::Function;
use crate::shape::Shape;
use crate::summary::ParameterSummary;

/// A node of one graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node computes. `N` are the rows that a row-local operation maps one to one.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// The unconstrained coordinates from `first` on.
    Parameter { first: usize },
    /// Known numbers.
    Constant(Arc<[f64]>),
    /// A function of each entry. Row-local.
    Pointwise {
        function: Function,
        args: Vec<NodeId>,
    },
    /// Pieces of `width` entries of `source`, `per_row` of them in a row; piece `i` of the result
    /// begins at entry `index[i] · width`. Row-local in its result.
    Gather {
        source: NodeId,
        index: Arc<[u32]>,
        per_row: usize,
        width: usize,
    },
    /// Columns side by side. Row-local.
    Columns(Vec<NodeId>),
    /// Rows one below the other.
    Rows(Vec<NodeId>),
    /// `a · b`. Row-local in `a`.
    MatMul { a: NodeId, b: NodeId },
    /// Each row's sum. Row-local.
    RowSum(NodeId),
    /// Each row's `log Σ exp`. Row-local.
    RowLogSumExp(NodeId),
    /// The sum of all entries.
    Sum(NodeId),
    /// Anything else, on whole values.
    Block {
        operation: Arc<dyn BlockOperation>,
        args: Vec<NodeId>,
    },
}

impl Op {
    /// The nodes that are read, in order.
    pub(crate) fn args(&self) -> Vec<NodeId> {
        match self {
            Self::Parameter { .. } | Self::Constant(_) => Vec::new(),
            Self::Pointwise { args, .. }
            | Self::Block { args, .. }
            | Self::Columns(args)
            | Self::Rows(args) => args.clone(),
            Self::Gather { source, .. }
            | Self::RowSum(source)
            | Self::RowLogSumExp(source)
            | Self::Sum(source) => vec![*source],
            Self::MatMul { a, b } => vec![*a, *b],
        }
    }

    /// The same operation on other nodes.
    pub(crate) fn with_args(mut self, of: impl Fn(NodeId) -> NodeId) -> Self {
        match &mut self {
            Self::Parameter { .. } | Self::Constant(_) => {}
            Self::Pointwise { args, .. }
            | Self::Block { args, .. }
            | Self::Columns(args)
            | Self::Rows(args) => {
                for arg in args {
                    *arg = of(*arg);
                }
            }
            Self::Gather { source, .. }
            | Self::RowSum(source)
            | Self::RowLogSumExp(source)
            | Self::Sum(source) => *source = of(*source),
            Self::MatMul { a, b } => (*a, *b) = (of(*a), of(*b)),
        }
        self
    }

    /// The word for a reader.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Parameter { .. } => "parameter",
            Self::Constant(_) => "constant",
            Self::Pointwise { function, .. } => function.name(),
            Self::Gather { .. } => "gather",
            Self::Columns(_) => "columns",
            Self::Rows(_) => "rows",
            Self::MatMul { .. } => "matmul",
            Self::RowSum(_) => "row_sum",
            Self::RowLogSumExp(_) => "row_log_sum_exp",
            Self::Sum(_) => "sum",
            Self::Block { operation, .. } => operation.name(),
        }
    }
}

/// An operation and the shape of its result.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub op: Op,
    pub shape: Shape,
}

/// Nodes in order of definition, and the terms whose sum over all entries is the log density.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) terms: Vec<NodeId>,
    /// Words for readers.
    pub(crate) labels: BTreeMap<NodeId, Arc<str>>,
    pub(crate) described: Vec<ParameterSummary>,
    /// Densities of unknown variables that were asked for: hints for [`crate::geometry`].
    pub(crate) assumed: Vec<Assumed>,
    n_parameters: usize,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of unconstrained coordinates so far.
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// The shape of a node.
    pub fn shape(&self, node: NodeId) -> Shape {
        self.nodes[node.index()].shape
    }

    /// The numbers of a node, if they are known.
    pub fn known(&self, node: NodeId) -> Option<&Arc<[f64]>> {
        match &self.nodes[node.index()].op {
            Op::Constant(values) => Some(values),
            _ => None,
        }
    }

    /// Calls a node by a name in a [`Summary`](crate::Summary): data, a density, a parameter. A later
    /// name replaces an earlier one.
    pub fn label(&mut self, node: NodeId, name: &str) {
        self.labels.insert(node, name.into());
    }

    /// Lists a parameter in summaries, and calls its value by its name.
    pub fn describe_parameter(&mut self, name: &str, value: NodeId, constraint: String) {
        self.label(value, name);
        self.described.push(ParameterSummary {
            name: name.to_owned(),
            shape: self.shape(value),
            constraint,
        });
    }

    /// Whether a node is unconstrained coordinates themselves.
    pub(crate) fn is_parameter(&self, node: NodeId) -> bool {
        matches!(self.nodes[node.index()].op, Op::Parameter { .. })
    }

    /// New unconstrained coordinates.
    pub fn parameter(&mut self, shape: Shape) -> NodeId {
        let first = self.n_parameters;
        self.n_parameters += shape.len();
        self.add(Op::Parameter { first }, shape)
    }

    /// Known numbers, row-major.
    ///
    /// # Panics
    /// If the shape holds another number of entries.
    pub fn constant(&mut self, values: impl Into<Arc<[f64]>>, shape: Shape) -> NodeId {
        let values = values.into();
        assert_eq!(values.len(), shape.len(), "shape and values differ");
        self.add(Op::Constant(values), shape)
    }

    /// A function of each entry, with arguments repeated where they have one row or column.
    ///
    /// # Panics
    /// If the number of arguments or their shapes do not fit.
    pub fn pointwise(&mut self, function: Function, args: &[NodeId]) -> NodeId {
        assert_eq!(
            args.len(),
            function.arity(),
            "{} arguments",
            function.name()
        );
        let shape = args[1..].iter().try_fold(self.shape(args[0]), |shape, a| {
            shape.broadcast(self.shape(*a))
        });
        let Some(shape) = shape else {
            let shapes: Vec<String> = args.iter().map(|a| self.shape(*a).to_string()).collect();
            panic!("{} of {}", function.name(), shapes.join(", "));
        };
        // A positive parameter's logarithm is the parameter before its transform. Computed the long way
        // it would lose all digits where the value rounds to 1, and with them a density its tail.
        if function == Function::Log
            && let Some(exponent) = self.exponent(args[0])
        {
            return exponent;
        }
        if let Some(node) = self.trivial(function, args, shape) {
            return node;
        }
        let args = args.to_vec();
        self.add(Op::Pointwise { function, args }, shape)
    }

    /// What adding 0, multiplying by 1, or a power 0 in a density leaves, as bounds and flat densities
    /// do.
    fn trivial(&mut self, function: Function, args: &[NodeId], shape: Shape) -> Option<NodeId> {
        let is_all = |id: &NodeId, number: f64| {
            let known = self.known(*id);
            known.is_some_and(|values| values.iter().all(|v| *v == number))
        };
        let rest = match (function, args) {
            (Function::Add, [a, b]) if is_all(a, 0.0) => *b,
            (Function::Add | Function::Subtract, [a, b]) if is_all(b, 0.0) => *a,
            (Function::Multiply, [a, b]) if is_all(a, 1.0) => *b,
            (Function::Multiply | Function::Divide, [a, b]) if is_all(b, 1.0) => *a,
            (Function::LogMultiply | Function::Log1mMultiply, [a, _]) if is_all(a, 0.0) => {
                return Some(self.constant(vec![0.0; shape.len()], shape));
            }
            _ => return None,
        };
        (self.shape(rest) == shape).then_some(rest)
    }

    /// `x` of `eˣ`.
    pub(crate) fn exponent(&self, node: NodeId) -> Option<NodeId> {
        match &self.nodes[node.index()].op {
            Op::Pointwise { function, args } if *function == Function::Exp => Some(args[0]),
            _ => None,
        }
    }

    /// Row `rows[r]` of `source` as row `r`.
    ///
    /// # Panics
    /// If a row does not exist.
    pub fn gather(&mut self, source: NodeId, rows: impl Into<Arc<[u32]>>) -> NodeId {
        let (rows, from) = (rows.into(), self.shape(source));
        assert!(
            rows.iter().all(|r| (*r as usize) < from.rows),
            "a gathered row is outside {from}"
        );
        let shape = Shape::matrix(rows.len(), from.cols);
        let op = Op::Gather {
            source,
            index: rows,
            per_row: 1,
            width: from.cols,
        };
        self.add(op, shape)
    }

    /// Entries of `source` by position in row-major order.
    ///
    /// # Panics
    /// If a position does not exist, or the shape holds another number of entries.
    pub fn elements(
        &mut self,
        source: NodeId,
        index: impl Into<Arc<[u32]>>,
        shape: Shape,
    ) -> NodeId {
        let (index, from) = (index.into(), self.shape(source));
        assert_eq!(index.len(), shape.len(), "shape and index differ");
        assert!(
            index.iter().all(|i| (*i as usize) < from.len()),
            "an element is outside {from}"
        );
        let op = Op::Gather {
            source,
            index,
            per_row: shape.cols,
            width: 1,
        };
        self.add(op, shape)
    }

    /// Values side by side.
    ///
    /// # Panics
    /// If there are none, or their rows differ.
    pub fn columns(&mut self, parts: &[NodeId]) -> NodeId {
        let rows = self.shape(parts[0]).rows;
        assert!(
            parts.iter().all(|p| self.shape(*p).rows == rows),
            "columns differ in length"
        );
        let cols = parts.iter().map(|p| self.shape(*p).cols).sum();
        self.add(Op::Columns(parts.to_vec()), Shape::matrix(rows, cols))
    }

    /// Values one below the other.
    ///
    /// # Panics
    /// If there are none, or their columns differ.
    pub fn rows(&mut self, parts: &[NodeId]) -> NodeId {
        let cols = self.shape(parts[0]).cols;
        assert!(
            parts.iter().all(|p| self.shape(*p).cols == cols),
            "rows differ in length"
        );
        let rows = parts.iter().map(|p| self.shape(*p).rows).sum();
        self.add(Op::Rows(parts.to_vec()), Shape::matrix(rows, cols))
    }

    /// The matrix product.
    ///
    /// # Panics
    /// If the inner sizes differ.
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (left, right) = (self.shape(a), self.shape(b));
        assert_eq!(left.cols, right.rows, "{left} times {right}");
        self.add(Op::MatMul { a, b }, Shape::matrix(left.rows, right.cols))
    }

    /// Each row's sum.
    pub fn row_sum(&mut self, source: NodeId) -> NodeId {
        let shape = Shape::vector(self.shape(source).rows);
        self.add(Op::RowSum(source), shape)
    }

    /// Each row's `log Σ exp`.
    pub fn row_log_sum_exp(&mut self, source: NodeId) -> NodeId {
        let shape = Shape::vector(self.shape(source).rows);
        self.add(Op::RowLogSumExp(source), shape)
    }

    /// The sum of all entries.
    pub fn sum(&mut self, source: NodeId) -> NodeId {
        // In whatever shape: rows of their own stay such.
        if let Op::Gather {
            source: from,
            index,
            width: 1,
            ..
        } = &self.nodes[source.index()].op
            && index.len() == self.shape(*from).len()
            && (0..).zip(index.iter()).all(|(i, at)| i == *at)
        {
            let from = *from;
            return self.sum(from);
        }
        if self.shape(source).is_scalar() {
            return source;
        }
        self.add(Op::Sum(source), Shape::SCALAR)
    }

    /// An operation on whole values.
    ///
    /// # Panics
    /// If the operation does not accept the shapes.
    pub fn block(&mut self, operation: Arc<dyn BlockOperation>, args: &[NodeId]) -> NodeId {
        let shapes: Vec<Shape> = args.iter().map(|a| self.shape(*a)).collect();
        let shape = operation.shape(&shapes);
        let args = args.to_vec();
        self.add(Op::Block { operation, args }, shape)
    }

    /// Adds the sum of a node's entries to the log density.
    ///
    /// Sums and differences are taken apart, so that each part can become a plate of its own.
    pub fn add_to_log_density(&mut self, term: NodeId) {
        let node = &self.nodes[term.index()];
        match &node.op {
            Op::Sum(source) => {
                let source = *source;
                self.add_to_log_density(source);
            }
            Op::Pointwise {
                function: Function::Add,
                args,
            } if node.shape.is_scalar() => {
                for part in args.clone() {
                    self.add_to_log_density(part);
                }
            }
            _ => self.terms.push(term),
        }
    }

    pub(crate) fn add(&mut self, op: Op, shape: Shape) -> NodeId {
        let args = op.args();
        let known = !args.is_empty() && args.iter().all(|a| self.known(*a).is_some());
        let op = if known {
            Op::Constant(crate::fold::evaluate(self, &op, shape).into())
        } else {
            op
        };
        let id = NodeId(u32::try_from(self.nodes.len()).expect("a graph has below 2³² nodes"));
        // What is computed of data alone is still those data to a reader.
        let mut labels = args.iter().filter_map(|a| self.labels.get(a));
        if let (true, Some(label), None) = (known, labels.next(), labels.next()) {
            self.labels.insert(id, Arc::clone(label));
        }
        self.nodes.push(Node { op, shape });
        id
    }
}
