//! The table of diagnostics: every kind has a code that never changes and a title.
//!
//! Errors begin with `E`, warnings with `W`; the first two digits name the stage: 00 files and limits,
//! 01 characters, 02 grammar, 03 forms that Stan has given up, 04 names, 05 types, 06 what may stand
//! where, 07 function definitions. A row here needs a program in `corpus/` that shows it; a test
//! counts.

use super::Severity;

macro_rules! codes {
    ($($variant:ident $id:literal $title:literal;)*) => {
        /// A kind of diagnostic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`", $id, "`: ", $title, ".")] $variant,)*
        }

        impl Code {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code that is printed, such as `E0401`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What all instances have in common.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    NotUtf8 "E0001" "a file is not UTF-8";
    SourceTooLong "E0002" "the program is longer than the limit";
    TooManyTokens "E0003" "the program has more tokens than the limit";
    NestingTooDeep "E0004" "the program is nested deeper than the limit";
    IncludeNotFound "E0005" "an included file cannot be read";
    IncludeCycle "E0006" "a file includes itself";
    TooManyIncludes "E0007" "more files are included than the limit";

    UnknownCharacter "E0101" "a character that Stan does not use";
    UnclosedString "E0102" "a string without its closing quote";
    UnclosedComment "E0103" "a comment without its end";
    NumberTooLarge "E0104" "a whole number outside the range of int";
    MalformedInclude "E0105" "an #include without a file name";

    UnexpectedToken "E0201" "something else was expected here";
    MissingSemicolon "E0202" "a statement without its semicolon";
    ReservedWord "E0203" "a word of the language used as a name";
    BlockOrder "E0204" "blocks out of order";
    BlockTwice "E0205" "a block that occurs twice";
    UnknownBlock "E0206" "no block of this name";
    Unclosed "E0207" "a bracket without its partner";
    NotAssignable "E0208" "an assignment to something that is not a variable";
    ConstraintNotAllowed "E0209" "a constraint where none is allowed";
    SizeNotAllowed "E0210" "a size where only a type is allowed";
    MissingSize "E0211" "a container without its size";
    ValueNotAllowed "E0212" "a value in a block that only declares";
    StatementNotAllowed "E0213" "a statement in a block that only declares";
    MixedDeclaration "E0214" "variables of different types in one declaration";
    EmptyLiteral "E0215" "an empty array or tuple expression";
    BadConstraint "E0216" "a constraint that the type does not have";

    OldArraySyntax "E0301" "the array syntax before Stan 2.33";
    OldAssignment "E0302" "assignment with an arrow";
    OldComment "E0303" "a comment that begins with #";
    OldTargetStatement "E0304" "increment_log_prob instead of target +=";
    RemovedFunction "E0305" "a function that Stan has removed";
    OldDensityName "E0306" "a density whose name ends in _log";

    UnknownVariable "E0401" "no variable of this name is visible here";
    UnknownFunction "E0402" "no function of this name";
    UnknownDistribution "E0403" "no distribution of this name";
    NameInUse "E0404" "a name that is already in use";
    ReservedName "E0405" "a name that Stan keeps for itself";
    NotAFunction "E0406" "a call of something that is not a function";
    FunctionAsValue "E0407" "a function used as a value";
    WrongDensitySuffix "E0408" "a probability function with the wrong ending";

    OperatorTypes "E0501" "operands that the operator does not take";
    ArgumentTypes "E0502" "arguments that the function does not take";
    AmbiguousCall "E0503" "a call that several functions fit equally well";
    AssignmentTypes "E0504" "a value of the wrong type assigned";
    ConditionType "E0505" "a condition that is not an int";
    SizeType "E0506" "a size that is not an int";
    IndexType "E0507" "an index that is not an int";
    TooManyIndices "E0508" "more indices than dimensions";
    TernaryTypes "E0509" "two values of different types in one conditional expression";
    ElementTypes "E0510" "elements of different types in one expression";
    TupleElement "E0511" "no such element of a tuple";
    BoundType "E0512" "a bound of the wrong type";
    ComplexConstraint "E0513" "a constraint on complex values";
    LoopRange "E0514" "a loop over something that is neither a range nor a container";
    ReturnType "E0515" "a returned value of the wrong type";
    NoValue "E0516" "a call without a value where one is needed";
    UnusedValue "E0517" "a value that is thrown away";
    TruncationBound "E0518" "a truncation that the distribution does not allow";
    CallbackType "E0519" "a function of the wrong type handed to another";
    DataOnlyArgument "E0520" "a parameter where only data are allowed";
    IncrementType "E0521" "something other than numbers added to the log density";

    TargetNotAllowed "E0601" "the log density changed where it cannot be";
    JacobianNotAllowed "E0602" "a Jacobian term where there is none";
    RandomNotAllowed "E0603" "random numbers where there are none";
    UnnormalisedNotAllowed "E0604" "an unnormalised density outside the model";
    AssignmentNotAllowed "E0605" "an assignment to a variable of another block";
    ReadOnly "E0606" "an assignment to a loop variable or an argument";
    SizeNotData "E0607" "a size that is not known before sampling";
    IntegerParameter "E0608" "a parameter that is an int";
    OutsideLoop "E0609" "break or continue outside a loop";
    ReturnNotAllowed "E0610" "a return where nothing can be returned";
    MissingReturn "E0611" "a function that may end without a value";
    CrossedBounds "E0612" "bounds that leave nothing between them";
    OverlappingTargets "E0613" "one assignment that writes a variable twice";
    NestedMultiIndex "E0614" "an assignment through a multi-index of a multi-index";

    SignatureTwice "E0701" "two functions with the same name and arguments";
    BuiltinRedefined "E0702" "a function that Stan already has";
    NotDefined "E0703" "a function that is declared and never defined";
    DensityReturn "E0704" "a probability function that does not return a real";
    DensityArgument "E0705" "a probability function whose first argument is of the wrong type";
    BarExpected "E0706" "a probability function called without its bar";
    BarNotAllowed "E0707" "a bar in a call of an ordinary function";
    UnnormalisedDefinition "E0708" "a definition that ends in _lupdf or _lupmf";
    CallbackNotSupported "E0709" "a function that cannot be differentiated often enough";

    IntegerDivision "W0001" "a division that rounds towards zero";
    ChainedComparison "W0002" "a comparison of a comparison";
    MatrixPower "W0003" "an elementwise power of a matrix";
    SelfAssignment "W0004" "a variable assigned to itself";
    Unreachable "W0005" "a statement that is never reached";
    Deprecated "W0006" "a form that Stan will give up";
    JacobianOfData "W0007" "a Jacobian term without a parameter";
    EmptyProgram "W0008" "a program without blocks";
}

impl Code {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        if self.id().starts_with('E') {
            Severity::Error
        } else {
            Severity::Warning
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_in_order() {
        for pair in Code::ALL.windows(2) {
            assert!(
                pair[0].id() < pair[1].id(),
                "{} before {}",
                pair[0].id(),
                pair[1].id()
            );
        }
    }
}
