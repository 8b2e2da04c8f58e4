//! A checked program as canonical Stan: one form for every meaning.
//!
//! Operands that are operators themselves stand in parentheses, conversions are invisible, every
//! statement has its own line. The text is a program again, and checks to the same tree; the corpus
//! test holds this, and so is the checker's understanding of precedence, names and constraints shown.

mod expressions;

use std::fmt::{self, Write};
use std::sync::Arc;

use crate::typed::{
    BlockKind, Constraint, Declaration, Expression, Function, Message, Printable, Program, Role,
    SizedType, Statement, StatementKind, Structure, Target, Type, Variable,
};
use expressions::Names;

impl fmt::Display for Program {
    /// Writes canonical Stan.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer {
            program: self,
            frame: &self.variables,
            out: String::new(),
            indent: 0,
        };
        printer.program()?;
        f.write_str(&printer.out)
    }
}

impl Program {
    /// What a block declares at its top: names and types, constraints and sizes as canonical Stan.
    pub fn outline(&self, kind: BlockKind) -> Vec<(Arc<str>, String)> {
        let printer = Printer {
            program: self,
            frame: &self.variables,
            out: String::new(),
            indent: 0,
        };
        self.declarations(kind)
            .flat_map(|declaration| {
                let r#type = printer.sized(&declaration.r#type, &declaration.constraint);
                declaration
                    .variables
                    .iter()
                    .map(move |(id, _)| (self.variables[id.0].name.clone(), r#type.clone()))
            })
            .collect()
    }
}

struct Printer<'p> {
    program: &'p Program,
    frame: &'p [Variable],
    out: String,
    indent: usize,
}

impl<'p> Printer<'p> {
    fn names(&self) -> Names<'p> {
        Names {
            functions: &self.program.functions,
            frame: self.frame,
        }
    }

    fn program(&mut self) -> fmt::Result {
        if !self.program.functions.is_empty() {
            self.open("functions")?;
            for function in &self.program.functions {
                self.function(function)?;
            }
            self.close()?;
        }
        for block in &self.program.blocks {
            self.open(block.kind.name())?;
            for statement in &block.statements {
                self.statement(statement)?;
            }
            self.close()?;
        }
        Ok(())
    }

    fn line(&mut self) {
        for _ in 0..self.indent {
            self.out.push_str("  ");
        }
    }

    fn open(&mut self, head: &str) -> fmt::Result {
        self.line();
        self.indent += 1;
        if head.is_empty() {
            writeln!(self.out, "{{")
        } else {
            writeln!(self.out, "{head} {{")
        }
    }

    fn close(&mut self) -> fmt::Result {
        self.indent -= 1;
        self.line();
        writeln!(self.out, "}}")
    }

