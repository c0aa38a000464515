//! Into which feeds a statement for some readers goes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::feed::{Audience, AudienceError};

/// The most feeds that a publisher opens for audiences: each costs its readers a head to follow. Beyond,
/// an audience is split among feeds that are open already. A reader follows up to
/// [`Limits::feeds`](crate::sync::Limits) of one publisher, closed ones among them.
pub const MAX_OPEN_FEEDS: usize = 256;

/// The audiences whose feeds together reach exactly these readers, given the feeds that are open: one
/// audience, as long as there are not too many feeds; then those of open feeds, the largest first, and
/// single readers.
pub fn audiences<F>(
    publisher: &MemberName,
    readers: &BTreeSet<MemberName>,
    open: &BTreeMap<Audience, F>,
) -> Result<Vec<Audience>, AudienceError> {
    let exact = Audience::of(publisher, readers)?;
    if open.contains_key(&exact) || open.len() < MAX_OPEN_FEEDS {
        return Ok(vec![exact]);
    }
    let mut left = readers.clone();
    let shared = open.keys().filter(|one| one.members().len() > 1);
    let mut known: Vec<_> = shared.collect();
    known.sort_by_key(|audience| Reverse(audience.members().len()));
    let mut audiences = Vec::new();
    for audience in known {
        let mut members = audience.members().iter();
        if members.all(|member| member == publisher || left.contains(member)) {
            left.retain(|member| !audience.holds(member));
            audiences.push(audience.clone());
        }
    }
    for reader in left {
        audiences.push(Audience::of(publisher, [&reader])?);
    }
    Ok(audiences)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> BTreeSet<MemberName> {
        let names = text.split_whitespace();
        names.map(|name| name.parse().unwrap()).collect()
    }

    fn of(readers: &str) -> Audience {
        Audience::of(&"MY".parse().unwrap(), &names(readers)).unwrap()
    }

    /// Feeds for these readers are open, and so many more for two members that nobody asks for.
    fn check(open: &[&str], most: usize, readers: &str, expected: &[&str]) {
        let mut all: BTreeMap<_, _> = open.iter().map(|readers| (of(readers), ())).collect();
        all.insert(of(""), ());
        let letter = |n: usize| ('A'..='Z').nth(n).unwrap();
        for n in 0..MAX_OPEN_FEEDS {
            if all.len() < most {
                let (one, other) = (letter(n % 16), letter(n / 16));
                all.insert(of(&format!("X{one} Y{other}")), ());
            }
        }
        assert!(all.len() == most);
        let found = audiences(&"MY".parse().unwrap(), &names(readers), &all).unwrap();
        let expected: Vec<_> = expected.iter().map(|readers| of(readers)).collect();
        assert_eq!(found, expected, "{open:?} {most} {readers}");
    }

    #[test]
    fn an_audience_is_split_only_where_there_are_too_many_feeds() {
        let (few, most) = (MAX_OPEN_FEEDS - 1, MAX_OPEN_FEEDS);
        check(&["SG TH"], few, "SG TH VN", &["SG TH VN"]);
        check(&["SG TH VN"], most, "SG TH VN", &["SG TH VN"]);
        check(&["SG TH"], most, "SG TH VN", &["SG TH", "VN"]);
        check(&["SG", "SG TH"], most, "SG TH VN", &["SG TH", "VN"]);
        check(&["SG TH ID"], most, "SG TH", &["SG", "TH"]);
        check(&["SG TH", "TH VN"], most, "SG TH VN", &["SG TH", "VN"]);
        check(&[], most, "SG", &["SG"]);
    }
}
