//! Statements, declarations and blocks as they were written.

use std::sync::Arc;

use crate::source::Span;
use crate::syntax::{BinaryOperator, Expression, Name};
use crate::types::Type;

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum StatementKind {
    Empty,
    Block(Vec<Statement>),
    Profile(Arc<str>, Vec<Statement>),
    If {
        arms: Vec<(Expression, Statement)>,
        otherwise: Option<Box<Statement>>,
    },
    While(Expression, Box<Statement>),
    For {
        variable: Name,
        lower: Expression,
        upper: Expression,
        body: Box<Statement>,
    },
    ForEach {
        variable: Name,
        over: Expression,
        body: Box<Statement>,
    },
    Assign {
        target: Expression,
        operator: AssignOperator,
        value: Expression,
    },
    Call {
        name: Name,
        arguments: Vec<Expression>,
    },
    Distribution {
        value: Expression,
        name: Name,
        arguments: Vec<Expression>,
        truncation: Truncation,
    },
    Target(Expression),
    Jacobian(Expression),
    Message(Message, Vec<Printable>),
    Break,
    Continue,
    Return(Option<Expression>),
    Declaration(Declaration),
    Function(Box<FunctionDefinition>),
    /// What was reported and skipped.
    Unknown,
}

/// `=` is `None`.
pub(crate) type AssignOperator = Option<BinaryOperator>;

/// What a statement with a message does; public because the typed tree keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// `print`: goes on.
    Print,
    /// `reject`: this point has no density.
    Reject,
    /// `fatal_error`: the run is over.
    FatalError,
}

#[derive(Clone, Debug)]
pub(crate) enum Printable {
    Text(Arc<str>),
    Value(Expression),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Truncation {
    pub(crate) lower: Option<Expression>,
    pub(crate) upper: Option<Expression>,
}

#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) r#type: SizedType,
    pub(crate) variables: Vec<Variable>,
}

#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: Name,
    pub(crate) value: Option<Expression>,
}

#[derive(Clone, Debug)]
pub(crate) struct SizedType {
    /// Sizes of the array's dimensions, outermost first; none for what is no array.
    pub(crate) dimensions: Vec<Expression>,
    pub(crate) base: SizedBase,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum SizedBase {
    Int(Bounds),
    Real(Bounds),
    Complex(Bounds),
    /// Type of the container, structure or bounds, one size or two.
    Container {
        r#type: Type,
        bounds: Bounds,
        structure: Structure,
        sizes: Vec<Expression>,
    },
    Tuple(Vec<SizedType>),
}

/// What the name of a constrained type says about its values; public because the typed tree keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// Nothing.
    Free,
    /// Ascending.
    Ordered,
    /// Ascending from above zero.
    PositiveOrdered,
    /// Not negative, sum one.
    Simplex,
    /// Euclidean length one.
    UnitVector,
    /// Sums to zero; a matrix in every row and column.
    SumToZero,
    /// Every column is a simplex.
    ColumnStochastic,
    /// Every row is a simplex.
    RowStochastic,
    /// Symmetric and positive definite.
    Covariance,
    /// A covariance matrix with unit diagonal.
    Correlation,
    /// Cholesky factor of a covariance matrix; may have more rows than columns.
    CholeskyCovariance,
    /// Cholesky factor of a correlation matrix.
    CholeskyCorrelation,
}

/// What stands between `<` and `>`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) lower: Option<Expression>,
    pub(crate) upper: Option<Expression>,
    pub(crate) offset: Option<Expression>,
    pub(crate) multiplier: Option<Expression>,
    pub(crate) span: Option<Span>,
}

#[derive(Clone, Debug)]
pub(crate) struct FunctionDefinition {
    /// `None` for `void`.
    pub(crate) returns: Option<Type>,
    pub(crate) name: Name,
    pub(crate) arguments: Vec<Argument>,
    /// `None` for a declaration without a body.
    pub(crate) body: Option<Statement>,
}

#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) data_only: bool,
    pub(crate) r#type: Type,
    pub(crate) name: Name,
}

/// The blocks in their order; public because a variable of the typed tree knows its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockKind {
    /// `functions`
    Functions,
    /// `data`
    Data,
    /// `transformed data`
    TransformedData,
    /// `parameters`
    Parameters,
    /// `transformed parameters`
    TransformedParameters,
    /// `model`
    Model,
    /// `generated quantities`
    GeneratedQuantities,
}

impl BlockKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Data => "data",
            Self::TransformedData => "transformed data",
            Self::Parameters => "parameters",
            Self::TransformedParameters => "transformed parameters",
            Self::Model => "model",
            Self::GeneratedQuantities => "generated quantities",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    pub(crate) span: Span,
    pub(crate) statements: Vec<Statement>,
}
