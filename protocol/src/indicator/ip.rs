//! IP addresses and ranges of them, as RFC 5952 writes them.
//!
//! The standard library reads strictly (no leading zeros, which some read as octal) and writes as
//! RFC 5952 wants. An IPv4 address in IPv6 clothes (`::ffff:203.0.113.7`) is the IPv4 address, and a
//! range of one address is that address: one machine, one value.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Reading, ValueError};

pub(super) fn canonical(written: &str, how: &Reading) -> Result<String, ValueError> {
    let (address, length) = match written.split_once('/') {
        None => (written, None),
        Some((address, length)) => (address, Some(length)),
    };
    let written: IpAddr = address.trim().parse().map_err(|_| ValueError::IpForm)?;
    let address = written.to_canonical();
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => bits,
        Some(digits) => {
            let length = prefix_length(digits.trim())?;
            // Within the mapped range, the first 96 bits are the mapping's own.
            let mapped = if address.is_ipv4() && written.is_ipv6() {
                96
            } else {
                0
            };
            length.checked_sub(mapped).ok_or(ValueError::IpForm)?
        }
    };
    let address = match address {
        _ if length > bits => return Err(ValueError::IpForm),
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(u32::from(bits - length)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(u32::from(bits - length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    };
    check(address, how)?;
    if length < if address.is_ipv4() { 8 } else { 16 } {
        return Err(ValueError::IpWide);
    }
    Ok(if length == bits {
        address.to_string()
    } else {
        format!("{address}/{length}")
    })
}

fn prefix_length(digits: &str) -> Result<u8, ValueError> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let padded = digits.len() > 1 && digits.starts_with('0');
    if !plain || padded {
        return Err(ValueError::IpForm);
    }
    digits.parse().map_err(|_| ValueError::IpForm)
}

/// Refuses a range whose canonical form (given) begins elsewhere than written: `203.0.113.7/24` is
/// either one machine or the 256 around it.
pub(super) fn as_written(written: &str, canonical: &str) -> Result<(), ValueError> {
    let Some((address, _)) = written.split_once('/') else {
        return Ok(());
    };
    let address: IpAddr = address.trim().parse().map_err(|_| ValueError::IpForm)?;
    let first = canonical.split('/').next().unwrap_or(canonical);
    if first == address.to_canonical().to_string() {
        Ok(())
    } else {
        Err(ValueError::IpHostBits)
    }
}

/// Refuses addresses that are nobody's or, unless private ones are allowed, everybody's.
pub(super) fn check(address: IpAddr, how: &Reading) -> Result<(), ValueError> {
    if address.is_unspecified() {
        return Err(ValueError::IpUnspecified);
    }
    if address.is_loopback() {
        return Err(ValueError::IpLoopback);
    }
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_multicast() || broadcast {
        return Err(ValueError::IpMulticast);
    }
    let private = match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // 100.64.0.0/10 is the carriers' own (RFC 6598).
            v4.is_private() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if private && !how.allow_private {
        return Err(ValueError::IpPrivate);
    }
    Ok(())
}
