//! Values whose rows are known multiples of unknown numbers.
//!
//! The one idea: a linear predictor, however it was written (products, sums, columns of a design
//! matrix, effects of groups), is `known_r + Σ_k c_kr s_k(r)`, where `s_k(r)` is an entry of some
//! unknown value. What is not linear becomes an unknown value itself, with a row for each class of
//! rows that are alike. Deliberately absent: what such a form is good for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Work;
use super::entries::{narrow, read_by_gather};
use super::rows::{Classes, by_row, select};
use crate::graph::{Node, NodeId, Op};
use crate::plan::is_row_local;
use crate::pointwise::Function;

/// Numbers that the forms of one value may take: 256 MiB.
const MOST_NUMBERS: usize = 1 << 25;

/// Which entry of a value each row reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    One(u32),
    ByRow(Arc<[u32]>),
}

impl Entry {
    fn of(positions: Vec<u32>) -> Self {
        match positions.first() {
            Some(first) if positions.iter().all(|p| p == first) => Self::One(*first),
            _ => Self::ByRow(positions.into()),
        }
    }

    fn at(&self, row: usize) -> u32 {
        match self {
            Self::One(entry) => *entry,
            Self::ByRow(index) => index[row],
        }
    }
}

/// A column of `rows` numbers: `known` plus multiples of unknown numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Linear {
    pub known: Vec<f64>,
    pub parts: BTreeMap<(NodeId, Entry), Vec<f64>>,
}

impl Linear {
    fn constant(known: Vec<f64>) -> Self {
        Self {
            known,
            parts: BTreeMap::new(),
        }
    }

    fn one(n_rows: usize, node: NodeId, entry: Entry) -> Self {
        Self {
            known: vec![0.0; n_rows],
            parts: BTreeMap::from([((node, entry), vec![1.0; n_rows])]),
        }
    }

    /// Some of the rows, without what none of them reads.
    fn rows(&self, rows: &[usize]) -> Self {
        let mut some = Self::constant(rows.iter().map(|r| self.known[*r]).collect());
        for ((node, entry), column) in &self.parts {
            let column: Vec<f64> = rows.iter().map(|r| column[*r]).collect();
            let Some(used) = column.iter().position(|c| *c != 0.0) else {
                continue;
            };
            // Rows that do not read the number may as well read what another row does.
            let used = rows[used];
            let read = rows.iter().zip(&column);
            let read = read.map(|(r, c)| entry.at(if *c == 0.0 { used } else { *r }));
            let entry = Entry::of(read.collect());
            let to = some.parts.entry((*node, entry));
            let to = to.or_insert_with(|| vec![0.0; column.len()]);
            for (t, c) in to.iter_mut().zip(column) {
                *t += c;
            }
        }
        some
    }

    fn is_finite(&self) -> bool {
        let mut columns = self.parts.values().chain([&self.known]);
        columns.all(|column| column.iter().all(|x| x.is_finite()))
    }

    fn numbers(&self) -> usize {
        self.known.len() * (1 + self.parts.len())
    }

    /// Multiplies every row by a known number.
    pub(super) fn scale(&mut self, factor: impl Fn(usize) -> f64) {
        for column in self.parts.values_mut().chain([&mut self.known]) {
            for (row, value) in column.iter_mut().enumerate() {
                *value *= factor(row);
            }
        }
    }

    /// Adds a multiple of another column.
    pub(super) fn add(&mut self, other: &Self, factor: f64) {
        let add = |to: &mut Vec<f64>, from: &[f64]| {
            for (t, f) in to.iter_mut().zip(from) {
                *t += factor * f;
            }
        };
        add(&mut self.known, &other.known);
        for (key, from) in &other.parts {
            let to = self.parts.entry(key.clone());
            add(to.or_insert_with(|| vec![0.0; from.len()]), from);
        }
    }
}

/// The columns of `node`, which has `n_rows` rows or one that is repeated; `None` where that would
/// take too much memory, or a number is not finite.
pub(super) fn linear(work: &mut Work, node: NodeId, n_rows: usize) -> Option<Vec<Linear>> {
    let mut forms = Forms {
        work,
        n_rows,
        found: BTreeMap::new(),
        products: BTreeMap::new(),
        numbers: 0,
    };
    let nodes = by_row(&forms.work.graph, node);
    for id in nodes {
        let form = forms.of(id);
        forms.numbers += form.iter().map(Linear::numbers).sum::<usize>();
        if forms.numbers > MOST_NUMBERS {
            return None;
        }
        forms.found.insert(id, form);
    }
    // Infinities are for the operations as they are written.
    let form = forms.found.remove(&node)?;
    form.iter().all(Linear::is_finite).then_some(form)
}

