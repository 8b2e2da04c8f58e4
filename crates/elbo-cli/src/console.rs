//! The two streams: results to stdout, everything else to stderr.
//!
//! The one idea: whoever reads stdout may stop reading (`elbo draws … | head`), and that is no
//! error: the first failed write to a closed pipe silences the stream and the command goes on, so a
//! fit is still saved. This is the only file that prints.

use std::io::{self, BufWriter, Write};

use crate::failure::Failure;

/// Buffered stdout that survives its reader.
pub(crate) struct Results {
    out: BufWriter<io::Stdout>,
    closed: bool,
}

impl Results {
    /// The process's stdout.
    pub(crate) fn stdout() -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
            closed: false,
        }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// If stdout cannot be written for another reason than a reader that left.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.tolerate(|out| writeln!(out, "{text}"))
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// As for [`line`](Self::line).
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.tolerate(Write::flush)
    }

    fn tolerate(
        &mut self,
        write: impl FnOnce(&mut BufWriter<io::Stdout>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        match write(&mut self.out) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other.map_err(|e| Failure::input(format!("cannot write to stdout: {e}"))),
        }
    }
}

impl Write for Results {
    /// Reports a closed pipe to the caller, who can then stop producing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Remarks on stderr; with `--quiet` there are none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notes {
    quiet: bool,
}

impl Notes {
    /// Notes that are printed unless `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Whether nothing but errors may be printed.
    pub(crate) fn quiet(self) -> bool {
        self.quiet
    }

    /// `note: text`, on a line of its own.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        if !self.quiet {
            to_stderr(&format!("note: {}", text.as_ref()));
        }
    }
}

/// Prints one line to stderr; that nobody reads it is no error.
pub(crate) fn to_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
