//! Lines of block lists that are no plain values, so that none is read as one.
//!
//! An exception names what must *not* be blocked, and a rule that hides a part of a page says nothing
//! about the page's owner. Rules that do block are refused, too: what they mean with all their options
//! and patterns is not a value.

use kentong_protocol::indicator::refang;

/// What a text is that follows the grammar of some block list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// `@@||bank.example^`, `CNAME rpz-passthru.`
    #[error("an exception of a block list: it names what must not be blocked")]
    Exception,
    /// `bank.example##.advert`
    #[error("a rule that hides or changes a part of a page, and accuses nobody")]
    Cosmetic,
    /// `||scam.example^$third-party`
    #[error("a rule of a block list; to report a name in it, write the name alone")]
    Blocking,
    /// `/banner[0-9]+/`
    #[error("a pattern of a block list; to report names that fit it, write them one by one")]
    Pattern,
    /// `[Adblock Plus 2.0]`
    #[error("the first line of a block list, which names nothing")]
    Header,
    /// `server=/bank.example/`, `local-zone: "bank.example" transparent`
    #[error(
        "a setting of a name server or filter, which may block or allow; to report a name in it, \
         write the name alone"
    )]
    Setting,
}

/// The words with which AdGuard, Adblock Plus and uBlock Origin limit a rule, behind `$`.
const OPTIONS: &str = "\
    1p 3p all app background badfilter beacon bypass client cname collapse content cookie csp \
    csp_report css ctag denyallow dnsrewrite dnstype doc document domain donottrack dtd ehide \
    elemhide empty extension fetch first-party font frame from genericblock generichide ghide \
    header hls image important inline-font inline-script ipaddress jsinject jsonprune match-case \
    media method mp4 network noop object object-subrequest other permissions ping popunder popup \
    queryprune reason redirect redirect-rule referrerpolicy removeheader removeparam replace \
    requestheader responseheader rewrite script shide sitekey specifichide stealth strict1p \
    strict3p strict-first-party strict-third-party stylesheet subdocument third-party to top \
    trusted-types uritransform urlblock urlskip urltransform webrtc websocket xbl xhr \
    xmlhttprequest xmlprune";

/// How lines of settings begin: dnsmasq's, unbound's, those of zone files, and of the lists of names
/// that proxies route by.
const SETTINGS: [&str; 28] = [
    "address=/",
    "server=/",
    "local=/",
    "ipset=/",
    "nftset=/",
    "rebind-domain-ok=",
    "bogus-nxdomain=",
    "cname=",
    "host-record=",
    "local-zone:",
    "local-data:",
    "local-data-ptr:",
    "domain-insecure:",
    "private-domain:",
    "access-control:",
    "zone \"",
    "$ttl ",
    "$origin ",
    "$include ",
    "domain,",
    "domain-suffix,",
    "domain-keyword,",
    "ip-cidr,",
    "domain:",
    "full:",
    "keyword:",
    "regexp:",
    "include:",
];

/// The types of records in a zone file.
const RECORDS: [&str; 8] = ["CNAME", "DNAME", "SOA", "NS", "A", "AAAA", "PTR", "TXT"];

/// What kind of rule a text is; none if it could be a plain value.
pub(super) fn of(text: &str) -> Option<Rule> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let listed = ["[adblock", "[adguard", "[ublock", "[uabp", "[abp"];
    let negated = text.starts_with(['!', '~', '-']) && text.chars().any(char::is_alphabetic);
    if text.starts_with("@@") || negated || lower.contains("rpz-passthru") {
        Some(Rule::Exception)
    } else if text.starts_with("[$") || is_cosmetic(text) {
        Some(Rule::Cosmetic)
    } else if listed.iter().any(|start| lower.starts_with(start)) {
        Some(Rule::Header)
    } else if SETTINGS.iter().any(|start| lower.starts_with(start)) || is_record(text) {
        Some(Rule::Setting)
    } else if is_blocking(text) {
        Some(Rule::Blocking)
    } else if is_pattern(text) {
        Some(Rule::Pattern)
    } else {
        None
    }
}

