//! Lines of a foreign file, each of bounded length.

use std::io::{self, BufRead};

/// The longest line that is read as one, in bytes without its end. Longer ones are refused, not
/// the file that holds them.
pub const MAX_LINE: usize = 64 << 10;

/// One line: where it stands and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from one.
    pub(super) number: u64,
    /// The text without its end, be that LF or CRLF; or why there is none, with what can be shown:
    /// of a line that is too long its first [`MAX_LINE`] bytes.
    pub(super) text: Result<String, (LineFault, String)>,
}

/// Why a line is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFault {
    /// Over [`MAX_LINE`].
    TooLong,
    /// Not UTF-8.
    NotUtf8,
}

/// Reads lines without ever holding more than one of them.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(from: R) -> Self {
        Self { from, number: 0 }
    }

    /// The next line; none at the end. A byte-order mark before the first is dropped.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut length = 0_usize;
        let mut ended = false;
        while !ended {
            let chunk = match self.from.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            let mut parts = chunk.splitn(2, |byte| *byte == b'\n');
            let part = parts.next().unwrap_or_default();
            ended = parts.next().is_some();
            // One byte more than the limit, for the CR that does not count.
            let room = (MAX_LINE + 1).saturating_sub(bytes.len());
            bytes.extend_from_slice(part.get(..room).unwrap_or(part));
            length += part.len();
            let used = part.len() + usize::from(ended);
            self.from.consume(used);
        }
        if length == 0 && !ended {
            return Ok(None);
        }
        self.number += 1;
        if length == bytes.len() && bytes.last() == Some(&b'\r') {
            bytes.pop();
            length -= 1;
        }
        if self.number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
            length -= BYTE_ORDER_MARK.len();
        }
        let text = if length > MAX_LINE {
            Err((LineFault::TooLong, shown(&bytes)))
        } else {
            String::from_utf8(bytes)
                .map_err(|error| (LineFault::NotUtf8, shown(&error.into_bytes())))
        };
        Ok(Some(Line {
            number: self.number,
            text,
        }))
    }
}

/// What some editors put before UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn check(bytes: &[u8], expected: &[Result<&str, LineFault>]) {
        // A tiny buffer, so that lines and their ends fall across its border.
        let mut lines = Lines::new(BufReader::with_capacity(3, bytes));
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            assert_eq!(line.number, found.len() as u64 + 1);
            found.push(line.text.map_err(|(fault, _)| fault));
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|line| line.map(str::to_owned))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ends_marks_and_faults() {
        check(b"", &[]);
        check(b"one", &[Ok("one")]);
        check(b"one\n", &[Ok("one")]);
        check(b"one\r\n\r\ntwo", &[Ok("one"), Ok(""), Ok("two")]);
        check(b"\n\n", &[Ok(""), Ok("")]);
        check(b"a\rb\n", &[Ok("a\rb")]);
        check(
            b"\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo",
            &[Ok("one"), Ok("\u{feff}two")],
        );
        check(
            b"ok\n\xff\xfe\nok",
            &[Ok("ok"), Err(LineFault::NotUtf8), Ok("ok")],
        );
    }

    #[test]
    fn a_long_line_is_refused_alone() {
        let longest = "x".repeat(MAX_LINE);
        check(
            format!("{longest}\r\n{longest}x\n{longest}\r\r\nlast").as_bytes(),
            &[
                Ok(&longest),
                Err(LineFault::TooLong),
                Err(LineFault::TooLong),
                Ok("last"),
            ],
        );
    }
}
