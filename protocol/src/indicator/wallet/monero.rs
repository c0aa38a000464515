//! Monero's addresses: base 58 in blocks of eight bytes, with a Keccak checksum behind.

use sha3::{Digest as _, Keccak256};

use crate::indicator::ValueError;

/// Eight bytes are eleven characters, and the five bytes that are left over seven.
const BLOCK: (usize, usize) = (8, 11);
const LAST: (usize, usize) = (5, 7);

/// The first byte of a standard, an integrated and a sub-address on the main network.
const STANDARD: u8 = 18;
const INTEGRATED: u8 = 19;
const SUBADDRESS: u8 = 42;

const CHECKSUM: usize = 4;

pub(super) fn canonical(address: &str) -> Result<String, ValueError> {
    let bytes = decode(address)?;
    let (payload, checksum) = bytes
        .split_last_chunk::<CHECKSUM>()
        .ok_or(ValueError::WalletForm)?;
    if !Keccak256::digest(payload).starts_with(checksum) {
        return Err(ValueError::WalletChecksum);
    }
    // Two keys of 32 bytes, and a payment id of 8 in an integrated address.
    match payload.split_first() {
        Some((&(STANDARD | SUBADDRESS), keys)) if keys.len() == 64 => not_null(address, keys),
        Some((&INTEGRATED, keys)) if keys.len() == 72 => not_null(address, keys),
        _ => Err(ValueError::WalletForm),
    }
}

fn not_null(address: &str, keys: &[u8]) -> Result<String, ValueError> {
    if keys.iter().take(64).all(|byte| *byte == 0) {
        Err(ValueError::WalletNull)
    } else {
        Ok(address.to_owned())
    }
}

/// 69 or 77 bytes: eight or nine whole blocks and one of five bytes.
fn decode(address: &str) -> Result<Vec<u8>, ValueError> {
    if !matches!(address.len(), 95 | 106) {
        return Err(ValueError::WalletForm);
    }
    let mut bytes = Vec::with_capacity(77);
    for characters in address.as_bytes().chunks(BLOCK.1) {
        let size = match characters.len() {
            length if length == BLOCK.1 => BLOCK.0,
            length if length == LAST.1 => LAST.0,
            _ => return Err(ValueError::WalletForm),
        };
        bytes.extend(block(characters, size)?);
    }
    Ok(bytes)
}

/// One block: a number in base 58, as many big-endian bytes as the block holds.
fn block(characters: &[u8], size: usize) -> Result<Vec<u8>, ValueError> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut number: u128 = 0;
    for character in characters {
        let digit = ALPHABET
            .iter()
            .position(|known| known == character)
            .ok_or(ValueError::WalletForm)?;
        // Eleven digits of base 58 stay below 2^65.
        number = number * 58 + digit as u128;
    }
    if number >> (8 * size) != 0 {
        return Err(ValueError::WalletForm);
    }
    let bytes = number.to_be_bytes();
    Ok(bytes.into_iter().skip(16 - size).collect())
}
