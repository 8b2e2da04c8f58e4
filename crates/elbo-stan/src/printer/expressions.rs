//! Expressions as text.

use crate::typed::{
    Call, Callee, Distribution, Expression, ExpressionKind, Function, Index, Place, Step,
    UnaryOperator, Variable,
};

/// What indices of variables and functions are called.
#[derive(Clone, Copy)]
pub(super) struct Names<'p> {
    pub(super) functions: &'p [Function],
    pub(super) frame: &'p [Variable],
}

impl Names<'_> {
    fn list(self, items: &[Expression]) -> String {
        let items: Vec<String> = items.iter().map(|item| self.expression(item)).collect();
        items.join(", ")
    }

    /// Within parentheses if it is an operator.
    pub(super) fn operand(self, e: &Expression) -> String {
        match &e.kind {
            ExpressionKind::Convert(inner) => self.operand(inner),
            ExpressionKind::Unary(..)
            | ExpressionKind::Binary(..)
            | ExpressionKind::Ternary(..) => format!("({})", self.expression(e)),
            _ => self.expression(e),
        }
    }

    pub(super) fn expression(self, e: &Expression) -> String {
        match &e.kind {
            ExpressionKind::Integer(value) => value.to_string(),
            ExpressionKind::Real(value) => format!("{value:?}"),
            ExpressionKind::Imaginary(value) => format!("{value:?}i"),
            ExpressionKind::Variable(id) => self.frame[id.0].name.to_string(),
            ExpressionKind::Target => "target()".to_owned(),
            ExpressionKind::Unary(UnaryOperator::Transpose, operand) => {
                format!("{}'", self.operand(operand))
            }
            ExpressionKind::Unary(operator, operand) => {
                format!("{}{}", operator.symbol(), self.operand(operand))
            }
            ExpressionKind::Binary(operator, operands) => format!(
                "{} {} {}",
                self.operand(&operands[0]),
                operator.symbol(),
                self.operand(&operands[1])
            ),
            ExpressionKind::Ternary(parts) => format!(
                "{} ? {} : {}",
                self.operand(&parts[0]),
                self.operand(&parts[1]),
                self.operand(&parts[2])
            ),
            ExpressionKind::Call(call) => self.call(call, true),
            ExpressionKind::Index(base, indices) => {
                format!("{}[{}]", self.operand(base), self.indices(indices))
            }
            ExpressionKind::Element(base, index) => {
                format!("{}.{}", self.operand(base), index + 1)
            }
            ExpressionKind::Array(items) => format!("{{{}}}", self.list(items)),
            ExpressionKind::Row(items) => format!("[{}]", self.list(items)),
            ExpressionKind::Tuple(items) => {
                let end = if items.len() == 1 { "," } else { "" };
                format!("({}{end})", self.list(items))
            }
            ExpressionKind::Convert(inner) => self.expression(inner),
            ExpressionKind::Unknown => "?".to_owned(),
        }
    }

    fn indices(self, indices: &[Index]) -> String {
        let one = |index: &Index| match index {
            Index::All => ":".to_owned(),
            Index::Single(e) | Index::Several(e) => self.expression(e),
            Index::From(e) => format!("{}:", self.operand(e)),
            Index::UpTo(e) => format!(":{}", self.operand(e)),
            Index::Between(a, b) => format!("{}:{}", self.operand(a), self.operand(b)),
        };
        indices.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn name(self, callee: Callee) -> String {
        match callee {
            Callee::Builtin(name) => name.to_owned(),
            Callee::User(id) => self.functions[id.0].name.to_string(),
        }
    }

    /// The functions handed over and the arguments, in the order of the call.
    fn arguments(self, call: &Call, skip: usize) -> Vec<String> {
        let mut arguments: Vec<String> = call.arguments[skip..]
            .iter()
            .map(|a| self.expression(a))
            .collect();
        let names = call
            .functions
            .iter()
            .map(|id| self.functions[id.0].name.to_string());
        let laplace = matches!(call.callee, Callee::Builtin(name) if name.starts_with("laplace"));
        if laplace {
            // Each function stands before its tuple, the covariance's behind the block size.
            let last = usize::from(self.name(call.callee).contains("_tol"));
            let mut places = vec![arguments.len() - 1 - last];
            if call.functions.len() == 2 {
                places.insert(0, 0);
            }
            for (place, name) in places.into_iter().zip(names).rev() {
                arguments.insert(place, name);
            }
        } else {
            for name in names {
                arguments.insert(0, name);
            }
        }
        arguments
    }

    pub(super) fn call(self, call: &Call, value: bool) -> String {
        let mut name = self.name(call.callee);
        if call.unnormalised {
            name = name.replace("_lpdf", "_lupdf").replace("_lpmf", "_lupmf");
        }
        let ends = |ending: &str| name.ends_with(ending);
        let bar = value
            && [
                "_lpdf", "_lpmf", "_lupdf", "_lupmf", "_cdf", "_lcdf", "_lccdf",
            ]
            .into_iter()
            .any(ends);
        let mut arguments = self.arguments(call, 0);
        if bar && arguments.len() > 1 {
            let variate = arguments.remove(0);
            return format!("{name}({variate} | {})", arguments.join(", "));
        }
        format!("{name}({})", arguments.join(", "))
    }

    /// What stands behind `~`.
    pub(super) fn distribution(self, d: &Distribution) -> String {
        format!("{}({})", d.name, self.arguments(&d.density, 1).join(", "))
    }

    pub(super) fn place(self, place: &Place) -> String {
        let mut text = self.frame[place.variable.0].name.to_string();
        for step in &place.path {
            match step {
                Step::Index(indices) => {
                    text.push('[');
                    text.push_str(&self.indices(indices));
                    text.push(']');
                }
                Step::Element(index) => {
                    text.push('.');
                    text.push_str(&(index + 1).to_string());
                }
            }
        }
        text
    }
}
