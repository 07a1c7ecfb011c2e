//! How much a file may open to. A few bytes can stand for gigabytes of text, of nodes, of samples.

use super::error::{ReadError, Result};

/// What any file may take in memory, however small it is.
const MEMORY_BYTES: u64 = 128 << 20;

/// What it may take beyond that for each of its bytes. Plain profiles take one, gzipped ones 20, and
/// trees of one function 56.
const MEMORY_PER_BYTE: u64 = 100;

/// What any gzipped file may inflate to.
const INFLATED_BYTES: u64 = 64 << 20;

/// What it may inflate to beyond that for each of its bytes. Trees of two million nodes of one function
/// have 63; gzip can do 1,030.
const INFLATED_PER_BYTE: u64 = 200;

/// Frames that a stack may have. V8 has 1,024 at most.
pub const MAX_DEPTH: usize = 1 << 20;

/// What a file may still take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    file_bytes: u64,
    memory: u64,
    left: u64,
}

impl Limits {
    /// For a file of that size.
    pub fn of(file_bytes: u64) -> Limits {
        let memory = MEMORY_BYTES.saturating_add(file_bytes.saturating_mul(MEMORY_PER_BYTE));
        Limits { file_bytes, memory, left: memory }
    }

    /// Bytes that it may inflate to.
    pub fn inflated_bytes(&self) -> u64 {
        INFLATED_BYTES.saturating_add(self.file_bytes.saturating_mul(INFLATED_PER_BYTE))
    }

    /// Bytes that it may have of what must be in memory as a whole, beside what is made of that.
    pub fn buffer_bytes(&self) -> u64 {
        self.memory / 2
    }

    /// Bytes of one value. The largest in profiles is a list of numbers, of 8 bytes each.
    pub fn value_bytes(&self) -> usize {
        usize::try_from(self.memory / 8).unwrap_or(usize::MAX)
    }

    /// How many things of that size it may still have.
    pub fn room_for(&self, bytes: usize) -> u64 {
        self.left / bytes as u64
    }

    /// Takes memory for what was read; an error if the file has had its share.
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(ReadError::Invalid(format!(
                "it takes more than {} MiB of memory, too much for a file of {} bytes",
                self.memory >> 20,
                self.file_bytes
            ))),
        }
    }

    /// The error for a file that inflates to too much.
    pub fn inflates(&self) -> ReadError {
        let bytes = self.inflated_bytes() >> 20;
        let message = format!(
            "it inflates to more than {bytes} MiB, too much for a file of {} bytes",
            self.file_bytes
        );
        ReadError::at_path("gzip", message)
    }
}