    fn function(&mut self, function: &'p Function) -> fmt::Result {
        let outer = std::mem::replace(&mut self.frame, &function.variables);
        let returns = function
            .returns
            .as_ref()
            .map_or("void".to_owned(), Type::to_string);
        let arguments: Vec<String> = function.variables[..function.arguments]
            .iter()
            .map(|argument| {
                let data = if argument.role == Role::DataArgument {
                    "data "
                } else {
                    ""
                };
                format!("{data}{} {}", argument.r#type, argument.name)
            })
            .collect();
        self.open(&format!(
            "{returns} {}({})",
            function.name,
            arguments.join(", ")
        ))?;
        self.inside(&function.body)?;
        self.close()?;
        self.frame = outer;
        Ok(())
    }

    /// A statement within braces that are written already.
    fn inside(&mut self, statement: &Statement) -> fmt::Result {
        match &statement.kind {
            StatementKind::Block(statements) => {
                statements.iter().try_for_each(|s| self.statement(s))
            }
            _ => self.statement(statement),
        }
    }

    fn braced(&mut self, head: &str, body: &Statement) -> fmt::Result {
        self.open(head)?;
        self.inside(body)?;
        self.close()
    }

    fn simple(&mut self, text: &str) -> fmt::Result {
        self.line();
        writeln!(self.out, "{text};")
    }

    fn statement(&mut self, statement: &Statement) -> fmt::Result {
        let names = self.names();
        let e = |expression: &Expression| names.expression(expression);
        match &statement.kind {
            StatementKind::Empty => Ok(()),
            StatementKind::Block(_) => self.braced("", statement),
            StatementKind::Profile(name, statements) => {
                self.open(&format!("profile(\"{name}\")"))?;
                statements.iter().try_for_each(|s| self.statement(s))?;
                self.close()
            }
            StatementKind::If { arms, otherwise } => {
                for (i, (condition, body)) in arms.iter().enumerate() {
                    let word = if i == 0 { "if" } else { "else if" };
                    self.braced(&format!("{word} ({})", e(condition)), body)?;
                }
                match otherwise {
                    Some(body) => self.braced("else", body),
                    None => Ok(()),
                }
            }
            StatementKind::While(condition, body) => {
                self.braced(&format!("while ({})", e(condition)), body)
            }
            StatementKind::For {
                variable,
                lower,
                upper,
                body,
            } => {
                let variable = &self.frame[variable.0].name;
                self.braced(
                    &format!("for ({variable} in {}:{})", e(lower), e(upper)),
                    body,
                )
            }
            StatementKind::ForEach {
                variable,
                over,
                body,
            } => {
                let variable = &self.frame[variable.0].name;
                self.braced(&format!("for ({variable} in {})", e(over)), body)
            }
            StatementKind::Assign {
                target,
                operator,
                value,
            } => {
                let operator = operator.map_or("", |o| o.symbol());
                let text = format!("{} {operator}= {}", self.target(target), e(value));
                self.simple(&text)
            }
            StatementKind::Call(call) => self.simple(&names.call(call, false)),
            StatementKind::Distribution(d) => {
                let value = e(&d.density.arguments[0]);
                let call = names.distribution(d);
                let bound = |b: &Option<Expression>| b.as_ref().map_or(String::new(), e);
                let truncation = if d.lower.is_some() || d.upper.is_some() {
                    format!(" T[{}, {}]", bound(&d.lower), bound(&d.upper))
                } else {
                    String::new()
                };
                self.simple(&format!("{value} ~ {call}{truncation}"))
            }
            StatementKind::Target(value) => self.simple(&format!("target += {}", e(value))),
            StatementKind::Jacobian(value) => self.simple(&format!("jacobian += {}", e(value))),
            StatementKind::Message(message, items) => {
                let word = match message {
                    Message::Print => "print",
                    Message::Reject => "reject",
                    Message::FatalError => "fatal_error",
                };
                let items: Vec<String> = items
                    .iter()
                    .map(|item| match item {
                        Printable::Text(text) => format!("\"{text}\""),
                        Printable::Value(value) => e(value),
                    })
                    .collect();
                self.simple(&format!("{word}({})", items.join(", ")))
            }
            StatementKind::Break => self.simple("break"),
            StatementKind::Continue => self.simple("continue"),
            StatementKind::Return(None) => self.simple("return"),
            StatementKind::Return(Some(value)) => self.simple(&format!("return {}", e(value))),
            StatementKind::Declaration(declaration) => self.declaration(declaration),
        }
    }

    fn target(&self, target: &Target) -> String {
        match target {
            Target::Place(place) => self.names().place(place),
            Target::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.target(part)).collect();
                let end = if parts.len() == 1 { "," } else { "" };
                format!("({}{end})", parts.join(", "))
            }
        }
    }

    fn declaration(&mut self, declaration: &Declaration) -> fmt::Result {
        let r#type = self.sized(&declaration.r#type, &declaration.constraint);
        for (id, value) in &declaration.variables {
            let name = &self.frame[id.0].name;
            let value = value.as_ref().map_or(String::new(), |v| {
                format!(" = {}", self.names().expression(v))
            });
            self.simple(&format!("{type} {name}{value}"))?;
        }
        Ok(())
    }

    fn sized(&self, sized: &SizedType, constraint: &Constraint) -> String {
        let sizes = |sizes: &[Expression]| {
            let sizes: Vec<String> = sizes.iter().map(|s| self.names().expression(s)).collect();
            sizes.join(", ")
        };
        match sized {
            SizedType::Scalar(t) => format!("{t}{}", self.bounds(constraint)),
            SizedType::Array(dimensions, element) => format!(
                "array[{}] {}",
                sizes(dimensions),
                self.sized(element, constraint)
            ),
            SizedType::Tuple(parts) => {
                let none = Constraint::Structure(Structure::Free);
                let parts: Vec<String> = parts
                    .iter()
                    .enumerate()
                    .map(|(i, part)| {
                        let constraint = match constraint {
                            Constraint::Tuple(constraints) => constraints.get(i),
                            _ => None,
                        };
                        self.sized(part, constraint.unwrap_or(&none))
                    })
                    .collect();
                let end = if parts.len() == 1 { "," } else { "" };
                format!("tuple({}{end})", parts.join(", "))
            }
            SizedType::Container(t, dimensions) => match constraint {
                Constraint::Structure(structure) if *structure != Structure::Free => {
                    let one = matches!(
                        structure,
                        Structure::Covariance
                            | Structure::Correlation
                            | Structure::CholeskyCorrelation
                    );
                    let dimensions = if one { &dimensions[..1] } else { dimensions };
                    format!("{}[{}]", word(*structure, t), sizes(dimensions))
                }
                _ => format!("{t}{}[{}]", self.bounds(constraint), sizes(dimensions)),
            },
        }
    }

    fn bounds(&self, constraint: &Constraint) -> String {
        let (a, b) = match constraint {
            Constraint::Bounds { lower, upper } => (("lower", lower), ("upper", upper)),
            Constraint::Affine { offset, multiplier } => {
                (("offset", offset), ("multiplier", multiplier))
            }
            _ => return String::new(),
        };
        let parts: Vec<String> = [a, b]
            .into_iter()
            .filter_map(|(word, bound)| {
                let bound = bound.as_ref()?;
                Some(format!("{word}={}", self.names().operand(bound)))
            })
            .collect();
        format!("<{}>", parts.join(", "))
    }
}

fn word(structure: Structure, t: &Type) -> &'static str {
    match (structure, t) {
        (Structure::Free, _) => "",
        (Structure::Ordered, _) => "ordered",
        (Structure::PositiveOrdered, _) => "positive_ordered",
        (Structure::Simplex, _) => "simplex",
        (Structure::UnitVector, _) => "unit_vector",
        (Structure::SumToZero, Type::Matrix) => "sum_to_zero_matrix",
        (Structure::SumToZero, _) => "sum_to_zero_vector",
        (Structure::ColumnStochastic, _) => "column_stochastic_matrix",
        (Structure::RowStochastic, _) => "row_stochastic_matrix",
        (Structure::Covariance, _) => "cov_matrix",
        (Structure::Correlation, _) => "corr_matrix",
        (Structure::CholeskyCovariance, _) => "cholesky_factor_cov",
        (Structure::CholeskyCorrelation, _) => "cholesky_factor_corr",
    }
}
