//! Addresses in base 58, and Bitcoin's newer ones in bech32.

use bs58::Alphabet;
use bs58::decode::Error;

use crate::indicator::ValueError;

/// The bytes of the hash that an address stands for.
const HASH: usize = 20;

/// An address of Bitcoin or one of its kin: base58check, or segregated witness (BIP 173, BIP 350).
pub(super) fn bitcoin(
    address: &str,
    versions: &[&[u8]],
    segwit: Option<&str>,
) -> Result<String, ValueError> {
    if let Some(prefix) = segwit
        && let Some(start) = address.get(..=prefix.len())
        && start.eq_ignore_ascii_case(&format!("{prefix}1"))
    {
        return witness(address, prefix);
    }
    checked(address, versions, Alphabet::BITCOIN)
}

/// An account of the XRP ledger.
pub(super) fn ripple(address: &str) -> Result<String, ValueError> {
    checked(address, &[&[0x00]], Alphabet::RIPPLE)
}

/// An account of Solana: 32 bytes, without a checksum.
pub(super) fn solana(address: &str) -> Result<String, ValueError> {
    let mut key = [0; 32];
    match bs58::decode(address).onto(&mut key) {
        Ok(32) if key == [0; 32] => Err(ValueError::WalletNull),
        Ok(32) => Ok(address.to_owned()),
        _ => Err(ValueError::WalletForm),
    }
}

fn checked(address: &str, versions: &[&[u8]], alphabet: &Alphabet) -> Result<String, ValueError> {
    let mut bytes = [0; 26];
    let length = bs58::decode(address)
        .with_alphabet(alphabet)
        .with_check(None)
        .onto(&mut bytes)
        .map_err(|error| {
            if matches!(error, Error::InvalidChecksum { .. }) {
                ValueError::WalletChecksum
            } else {
                ValueError::WalletForm
            }
        })?;
    let payload = bytes.get(..length).ok_or(ValueError::WalletForm)?;
    let hash = versions
        .iter()
        .find_map(|version| payload.strip_prefix(*version))
        .filter(|hash| hash.len() == HASH)
        .ok_or(ValueError::WalletForm)?;
    if hash == [0; HASH] {
        return Err(ValueError::WalletNull);
    }
    Ok(address.to_owned())
}

fn witness(address: &str, prefix: &str) -> Result<String, ValueError> {
    use bech32::primitives::decode::SegwitHrpstringError;
    let decoded = bech32::primitives::decode::SegwitHrpstring::new(address);
    let address = match decoded {
        Ok(decoded) if decoded.hrp().as_str().eq_ignore_ascii_case(prefix) => {
            if decoded.byte_iter().all(|byte| byte == 0) {
                return Err(ValueError::WalletNull);
            }
            address
        }
        Err(SegwitHrpstringError::Checksum(_)) => return Err(ValueError::WalletChecksum),
        Err(_) | Ok(_) => {
            return Err(ValueError::WalletForm);
        }
    };
    Ok(address.to_ascii_lowercase())
}
