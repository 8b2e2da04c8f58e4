//! What a program computes from its parameters, recorded while it runs once.
//!
//! The one idea: an operation is recorded with its *site*, the place in the program where it
//! happened. All operations of a site with arguments of the same sizes form a *group*; a loop over
//! rows, however it is written, makes groups with an *instance* per row. Only when the run is over do
//! groups become nodes of a graph ([`emit`]): a group whose instances do not need each other is one
//! vectorised node, whatever the loops and branches around it were. Deliberately absent: the
//! language ([`crate::run`]), and the formulas of densities (`elbo-graph`).

mod chain;
mod emit;
mod graph;
mod number;
mod pack;
mod refusal;
mod schedule;
mod total;

use std::collections::HashMap;
use std::sync::Arc;

use elbo_graph::{Density, Function, Graph, NodeId, Shape, Transform};

use crate::run::{Tensor, Value};
use crate::source::Span;
pub use emit::Jacobian;
pub(crate) use emit::{Emission, Emitted};
pub(crate) use number::{Number, Operand, Symbol};
pub(crate) use refusal::of_rows;

/// Where in a program something happens: the calls that led there, and the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Site {
    /// Which sequence of calls; 0 outside functions.
    pub(crate) calls: u32,
    /// The expression or statement.
    pub(crate) span: Span,
}

/// Makes nodes from nodes, or says why it cannot.
pub(crate) type Build = dyn Fn(&mut Graph, &[NodeId]) -> Result<NodeId, String> + Send + Sync;

/// A function that gives a number, or a row of numbers, for each row of its arguments.
#[derive(Debug)]
pub(crate) struct RowFunction {
    /// Its name.
    pub(crate) name: &'static str,
    /// Arguments that all rows must share, each a matrix as it is; any other argument is a row of
    /// numbers for each row or one for all.
    pub(crate) shared: &'static [usize],
    /// From arguments to a row for each of theirs.
    pub(crate) build: fn(&mut Graph, &[NodeId]) -> Result<NodeId, String>,
}

