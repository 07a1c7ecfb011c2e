//! Frees what V8 made for a capture, which takes a while, on libuv's pool.

use std::sync::atomic::{AtomicUsize, Ordering};

use napi::{Env, Task};

use crate::v8::V8Profile;

/// V8 profiles that wait to be freed. While the pool is busy or the main thread never yields they
/// would pile up, so past this many the main thread frees its own.
const MAX_PENDING: usize = 2;
static PENDING: AtomicUsize = AtomicUsize::new(0);

/// Frees V8's profile.
struct Free(Option<V8Profile>);

impl Drop for Free {
    fn drop(&mut self) {
        PENDING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Task for Free {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        self.0 = None;
        Ok(())
    }

    fn resolve(&mut self, _env: Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}

/// Frees V8's profile on the pool, or here if that cannot be.
pub fn free(env: Env, original: V8Profile) {
    if PENDING.fetch_add(1, Ordering::Relaxed) < MAX_PENDING {
        // An error hands the task back to be dropped.
        let _ = env.spawn(Free(Some(original)));
    } else {
        drop(Free(Some(original)));
    }
}
