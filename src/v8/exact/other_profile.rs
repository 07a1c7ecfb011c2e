//! Whether another agent of this process takes a CPU profile: the inspector, `node --cpu-prof`, another
//! profiler. It would have our samples in it, and we its. V8 does not tell; the names of its threads do.

use std::fs;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Refusal;

/// Of the thread that V8 has for each CPU profiler that takes a profile (`ProfilerEventsProcessor`).
const THREAD: &str = "v8:ProfEvntProc";

/// How many of them are ours, of all threads of JavaScript.
static OURS: AtomicUsize = AtomicUsize::new(0);

/// A CPU profiler of ours; to be dropped when it is.
pub struct OurProfiler(());

impl OurProfiler {
    /// Refuses where another agent has one. To be called before ours has its thread.
    pub fn announce() -> Result<OurProfiler, Refusal> {
        // One of ours may come or go while the threads are counted.
        let before = OURS.load(Ordering::SeqCst);
        let count = count_threads();
        let after = OURS.load(Ordering::SeqCst);
        if count > before.max(after) {
            return Err(Refusal("a CPU profile is taken in this process".into()));
        }
        if before.max(after) == 0 && is_caught(libc::SIGPROF) {
            return Err(Refusal(
                "this process listens to SIGPROF, which V8's CPU profiler takes away".into(),
            ));
        }
        OURS.fetch_add(1, Ordering::SeqCst);
        Ok(OurProfiler(()))
    }
}

impl Drop for OurProfiler {
    fn drop(&mut self) {
        OURS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether a signal has a handler, or is ignored.
fn is_caught(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and it fills what it is given.
    let failed = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zero is a value of all its fields, and the kernel has filled them.
    failed == 0 && unsafe { action.assume_init() }.sa_sigaction != libc::SIG_DFL
}

/// None where the system does not tell.
fn count_threads() -> usize {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return 0 };
    let name = |path| fs::read_to_string(path).unwrap_or_default();
    let names = threads.flatten().map(|thread| name(thread.path().join("comm")));
    names.filter(|name| name.trim_end() == THREAD).count()
}
