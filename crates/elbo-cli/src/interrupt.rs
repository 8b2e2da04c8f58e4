//! Ctrl-C: the first one asks the fit to stop after its iteration, the second ends the process.
//!
//! The one idea: what a signal does depends on the phase of the command. While data are read nothing
//! is lost and the process ends at once; during the fit the observer is told to stop, so that the
//! last good state can be saved; while files are written they are finished first.

use std::sync::atomic::{AtomicU8, Ordering};

/// The exit code of an interrupted command.
pub(crate) const EXIT_CODE: u8 = 130;

const IDLE: u8 = 0;
const FITTING: u8 = 1;
const ASKED_TO_STOP: u8 = 2;

static PHASE: AtomicU8 = AtomicU8::new(IDLE);

/// Installs the handler; on a system that refuses, Ctrl-C keeps its usual meaning.
pub(crate) fn install() {
    let _ = ctrlc::set_handler(|| {
        let stopping =
            PHASE.compare_exchange(FITTING, ASKED_TO_STOP, Ordering::SeqCst, Ordering::SeqCst);
        match stopping {
            Ok(_) => crate::console::to_stderr(
                "\nstopping after this iteration; press Ctrl-C again to stop at once",
            ),
            Err(_) => end_now(),
        }
    });
}

/// From here on the first Ctrl-C only asks to stop.
pub(crate) fn begin_fit() {
    PHASE.store(FITTING, Ordering::SeqCst);
}

/// Whether the fit was asked to stop.
pub(crate) fn requested() -> bool {
    PHASE.load(Ordering::SeqCst) == ASKED_TO_STOP
}

#[expect(
    clippy::exit,
    reason = "a second Ctrl-C must end the process whatever the other threads do"
)]
fn end_now() {
    std::process::exit(i32::from(EXIT_CODE));
}
