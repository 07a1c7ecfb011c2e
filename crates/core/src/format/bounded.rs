//! Memory to write into that does not grow without end.

use std::io::{self, Write};

use crate::error::{Error, Result};

/// The bytes that `encode` writes. As soon as they are more than `most`, that is an error.
pub fn bounded(
    most: usize,
    encode: impl FnOnce(&mut Bounded) -> io::Result<()>,
) -> Result<Vec<u8>> {
    let mut out = Bounded { bytes: Vec::new(), most };
    match encode(&mut out) {
        Ok(()) => Ok(out.bytes),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(Error::TooLarge(error.to_string()))
        }
        Err(error) => Err(Error::internal(error)),
    }
}

/// What [`bounded`] has written to.
pub struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    // By default it is a loop around `write`, which costs as much as the small pieces that come here.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.most - self.bytes.len() {
            return Err(self.full());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Bounded {
    #[cold]
    fn full(&self) -> io::Error {
        let message = format!("it would have more than {} bytes", self.most);
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::profile::testing;

    #[test]
    fn encoding_ends_where_it_becomes_too_much() {
        let profile = testing::profile(&[(1, 0, "(root)"), (2, 0, "a")]);
        for format in Format::ALL {
            let mut whole = Vec::new();
            format.write(&profile, &mut whole).unwrap();
            let size = whole.len();
            let encoded = bounded(size, |out| format.write(&profile, out));
            assert_eq!(encoded.unwrap(), whole);
            for most in 0..size {
                let error = bounded(most, |out| format.write(&profile, out)).unwrap_err();
                assert_eq!(error.code(), Some("ERR_TOO_LARGE"), "{format:?}, {most}: {error}");
                assert_eq!(error.to_string(), format!("it would have more than {most} bytes"));
            }
        }
    }
}
