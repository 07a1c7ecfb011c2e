//! Has V8 take a sample or two, to see whose sampler takes them: a session without samples has nothing
//! else that tells it from another one.

use std::ffi::c_char;
use std::ptr;

use heap_profile_core::error::Result;
use napi::{Env, sys};

use super::node_api::check;

/// As often as makes it certain that there is a sample: none in `e^-16` of the cases. Two of three
/// times the first is enough, and all at once would be too much for a heap that is nearly full.
pub const TRIES: u32 = 16;
/// Of such a share of the interval, V8's count of a sample tells the interval to a sixteenth.
const PARTS: u32 = 16;
const MIN_BYTES: u32 = 64;
/// At larger ones it would take the program too much memory.
const MAX_INTERVAL: u32 = 1 << 20;

/// Whether it can be done at an interval of so many bytes.
pub fn can_probe(interval: u32) -> bool {
    interval <= MAX_INTERVAL
}

/// Allocates an interval's bytes of strings, which live as long as the handle scope that is open.
pub fn allocate(env: Env, interval: u32) -> Result<()> {
    let text = vec![b' '; (interval / PARTS).max(MIN_BYTES) as usize];
    for _ in 0..PARTS {
        let (data, mut string) = (text.as_ptr().cast::<c_char>(), ptr::null_mut());
        // SAFETY: the environment is the one that called us, and as many bytes as that are at `data`.
        let status = unsafe {
            sys::napi_create_string_latin1(env.raw(), data, text.len() as isize, &mut string)
        };
        check("napi_create_string_latin1", status)?;
    }
    Ok(())
}
