//! Expressions as they were written.

use crate::source::Span;
use crate::syntax::Name;

pub use operator::{BinaryOperator, UnaryOperator};

#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) kind: ExpressionKind,
    pub(crate) span: Span,
    /// Height of the tree below, itself included.
    pub(crate) depth: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum ExpressionKind {
    Integer(i32),
    Real(f64),
    Imaginary(f64),
    Name(Name),
    /// `target()`
    Target,
    Unary(UnaryOperator, Box<Expression>),
    Binary(BinaryOperator, Span, Box<[Expression; 2]>),
    Ternary(Box<[Expression; 3]>),
    Call {
        name: Name,
        arguments: Vec<Expression>,
        /// Written `f(y | …)`.
        bar: bool,
    },
    Index(Box<Expression>, Vec<Index>),
    Element(Box<Expression>, u32),
    Array(Vec<Expression>),
    Row(Vec<Expression>),
    Tuple(Vec<Expression>),
    Parenthesised(Box<Expression>),
    Unknown,
}

#[derive(Clone, Debug)]
pub(crate) enum Index {
    All,
    Single(Expression),
    From(Expression),
    UpTo(Expression),
    Between(Expression, Expression),
}

/// The operators; public because the typed tree keeps them.
mod operator {
    /// An operator of one operand.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum UnaryOperator {
        /// `!x`
        Not,
        /// `-x`
        Minus,
        /// `+x`
        Plus,
        /// `x'`
        Transpose,
    }

    /// An operator of two operands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum BinaryOperator {
        /// `||`
        Or,
        /// `&&`
        And,
        /// `==`
        Equal,
        /// `!=`
        NotEqual,
        /// `<`
        Less,
        /// `<=`
        LessEqual,
        /// `>`
        Greater,
        /// `>=`
        GreaterEqual,
        /// `+`
        Add,
        /// `-`
        Subtract,
        /// `*`
        Multiply,
        /// `/`
        Divide,
        /// `%`
        Modulo,
        /// `.*`
        ElementMultiply,
        /// `./`
        ElementDivide,
        /// `%/%`
        IntegerDivide,
        /// `\`
        LeftDivide,
        /// `^`
        Power,
        /// `.^`
        ElementPower,
    }

    impl UnaryOperator {
        /// As it is written.
        pub fn symbol(self) -> &'static str {
            match self {
                Self::Not => "!",
                Self::Minus => "-",
                Self::Plus => "+",
                Self::Transpose => "'",
            }
        }

        /// The function whose signatures it has.
        pub fn function(self) -> &'static str {
            match self {
                Self::Not => "logical_negation",
                Self::Minus => "minus",
                Self::Plus => "plus",
                Self::Transpose => "transpose",
            }
        }
    }

    impl BinaryOperator {
        /// As it is written.
        pub fn symbol(self) -> &'static str {
            match self {
                Self::Or => "||",
                Self::And => "&&",
                Self::Equal => "==",
                Self::NotEqual => "!=",
                Self::Less => "<",
                Self::LessEqual => "<=",
                Self::Greater => ">",
                Self::GreaterEqual => ">=",
                Self::Add => "+",
                Self::Subtract => "-",
                Self::Multiply => "*",
                Self::Divide => "/",
                Self::Modulo => "%",
                Self::ElementMultiply => ".*",
                Self::ElementDivide => "./",
                Self::IntegerDivide => "%/%",
                Self::LeftDivide => "\\",
                Self::Power => "^",
                Self::ElementPower => ".^",
            }
        }

        /// The functions whose signatures it has; the first that fits counts.
        pub fn functions(self) -> &'static [&'static str] {
            match self {
                Self::Or => &["logical_or"],
                Self::And => &["logical_and"],
                Self::Equal => &["logical_eq"],
                Self::NotEqual => &["logical_neq"],
                Self::Less => &["logical_lt"],
                Self::LessEqual => &["logical_lte"],
                Self::Greater => &["logical_gt"],
                Self::GreaterEqual => &["logical_gte"],
                Self::Add => &["add"],
                Self::Subtract => &["subtract"],
                Self::Multiply => &["multiply"],
                Self::Divide => &["mdivide_right", "divide"],
                Self::ElementMultiply => &["elt_multiply"],
                Self::ElementDivide => &["elt_divide"],
                // `%/%` has no function of its own, and the same signature.
                Self::Modulo | Self::IntegerDivide => &["modulus"],
                Self::LeftDivide => &["mdivide_left"],
                Self::Power | Self::ElementPower => &["pow"],
            }
        }

        /// `==`, `<` and their kin.
        pub fn is_comparison(self) -> bool {
            matches!(
                self,
                Self::Equal
                    | Self::NotEqual
                    | Self::Less
                    | Self::LessEqual
                    | Self::Greater
                    | Self::GreaterEqual
            )
        }
    }
}
