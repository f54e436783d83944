//! A stack that is deep enough for sqlparser; see the parent module.

use std::thread;

/// Bytes of stack that are enough for any text that is not refused for its length.
pub const DEEP: usize = 64 << 20;

/// Runs what reads texts on a thread with a deep stack, and waits for it; `None` if there is no thread to be had.
pub fn on_a_deep_stack<T: Send>(read: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(DEEP).spawn_scoped(scope, read);
        reader.ok().and_then(|reader| reader.join().ok())
    })
}
