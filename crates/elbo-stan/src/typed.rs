//! The checked program: every expression typed, every name resolved, every conversion explicit.
//!
//! It is made to be run once with the data known and the parameters symbolic. A variable is an index
//! into a frame: the program has one frame for all its blocks and every function its own, with the
//! arguments first, so that a run needs no names and recursion needs only a new frame. A call names
//! a function of the program by index or one of Stan by its name in the table; its arguments already
//! have the types of the signature. Functions handed to other functions are no expressions: they
//! stand beside the arguments ([`Call::functions`]).

use std::sync::Arc;

use crate::source::Span;
pub use crate::syntax::{BinaryOperator, BlockKind, Message, Structure, UnaryOperator};
pub use crate::types::{Level, Type};

/// A program without errors.
#[derive(Clone, Debug)]
pub struct Program {
    /// Functions, in the order of their definitions.
    pub functions: Vec<Function>,
    /// The frame of all blocks: what is declared at their top, and local variables.
    pub variables: Vec<Variable>,
    /// The blocks that occur, in their order; `functions` is not among them.
    pub blocks: Vec<Block>,
}

impl Program {
    /// A block's statements; none where the block is left out.
    pub fn block(&self, kind: BlockKind) -> &[Statement] {
        self.blocks
            .iter()
            .find(|block| block.kind == kind)
            .map_or(&[], |block| &block.statements)
    }

    /// The declarations at the top of a block, in their order.
    pub fn declarations(&self, kind: BlockKind) -> impl Iterator<Item = &Declaration> {
        self.block(kind)
            .iter()
            .filter_map(|statement| match &statement.kind {
                StatementKind::Declaration(declaration) => Some(declaration),
                _ => None,
            })
    }
}

/// A block other than `functions`.
#[derive(Clone, Debug)]
pub struct Block {
    /// Which.
    pub kind: BlockKind,
    /// Its statements; in `data` and `parameters` declarations only.
    pub statements: Vec<Statement>,
}

/// Index of a variable in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableId(pub usize);

/// Index of a function in [`Program::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub usize);

/// A variable of a frame.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name; local variables of different scopes may share one.
    pub name: Arc<str>,
    /// Its type.
    pub r#type: Type,
    /// The block that declares it; `Functions` inside functions.
    pub block: BlockKind,
    /// What it is.
    pub role: Role,
    /// Where it is declared.
    pub span: Span,
}

/// What a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Declared at the top of a block: visible in later blocks, and reported if the block's are.
    Global,
    /// Declared inside a block or a function.
    Local,
    /// Counts through a loop; never assigned.
    Loop,
    /// An argument of a function that may depend on parameters; never assigned.
    Argument,
    /// An argument of a function that only takes data; never assigned.
    DataArgument,
}

/// A function of the program.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, which several may share.
    pub name: Arc<str>,
    /// How many variables of the frame, from the first, are arguments.
    pub arguments: usize,
    /// Arguments, then local variables.
    pub variables: Vec<Variable>,
    /// `None` for `void`.
    pub returns: Option<Type>,
    /// The body.
    pub body: Statement,
    /// The name where it is defined.
    pub span: Span,
}

/// A statement and where it stands.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// Where it stands.
    pub span: Span,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// Nothing.
    Empty,
    /// Statements with a scope of their own.
    Block(Vec<Statement>),
    /// A block whose time is taken under a name.
    Profile(Arc<str>, Vec<Statement>),
    /// The first arm whose condition is not zero, or else `otherwise`.
    If {
        /// Conditions and what they guard.
        arms: Vec<(Expression, Statement)>,
        /// When no condition holds.
        otherwise: Option<Box<Statement>>,
    },
    /// While the condition is not zero.
    While(Expression, Box<Statement>),
    /// For every whole number of a range, both ends included.
    For {
        /// The loop variable.
        variable: VariableId,
        /// First value.
        lower: Expression,
        /// Last value.
        upper: Expression,
        /// What is repeated.
        body: Box<Statement>,
    },
    /// For every element of an array, or every number of a vector, row vector or matrix.
    ForEach {
        /// The loop variable.
        variable: VariableId,
        /// What is gone through.
        over: Expression,
        /// What is repeated.
        body: Box<Statement>,
    },
    /// Assigns, or computes `target operator value` and assigns that.
    Assign {
        /// What is written.
        target: Target,
        /// `Some` for `+=` and its kin.
        operator: Option<BinaryOperator>,
        /// The value; without an operator it has the target's type.
        value: Expression,
    },
    /// Calls a function without a value.
    Call(Call),
    /// `y ~ distribution(…)`: adds its log density, truncated perhaps.
    Distribution(Box<Distribution>),
    /// `target +=`: adds the sum of all elements of a value.
    Target(Expression),
    /// `jacobian +=`: the same, where Jacobians are wanted.
    Jacobian(Expression),
    /// Says something, and perhaps ends more than itself.
    Message(Message, Vec<Printable>),
    /// Leaves the loop.
    Break,
    /// Goes on with the loop's next round.
    Continue,
    /// Leaves the function.
    Return(Option<Expression>),
    /// Declares variables.
    Declaration(Declaration),
}

