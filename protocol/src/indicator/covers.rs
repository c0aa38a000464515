//! What an indicator may speak of beside its very value: a domain of those below it, a range of the
//! addresses in it.

use core::net::IpAddr;

use super::{Kind, Value};

/// The values under which an indicator would cover `value`, each with how: the domains above a domain
/// or a URL's host, and the ranges that hold an address.
#[must_use]
pub fn covers(value: &Value) -> Vec<(Value, &'static str)> {
    let text = value.as_str();
    match value.kind() {
        Kind::Domain => domains_above(text, "parent domain"),
        Kind::Url => {
            let host = text.split_once("://").map_or(text, |(_, rest)| rest);
            let host = host.split(['/', '?', '#']).next().unwrap_or(host);
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let bare = match host.rsplit_once(':') {
                Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) => bare,
                _ => host,
            };
            let address = bare.trim_start_matches('[').trim_end_matches(']');
            if let Ok(ip) = address.parse::<IpAddr>() {
                let mut covers = ranges_above(address, "range of its host");
                let ip = Value::from_canonical(Kind::Ip, &ip.to_string()).ok();
                covers.splice(0..0, ip.map(|ip| (ip, "its host")));
                return covers;
            }
            let mut covers = domains_above(bare, "the host's parent domain");
            if let Ok(domain) = Value::from_canonical(Kind::Domain, bare) {
                covers.insert(0, (domain, "its host"));
            }
            covers
        }
        Kind::Ip => ranges_above(text, "range"),
        Kind::Email => {
            let domain = text.rsplit_once('@').map_or("", |(_, domain)| domain);
            let domain = Value::from_canonical(Kind::Domain, domain).ok();
            domain
                .map(|domain| (domain, "its domain"))
                .into_iter()
                .collect()
        }
        Kind::Phone
        | Kind::SmsSender
        | Kind::BankAccount
        | Kind::Wallet
        | Kind::Handle
        | Kind::App
        | Kind::File => Vec::new(),
    }
}

/// The domains above, down to the registrable one: what is above that is no indicator.
fn domains_above(domain: &str, matched: &'static str) -> Vec<(Value, &'static str)> {
    let above = domain
        .match_indices('.')
        .filter_map(|(dot, _)| domain.get(dot + 1..));
    above
        .filter_map(|parent| Value::from_canonical(Kind::Domain, parent).ok())
        .map(|parent| (parent, matched))
        .collect()
}

fn ranges_above(text: &str, matched: &'static str) -> Vec<(Value, &'static str)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse::<u32>().ok()),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Vec::new();
    };
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let range = |length: u32| {
        let network = bits & u128::MAX.checked_shl(128 - length).unwrap_or(0);
        let address = match address {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(network >> 96).unwrap_or(0).into()),
            IpAddr::V6(_) => IpAddr::V6(network.into()),
        };
        Value::from_canonical(Kind::Ip, &format!("{address}/{length}")).ok()
    };
    (8..prefix.unwrap_or(width))
        .rev()
        .filter_map(range)
        .map(|range| (range, matched))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expected: &[(&str, &str)]) {
        let value = Value::parse(kind, text, &Default::default()).unwrap();
        let found = covers(&value);
        for (text, matched) in expected {
            let named = |(cover, by): &(Value, &str)| cover.as_str() == *text && by == matched;
            assert!(found.iter().any(named), "{text} of {found:?}");
        }
    }

    #[test]
    fn a_url_is_found_by_its_host_be_it_a_name_or_an_address() {
        let host = "its host";
        check(
            Kind::Url,
            "https://u@a.b.example:8443/x?y=[z]",
            &[
                ("a.b.example", host),
                ("b.example", "the host's parent domain"),
            ],
        );
        for url in [
            "http://8.8.4.4/login",
            "http://8.8.4.4:8080",
            "http://0x8.0x8.0x4.4/",
        ] {
            check(
                Kind::Url,
                url,
                &[("8.8.4.4", host), ("8.8.4.0/24", "range of its host")],
            );
        }
        for url in ["http://[2a00:1450::1]/", "http://[2a00:1450::1]:81/"] {
            check(
                Kind::Url,
                url,
                &[
                    ("2a00:1450::1", host),
                    ("2a00:1450::/32", "range of its host"),
                ],
            );
        }
        check(Kind::Ip, "8.8.4.4", &[("8.8.0.0/16", "range")]);
        check(
            Kind::Email,
            "a@scam.example",
            &[("scam.example", "its domain")],
        );
    }
}
