//! Holds panic messages back while they would damage what is drawn.
//!
//! Invariant: a message that was held back is printed by the next [`release`].

use std::{
    io::{self, Write as _},
    panic,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

static IS_HELD: AtomicBool = AtomicBool::new(false);
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// From here on, messages wait for [`release`].
pub fn hold() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_HELD.load(Ordering::SeqCst) {
                let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
                held.push(info.to_string());
            } else {
                before(info);
            }
        }));
    });
    IS_HELD.store(true, Ordering::SeqCst);
}

/// Prints what was held back; later messages are printed at once.
pub fn release() {
    IS_HELD.store(false, Ordering::SeqCst);
    let held = std::mem::take(&mut *HELD.lock().unwrap_or_else(PoisonError::into_inner));
    for message in held {
        // Nothing can be done when standard error is gone.
        let _ = writeln!(io::stderr(), "{message}");
    }
}
