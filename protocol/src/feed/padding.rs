//! Padmé: the padding of "Reducing Metadata Leakage from Encrypted Files and Communication with
//! PURBs" (Nikitin et al., PoPETs 2019), section 4. It leaks O(log log) bits of a length and adds
//! at most 12 %.

/// No sealed body is shorter, whatever it holds.
pub(super) const LEAST: usize = 1024;

/// The length to which `length` bytes are padded.
pub(super) fn padded(length: usize) -> usize {
    let length = length.max(LEAST);
    let exponent = length.ilog2();
    let bits = exponent.ilog2().saturating_add(1);
    let unit = 2_usize.saturating_pow(exponent.saturating_sub(bits));
    length.checked_next_multiple_of(unit).unwrap_or(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_by_little_and_never_shrinks() {
        assert_eq!(padded(0), 1024);
        assert_eq!(padded(1024), 1024);
        assert_eq!(padded(1025), 1088);
        assert_eq!(padded(65_537), 67_584);
        let mut last = 0;
        for length in 0..200_000 {
            let to = padded(length);
            assert!(to >= length && to >= last && padded(to) == to);
            assert!(length < LEAST || to * 100 <= length * 112, "{length} {to}");
            last = to;
        }
    }
}