/// What a distribution statement adds to the log density.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// The density, the variate first among its arguments; constants may be dropped.
    pub density: Call,
    /// `T[lower, …]`
    pub lower: Option<Expression>,
    /// `T[…, upper]`
    pub upper: Option<Expression>,
    /// The name without an ending.
    pub name: Arc<str>,
    /// Log cumulative functions of the bounds, where there are bounds.
    pub cumulative: Option<Cumulative>,
}

/// The functions that truncation needs.
#[derive(Clone, Debug)]
pub struct Cumulative {
    /// `…_lcdf`
    pub lcdf: Callee,
    /// `…_lccdf`
    pub lccdf: Callee,
}

/// A part of a message.
#[derive(Clone, Debug)]
pub enum Printable {
    /// Text as it is.
    Text(Arc<str>),
    /// A value.
    Value(Expression),
}

/// Variables of one type.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Type with sizes.
    pub r#type: SizedType,
    /// What their values satisfy.
    pub constraint: Constraint,
    /// The variables and their first values, in order.
    pub variables: Vec<(VariableId, Option<Expression>)>,
}

/// A type with its sizes.
#[derive(Clone, Debug)]
pub enum SizedType {
    /// `int`, `real` or `complex`.
    Scalar(Type),
    /// A container of linear algebra: one size, or rows and columns. A square matrix has the same
    /// expression twice.
    Container(Type, Vec<Expression>),
    /// An array, sizes outermost first.
    Array(Vec<Expression>, Box<SizedType>),
    /// A tuple.
    Tuple(Vec<SizedType>),
}

/// What the values of a variable satisfy; of an array, every element.
#[derive(Clone, Debug)]
pub enum Constraint {
    /// Between bounds, where they are given.
    Bounds {
        /// Smallest value.
        lower: Option<Expression>,
        /// Largest value.
        upper: Option<Expression>,
    },
    /// Any value; the unconstrained one is shifted and scaled.
    Affine {
        /// Zero if left out.
        offset: Option<Expression>,
        /// One if left out.
        multiplier: Option<Expression>,
    },
    /// What the type's name says; `Free` for nothing.
    Structure(Structure),
    /// Part by part.
    Tuple(Vec<Constraint>),
}

/// What an assignment writes.
#[derive(Clone, Debug)]
pub enum Target {
    /// A variable or a part of one.
    Place(Place),
    /// The parts of a tuple, each to its own.
    Tuple(Vec<Target>),
}

/// A variable or a part of one.
#[derive(Clone, Debug)]
pub struct Place {
    /// The variable.
    pub variable: VariableId,
    /// Which part, from the outside in.
    pub path: Vec<Step>,
    /// Type of the part.
    pub r#type: Type,
    /// Where it stands.
    pub span: Span,
}

/// A step into a variable.
#[derive(Clone, Debug)]
pub enum Step {
    /// By indices.
    Index(Vec<Index>),
    /// To an element of a tuple, from 0.
    Element(usize),
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expression {
    /// How its value comes about.
    pub kind: ExpressionKind,
    /// The value's type.
    pub r#type: Type,
    /// Whether it can depend on parameters.
    pub level: Level,
    /// Where it stands.
    pub span: Span,
}

/// How a value comes about.
#[derive(Clone, Debug)]
pub enum ExpressionKind {
    /// A whole number.
    Integer(i32),
    /// A real number.
    Real(f64),
    /// A number times i.
    Imaginary(f64),
    /// A variable of the frame.
    Variable(VariableId),
    /// The log density so far.
    Target,
    /// An operator; the operand has the signature's type.
    Unary(UnaryOperator, Box<Expression>),
    /// An operator; the operands have the signature's types.
    Binary(BinaryOperator, Box<[Expression; 2]>),
    /// `condition ? yes : no`
    Ternary(Box<[Expression; 3]>),
    /// A function.
    Call(Call),
    /// Indices into arrays, vectors and matrices.
    Index(Box<Expression>, Vec<Index>),
    /// An element of a tuple, from 0.
    Element(Box<Expression>, usize),
    /// An array of values of one type.
    Array(Vec<Expression>),
    /// A row vector of numbers, or a matrix of row vectors.
    Row(Vec<Expression>),
    /// A tuple.
    Tuple(Vec<Expression>),
    /// The same value in a larger type: ints as reals, reals as complex, also inside containers.
    Convert(Box<Expression>),
    /// What has been reported; a program without errors has none.
    Unknown,
}

/// A call of a function.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub callee: Callee,
    /// Functions handed to it, in their order.
    pub functions: Vec<FunctionId>,
    /// Arguments, without functions, of the signature's types.
    pub arguments: Vec<Expression>,
    /// Constants may be dropped: `_lupdf`, `_lupmf` or `~`.
    pub unnormalised: bool,
}

/// A function that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// One of Stan, by its name with `_lpdf` or `_lpmf` for the unnormalised endings too.
    Builtin(&'static str),
    /// One of the program.
    User(FunctionId),
}

/// An index.
#[derive(Clone, Debug)]
pub enum Index {
    /// `:`
    All,
    /// One position, which takes a dimension away.
    Single(Expression),
    /// The positions in an array of ints, in that order.
    Several(Expression),
    /// `from:`
    From(Expression),
    /// `:to`
    UpTo(Expression),
    /// `from:to`
    Between(Expression, Expression),
}

impl Index {
    /// Whether the indexed dimension is gone.
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Single(_))
    }
}