/// Whether a text has a mark between names and what is hidden or injected on their pages.
pub(super) fn is_cosmetic(text: &str) -> bool {
    text.match_indices(['#', '$']).any(|(at, mark)| {
        let (names, rest) = text.split_at(at);
        // `$$` is possible in the path of a page's address, unless a tag of its page follows.
        let in_path = mark == "$" && names.contains('/') && !rest.starts_with("$@$");
        begins_cosmetic(rest) && (!in_path || rest.contains('['))
    })
}

/// Whether a text begins with such a mark: `##`, `#@#`, `#?#`, `#$#`, `#%#` and their mixtures, `$$`
/// and `$@$`. A blank behind `##` makes it a comment, as some lists have them.
pub(super) fn begins_cosmetic(text: &str) -> bool {
    let hidden = text.strip_prefix('#').and_then(|rest| {
        let rest = rest.trim_start_matches(['@', '?', '$', '%']);
        Some(rest.strip_prefix('#')?.trim_start_matches('#'))
    });
    let changed = || text.strip_prefix("$$").or_else(|| text.strip_prefix("$@$"));
    let selector = hidden.or_else(changed).unwrap_or_default();
    selector.starts_with(|c: char| !c.is_whitespace() && c != '$')
}

/// Whether a text is a line of a zone file: a name, perhaps numbers and `IN`, and a type.
fn is_record(text: &str) -> bool {
    let mut words = text.split_whitespace().skip(1);
    let number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    words
        .find(|word| !number(word) && *word != "IN")
        .is_some_and(|word| RECORDS.contains(&word))
        && words.next().is_some()
}

/// Whether a text has an anchor or options of adblock rules.
fn is_blocking(text: &str) -> bool {
    text.starts_with('|')
        || text.ends_with(['^', '|'])
        || ["^$", "^*", "^|", "^/"]
            .iter()
            .any(|mark| text.contains(mark))
        || has_options(text)
}

fn has_options(text: &str) -> bool {
    let is_option = |option: &str| {
        let option = option.trim_start_matches('~').to_ascii_lowercase();
        let name = option.split('=').next().unwrap_or_default();
        // `_` does nothing, and is there to part options.
        let blank = !name.is_empty() && name.bytes().all(|byte| byte == b'_');
        blank || OPTIONS.split(' ').any(|known| known == name)
    };
    // Options with values that nobody has told us of yet. Queries have names with `$` in front.
    let is_unknown = |before: &str, options: &str| {
        let name = options.trim_start_matches('~').split('=').next();
        name.is_some_and(|name| {
            name.len() < options.len()
                && name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        }) && !before.contains('?')
    };
    // Values of options may have `$` and commas, so one option of any part decides.
    text.match_indices('$').any(|(at, _)| {
        let (before, options) = text.split_at(at);
        let options = options.get(1..).unwrap_or_default();
        is_unknown(before, options) || options.split(',').any(is_option)
    })
}

