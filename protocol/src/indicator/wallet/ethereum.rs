//! Ethereum's addresses, with the checksum in the case of their letters (EIP-55).

use sha3::{Digest as _, Keccak256};

use crate::indicator::ValueError;

const DIGITS: usize = 40;

/// The address in the case that EIP-55 gives it. One in capitals or small letters alone has no
/// checksum and passes; a mixed one must have the right one.
pub(super) fn canonical(address: &str) -> Result<String, ValueError> {
    let digits = address
        .strip_prefix("0x")
        .or_else(|| address.strip_prefix("0X"))
        .ok_or(ValueError::WalletForm)?;
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ValueError::WalletForm);
    }
    if digits.bytes().all(|byte| byte == b'0') {
        return Err(ValueError::WalletNull);
    }
    let mixed = digits.bytes().any(|byte| byte.is_ascii_uppercase())
        && digits.bytes().any(|byte| byte.is_ascii_lowercase());
    let checked = with_checksum(&digits.to_ascii_lowercase());
    if mixed && checked != digits {
        return Err(ValueError::WalletChecksum);
    }
    Ok(format!("0x{checked}"))
}

/// A letter is a capital where the hash of the small letters has a high bit.
fn with_checksum(lower: &str) -> String {
    let hash = Keccak256::digest(lower.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    lower
        .chars()
        .zip(nibbles)
        .map(|(digit, nibble)| {
            if nibble >= 8 {
                digit.to_ascii_uppercase()
            } else {
                digit
            }
        })
        .collect()
}
