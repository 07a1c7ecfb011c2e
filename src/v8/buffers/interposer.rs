//! Puts hooks between V8 and the allocator of ArrayBuffers that Node gave an isolate.
//!
//! The allocator is a C++ object whose first word points to its class's table of virtual functions. That table
//! lies in read-only memory, so the object is given a copy of it in which some entries are ours. The copy is the same
//! for all allocators, is made once and never goes away: whoever is inside of a hook when an
//! allocator gets its own table back finds everything in place.

use std::ffi::{CStr, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::hooks;

/// A `node::NodeArrayBufferAllocator`, by its first word.
pub type Allocator = AtomicPtr<c_void>;

pub type Allocate = unsafe extern "C" fn(*mut Allocator, usize) -> *mut c_void;
pub type Free = unsafe extern "C" fn(*mut Allocator, *mut c_void, usize);
pub type Reallocate =
    unsafe extern "C" fn(*mut Allocator, *mut c_void, usize, usize) -> *mut c_void;

/// What Node's own allocator does.
pub struct Originals {
    pub allocate: Allocate,
    pub allocate_uninitialized: Allocate,
    pub free: Free,
    /// Of Node.js 18.
    pub reallocate: Option<Reallocate>,
}

/// A table of virtual functions as the Itanium C++ ABI lays it out, from two words before the first
/// entry on. It has room for more than any version of the class has.
type Table = [usize; HEAD + 16];
const HEAD: usize = 2;

/// The entries that are hooked: after the two destructors.
const ALLOCATE: usize = HEAD + 2;
const ALLOCATE_UNINITIALIZED: usize = HEAD + 3;
const FREE: usize = HEAD + 4;
const REALLOCATE: usize = HEAD + 5;

struct Interposer {
    originals: Originals,
    /// Where Node's own table has its first entry.
    own: *mut c_void,
    hooked: Table,
}

// SAFETY: `own` is an address in read-only memory of the program, and the rest never changes.
unsafe impl Send for Interposer {}
// SAFETY: see above.
unsafe impl Sync for Interposer {}

static INTERPOSER: OnceLock<Result<Interposer, &'static str>> = OnceLock::new();

const NO_CLASS: &str = "this Node.js does not export its allocator of ArrayBuffers";
const OTHER_CLASS: &str =
    "this Node.js's allocator of ArrayBuffers is not laid out as those that are known";
const OTHER_ALLOCATOR: &str = "the allocator of ArrayBuffers of this thread is not Node.js's own: \
     a debugging one, an embedder's or one that another agent has changed";

/// The address of what the program or a library of it exports.
pub fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends with NUL; RTLD_DEFAULT looks through what is loaded.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// What Node's own allocator does; none where nothing was ever hooked.
pub fn originals() -> Option<&'static Originals> {
    INTERPOSER.get()?.as_ref().ok().map(|interposer| &interposer.originals)
}

/// Has an allocator call the hooks, or tells why that cannot be.
pub fn install(allocator: &Allocator) -> Result<(), &'static str> {
    let interposer = INTERPOSER.get_or_init(Interposer::find).as_ref().map_err(|reason| *reason)?;
    let (own, ours) = (interposer.own, interposer.table());
    let changed = allocator.compare_exchange(own, ours, Ordering::SeqCst, Ordering::SeqCst);
    changed.map(drop).map_err(|_| OTHER_ALLOCATOR)
}

/// Has it call Node's own functions again. One that somebody else has changed since then is left alone: theirs calls
/// the hooks, which pass everything on.
pub fn restore(allocator: &Allocator) {
    let Some(Ok(interposer)) = INTERPOSER.get() else { return };
    let (own, ours) = (interposer.own, interposer.table());
    let _ = allocator.compare_exchange(ours, own, Ordering::SeqCst, Ordering::SeqCst);
}

impl Originals {
    /// Of a table whose entries are the functions that they should be, by their names.
    fn of(table: &Table, reallocates: bool) -> Originals {
        // SAFETY: its mangled name says that it takes a size, after the object; it returns an address.
        let allocate = |entry: usize| unsafe { mem::transmute::<usize, Allocate>(table[entry]) };
        // SAFETY: its mangled name says that it takes an address and a size.
        let free = unsafe { mem::transmute::<usize, Free>(table[FREE]) };
        // SAFETY: its mangled name says that it takes an address and two sizes; it returns an address.
        let reallocate = || unsafe { mem::transmute::<usize, Reallocate>(table[REALLOCATE]) };
        Originals {
            allocate: allocate(ALLOCATE),
            allocate_uninitialized: allocate(ALLOCATE_UNINITIALIZED),
            free,
            reallocate: reallocates.then(reallocate),
        }
    }
}

impl Interposer {
    fn find() -> Result<Interposer, &'static str> {
        let table = symbol(c"_ZTVN4node24NodeArrayBufferAllocatorE").ok_or(NO_CLASS)?;
        // SAFETY: the symbol is a table of virtual functions. That of Node 20, the shortest, has two words of
        // head and 9 entries; what lies behind it in the same read-only data is copied and never used.
        let mut hooked = unsafe { table.cast::<Table>().read() };
        let is = |entry: usize, name: &CStr| {
            symbol(name).map(|found| found as usize) == Some(hooked[entry])
        };
        let is_known = is(ALLOCATE, c"_ZN4node24NodeArrayBufferAllocator8AllocateEm")
            && is(
                ALLOCATE_UNINITIALIZED,
                c"_ZN4node24NodeArrayBufferAllocator21AllocateUninitializedEm",
            )
            && is(FREE, c"_ZN4node24NodeArrayBufferAllocator4FreeEPvm");
        if !is_known {
            return Err(OTHER_CLASS);
        }
        let reallocates = is(REALLOCATE, c"_ZN4node24NodeArrayBufferAllocator10ReallocateEPvmm");
        let originals = Originals::of(&hooked, reallocates);
        hooked[ALLOCATE] = hooks::allocate as Allocate as usize;
        hooked[ALLOCATE_UNINITIALIZED] = hooks::allocate_uninitialized as Allocate as usize;
        hooked[FREE] = hooks::free as Free as usize;
        if reallocates {
            hooked[REALLOCATE] = hooks::reallocate as Reallocate as usize;
        }
        // SAFETY: the table is longer than its head.
        let own = unsafe { table.cast::<usize>().add(HEAD) };
        Ok(Interposer { originals, own: own.cast(), hooked })
    }

    /// Where the copy has its first entry.
    fn table(&'static self) -> *mut c_void {
        ptr::from_ref(&self.hooked[HEAD]).cast_mut().cast()
    }
}
