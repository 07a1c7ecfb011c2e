//! How far the reading of profiles is, for the command line's progress bar.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// Of all profiles that this process ever read; those of compressed files compressed.
static BYTES_READ: AtomicU64 = AtomicU64::new(0);

/// Bytes of profiles that were read since the process started.
pub fn bytes_read() -> u64 {
    BYTES_READ.load(Ordering::Relaxed)
}

/// Counts what is read from a source, in the pieces that it is read in.
pub struct Counted<R>(pub R);

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(out)?;
        count(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.0.consume(length);
        count(length);
    }
}

fn count(length: usize) {
    BYTES_READ.fetch_add(length as u64, Ordering::Relaxed);
}