/// Whether a text is a regular expression, a piece of a path, a web address with a wildcard, or has a
/// wildcard in front that is not that of a name.
fn is_pattern(text: &str) -> bool {
    // Broken schemes have stars: `h**ps://`.
    let whole = refang(text);
    // Behind `?` in escapes, as logs have it, stars are what somebody typed.
    let lower = whole.to_ascii_lowercase();
    let address = lower.split("%3f").next().unwrap_or_default();
    address.contains('/') && address.contains('*')
        || text.starts_with('/') && !text.starts_with("//")
        || text.starts_with('*') && !text.starts_with("*.") && !text.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: Option<Rule>, texts: &[&str]) {
        for text in texts {
            assert_eq!(of(text), rule, "{text:?}");
        }
    }

    #[test]
    fn exceptions() {
        check(
            Some(Rule::Exception),
            &[
                "@@||bank.example^",
                "@@bank.example",
                "@@|https://bank.example/",
                "@@||bank.example^$document",
                "@@/regex/",
                "!bank.example",
                "~bank.example",
                "-bank.example",
                "bank.example CNAME rpz-passthru.",
                "*.bank.example\t3600\tIN\tCNAME\tRPZ-PASSTHRU.",
                "32.7.113.0.203.rpz-ip CNAME rpz-passthru.",
            ],
        );
    }

    #[test]
    fn parts_of_pages() {
        check(
            Some(Rule::Cosmetic),
            &[
                "##.banner",
                "###advert",
                "bank.example##.ad",
                "bank.example ##.ad",
                "bank.example###ad",
                "a.example,~b.example##div[id]",
                "bank.example#@#.ad",
                "bank.example#?#div:has(.ad)",
                "bank.example#@?#div",
                "bank.example#$#body { color: red }",
                "bank.example#@$?#x",
                "bank.example#%#//scriptlet('x')",
                "bank.example#@%#x",
                "bank.example##+js(set, a, 1)",
                "bank.example#@#+js()",
                "bank.example##^script",
                "bank.example$$script[tag]",
                "bank.example$@$script",
                "bank.example/page##.ad",
                "https://bank.example/##.ad",
                "https://bank.example/x##.ad",
                "https://bank.example/x#@#.ad",
                "https://bank.example/x?a#?#.ad",
                "https://scam.example/##x",
                "bank.example/x$$script[tag]",
                "https://bank.example/x$@$script",
                "https://bank.example##.ad",
                "[$path=/page]bank.example##.ad",
            ],
        );
    }

    #[test]
    fn rules_that_block() {
        check(
            Some(Rule::Blocking),
            &[
                "||scam.example^",
                "||scam.example",
                "||scam.example/path",
                "||scam.example^$third-party",
                "||scam.example^$domain=bank.example",
                "|https://scam.example/",
                "scam.example^",
                "scam.example|",
                "scam.example^*/x",
                "scam.example/x$domain=bank.example|shop.example",
                "scam.example/x$~third-party,script",
                "scam.example$badfilter",
                "https://scam.example/x$removeparam=/^utm_/",
                "bank.example/x$_,removeparam=a",
                "bank.example/x$___",
                "bank.example$sitekey=abc",
                "bank.example/x$xmlprune=/a",
                "bank.example/x$Domain=shop.example",
                "https://bank.example/x.js$beacon",
                "https://bank.example/x$newoption=a",
                "bank.example/x$~newoption=a",
                "bank.example/?a=1$Script",
            ],
        );
        check(
            Some(Rule::Pattern),
            &[
                "/ads.example/",
                "/banner[0-9]+/",
                "/ad/x.js",
                "*/ads/*",
                "*scam*",
                "bank.example/ads/*",
                "https://evil.example/*",
                "https://*.evil.example/",
                "hxxps://evil.example/*/a",
                "*.evil.example/a",
                "evil.example/?a=*",
            ],
        );
        check(
            Some(Rule::Header),
            &["[Adblock Plus 2.0]", "[uBlock Origin]", "[AdGuard]"],
        );
    }

    #[test]
    fn settings() {
        check(
            Some(Rule::Setting),
            &[
                "address=/scam.example/0.0.0.0",
                "server=/bank.example/8.8.8.8",
                "SERVER=/bank.example/#",
                "local-zone: \"bank.example\" transparent",
                "local-data: \"bank.example A 192.0.2.1\"",
                "zone \"bank.example\" { type master; };",
                "$TTL 60",
                "scam.example CNAME .",
                "scam.example\tIN\tCNAME\t*.",
                "bank.example 300 IN A 192.0.2.1",
                "DOMAIN-SUFFIX,bank.example,DIRECT",
                "full:bank.example",
            ],
        );
    }

    #[test]
    fn plain_values() {
        check(
            None,
            &[
                "scam.example",
                "*.scam.example",
                "scam.example ## seen in an advertisement",
                "scam.example/?$filter=a&$orderby=b",
                "h**ps://scam.example/a",
                "scam.example/a%3fb=*-*",
                "https://scam.example/a#b",
                "https://scam.example/a$$b",
                "scam.example/a$b",
                "scam.example/?price=$100",
                "//scam.example/a",
                "desk@scam.example",
                "*@scam.example",
                "[2001:db8::7]",
                "203.0.113.0/24",
                "+60 12-345 6789",
                "-1",
                "@somebody",
                "telegram:somebody",
                "Grade A",
                "A bank in X",
            ],
        );
    }
}