/// What an operation computes.
#[derive(Clone)]
pub(crate) enum Kind {
    /// Free coordinates, rows × columns of them.
    Free,
    /// Random numbers, which are given like coordinates; the arguments say what they depend on.
    Random,
    /// Values under a constraint; bounds are positions of arguments, the first being the free ones.
    Constrained(Transform<usize>),
    /// A function of corresponding entries; single numbers go with every entry.
    Pointwise(Function),
    /// A log density of corresponding entries, a number for each; single numbers go with every entry.
    Density(&'static Density),
    /// The sum of a value's entries.
    Sum,
    /// `log Σ exp` of a value's entries.
    LogSumExp,
    /// The sum of products of corresponding entries.
    Dot,
    /// A row for each instance.
    Rows(&'static RowFunction),
    /// Anything else, an instance at a time.
    Block(&'static str, Arc<Build>),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Random => "random",
            Self::Constrained(transform) => transform.name(),
            Self::Pointwise(function) => function.name(),
            Self::Density(density) => density.name,
            Self::Sum => "sum",
            Self::LogSumExp => "log_sum_exp",
            Self::Dot => "dot_product",
            Self::Rows(function) => function.name,
            Self::Block(name, _) => name,
        }
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The arguments at one position, of every instance.
#[derive(Debug)]
enum Column {
    /// Single numbers.
    Numbers(Vec<Number>),
    /// Values with more entries or none.
    Values(Vec<Operand>),
}

/// All operations of one site that are alike.
#[derive(Debug)]
pub(crate) struct Group {
    site: Site,
    kind: Kind,
    args: Vec<Column>,
    /// The shape of each argument of an instance.
    shapes: Vec<Shape>,
    /// The shape of an instance's result.
    out: Shape,
    /// How many operations were recorded before each instance.
    order: Vec<u32>,
}

impl Group {
    fn instances(&self) -> usize {
        self.order.len()
    }
}

/// A part of the log density: consecutive entries of a group.
#[derive(Clone, Copy, Debug)]
struct Term {
    group: u32,
    first: u32,
    len: u32,
    /// Whether it belongs to a change of variables only.
    jacobian: bool,
}

/// A number of entries or instances, which [`Trace::record`] keeps below 2³².
fn narrow(n: usize) -> u32 {
    u32::try_from(n).expect("a place of a program computes fewer than 2³² values")
}

/// Everything that was recorded.
#[derive(Debug)]
pub(crate) struct Trace {
    groups: Vec<Group>,
    /// The groups of a site, by how many operations came before during the same visit.
    index: HashMap<(Site, u32), Vec<u32>>,
    terms: Vec<Term>,
    /// What is known of the log density, and of changes of variables only.
    constants: [f64; 2],
    site: Site,
    step: u32,
    recorded: u32,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self {
            groups: Vec::new(),
            index: HashMap::new(),
            terms: Vec::new(),
            constants: [0.0; 2],
            site: Site {
                calls: 0,
                span: Span { start: 0, end: 0 },
            },
            step: 0,
            recorded: 0,
        }
    }

    /// Says where the next operations happen.
    pub(crate) fn visit(&mut self, site: Site) {
        self.site = site;
        self.step = 0;
    }

    /// Says that the next operations are those of the visit's beginning again, for another instance.
    pub(crate) fn again(&mut self) {
        self.step = 0;
    }

    /// Does the same for several things at one place: their operations form the same groups.
    pub(crate) fn each<I, T>(
        &mut self,
        items: impl IntoIterator<Item = I>,
        mut record: impl FnMut(&mut Self, I) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let first = self.step;
        let mut next = first;
        let results = items.into_iter().map(|item| {
            self.step = first;
            let result = record(self, item);
            next = next.max(self.step);
            result
        });
        let results = results.collect();
        self.step = next;
        results
    }

    /// Records an operation; its result has `shape`, and as a node `out`. What is known throughout is
    /// computed at once.
    pub(crate) fn record(
        &mut self,
        kind: Kind,
        args: Vec<(Operand, Shape)>,
        out: Shape,
        shape: Vec<usize>,
    ) -> Result<Tensor<Number>, String> {
        let is_random = matches!(kind, Kind::Random);
        if !is_random && !args.is_empty() && args.iter().all(|(arg, _)| arg.is_known()) {
            let numbers = emit::known(&kind, &args, out)?;
            return Ok(Tensor::new(
                shape,
                numbers.into_iter().map(Number::Known).collect(),
            ));
        }
        let group = self.group(kind, &args, out);
        let instance = self.groups[group as usize].order.len();
        let order = self.recorded;
        self.recorded = order
            .checked_add(1)
            .ok_or("the program computes more than 2³² values of its parameters")?;
        let group_mut = &mut self.groups[group as usize];
        group_mut.order.push(order);
        for (column, (arg, _)) in group_mut.args.iter_mut().zip(args) {
            match column {
                Column::Numbers(numbers) => numbers.push(arg.number(0)),
                Column::Values(values) => values.push(arg),
            }
        }
        let first = instance * out.len();
        let last = u32::try_from(first + out.len()).map_err(|_| {
            "the program computes more than 2³² values of its parameters at one place".to_owned()
        })?;
        if shape.is_empty() {
            let symbol = Symbol {
                group,
                entry: last - 1,
            };
            return Ok(Tensor::scalar(Number::Symbol(symbol)));
        }
        let entries = (last - narrow(out.len())..last)
            .map(|entry| Number::Symbol(Symbol { group, entry }))
            .collect();
        Ok(Tensor::new(shape, entries))
    }

    fn group(&mut self, kind: Kind, args: &[(Operand, Shape)], out: Shape) -> u32 {
        let alone = matches!(kind, Kind::Free | Kind::Constrained(_) | Kind::Block(..));
        let step = self.step;
        self.step += 1;
        let here = self.index.entry((self.site, step)).or_default();
        let is_alike = |group: &Group| {
            group.out == out
                && std::ptr::eq(group.kind.name(), kind.name())
                && group.shapes.len() == args.len()
                && group.shapes.iter().zip(args).all(|(a, (_, b))| a == b)
        };
        if !alone && let Some(group) = here.iter().find(|g| is_alike(&self.groups[**g as usize])) {
            return *group;
        }
        let next = u32::try_from(self.groups.len()).expect("groups are fewer than instances");
        here.push(next);
        let shapes: Vec<Shape> = args.iter().map(|(_, shape)| *shape).collect();
        let columns = shapes.iter().map(|shape| {
            if shape.is_scalar() {
                Column::Numbers(Vec::new())
            } else {
                Column::Values(Vec::new())
            }
        });
        self.groups.push(Group {
            site: self.site,
            kind,
            args: columns.collect(),
            shapes,
            out,
            order: Vec::new(),
        });
        next
    }

    /// Adds all numbers to the log density.
    pub(crate) fn add(&mut self, numbers: &Tensor<Number>, jacobian: bool) {
        for number in numbers.entries() {
            match number {
                Number::Known(x) => self.constants[usize::from(jacobian)] += x,
                Number::Symbol(s) => match self.terms.last_mut() {
                    Some(term)
                        if term.group == s.group
                            && term.first + term.len == s.entry
                            && term.jacobian == jacobian =>
                    {
                        term.len += 1;
                    }
                    _ => self.terms.push(Term {
                        group: s.group,
                        first: s.entry,
                        len: 1,
                        jacobian,
                    }),
                },
            }
        }
    }

    // The operations, by name.

    /// New free coordinates.
    pub(crate) fn free(&mut self, shape: Shape) -> Result<Tensor<Number>, String> {
        self.record(Kind::Free, Vec::new(), shape, vec![shape.len()])
    }

    /// New random numbers that depend on values.
    pub(crate) fn random(
        &mut self,
        values: &[Value],
        out: Shape,
        shape: Vec<usize>,
    ) -> Result<Tensor<Number>, String> {
        let args = values.iter().filter_map(Operand::from_value);
        let args = args.map(|arg| {
            let shape = Shape::vector(arg.len());
            (arg, shape)
        });
        self.record(Kind::Random, args.collect(), out, shape)
    }

    /// A function of corresponding entries; single numbers go with every entry.
    pub(crate) fn pointwise(
        &mut self,
        function: Function,
        args: &[Operand],
    ) -> Result<Tensor<Number>, String> {
        // What a sum in a loop begins with is no term of it.
        if function == Function::Add
            && let [a, b] = args
        {
            let zero = |x: &Operand| x.len() == 1 && x.number(0) == Number::Known(0.0);
            let one = |x: &Operand| x.len() == 1;
            if zero(a) && one(b) {
                return Ok(b.to_numbers());
            }
            if zero(b) && one(a) {
                return Ok(a.to_numbers());
            }
        }
        self.entrywise(Kind::Pointwise(function), args)
    }

    /// The log density of corresponding entries, a number for each.
    pub(crate) fn density(
        &mut self,
        density: &'static Density,
        args: &[Operand],
    ) -> Result<Tensor<Number>, String> {
        self.entrywise(Kind::Density(density), args)
    }

    fn entrywise(&mut self, kind: Kind, args: &[Operand]) -> Result<Tensor<Number>, String> {
        let mut shape: &[usize] = &[];
        for arg in args {
            if shape.is_empty() {
                shape = arg.shape();
            } else if !arg.shape().is_empty() && arg.len() != shape.iter().product::<usize>() {
                return Err(format!(
                    "the sizes of arguments differ: {shape:?} and {:?}",
                    arg.shape()
                ));
            }
        }
        let shape = shape.to_vec();
        let n = shape.iter().product();
        if n == 0 {
            return Ok(Tensor::new(shape, Vec::new()));
        }
        let args = args
            .iter()
            .map(|arg| (arg.clone(), Shape::vector(arg.len())))
            .collect();
        self.record(kind, args, Shape::vector(n), shape)
    }

    /// The sum of all entries.
    pub(crate) fn sum(&mut self, value: &Tensor<Number>) -> Result<Number, String> {
        if let [one] = value.entries() {
            return Ok(*one);
        }
        let known: Option<Vec<f64>> = value.entries().iter().map(|n| n.known()).collect();
        if let Some(known) = known {
            return Ok(Number::Known(known.iter().sum()));
        }
        self.row(Kind::Sum, vec![Operand::Numbers(value.clone())])
    }

    /// `log Σ exp` of all entries.
    pub(crate) fn log_sum_exp(&mut self, value: Operand) -> Result<Number, String> {
        match value.len() {
            0 => Ok(Number::Known(f64::NEG_INFINITY)),
            1 => Ok(value.number(0)),
            _ => self.row(Kind::LogSumExp, vec![value]),
        }
    }

    /// The sum of products of corresponding entries.
    pub(crate) fn dot(&mut self, a: Operand, b: Operand) -> Result<Number, String> {
        if a.len() != b.len() {
            return Err(format!("the sizes {} and {} differ", a.len(), b.len()));
        }
        match a.len() {
            0 => Ok(Number::Known(0.0)),
            1 => {
                let one = |x: &Operand| Operand::of(x.number(0));
                let product = self.pointwise(Function::Multiply, &[one(&a), one(&b)])?;
                Ok(product.entries()[0])
            }
            _ => self.row(Kind::Dot, vec![a, b]),
        }
    }

    fn row(&mut self, kind: Kind, args: Vec<Operand>) -> Result<Number, String> {
        let args = args
            .into_iter()
            .map(|arg| {
                let shape = Shape::matrix(1, arg.len());
                (arg, shape)
            })
            .collect();
        Ok(self
            .record(kind, args, Shape::SCALAR, Vec::new())?
            .entries()[0])
    }

    /// A number of values each of which is a row of numbers, or a matrix for all rows.
    pub(crate) fn rows(
        &mut self,
        function: &'static RowFunction,
        args: Vec<(Operand, Shape)>,
    ) -> Result<Number, String> {
        let tensor = self.record(Kind::Rows(function), args, Shape::SCALAR, Vec::new())?;
        Ok(tensor.entries()[0])
    }

    /// Rows of numbers from rows of numbers, of which `function` makes all at once.
    pub(crate) fn row_by_row(
        &mut self,
        function: &'static RowFunction,
        args: Vec<(Operand, Shape)>,
        shape: Vec<usize>,
    ) -> Result<Tensor<Number>, String> {
        let out = Shape::matrix(1, shape.iter().product());
        self.record(Kind::Rows(function), args, out, shape)
    }

    /// Anything else. Arguments come with the shapes that `build` wants its nodes to have; the node
    /// that it makes has shape `out`, and its entries are those of a value of `shape` in row-major
    /// order.
    pub(crate) fn block(
        &mut self,
        name: &'static str,
        args: Vec<(Operand, Shape)>,
        out: Shape,
        shape: Vec<usize>,
        build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId, String> + Send + Sync + 'static,
    ) -> Result<Tensor<Number>, String> {
        if out.is_empty() {
            return Ok(Tensor::new(shape, Vec::new()));
        }
        self.record(Kind::Block(name, Arc::new(build)), args, out, shape)
    }
}
