//! The tree as written into the checked program, by the rules of the language.
//!
//! Every name is resolved and every expression typed on the way down and up once; what is wrong is
//! reported and given the type `Unknown`, which fits everywhere, so that a mistake is reported once
//! and the rest is still checked. The rules are those of the reference manual `[@stan2025reference]`; where
//! it leaves something open, those of the reference compiler.

mod assignment;
mod call;
mod callback;
mod declaration;
mod distribution;
mod expression;
mod flow;
mod function;
mod indexing;
mod laplace;
mod names;
mod statement;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{Sources, Span};
use crate::syntax;
use crate::typed::{
    Block, BlockKind, FunctionId, Level, Program, Role, Type, Variable, VariableId,
};
use function::{Ending, Signature};

/// Where the checker is.
#[derive(Clone, Debug)]
struct Context {
    block: BlockKind,
    /// Inside a function: its ending and what it returns.
    function: Option<(Ending, Option<Type>)>,
    loops: usize,
    /// Inside the sizes of a declaration at the top of a block.
    sizes: bool,
}

pub(crate) struct Checker<'a> {
    sources: &'a Sources,
    diagnostics: Diagnostics,
    context: Context,
    frame: Vec<Variable>,
    visible: HashMap<Arc<str>, VariableId>,
    /// What became visible, and what it hid, innermost last.
    scope: Vec<(Arc<str>, Option<VariableId>)>,
    functions: Vec<Signature>,
    by_name: HashMap<Arc<str>, Vec<FunctionId>>,
    /// Functions that must be differentiable three times, and where that is demanded.
    smooth: Vec<(FunctionId, Span)>,
    /// What the function that is being checked calls.
    calls: function::Calls,
    unknown: BTreeSet<Arc<str>>,
}

/// Checks a program. It is returned if it has no errors, those of `diagnostics` included.
pub(crate) fn check(
    program: &syntax::Program,
    sources: &Sources,
    diagnostics: Diagnostics,
) -> (Option<Program>, Diagnostics) {
    let mut checker = Checker {
        sources,
        diagnostics,
        context: Context {
            block: BlockKind::Functions,
            function: None,
            loops: 0,
            sizes: false,
        },
        frame: Vec::new(),
        visible: HashMap::new(),
        scope: Vec::new(),
        functions: Vec::new(),
        by_name: HashMap::new(),
        smooth: Vec::new(),
        calls: function::Calls::default(),
        unknown: BTreeSet::new(),
    };
    let checked = checker.program(program);
    let fine = checker.diagnostics.errors == 0;
    (fine.then_some(checked), checker.diagnostics)
}

impl Checker<'_> {
    fn program(&mut self, program: &syntax::Program) -> Program {
        let functions = self.functions_block(program);
        let mut blocks = Vec::new();
        for block in &program.blocks {
            if block.kind == BlockKind::Functions {
                continue;
            }
            self.context.block = block.kind;
            let mark = self.scope.len();
            let (statements, _) = self.statements(&block.statements, true);
            if block.kind == BlockKind::Model {
                self.leave(mark);
            }
            blocks.push(Block {
                kind: block.kind,
                statements,
            });
        }
        self.check_smooth();
        Program {
            functions,
            variables: std::mem::take(&mut self.frame),
            blocks,
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Makes a variable visible until its scope is left.
    fn declare(&mut self, name: &syntax::Name, r#type: Type, role: Role) -> VariableId {
        self.check_new_name(name, "variable");
        if let Some(&earlier) = self.visible.get(&name.text) {
            let found = Diagnostic::new(
                Code::NameInUse,
                name.span,
                format!("the name `{}` is already in use", name.text),
            )
            .related(self.frame[earlier.0].span, "first declared here")
            .hint("choose another name; Stan has no shadowing");
            self.report(found);
        }
        let id = VariableId(self.frame.len());
        self.frame.push(Variable {
            name: name.text.clone(),
            r#type,
            block: self.context.block,
            role,
            span: name.span,
        });
        let hidden = self.visible.insert(name.text.clone(), id);
        self.scope.push((name.text.clone(), hidden));
        id
    }

    /// Forgets what became visible after `mark`.
    fn leave(&mut self, mark: usize) {
        while self.scope.len() > mark {
            if let Some((name, hidden)) = self.scope.pop() {
                match hidden {
                    Some(id) => self.visible.insert(name, id),
                    None => self.visible.remove(&name),
                };
            }
        }
    }

    /// Whether a variable's value can depend on parameters where it is read now.
    fn level_of(&self, variable: &Variable) -> Level {
        let level = match (variable.role, variable.block) {
            _ if self.context.block == BlockKind::GeneratedQuantities => Level::Data,
            (Role::DataArgument, _) => Level::Data,
            (
                _,
                BlockKind::Parameters
                | BlockKind::TransformedParameters
                | BlockKind::Model
                | BlockKind::Functions,
            ) => Level::Parameter,
            _ => Level::Data,
        };
        level.stored(&variable.r#type)
    }
}
