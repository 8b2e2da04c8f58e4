//! What the lexer hands to the parser.
//!
//! Words and signs are tables: a row is the spelling and the token. Words of the language cannot be
//! names; words that are only kept for later (`repeat`, `true`) are names to the lexer and refused by
//! the checker.

use crate::source::Span;

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

macro_rules! tokens {
    (words { $($word:ident $spelling:literal,)* } signs { $($sign:ident $characters:literal,)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum TokenKind {
            End,
            Identifier,
            Integer,
            Real,
            /// `.1`: a number, or an element of a tuple.
            DotNumeral,
            Imaginary,
            String,
            $($word,)*
            $($sign,)*
        }

        impl TokenKind {
            /// The token of a word of the language.
            pub(crate) fn word(text: &str) -> Option<Self> {
                match text {
                    $($spelling => Some(Self::$word),)*
                    _ => None,
                }
            }

            /// The longest sign at the start of some text.
            pub(crate) fn sign(text: &[u8]) -> Option<(Self, usize)> {
                // Longest first within the table.
                $(if text.starts_with($characters.as_bytes()) {
                    return Some((Self::$sign, $characters.len()));
                })*
                None
            }

            pub(crate) fn is_word(self) -> bool {
                matches!(self, $(Self::$word)|*)
            }

            /// How a message names the token.
            pub(crate) fn describe(self) -> &'static str {
                match self {
                    Self::End => "the end of the program",
                    Self::Identifier => "a name",
                    Self::Integer => "a whole number",
                    Self::Real | Self::DotNumeral => "a number",
                    Self::Imaginary => "an imaginary number",
                    Self::String => "a string",
                    $(Self::$word => concat!("`", $spelling, "`"),)*
                    $(Self::$sign => concat!("`", $characters, "`"),)*
                }
            }
        }
    };
}

tokens! {
    words {
        Functions "functions",
        Data "data",
        Parameters "parameters",
        Model "model",
        Return "return",
        If "if",
        Else "else",
        While "while",
        For "for",
        In "in",
        Break "break",
        Continue "continue",
        Profile "profile",
        Void "void",
        Int "int",
        RealType "real",
        Complex "complex",
        Vector "vector",
        RowVector "row_vector",
        Matrix "matrix",
        ComplexVector "complex_vector",
        ComplexRowVector "complex_row_vector",
        ComplexMatrix "complex_matrix",
        Array "array",
        Tuple "tuple",
        Ordered "ordered",
        PositiveOrdered "positive_ordered",
        Simplex "simplex",
        UnitVector "unit_vector",
        SumToZeroVector "sum_to_zero_vector",
        SumToZeroMatrix "sum_to_zero_matrix",
        CholeskyFactorCorr "cholesky_factor_corr",
        CholeskyFactorCov "cholesky_factor_cov",
        CorrMatrix "corr_matrix",
        CovMatrix "cov_matrix",
        ColumnStochasticMatrix "column_stochastic_matrix",
        RowStochasticMatrix "row_stochastic_matrix",
        Lower "lower",
        Upper "upper",
        Offset "offset",
        Multiplier "multiplier",
        Jacobian "jacobian",
        Target "target",
        Print "print",
        Reject "reject",
        FatalError "fatal_error",
    }
    signs {
        ElementTimesAssign ".*=",
        ElementDivideAssign "./=",
        IntegerDivide "%/%",
        ElementTimes ".*",
        ElementDivide "./",
        ElementPower ".^",
        OrOr "||",
        AndAnd "&&",
        Equal "==",
        NotEqual "!=",
        LessEqual "<=",
        GreaterEqual ">=",
        PlusAssign "+=",
        MinusAssign "-=",
        TimesAssign "*=",
        DivideAssign "/=",
        LeftBrace "{",
        RightBrace "}",
        LeftParenthesis "(",
        RightParenthesis ")",
        LeftBracket "[",
        RightBracket "]",
        Less "<",
        Greater ">",
        Comma ",",
        Semicolon ";",
        Bar "|",
        Question "?",
        Colon ":",
        Not "!",
        Minus "-",
        Plus "+",
        Power "^",
        Apostrophe "'",
        Times "*",
        Divide "/",
        Percent "%",
        Backslash "\\",
        Tilde "~",
        Assign "=",
    }
}

impl TokenKind {
    /// A declaration, or a function's return type, begins with it.
    pub(crate) fn starts_type(self) -> bool {
        use TokenKind as T;
        matches!(
            self,
            T::Int
                | T::RealType
                | T::Complex
                | T::Vector
                | T::RowVector
                | T::Matrix
                | T::ComplexVector
                | T::ComplexRowVector
                | T::ComplexMatrix
                | T::Array
                | T::Tuple
        ) || self.is_constrained_type()
    }

    /// A type that carries its constraint in its name.
    pub(crate) fn is_constrained_type(self) -> bool {
        use TokenKind as T;
        matches!(
            self,
            T::Ordered
                | T::PositiveOrdered
                | T::Simplex
                | T::UnitVector
                | T::SumToZeroVector
                | T::SumToZeroMatrix
                | T::CholeskyFactorCorr
                | T::CholeskyFactorCov
                | T::CorrMatrix
                | T::CovMatrix
                | T::ColumnStochasticMatrix
                | T::RowStochasticMatrix
        )
    }

    /// A block begins with it, alone or after `transformed` and `generated`.
    pub(crate) fn starts_block(self) -> bool {
        matches!(
            self,
            Self::Functions | Self::Data | Self::Parameters | Self::Model
        )
    }

    /// A statement that is not a declaration, an assignment or a call begins with it.
    pub(crate) fn starts_statement(self) -> bool {
        use TokenKind as T;
        matches!(
            self,
            T::Return
                | T::If
                | T::While
                | T::For
                | T::Break
                | T::Continue
                | T::Profile
                | T::Target
                | T::Jacobian
                | T::Print
                | T::Reject
                | T::FatalError
                | T::LeftBrace
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_matched_longest_first() {
        assert_eq!(
            TokenKind::sign(b".*= 1"),
            Some((TokenKind::ElementTimesAssign, 3))
        );
        assert_eq!(TokenKind::sign(b"%/%"), Some((TokenKind::IntegerDivide, 3)));
        assert_eq!(TokenKind::sign(b"%1"), Some((TokenKind::Percent, 1)));
        assert_eq!(TokenKind::sign(b"@"), None);
    }
}
