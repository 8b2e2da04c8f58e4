//! Statements.

use super::{Machine, Run, RunError, RunErrorKind, Tensor, Value, bad};
use crate::typed::{
    BlockKind, Declaration, Expression, Message, Place, Printable, SizedType, Statement,
    StatementKind, Target, Type, VariableId,
};

/// How a statement ends.
pub(super) enum Flow {
    Next,
    Break,
    Continue,
    Return(Option<Value>),
}

impl Machine<'_> {
    /// Runs the block, then checks what it declares.
    pub(super) fn transformed_data(&mut self) -> Run<()> {
        let program = self.program;
        self.block(program.block(BlockKind::TransformedData))?;
        for declaration in program.declarations(BlockKind::TransformedData) {
            self.check_declared(declaration)?;
        }
        Ok(())
    }

    pub(super) fn block(&mut self, statements: &[Statement]) -> Run<Flow> {
        for statement in statements {
            match self.execute(statement)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    pub(super) fn execute(&mut self, statement: &Statement) -> Run<Flow> {
        self.deeper(statement.span, |machine| machine.execute_here(statement))
    }

    fn execute_here(&mut self, statement: &Statement) -> Run<Flow> {
        match &statement.kind {
            StatementKind::Empty => {}
            StatementKind::Block(statements) | StatementKind::Profile(_, statements) => {
                return self.block(statements);
            }
            StatementKind::If { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.condition(condition)? {
                        return self.execute(body);
                    }
                }
                if let Some(body) = otherwise {
                    return self.execute(body);
                }
            }
            StatementKind::While(condition, body) => {
                let mut rounds = 0;
                while self.condition(condition)? {
                    rounds += 1;
                    if rounds > self.limits.rounds {
                        return Err(RunError::new(
                            RunErrorKind::Limit,
                            statement.span,
                            format!(
                                "this loop ran more than {} rounds, the limit",
                                self.limits.rounds
                            ),
                        ));
                    }
                    match self.execute(body)? {
                        Flow::Break => break,
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                        Flow::Next | Flow::Continue => {}
                    }
                }
            }
            StatementKind::For {
                variable,
                lower,
                upper,
                body,
            } => {
                let (from, to) = (self.int(lower)?, self.int(upper)?);
                return self.repeat(*variable, (from..=to).map(Value::int), body);
            }
            StatementKind::ForEach {
                variable,
                over,
                body,
            } => {
                let values = parts_of(&self.evaluate(over)?, &over.r#type);
                return self.repeat(*variable, values.into_iter(), body);
            }
            StatementKind::Assign {
                target,
                operator,
                value,
            } => {
                let mut new = self.evaluate(value)?;
                if let (Some(operator), Target::Place(place)) = (operator, target) {
                    let old = self.read_place(place)?;
                    let types = [&place.r#type, &value.r#type];
                    new = self
                        .operate(*operator, types, &old, &new, statement.span)?
                        .converted(&place.r#type);
                }
                self.write(target, new)?;
            }
            StatementKind::Call(call) => {
                self.call(call, statement.span)?;
            }
            StatementKind::Distribution(d) => self.distribution(d, statement.span)?,
            StatementKind::Target(e) => {
                let value = self.evaluate(e)?;
                self.add(&value, false, statement.span)?;
            }
            StatementKind::Jacobian(e) => {
                let value = self.evaluate(e)?;
                self.add(&value, true, statement.span)?;
            }
            StatementKind::Message(message, items) => self.message(*message, items, statement)?,
            StatementKind::Break => return Ok(Flow::Break),
            StatementKind::Continue => return Ok(Flow::Continue),
            StatementKind::Return(None) => return Ok(Flow::Return(None)),
            StatementKind::Return(Some(value)) => {
                return Ok(Flow::Return(Some(self.evaluate(value)?)));
            }
            StatementKind::Declaration(declaration) => self.declare(declaration)?,
        }
        Ok(Flow::Next)
    }

    /// A loop's body for each value of its variable.
    fn repeat(
        &mut self,
        variable: VariableId,
        values: impl Iterator<Item = Value>,
        body: &Statement,
    ) -> Run<Flow> {
        for value in values {
            self.frame[variable.0] = Some(value);
            match self.execute(body)? {
                Flow::Break => break,
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
        }
        Ok(Flow::Next)
    }

    fn read_place(&mut self, place: &Place) -> Run<Value> {
        let mut value = self.frame[place.variable.0]
            .clone()
            .ok_or_else(|| bad(place.span, "the variable has no value yet"))?;
        for step in &place.path {
            value = match step {
                crate::typed::Step::Index(indices) => {
                    let indices = self.indices(indices)?;
                    let axes = super::index::selectors(value.shape(), &indices)
                        .map_err(|message| bad(place.span, message))?;
                    super::index::gather(&value, &axes)
                }
                crate::typed::Step::Element(index) => match value {
                    Value::Tuple(mut parts) if *index < parts.len() => parts.swap_remove(*index),
                    _ => return Err(bad(place.span, "the value is no such tuple")),
                },
            };
        }
        Ok(value)
    }

    fn declare(&mut self, declaration: &Declaration) -> Run<()> {
        for (id, value) in &declaration.variables {
            let empty = self.unset(&declaration.r#type)?;
            self.frame[id.0] = Some(empty);
            if let Some(value) = value {
                let new = self.evaluate(value)?;
                let name = self.variables[id.0].name.clone();
                let declared = self.frame[id.0].as_ref().map_or(&[][..], Value::shape);
                if declared != new.shape() && !matches!(new, Value::Tuple(_)) {
                    return Err(bad(
                        value.span,
                        format!(
                            "`{name}` is declared with shape {declared:?}, and its value has {:?}",
                            new.shape()
                        ),
                    ));
                }
                self.frame[id.0] = Some(new);
            }
        }
        Ok(())
    }

    /// A value of a declared type, before anything is assigned.
    pub(super) fn unset(&mut self, sized: &SizedType) -> Run<Value> {
        let (shape, inner) = self.shape(sized)?;
        match inner {
            SizedType::Tuple(parts) => {
                let tuple = Value::Tuple(
                    parts
                        .iter()
                        .map(|part| self.unset(part))
                        .collect::<Run<_>>()?,
                );
                if matches!(sized, SizedType::Tuple(_)) {
                    return Ok(tuple);
                }
                let places = shape.iter().product();
                Ok(Value::Tuples(shape, vec![tuple; places]))
            }
            SizedType::Scalar(t) | SizedType::Container(t, _) => Ok(Value::unset(t, shape)),
            SizedType::Array(..) => unreachable!("the element of an array is no array"),
        }
    }

    /// The length of every axis, and what the array holds.
    pub(super) fn shape<'s>(&mut self, sized: &'s SizedType) -> Run<(Vec<usize>, &'s SizedType)> {
        let mut shape = Vec::new();
        let mut inner = sized;
        if let SizedType::Array(sizes, element) = sized {
            for size in sizes {
                shape.push(self.size(size)?);
            }
            inner = element;
        }
        if let SizedType::Container(_, sizes) = inner {
            for size in sizes {
                shape.push(self.size(size)?);
            }
        }
        if let Some(first) = first_size(sized) {
            self.allowed(&shape, first.span)?;
        }
        Ok((shape, inner))
    }

    fn size(&mut self, e: &Expression) -> Run<usize> {
        let size = self.int(e)?;
        usize::try_from(size).map_err(|_| bad(e.span, format!("a size is {size}")))
    }

    fn message(&mut self, message: Message, items: &[Printable], statement: &Statement) -> Run<()> {
        let mut text = String::new();
        for item in items {
            match item {
                Printable::Text(part) => text.push_str(part),
                Printable::Value(e) => text.push_str(&show(&self.evaluate(e)?)),
            }
        }
        let kind = match message {
            Message::Print => {
                (self.say)(&text);
                return Ok(());
            }
            Message::Reject => RunErrorKind::Reject,
            Message::FatalError => RunErrorKind::Fatal,
        };
        Err(RunError::new(kind, statement.span, text))
    }
}

fn first_size(sized: &SizedType) -> Option<&Expression> {
    match sized {
        SizedType::Array(sizes, _) | SizedType::Container(_, sizes) => sizes.first(),
        _ => None,
    }
}

/// What a loop goes through: elements of an array, or numbers, those of a matrix by columns.
fn parts_of(value: &Value, r#type: &Type) -> Vec<Value> {
    let split = |shape: &[usize]| shape.first().copied().unwrap_or(0);
    match (value, r#type) {
        (Value::Reals(t), Type::Matrix) => {
            let (rows, columns) = (t.shape()[0], t.shape()[1]);
            (0..columns)
                .flat_map(|j| (0..rows).map(move |i| i * columns + j))
                .map(|at| Value::real(t.entries()[at]))
                .collect()
        }
        (Value::Symbolic(t), Type::Matrix) => {
            let (rows, columns) = (t.shape()[0], t.shape()[1]);
            (0..columns)
                .flat_map(|j| (0..rows).map(move |i| i * columns + j))
                .map(|at| Value::from_numbers(Tensor::scalar(t.entries()[at])))
                .collect()
        }
        (Value::Symbolic(t), _) => (0..split(t.shape()))
            .map(|i| Value::from_numbers(t.part(i)))
            .collect(),
        (Value::Ints(t), _) => (0..split(t.shape()))
            .map(|i| Value::Ints(t.part(i)))
            .collect(),
        (Value::Reals(t), _) => (0..split(t.shape()))
            .map(|i| Value::Reals(t.part(i)))
            .collect(),
        (Value::Complexes(_) | Value::Pairs(_), _) => {
            let t = value.as_pairs().unwrap_or_else(|| Tensor::list(Vec::new()));
            let ([rows, columns], Type::ComplexMatrix) = (t.shape(), r#type) else {
                let parts = (0..split(t.shape())).map(|i| Value::from_pairs(t.part(i)));
                return parts.collect();
            };
            let places = (0..*columns).flat_map(|j| (0..*rows).map(move |i| i * columns + j));
            let one = |at: usize| Value::from_pairs(Tensor::scalar(t.entries()[at]));
            places.map(one).collect()
        }
        (Value::Tuples(shape, tuples), _) if shape.len() == 1 => tuples.clone(),
        (Value::Tuples(shape, tuples), _) => {
            let size: usize = shape[1..].iter().product();
            tuples
                .chunks(size.max(1))
                .map(|chunk| Value::Tuples(shape[1..].to_vec(), chunk.to_vec()))
                .collect()
        }
        (Value::Tuple(_), _) => Vec::new(),
    }
}

/// A value as `print` shows it.
fn show(value: &Value) -> String {
    fn nested<T>(shape: &[usize], entries: &[T], one: &dyn Fn(&T) -> String) -> String {
        let Some(&length) = shape.first() else {
            return entries.first().map_or(String::new(), one);
        };
        let size = entries.len().checked_div(length).unwrap_or(0);
        let parts: Vec<String> = (0..length)
            .map(|i| nested(&shape[1..], &entries[i * size..(i + 1) * size], one))
            .collect();
        format!("[{}]", parts.join(","))
    }
    match value {
        Value::Ints(t) => nested(t.shape(), t.entries(), &|i| i.to_string()),
        Value::Reals(t) => nested(t.shape(), t.entries(), &|x| x.to_string()),
        Value::Complexes(t) => nested(t.shape(), t.entries(), &|[a, b]| format!("({a},{b})")),
        Value::Symbolic(t) => nested(t.shape(), t.entries(), &|n| {
            n.known().map_or_else(|| "?".to_owned(), |x| x.to_string())
        }),
        Value::Pairs(t) => nested(t.shape(), t.entries(), &|_| "(?,?)".to_owned()),
        Value::Tuple(parts) => {
            let parts: Vec<String> = parts.iter().map(show).collect();
            format!("({})", parts.join(","))
        }
        Value::Tuples(shape, tuples) => nested(shape, tuples, &show),
    }
}
