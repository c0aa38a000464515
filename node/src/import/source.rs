//! The bytes of a foreign file: a look at their beginning, then all of them, counted.

use std::io::{self, BufReader, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::detect::HEAD;

/// A foreign file, from its first byte.
pub(super) type Source = BufReader<Chain<Cursor<Vec<u8>>, Counted>>;

/// How far a reading is.
#[derive(Debug, Clone)]
pub struct Progress {
    read: Arc<AtomicU64>,
    length: Option<u64>,
}

impl Progress {
    /// The bytes read so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The length of the file in bytes, if it was known.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.length
    }
}

/// The rest of a file after its beginning.
pub(super) struct Counted {
    from: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes read", self.read.load(Ordering::Relaxed))
    }
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Looks at the beginning, and gives all of it.
pub(super) fn open(
    from: impl Read + Send + 'static,
    length: Option<u64>,
) -> io::Result<(Vec<u8>, Source, Progress)> {
    let read = Arc::new(AtomicU64::new(0));
    let mut rest = Counted {
        from: Box::new(from),
        read: Arc::clone(&read),
    };
    let mut head = Vec::new();
    rest.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let all = BufReader::with_capacity(HEAD, Cursor::new(head.clone()).chain(rest));
    Ok((head, all, Progress { read, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_twice_and_counted_once() {
        let bytes: Vec<u8> = (0..=255).cycle().take(HEAD + 100).collect();
        let length = Some(bytes.len() as u64);
        let (head, mut all, progress) = open(Cursor::new(bytes.clone()), length).unwrap();
        assert_eq!((head.len(), progress.read()), (HEAD, HEAD as u64));
        let mut found = Vec::new();
        all.read_to_end(&mut found).unwrap();
        assert_eq!(found, bytes);
        assert_eq!((Some(progress.read()), progress.length()), (length, length));
    }
}
