//! Where a node can be reached.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many variants of libp2p's enums few matter here, and more may come"
)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Where a node listens or is reached, as a multiaddr of one of two forms: host, UDP port, QUIC
/// version 1; or host and TCP port, for networks that let no UDP through.
/// `/ip4/203.0.113.7/udp/4747/quic-v1`, `/dns/node.example.my/tcp/4747`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: Host,
    transport: Transport,
    port: u16,
}

/// What carries a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// QUIC over UDP: what is tried first.
    Quic,
    /// TLS 1.3 over TCP: the way through where UDP is blocked.
    Tcp,
}

/// The host of an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Host {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// A name, and which kinds of addresses of it count.
    Name(Family, Box<str>),
}

/// Which kinds of addresses of a host name count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    Any,
    V4,
    V6,
}

impl Family {
    /// Whether an address is of this family.
    pub(super) fn holds(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

impl Address {
    /// The longest text of an address, in bytes.
    pub const MAX_LEN: usize = 300;

    /// The address of an IP address and a port of UDP or TCP.
    #[must_use]
    pub fn of(ip: IpAddr, transport: Transport, port: u16) -> Self {
        let host = match ip {
            IpAddr::V4(ip) => Host::V4(ip),
            IpAddr::V6(ip) => Host::V6(ip),
        };
        Self {
            host,
            transport,
            port,
        }
    }

    /// What carries connections to it.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its IP address, or the name that stands for some.
    pub fn ip_or_name(&self) -> Result<IpAddr, &str> {
        match &self.host {
            Host::V4(ip) => Ok(IpAddr::V4(*ip)),
            Host::V6(ip) => Ok(IpAddr::V6(*ip)),
            Host::Name(_, name) => Err(name),
        }
    }

    /// The port of UDP or TCP; 0 leaves the choice to the system and is of use for listening only.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether others could dial it: it has a port, and a host that is not "any".
    #[must_use]
    pub fn is_dialable(&self) -> bool {
        self.port != 0
            && match &self.host {
                Host::V4(ip) => !ip.is_unspecified(),
                Host::V6(ip) => !ip.is_unspecified(),
                Host::Name(..) => true,
            }
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// The address that a swarm reports; none if it is of another transport.
    pub(super) fn reported(multiaddr: &Multiaddr) -> Option<Self> {
        let mut parts = multiaddr.iter();
        let ip = match parts.next()? {
            Protocol::Ip4(ip) => IpAddr::V4(ip),
            Protocol::Ip6(ip) => IpAddr::V6(ip),
            _ => return None,
        };
        match parts.next()? {
            Protocol::Udp(port) => Some(Self::of(ip, Transport::Quic, port)),
            Protocol::Tcp(port) => Some(Self::of(ip, Transport::Tcp, port)),
            _ => None,
        }
    }

    /// The address as the swarm takes it; none if its host is a name.
    pub(super) fn to_multiaddr(&self) -> Option<Multiaddr> {
        let host = match &self.host {
            Host::V4(ip) => Multiaddr::from(*ip),
            Host::V6(ip) => Multiaddr::from(*ip),
            Host::Name(..) => return None,
        };
        Some(match self.transport {
            Transport::Quic => host.with(Protocol::Udp(self.port)).with(Protocol::QuicV1),
            Transport::Tcp => host.with(Protocol::Tcp(self.port)),
        })
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > Self::MAX_LEN {
            return Err(AddressError::TooLong);
        }
        let mut parts = text.split('/');
        if parts.next() != Some("") {
            return Err(AddressError::Form);
        }
        let (Some(family), Some(host)) = (parts.next(), parts.next()) else {
            return Err(AddressError::Form);
        };
        let host = match family {
            "ip4" => Host::V4(host.parse().map_err(|_| AddressError::Ip)?),
            "ip6" => Host::V6(host.parse().map_err(|_| AddressError::Ip)?),
            "dns" => Host::Name(Family::Any, host_name(host)?),
            "dns4" => Host::Name(Family::V4, host_name(host)?),
            "dns6" => Host::Name(Family::V6, host_name(host)?),
            _ => return Err(AddressError::Form),
        };
        let transport = match parts.next() {
            Some("udp") => Transport::Quic,
            Some("tcp") => Transport::Tcp,
            _ => return Err(AddressError::Transport),
        };
        let port = parts.next().ok_or(AddressError::Port)?;
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AddressError::Port);
        }
        let port = port.parse().map_err(|_| AddressError::Port)?;
        if transport == Transport::Quic && parts.next() != Some("quic-v1") {
            return Err(AddressError::Transport);
        }
        match parts.next() {
            None => Ok(Self {
                host,
                transport,
                port,
            }),
            Some(_) => Err(AddressError::Rest),
        }
    }
}

/// Checks a host name and puts it in lower case.
fn host_name(text: &str) -> Result<Box<str>, AddressError> {
    /// The longest name in DNS, in bytes.
    const MAX_NAME: usize = 253;
    /// The longest label of one, in bytes.
    const MAX_LABEL: usize = 63;
    let label_is_good = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= MAX_NAME && text.split('.').all(label_is_good) {
        Ok(text.to_ascii_lowercase().into())
    } else {
        Err(AddressError::Name)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::V4(ip) => write!(f, "/ip4/{ip}"),
            Host::V6(ip) => write!(f, "/ip6/{ip}"),
            Host::Name(Family::Any, name) => write!(f, "/dns/{name}"),
            Host::Name(Family::V4, name) => write!(f, "/dns4/{name}"),
            Host::Name(Family::V6, name) => write!(f, "/dns6/{name}"),
        }?;
        match self.transport {
            Transport::Quic => write!(f, "/udp/{}/quic-v1", self.port),
            Transport::Tcp => write!(f, "/tcp/{}", self.port),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin like an address.
    #[error(
        "an address looks like /ip4/203.0.113.7/udp/4747/quic-v1 or /dns/HOST/udp/PORT/quic-v1, \
         or for TCP like /ip4/203.0.113.7/tcp/4747"
    )]
    Form,
    /// What follows `/ip4/` or `/ip6/` is not an address of that kind.
    #[error(
        "not an IP address of the kind named before it; write /ip4/203.0.113.7/… or /ip6/2001:db8::7/…"
    )]
    Ip,
    /// What follows `/dns/` is not a host name.
    #[error("not a host name; write it in ASCII, as in /dns/node.example.my/udp/4747/quic-v1")]
    Name,
    /// Neither QUIC over UDP nor TCP.
    #[error("QUIC and TCP are spoken; after the host comes /udp/PORT/quic-v1 or /tcp/PORT")]
    Transport,
    /// Not a port.
    #[error("not a port; write a number from 1 to 65535, or 0 to listen on any free one")]
    Port,
    /// Something follows `quic-v1` or the TCP port.
    #[error(
        "nothing may follow quic-v1 or a TCP port; the peer id stands in the card, not in the \
         address"
    )]
    Rest,
    /// More than [`Address::MAX_LEN`] bytes.
    #[error("an address has at most {max} characters", max = Address::MAX_LEN)]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, AddressError>) {
        let parsed = text.parse::<Address>();
        assert_eq!(
            parsed.map(|address| address.to_string()),
            expected.map(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn addresses() {
        for good in [
            "/ip4/127.0.0.1/udp/0/quic-v1",
            "/ip6/2001:db8::7/udp/4747/quic-v1",
            "/dns/node.example.my/udp/4747/quic-v1",
            "/dns4/a/udp/65535/quic-v1",
            "/dns6/a-b.c/udp/1/quic-v1",
            "/ip4/127.0.0.1/tcp/0",
            "/ip6/2001:db8::7/tcp/4747",
            "/dns/node.example.my/tcp/4747",
        ] {
            check(good, Ok(good));
        }
        check(
            "/dns/Node.Example/udp/0443/quic-v1",
            Ok("/dns/node.example/udp/443/quic-v1"),
        );
        for (bad, error) in [
            ("", AddressError::Form),
            ("127.0.0.1:4433", AddressError::Form),
            ("/ip4", AddressError::Form),
            ("/unix/x/udp/1/quic-v1", AddressError::Form),
            ("/ip4/::1/udp/1/quic-v1", AddressError::Ip),
            ("/ip6/fe80::1%eth0/udp/1/quic-v1", AddressError::Ip),
            ("/dns/a..b/udp/1/quic-v1", AddressError::Name),
            ("/dns/-a/udp/1/quic-v1", AddressError::Name),
            ("/dns/пример/udp/1/quic-v1", AddressError::Name),
            ("/ip4/127.0.0.1/sctp/4433", AddressError::Transport),
            ("/ip4/127.0.0.1/tcp", AddressError::Port),
            ("/ip4/127.0.0.1/tcp/+1", AddressError::Port),
            ("/ip4/127.0.0.1/tcp/1/", AddressError::Rest),
            ("/ip4/127.0.0.1/tcp/1/quic-v1", AddressError::Rest),
            ("/ip4/127.0.0.1/tcp/1/tls", AddressError::Rest),
            ("/ip4/127.0.0.1/tcp/1/p2p/12D3KooW", AddressError::Rest),
            ("/ip4/127.0.0.1/udp/4747/quic", AddressError::Transport),
            ("/ip4/127.0.0.1/udp/65536/quic-v1", AddressError::Port),
            ("/ip4/127.0.0.1/udp/+1/quic-v1", AddressError::Port),
            ("/ip4/127.0.0.1/udp/1/quic-v1/", AddressError::Rest),
            (
                "/ip4/127.0.0.1/udp/1/quic-v1/p2p/12D3KooW",
                AddressError::Rest,
            ),
        ] {
            check(bad, Err(error));
        }
        check(
            &format!("/dns/{}/udp/1/quic-v1", "a".repeat(300)),
            Err(AddressError::TooLong),
        );
    }

    #[test]
    fn only_some_can_be_dialled() {
        for (text, dialable) in [
            ("/ip4/127.0.0.1/udp/1/quic-v1", true),
            ("/dns/a/udp/1/quic-v1", true),
            ("/ip4/127.0.0.1/tcp/1", true),
            ("/ip4/127.0.0.1/tcp/0", false),
            ("/ip6/::/tcp/1", false),
            ("/ip4/127.0.0.1/udp/0/quic-v1", false),
            ("/ip4/0.0.0.0/udp/1/quic-v1", false),
            ("/ip6/::/udp/1/quic-v1", false),
        ] {
            assert_eq!(
                text.parse::<Address>().unwrap().is_dialable(),
                dialable,
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_go_through_the_swarms_form() {
        for text in [
            "/ip4/127.0.0.1/udp/7/quic-v1",
            "/ip6/::1/udp/7/quic-v1",
            "/ip4/127.0.0.1/tcp/7",
            "/ip6/::1/tcp/7",
        ] {
            let address: Address = text.parse().unwrap();
            let multiaddr = address.to_multiaddr().unwrap();
            assert_eq!(multiaddr.to_string(), text);
            assert_eq!(Address::reported(&multiaddr), Some(address));
        }
    }
}
