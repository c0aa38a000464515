//! The golden files under `tests/vectors`: a line for each vector, `name TAB hex TAB outcome`, and
//! lines of comment that begin with `#`. Changing a vector is changing the protocol.

use std::fmt::{Debug, Write as _};

/// What a decoder makes of a vector that it takes.
pub(crate) const VALID: &str = "valid";

/// A line of a golden file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// [`VALID`], or the decoder's error as `Debug` writes it.
    pub(crate) outcome: String,
}

/// The vectors of a golden file, by its path below `tests/vectors`.
macro_rules! golden {
    ($path:literal) => {
        $crate::golden::read(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/vectors/",
            $path
        )))
    };
}
pub(crate) use golden;

/// A function that names the variant of a value, and the list of all names: the match makes the
/// compiler ask for a new variant's line, and the list makes a test ask for its vector.
macro_rules! variants {
    ($list:ident, $name:ident, $type:ty, { $($pattern:pat => $text:literal),* $(,)? }) => {
        const $list: &[&str] = &[$($text),*];
        fn $name(value: &$type) -> &'static str {
            match value {
                $($pattern => $text),*
            }
        }
    };
}
pub(crate) use variants;

impl Vector {
    pub(crate) fn valid(name: &str, bytes: Vec<u8>) -> Self {
        Self::new(name, bytes, VALID)
    }

    pub(crate) fn fault(name: &str, bytes: Vec<u8>, error: impl Debug) -> Self {
        Self::new(name, bytes, &format!("{error:?}"))
    }

    fn new(name: &str, bytes: Vec<u8>, outcome: &str) -> Self {
        Self {
            name: name.to_owned(),
            bytes,
            outcome: outcome.to_owned(),
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.outcome == VALID
    }
}

pub(crate) fn read(file: &str) -> Vec<Vector> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let vectors: Vec<_> = lines
        .map(|line| {
            let parts: Vec<_> = line.split('\t').collect();
            let [name, hex, outcome] = parts[..] else {
                panic!("not three columns: {line:.80}")
            };
            Vector::new(name, unhex(hex), outcome)
        })
        .collect();
    for (i, vector) in vectors.iter().enumerate() {
        let again = vectors[..i].iter().find(|other| other.name == vector.name);
        assert_eq!(again, None, "a name stands once");
    }
    vectors
}

/// The file holds what these bytes, made again, say; on a difference the whole table is shown.
pub(crate) fn check_made(file: &[Vector], made: &[Vector]) {
    let mut table = String::new();
    for Vector {
        name,
        bytes,
        outcome,
    } in made
    {
        writeln!(table, "{name}\t{}\t{outcome}", hex(bytes)).unwrap();
    }
    assert!(file == made, "the table now is\n{table}");
}

/// Every vector has the outcome that the file gives it, and whatever is taken is written back as
/// it came.
pub(crate) fn check_read<T, E: Debug>(
    file: &[Vector],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    for vector in file {
        let outcome = match decode(&vector.bytes) {
            Ok(value) => {
                assert_eq!(hex(&encode(&value)), hex(&vector.bytes), "{}", vector.name);
                VALID.to_owned()
            }
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(outcome, vector.outcome, "{}", vector.name);
    }
}

/// Each of these names begins the outcome of a vector: no fault is without one.
pub(crate) fn check_outcomes(file: &[Vector], names: &[&str]) {
    for name in names {
        let found = file.iter().any(|vector| vector.outcome.starts_with(name));
        assert!(found, "no vector for {name}");
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(
        text.len().is_multiple_of(2) && text.is_ascii(),
        "{text:.80}"
    );
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

/// `bytes` with what stands at its only occurrence of `from` replaced: a spoilt form must differ
/// from the good one where it says.
pub(crate) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let found = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from));
    let [at] = found.collect::<Vec<_>>()[..] else {
        panic!("{} is not once in {}", hex(from), hex(bytes))
    };
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
