//! What a text could be, when nobody says.

use super::{Kind, Reading, Value};
use crate::indicator::defang::refang;

/// Every kind that takes the text, the likeliest first. What says its own kind (a scheme, a
/// platform, a chain, a `+`) comes before what only looks like one.
pub(super) fn detect(written: &str, how: &Reading) -> Vec<Value> {
    let text = refang(written.trim());
    let order: &[Kind] = if text.contains("://") {
        &[Kind::Url, Kind::Handle, Kind::App]
    } else if let Some(name) = text.strip_prefix('@') {
        return on_any_platform(name, how);
    } else if text.contains('@') {
        &[Kind::Email, Kind::Handle, Kind::Url]
    } else if text.contains(['/', '?']) {
        // A path makes a web address of a name, and a length a range of an address.
        &[Kind::Ip, Kind::Url, Kind::Handle, Kind::Phone]
    } else {
        &[
            Kind::Ip,
            Kind::App,
            Kind::File,
            Kind::Handle,
            Kind::Wallet,
            Kind::BankAccount,
            Kind::Domain,
            Kind::Phone,
            Kind::Url,
        ]
    };
    let mut found = Vec::new();
    for kind in order {
        if let Ok(value) = Value::parse(*kind, &text, how)
            // A bare name reads as a web address too, but nobody means that.
            && (*kind != Kind::Url || found.is_empty())
        {
            found.push(value);
        }
    }
    found
}

/// The account of this name on each platform that could have it.
fn on_any_platform(name: &str, how: &Reading) -> Vec<Value> {
    [
        "telegram",
        "instagram",
        "tiktok",
        "x",
        "facebook",
        "line",
        "wechat",
        "discord",
        "other",
    ]
    .iter()
    .filter_map(|platform| Value::parse(Kind::Handle, &format!("{platform}:{name}"), how).ok())
    .collect()
}
