//! Canonical CBOR out, strict CBOR in. The only file that names `serde_cbor`.
//!
//! The form is RFC 8949 section 4.2.1 (deterministic encoding), narrowed: arrays, byte and text
//! strings, integers, booleans and null only; no maps, floats or tags. `serde_cbor` alone accepts
//! long-form integers, indefinite lengths and maps in place of arrays, so whatever is decoded is
//! encoded again and compared.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not the canonical form of what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than this thing may have.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The bound that was passed.
        limit: usize,
    },
    /// Not CBOR, cut short, followed by other bytes, of another shape, or past a bound.
    #[error("not of the expected form")]
    Malformed,
    /// It means something, but is not the one way to write it.
    #[error("not in canonical form")]
    NotCanonical,
}

/// Encodes in canonical form.
///
/// Types that this crate encodes are tuples (or types that serialise as one), so nothing can fail
/// but memory.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_cbor::ser::to_vec_packed(value).expect("tuples, strings and integers always encode")
}

/// Decodes at most `limit` bytes, and refuses what [`encode`] would have written otherwise.
pub fn decode<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    limit: usize,
) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { limit });
    }
    let value: T = serde_cbor::from_slice(bytes).map_err(|_| DecodeError::Malformed)?;
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair = (u8, serde_bytes::ByteBuf);

    #[test]
    fn canonical_or_refused() {
        let good = encode(&(1_u8, serde_bytes::ByteBuf::from(vec![7])));
        assert_eq!(good, [0x82, 0x01, 0x41, 0x07]);
        assert!(decode::<Pair>(&good, 4).is_ok());
        for (bytes, error) in [
            (&good[..], DecodeError::TooLong { limit: 3 }),
            (&[0x82, 0x01], DecodeError::Malformed),
            (&[0x82, 0x01, 0x41, 0x07, 0x00], DecodeError::Malformed),
            (&[0x82, 0x18, 0x01, 0x41, 0x07], DecodeError::NotCanonical), // long-form integer
            (&[0x9f, 0x01, 0x41, 0x07, 0xff], DecodeError::NotCanonical), // indefinite array
            (&[0x82, 0x01, 0x58, 0x01, 0x07], DecodeError::NotCanonical), // long-form length
            (&[0x82, 0x01, 0xc1, 0x41, 0x07], DecodeError::NotCanonical), // tag
            (
                &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                DecodeError::Malformed,
            ),
        ] {
            let limit = if matches!(error, DecodeError::TooLong { .. }) {
                3
            } else {
                64
            };
            assert_eq!(decode::<Pair>(bytes, limit), Err(error), "{bytes:02x?}");
        }
    }
}
