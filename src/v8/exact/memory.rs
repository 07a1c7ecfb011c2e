//! Memory that is not ours, read without trust in its address: a wrong one is an error, not a crash. And
//! what the process maps, and which module an address belongs to.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::{fs, io, process, ptr};

/// The smallest page of x64.
const PAGE: usize = 4096;

/// The bytes at an address, or why they cannot be had.
pub fn read_bytes<const N: usize>(address: usize) -> io::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    let to = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: N };
    let from = libc::iovec { iov_base: ptr::without_provenance_mut(address), iov_len: N };
    let pid = process::id() as libc::pid_t;
    // SAFETY: `to` is our own array with its length; the kernel checks what `from` says, and returns
    // EFAULT where there is no memory.
    let length = unsafe { libc::process_vm_readv(pid, &to, 1, &from, 1, 0) };
    match usize::try_from(length) {
        Ok(length) if length == N => Ok(bytes),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// The word at an address.
pub fn read_word(address: usize) -> io::Result<usize> {
    read_bytes(address).map(usize::from_ne_bytes)
}

/// What the process maps.
pub struct Maps(Vec<Mapping>);

struct Mapping {
    start: usize,
    end: usize,
    is_writable: bool,
    is_executable: bool,
}

impl Maps {
    /// As it is now.
    pub fn of_this_process() -> io::Result<Maps> {
        let text = fs::read("/proc/self/maps")?;
        let text = String::from_utf8_lossy(&text);
        Ok(Maps(text.lines().filter_map(parse).collect()))
    }

    /// Whether an address is mapped, and cannot be written to.
    pub fn is_read_only(&self, address: usize) -> bool {
        self.of(address).is_some_and(|mapping| !mapping.is_writable)
    }

    /// Whether code is at an address.
    pub fn is_executable(&self, address: usize) -> bool {
        self.of(address).is_some_and(|mapping| mapping.is_executable)
    }

    fn of(&self, address: usize) -> Option<&Mapping> {
        self.0.iter().find(|mapping| (mapping.start..mapping.end).contains(&address))
    }
}

/// A line such as `00400000-00d84000 r-xp 00000000 fe:01 1234 /usr/bin/node` (proc_pid_maps(5)).
fn parse(line: &str) -> Option<Mapping> {
    let mut columns = line.split(' ');
    let (start, end) = columns.next()?.split_once('-')?;
    let rights = columns.next()?;
    Some(Mapping {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        is_writable: rights.contains('w'),
        is_executable: rights.contains('x'),
    })
}

/// Where the program or library that an address belongs to is loaded; none if it belongs to none.
pub fn module_of(address: usize) -> Option<usize> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr compares the address with those of what is loaded and does not follow it.
    let found = unsafe { libc::dladdr(ptr::without_provenance(address), info.as_mut_ptr()) };
    if found == 0 {
        return None;
    }
    // SAFETY: zero is a value of all its fields, and dladdr has filled it.
    Some(unsafe { info.assume_init() }.dli_fbase.addr())
}

/// The address of what a program or library exports.
pub fn symbol(name: &CStr) -> Option<usize> {
    // SAFETY: the name ends with NUL; RTLD_DEFAULT looks through what is loaded.
    let address: *mut c_void = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then(|| address.addr())
}

/// Copies the bytes at an address, as many as there are, and tells how many.
pub fn read_up_to(address: usize, bytes: &mut [u8]) -> usize {
    // A range that ends in memory that is not there is read up to there only if it is split there.
    let first = bytes.len().min(PAGE - address % PAGE);
    let part = |start: usize, length| libc::iovec {
        iov_base: ptr::without_provenance_mut(address.wrapping_add(start)),
        iov_len: length,
    };
    let to = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let from = [part(0, first), part(first, bytes.len() - first)];
    let pid = process::id() as libc::pid_t;
    // SAFETY: as in `read_bytes`; the parts are as long as `to`, which takes no more than two pages.
    let length = unsafe { libc::process_vm_readv(pid, &to, 1, from.as_ptr(), 2, 0) };
    usize::try_from(length).unwrap_or(0)
}
