//! Who allocates a Buffer where no JavaScript is on the stack: told by the names of Node's own C++ functions that are.

use std::cell::RefCell;
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use rustc_hash::FxHashMap;

/// Parts of mangled names in Node's namespace, and what they mean. The first one that is met from the inside
/// out counts, but for the vague ones.
const LABELS: [(&str, &str); 13] = [
    ("7UDPWrap", "(datagram read)"),
    ("7TLSWrap", SOCKET),
    ("15LibuvStreamWrap", SOCKET),
    ("12Http2Session", "(http2 read)"),
    ("10FileHandle", "(file read)"),
    ("2fs", "(file read)"),
    ("4zlib", "(zlib)"),
    ("17CompressionStream", "(zlib)"),
    ("6crypto", "(crypto)"),
    ("6worker", "(message)"),
    ("4wasm", "(wasm)"),
    ("23allocate_managed_buffer", VAGUE),
    ("14StreamReadSlab", VAGUE),
];

/// Of a socket, a pipe or a terminal: libuv's streams.
const SOCKET: &str = "(socket read)";
/// Memory for what is to be read: of one of those above, or else of a stream.
const VAGUE: &str = "(read)";

const UNKNOWN: &str = "(native)";

/// Frames that are looked at.
const FRAMES: usize = 48;

thread_local! {
    /// What is known of a place in the code: looking for its name takes a while.
    static KNOWN: RefCell<FxHashMap<usize, Option<&'static str>>> = RefCell::default();
}

unsafe extern "C" {
    /// Itanium C++ ABI, level I: Rust's own panics need it, so it is there.
    fn _Unwind_Backtrace(
        step: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

/// The places of the code that are on this thread's stack, the innermost first.
struct Places {
    addresses: [usize; FRAMES],
    count: usize,
}

/// What stands for the functions of the program that there are none of.
pub fn label() -> &'static str {
    let mut places = Places { addresses: [0; FRAMES], count: 0 };
    // SAFETY: `step` gets the places and nothing else; the frames of the program are described by its own tables,
    // and where one is not, such as of compiled JavaScript, unwinding ends.
    unsafe { _Unwind_Backtrace(step, ptr::from_mut(&mut places).cast()) };
    let meaning = |&address: &usize| {
        KNOWN.try_with(|known| {
            let mut known = known.try_borrow_mut().ok()?;
            *known.entry(address).or_insert_with(|| meaning_of(address))
        })
    };
    let meanings = places.addresses[..places.count].iter().filter_map(|at| meaning(at).ok()?);
    let mut label = UNKNOWN;
    for meaning in meanings {
        if meaning != VAGUE {
            return meaning;
        }
        label = SOCKET;
    }
    label
}

extern "C" fn step(context: *mut c_void, places: *mut c_void) -> c_int {
    const GO_ON: c_int = 0;
    const END: c_int = 5;
    // SAFETY: it is what `label` passed along, which waits until the walk is over.
    let places = unsafe { &mut *places.cast::<Places>() };
    if places.count == FRAMES {
        return END;
    }
    // SAFETY: the context is that of the frame which the walk is at.
    places.addresses[places.count] = unsafe { _Unwind_GetIP(context) };
    places.count += 1;
    GO_ON
}

fn meaning_of(address: usize) -> Option<&'static str> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr compares the address with those of what is loaded and does not follow it.
    let found = unsafe { libc::dladdr(ptr::without_provenance(address), info.as_mut_ptr()) };
    // SAFETY: zero is a value of all its fields, and dladdr has filled what it knows.
    let info = unsafe { info.assume_init() };
    if found == 0 || info.dli_sname.is_null() {
        return None;
    }
    // SAFETY: the name is in the symbol table of something that stays loaded.
    let name = unsafe { CStr::from_ptr(info.dli_sname) }.to_str().ok()?;
    let is_of = |(part, _): &&(&str, &str)| name.starts_with("_ZN4node") && name.contains(part);
    LABELS.iter().find(is_of).map(|(_, meaning)| *meaning)
}
