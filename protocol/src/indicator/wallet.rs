//! Addresses on block chains: `chain:address`.
//!
//! Written with their chain, or alone where the form tells the chain. Each chain's checksum is
//! verified by the library that defines its form (`bs58`, `bech32`, `sha3`); only Monero's blocks of
//! base 58 have no crate worth a dependency.

mod base58;
mod ethereum;
mod monero;

use super::ValueError;

/// A chain, and how its addresses are written.
#[derive(Clone, Copy)]
struct Chain {
    name: &'static str,
    /// Other names of it, of its coin, or of what shares its addresses.
    aliases: &'static [&'static str],
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    /// Base 58 with a checksum behind one of these versions, or segregated witness with this prefix.
    Bitcoin {
        versions: &'static [&'static [u8]],
        segwit: Option<&'static str>,
    },
    /// The same in the alphabet of Ripple.
    Ripple,
    Ethereum,
    Monero,
    Solana,
}

const BITCOIN: Chain = chain(
    "btc",
    &["bitcoin", "xbt"],
    Form::Bitcoin {
        versions: &[&[0x00], &[0x05]],
        segwit: Some("bc"),
    },
);
const LITECOIN: Chain = chain(
    "ltc",
    &["litecoin"],
    Form::Bitcoin {
        versions: &[&[0x30], &[0x32]],
        segwit: Some("ltc"),
    },
);
const DOGECOIN: Chain = chain("doge", &["dogecoin"], base58(&[&[0x1e], &[0x16]]));
const DASH: Chain = chain("dash", &[], base58(&[&[0x4c], &[0x10]]));
const ZCASH: Chain = chain("zec", &["zcash"], base58(&[&[0x1c, 0xb8], &[0x1c, 0xbd]]));
const TRON: Chain = chain("tron", &["trx", "trc20"], base58(&[&[0x41]]));
const RIPPLE: Chain = chain("xrp", &["ripple"], Form::Ripple);
/// One key has one address on every chain with Ethereum's machine, so all of them are one here.
const ETHEREUM: Chain = chain(
    "eth",
    &[
        "ethereum", "evm", "erc20", "bsc", "bnb", "bep20", "polygon", "matic", "arbitrum", "arb",
        "optimism", "base", "avax", "etc",
    ],
    Form::Ethereum,
);
const MONERO: Chain = chain("xmr", &["monero"], Form::Monero);
const SOLANA: Chain = chain("sol", &["solana"], Form::Solana);

const CHAINS: [Chain; 10] = [
    BITCOIN, LITECOIN, DOGECOIN, DASH, ZCASH, TRON, RIPPLE, ETHEREUM, MONERO, SOLANA,
];

const fn chain(name: &'static str, aliases: &'static [&'static str], form: Form) -> Chain {
    Chain {
        name,
        aliases,
        form,
    }
}

const fn base58(versions: &'static [&'static [u8]]) -> Form {
    Form::Bitcoin {
        versions,
        segwit: None,
    }
}

pub(super) fn canonical(written: &str) -> Result<String, ValueError> {
    let (chain, address) = match written.split_once(':') {
        Some((name, address)) => (named(name.trim())?, address.trim()),
        None => (told_by(written).ok_or(ValueError::WalletChain)?, written),
    };
    let address = match chain.form {
        Form::Bitcoin { versions, segwit } => base58::bitcoin(address, versions, segwit)?,
        Form::Ripple => base58::ripple(address)?,
        Form::Solana => base58::solana(address)?,
        Form::Ethereum => ethereum::canonical(address)?,
        Form::Monero => monero::canonical(address)?,
    };
    Ok(format!("{}:{address}", chain.name))
}

fn named(name: &str) -> Result<Chain, ValueError> {
    let name = name.to_ascii_lowercase();
    CHAINS
        .into_iter()
        .find(|chain| chain.name == name || chain.aliases.contains(&&*name))
        .ok_or(ValueError::WalletChain)
}

/// Whether a word in small letters names a chain.
pub(super) fn is_chain(word: &str) -> bool {
    named(word).is_ok()
}

/// How sure it is that a text without a chain is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    /// A checksum will tell, or `0x` and the length.
    Told,
    /// Solana's have no checksum: many a word of that length could be one.
    Possible,
}

/// Whether a text without a chain could be an address, by its first letters and length.
pub(super) fn bare(text: &str) -> Option<Bare> {
    Some(match told_by(text)?.form {
        Form::Solana => Bare::Possible,
        Form::Bitcoin { .. } | Form::Ripple | Form::Ethereum | Form::Monero => Bare::Told,
    })
}

/// The chain that an address's first letters and length tell.
fn told_by(address: &str) -> Option<Chain> {
    if !address.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let starts = |text: &str| {
        address
            .get(..text.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    let first = address.chars().next()?;
    Some(match (first, address.len()) {
        _ if starts("0x") => ETHEREUM,
        _ if starts("bc1") => BITCOIN,
        _ if starts("ltc1") => LITECOIN,
        ('4' | '8', 80..) => MONERO,
        ('T', 34) => TRON,
        ('1' | '3', 26..=35) => BITCOIN,
        ('L' | 'M', 33..=34) => LITECOIN,
        ('D' | 'A' | '9', 34) => DOGECOIN,
        ('X' | '7', 34) => DASH,
        ('t', 35) => ZCASH,
        ('r', 25..=35) => RIPPLE,
        (_, 32..=44) => SOLANA,
        _ => return None,
    })
}
