//! Diagnostics as text, drawn as `rustc` draws its own.
//!
//! The drawing is the library's that `rustc` uses (`annotate-snippets`); this file decides what it is
//! shown. It never sees a whole file: only the lines that are marked, and of a line that no screen
//! could hold a window around the mark, so that a diagnostic about a hundred-megabyte line is short.

use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet, renderer::DecorStyle,
};

use super::{Diagnostic, Severity};
use crate::source::{SourceFile, Sources, Span};

/// How the text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No colours: for files and pipes.
    Plain,
    /// Colours and emphasis by terminal escape codes.
    Coloured,
}

/// A line longer than this, in bytes, is shown as a window around the mark.
const LONGEST_LINE: usize = 400;
/// What a window shows on either side of the mark, in bytes.
const WINDOW: usize = 60;
/// A mark over more lines than this shows its first line only.
const MOST_LINES: usize = 6;

/// One diagnostic, its places underlined, with a line break at the end.
///
/// `sources` are those of the check that found it.
pub(crate) fn render(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(
        level
            .primary_title(diagnostic.message.as_str())
            .id(diagnostic.code.id()),
    );
    let marks = std::iter::once((diagnostic.span, diagnostic.label.as_str(), true)).chain(
        diagnostic
            .related
            .iter()
            .map(|(span, label)| (*span, label.as_str(), false)),
    );
    for excerpt in excerpts(sources, marks) {
        group = group.elements(excerpt.elements());
    }
    for (at, name) in inclusion_chain(sources, diagnostic.span) {
        group = group.element(Level::NOTE.message(format!("included from {name}:{at}")));
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let mut text = renderer.decor_style(DecorStyle::Ascii).render(&[group]);
    text.push('\n');
    text
}

/// Lines of the inclusions that led to a span, innermost first.
fn inclusion_chain(sources: &Sources, span: Span) -> Vec<(usize, &str)> {
    let mut chain = Vec::new();
    let mut at = sources.file_of(span).included_at;
    while let Some(span) = at {
        let place = sources.locate(span);
        chain.push((place.line, place.file.name.as_str()));
        at = place.file.included_at;
    }
    chain
}

/// Some lines of one file and what is marked in them.
struct Excerpt<'a> {
    name: &'a str,
    text: String,
    first_line: usize,
    /// Where the lines were cut, the column that the library could not know.
    column: Option<usize>,
    marks: Vec<(Range<usize>, &'a str, bool)>,
}

impl<'a> Excerpt<'a> {
    fn elements(self) -> Vec<Element<'a>> {
        let marks = self.marks.into_iter().map(|(range, label, primary)| {
            let kind = if primary {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let mark = kind.span(range);
            if label.is_empty() {
                mark
            } else {
                mark.label(label)
            }
        });
        let snippet = Snippet::source(self.text)
            .line_start(self.first_line)
            .annotations(marks);
        match self.column {
            None => vec![snippet.path(self.name).into()],
            Some(column) => vec![
                Origin::path(self.name)
                    .line(self.first_line)
                    .char_column(column)
                    .into(),
                snippet.into(),
            ],
        }
    }
}

/// Groups marks of neighbouring lines of the same file, in the order of the first mark.
fn excerpts<'a>(
    sources: &'a Sources,
    marks: impl Iterator<Item = (Span, &'a str, bool)>,
) -> Vec<Excerpt<'a>> {
    // (file, lines from 0, ranges in the file)
    type Region<'a> = (
        &'a SourceFile,
        Range<usize>,
        Vec<(Range<usize>, &'a str, bool)>,
    );
    let mut regions: Vec<Region<'a>> = Vec::new();
    for (span, label, primary) in marks {
        let file = sources.file_of(span);
        let mut range = file.range(span);
        let first = file.line_of(range.start);
        let mut last = file.line_of(range.end.saturating_sub(1).max(range.start));
        if last - first >= MOST_LINES || file.line(first).len() > LONGEST_LINE {
            last = first;
            range.end = range.end.min(file.line(first).end).max(range.start);
        }
        let near = regions.iter_mut().find(|(other, lines, _)| {
            std::ptr::eq(*other, file)
                && first <= lines.end + 20
                && lines.start <= last + 20
                && (lines.start.min(first)..lines.end.max(last + 1))
                    .all(|line| file.line(line).len() <= LONGEST_LINE)
        });
        match near {
            Some((_, lines, marks)) => {
                *lines = lines.start.min(first)..lines.end.max(last + 1);
                marks.push((range, label, primary));
            }
            None => regions.push((file, first..last + 1, vec![(range, label, primary)])),
        }
    }
    regions
        .into_iter()
        .map(|(file, lines, marks)| cut(file, &lines, marks))
        .collect()
}

fn cut<'a>(
    file: &'a SourceFile,
    lines: &Range<usize>,
    mut marks: Vec<(Range<usize>, &'a str, bool)>,
) -> Excerpt<'a> {
    let whole = file.line(lines.start).start..file.line(lines.end - 1).end;
    let long = file.line(lines.start).len() > LONGEST_LINE;
    let (window, column) = if long {
        let mark = marks[0].0.clone();
        let start = boundary(
            &file.text,
            mark.start.saturating_sub(WINDOW).max(whole.start),
        );
        let end = boundary(
            &file.text,
            (mark.end.min(mark.start + WINDOW) + WINDOW).min(whole.end),
        );
        let column = file.text[whole.start..mark.start].chars().count() + 1;
        (start..end.max(start), Some(column))
    } else {
        (whole, None)
    };
    for (range, _, _) in &mut marks {
        let start = range.start.clamp(window.start, window.end);
        let end = range.end.clamp(start, window.end);
        *range = start - window.start..end - window.start;
    }
    Excerpt {
        name: &file.name,
        text: file.text[window].to_owned(),
        first_line: lines.start + 1,
        column,
        marks,
    }
}

/// The nearest place at or before `offset` that does not split a character.
fn boundary(text: &str, offset: usize) -> usize {
    (0..=offset)
        .rev()
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn a_long_line_is_shown_as_a_window() {
        let mut sources = Sources::default();
        let text = format!("{}@{}", "a".repeat(5000), "b".repeat(5000));
        sources.add("long.stan".into(), text.into(), None);
        let found = Diagnostic::new(
            Code::UnknownCharacter,
            Span {
                start: 5000,
                end: 5001,
            },
            "Stan has no use for `@`",
        );
        let text = render(&found, &sources, Style::Plain);
        assert!(text.len() < 600, "{text}");
        assert!(text.contains("long.stan:1:5001"), "{text}");
        assert!(text.contains("a@b"), "{text}");
    }
}