struct Forms<'g> {
    work: &'g mut Work,
    n_rows: usize,
    found: BTreeMap<NodeId, Vec<Linear>>,
    /// A common unknown number times an unknown value.
    products: BTreeMap<(NodeId, NodeId), NodeId>,
    numbers: usize,
}

impl Forms<'_> {
    fn of(&mut self, id: NodeId) -> Vec<Linear> {
        let Node { op, shape } = self.work.graph.nodes[id.index()].clone();
        let (n_rows, cols) = (self.n_rows, shape.cols);
        if shape.rows != n_rows || matches!(op, Op::Constant(_)) {
            return self.leaf(id);
        }
        let form = match &op {
            Op::Gather {
                source,
                index,
                per_row,
                width,
            } => {
                let below = match &self.work.graph.nodes[source.index()].op {
                    Op::Rows(parts) if *width == 1 => self.below(&parts.clone()),
                    _ => None,
                };
                let column = |c: usize| {
                    if let Some(all) = &below {
                        let rows = (0..n_rows).map(|row| index[row * per_row + c] as usize);
                        return all.rows(&rows.collect::<Vec<_>>());
                    }
                    let position =
                        |row: usize| narrow(read_by_gather(index, *width, row * cols + c));
                    Linear::one(
                        n_rows,
                        *source,
                        Entry::of((0..n_rows).map(position).collect()),
                    )
                };
                Some((0..cols).map(column).collect())
            }
            Op::Columns(parts) => Some(parts.iter().flat_map(|p| self.arg(*p)).collect()),
            Op::RowSum(source) => {
                let mut sum = Linear::constant(vec![0.0; n_rows]);
                for column in self.arg(*source) {
                    sum.add(&column, 1.0);
                }
                Some(vec![sum])
            }
            Op::MatMul { a, b } => self.product_of_matrices(*a, *b, cols),
            Op::Pointwise { function, args } => self.pointwise(*function, args, cols),
            _ => None,
        };
        match form {
            Some(form) => form,
            None if is_row_local(&op) => self.classes(id, cols),
            None => self.leaf(id),
        }
    }

    /// An argument that may be a repeated row.
    fn arg(&mut self, id: NodeId) -> Vec<Linear> {
        match self.found.get(&id) {
            Some(form) => form.clone(),
            None => self.leaf(id),
        }
    }

    fn leaf(&self, id: NodeId) -> Vec<Linear> {
        let (shape, n_rows) = (self.work.graph.shape(id), self.n_rows);
        let known = self.work.graph.known(id);
        let column = |c: usize| {
            if let Some(values) = known {
                let at = |row: usize| values[row % shape.rows * shape.cols + c];
                Linear::constant((0..n_rows).map(at).collect())
            } else if shape.rows == 1 {
                Linear::one(n_rows, id, Entry::One(narrow(c)))
            } else {
                let own = (0..n_rows).map(|row| narrow(row * shape.cols + c));
                Linear::one(n_rows, id, Entry::ByRow(own.collect()))
            }
        };
        (0..shape.cols).map(column).collect()
    }

    /// Columns one below the other. Parts that read entries of one node stay apart: few rows of a
    /// whole that was put together need both.
    fn below(&mut self, parts: &[NodeId]) -> Option<Linear> {
        let total: usize = parts.iter().map(|p| self.work.graph.shape(*p).rows).sum();
        let mut all = Linear::constant(Vec::with_capacity(total));
        for part in parts {
            let n_rows = self.work.graph.shape(*part).rows;
            let form = linear(self.work, *part, n_rows)?.pop()?;
            let first = all.known.len();
            all.known.extend(form.known);
            for ((node, entry), column) in form.parts {
                let mut positions = vec![entry.at(0); total];
                let mut longer = vec![0.0; total];
                for (row, coefficient) in column.into_iter().enumerate() {
                    positions[first + row] = entry.at(row);
                    longer[first + row] = coefficient;
                }
                let to = all.parts.entry((node, Entry::of(positions)));
                let to = to.or_insert_with(|| vec![0.0; total]);
                for (t, c) in to.iter_mut().zip(longer) {
                    *t += c;
                }
            }
            if all.numbers() * parts.len() > MOST_NUMBERS {
                return None;
            }
        }
        Some(all)
    }

    fn product_of_matrices(&mut self, a: NodeId, b: NodeId, cols: usize) -> Option<Vec<Linear>> {
        let left = self.arg(a);
        let known = self.work.graph.known(b).cloned();
        if known.is_none() && left.iter().any(|column| !column.parts.is_empty()) {
            return None;
        }
        let column = |c: usize| {
            let mut sum = Linear::constant(vec![0.0; self.n_rows]);
            for (j, factor) in left.iter().enumerate() {
                let entry = j * cols + c;
                if let Some(b) = &known {
                    sum.add(factor, b[entry]);
                } else {
                    let key = (b, Entry::One(narrow(entry)));
                    sum.parts.insert(key, factor.known.clone());
                }
            }
            sum
        };
        Some((0..cols).map(column).collect())
    }

    /// `None` if the function is not linear in what is unknown.
    fn pointwise(
        &mut self,
        function: Function,
        args: &[NodeId],
        cols: usize,
    ) -> Option<Vec<Linear>> {
        use Function::{Add, Divide, Multiply, MultiplyAdd, Negate, Subtract};
        if !matches!(
            function,
            Add | Divide | Multiply | MultiplyAdd | Negate | Subtract
        ) {
            return None;
        }
        let mut forms = Vec::new();
        for arg in args {
            let form = self.arg(*arg);
            forms.push((0..cols).map(|c| form[c % form.len()].clone()).collect());
        }
        let forms: Vec<Vec<Linear>> = forms;
        let mut result = Vec::new();
        for c in 0..cols {
            let of = |k: usize| &forms[k][c];
            let mut column = of(0).clone();
            let fits = match function {
                Add => {
                    column.add(of(1), 1.0);
                    true
                }
                Subtract => {
                    column.add(of(1), -1.0);
                    true
                }
                Negate => {
                    column.scale(|_| -1.0);
                    true
                }
                Divide => {
                    column.scale(|row| of(1).known[row].recip());
                    of(1).parts.is_empty()
                }
                _ => match self.product(of(0), of(1)) {
                    Some(product) => {
                        column = product;
                        if function == MultiplyAdd {
                            column.add(of(2), 1.0);
                        }
                        true
                    }
                    None => false,
                },
            };
            if !fits {
                return None;
            }
            result.push(column);
        }
        Some(result)
    }

    /// The product of two columns, one of which is known but for at most one common factor.
    fn product(&mut self, a: &Linear, b: &Linear) -> Option<Linear> {
        let graph = &mut self.work.graph;
        let is_common = |l: &Linear| {
            l.parts.len() <= 1 && l.parts.keys().all(|(s, _)| graph.shape(*s).is_scalar())
        };
        let (factor, other) = if b.parts.is_empty() || !is_common(a) {
            (b, a)
        } else {
            (a, b)
        };
        if !is_common(factor) {
            return None;
        }
        let mut column = other.clone();
        column.scale(|row| factor.known[row]);
        let Some(((common, entry), multiple)) = factor.parts.iter().next() else {
            return Some(column);
        };
        let mut times = Linear::constant(vec![0.0; self.n_rows]);
        for ((source, at), coefficient) in &other.parts {
            let pair = (*common.min(source), *common.max(source));
            let product = self
                .products
                .entry(pair)
                .or_insert_with(|| graph.pointwise(Function::Multiply, &[pair.0, pair.1]));
            times
                .parts
                .insert((*product, at.clone()), coefficient.clone());
        }
        let common = (*common, entry.clone());
        times.parts.insert(common, other.known.clone());
        times.scale(|row| multiple[row]);
        column.add(&times, 1.0);
        column.parts.retain(|_, c| c.iter().any(|v| *v != 0.0));
        Some(column)
    }

    /// A value that is not linear: its distinct rows are unknown numbers.
    fn classes(&mut self, id: NodeId, cols: usize) -> Vec<Linear> {
        let most = self.n_rows / 2;
        let Some(classes) = Classes::one(self.n_rows).split_by(most, self.work, id) else {
            return self.leaf(id);
        };
        let source = select(self.work, id, &classes.first_rows());
        let column = |c: usize| {
            let position = |class: &u32| narrow(*class as usize * cols + c);
            let entry = match classes.n {
                1 => Entry::One(position(&0)),
                _ => Entry::ByRow(classes.of_row.iter().map(position).collect()),
            };
            Linear::one(self.n_rows, source, entry)
        };
        (0..cols).map(column).collect()
    }
}
