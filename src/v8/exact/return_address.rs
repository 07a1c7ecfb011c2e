//! For the length of one recording, the return address of the innermost frame of JavaScript is replaced
//! by one that has the right place in the source (crates/core/src/machine_code): another pc of the same
//! function.
//!
//! Nothing runs at that pc: on this thread V8 only walks the stack meanwhile, which reads the word, and
//! the word is put back before any function returns, so that a shadow stack of the processor finds
//! nothing changed. The hook has blocked SIGPROF, in whose handler V8 walks the stack for CPU profiles;
//! whatever else looks at it, from another thread or outside, finds a place of the same function.

use std::ops::Range;
use std::ptr::{self, NonNull};

use heap_profile_core::machine_code::better_pc;

use super::functions::Functions;
use super::memory::read_up_to;
use crate::v8::ffi::Isolate;

const WORD: usize = size_of::<usize>();
/// V8's own frames between its call out of JavaScript and the hook take less.
const SEARCHED_WORDS: usize = 1024;

/// A word of the stack that is changed until this is dropped.
pub struct Redirected {
    slot: *mut usize,
    original: usize,
    changed: usize,
}

impl Redirected {
    /// Changes the return address where there is a better pc for an allocation of `size` bytes.
    /// `stack` is the part of this thread's stack that is V8's: from the hook's frame on.
    pub fn new(
        functions: &Functions,
        isolate: NonNull<Isolate>,
        stack: Range<usize>,
        size: usize,
    ) -> Option<Redirected> {
        let here = 0_usize;
        let sp = ptr::from_ref(&here).expose_provenance();
        // SAFETY: the hook is called on the isolate's thread.
        let original = unsafe { functions.return_address(isolate, sp) }?;
        let slot = find_slot(&stack, original)?;
        let changed = better_pc(read_up_to, original, size)?;
        // SAFETY: the word is of a frame of this thread that waits for us to return.
        unsafe { slot.write_volatile(changed) };
        Some(Redirected { slot, original, changed })
    }
}

impl Drop for Redirected {
    fn drop(&mut self) {
        // SAFETY: we are in a callee of that frame still.
        let found = unsafe { self.slot.read_volatile() };
        // Whoever else writes return addresses (V8, to have a function deoptimized) has the last word.
        if found == self.changed {
            // SAFETY: as above.
            unsafe { self.slot.write_volatile(self.original) };
        }
    }
}

/// Where on the stack a return address lies: above a frame pointer that leads further up.
fn find_slot(stack: &Range<usize>, return_address: usize) -> Option<*mut usize> {
    let &Range { start, end } = stack;
    let words = (end.checked_sub(start)? / WORD).min(SEARCHED_WORDS);
    let word = |index: usize| {
        let address: *const usize = ptr::with_exposed_provenance(start + index * WORD);
        // SAFETY: it is between the hook's frame and the end of this thread's stack, and aligned.
        unsafe { address.read_volatile() }
    };
    let is_frame = |index: usize| {
        let frame_pointer = word(index - 1);
        frame_pointer > start + index * WORD
            && frame_pointer < end
            && frame_pointer.is_multiple_of(WORD)
    };
    let index = (1..words).find(|&index| word(index) == return_address && is_frame(index))?;
    Some(ptr::with_exposed_provenance_mut(start + index * WORD))
}

/// Where this thread's stack lies, the oldest frames at the end. Code may run on another one, of its own.
pub fn own_stack() -> Option<Range<usize>> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::zeroed();
    // SAFETY: it takes nothing and cannot fail.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: it asks for this thread, and fills what it is given.
    let failed = unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) };
    if failed != 0 {
        return None;
    }
    let (mut start, mut size) = (ptr::null_mut(), 0);
    // SAFETY: pthread_getattr_np has made the attributes.
    let failed =
        unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size) };
    // SAFETY: as above, and they are not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    (failed == 0).then(|| start.addr()..start.addr() + size)
}
