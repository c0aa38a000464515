//! What happened: the last lines in words, and a hash over all of them.

use std::collections::VecDeque;
use std::fmt;

/// How many lines are kept.
const LINES: usize = 120;

/// The trace of a run.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    last: VecDeque<String>,
}

impl Trace {
    pub(super) const fn new() -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            last: VecDeque::new(),
        }
    }

    pub(super) fn note(&mut self, millis: u64, line: fmt::Arguments<'_>) {
        let line = format!("{millis:>8} {line}");
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.last.len() == LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// FNV-1a over all lines.
    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
