//! Why a text is no value of a kind.

/// Why a text is no value of the kind that it should be. Each says what to do next; none repeats the
/// text, which may be somebody's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ValueError {
    /// Nothing is written.
    #[error("empty; write a value")]
    Empty,
    /// More than [`MAX_VALUE`](super::MAX_VALUE) bytes.
    #[error("longer than 2048 bytes; shorten it, or give the domain or the file's hash instead")]
    TooLong,
    /// A control character, or one that cannot be seen.
    #[error("has a control or invisible character inside; type it again by hand")]
    Invisible,
    /// It means a value, but is not the canonical way to write it.
    #[error("not in canonical form; only the canonical form is exchanged")]
    NotCanonical,

    /// A national telephone number, and no region is known.
    #[error("a national number needs its region; write it with + and country code, or give one")]
    PhoneRegion,
    /// Letters in a telephone number, which would silently become digits.
    #[error("letters in a telephone number; write the digits that they stand for")]
    PhoneLetters,
    /// Something else than digits and the usual marks between them.
    #[error("not a telephone number; write digits, with + and country code in front")]
    PhoneForm,
    /// No numbering plan has this number.
    #[error("no numbering plan has this number; check the digits and the region")]
    PhoneInvalid,
    /// Digits behind the number, which would become a part of it.
    #[error(
        "more digits behind the number, of a second one or a count; write one number, without \
         brackets"
    )]
    PhoneSeveral,

    /// A sender name longer than text messages allow.
    #[error("a sender name has at most 11 characters; write it exactly as the message shows it")]
    SenderLength,

    /// Neither an IBAN nor `CC:INSTITUTION:DIGITS`.
    #[error("not an account; write an IBAN, or COUNTRY:BANK:NUMBER as in MY:MBBEMYKL:114012345678")]
    AccountForm,
    /// The country code is not one.
    #[error("not a country; begin with two letters of ISO 3166-1, as in MY:MBBEMYKL:114012345678")]
    AccountCountry,
    /// The institution is no BIC of that country and no bank code.
    #[error("not an institution; write its BIC, of that country, or its national bank code")]
    AccountInstitution,
    /// Letters, or something else but digits, in a national account number.
    #[error("an account number has digits only; correct it, or write the IBAN")]
    AccountDigits,
    /// An account number too short or too long to be one.
    #[error("an account number has 5 to 20 digits; write all of them, without the bank code")]
    AccountLength,
    /// An IBAN whose checksum fails.
    #[error("the IBAN's check digits don't fit; one of its characters is wrong")]
    IbanChecksum,
    /// An IBAN that is not built as its country's are.
    #[error("not built as IBANs of its country are; check its length and country")]
    IbanForm,

    /// The chain is not known, or cannot be told from the address.
    #[error(
        "not a chain that is known here; write CHAIN:ADDRESS with btc, eth, tron, xmr, sol, ltc, \
         doge, dash, zec or xrp"
    )]
    WalletChain,
    /// Not an address of that chain.
    #[error("not an address of that chain; check its length and characters")]
    WalletForm,
    /// The address's checksum fails.
    #[error("the address's checksum fails; one of its characters, or its case, is wrong")]
    WalletChecksum,
    /// The null address, to which anybody may burn.
    #[error("the null address belongs to nobody; leave it out")]
    WalletNull,

    /// Not a domain name.
    #[error("not a domain name; write the bare name, without scheme, port or path")]
    DomainForm,
    /// A wildcard elsewhere than in front.
    #[error("a wildcard inside a name; write the names one by one, or the domain above")]
    DomainWildcard,
    /// An address where a name should be.
    #[error("an address, not a name; give it as kind ip")]
    DomainAddress,
    /// Under it, strangers register names: it belongs to no one person.
    #[error("a public suffix, under which anybody may have a name; write the name below it")]
    DomainSuffix,
    /// What stands around or between names, and in none.
    #[error(
        "a symbol or punctuation mark that no name has; write one name alone, or as xn-- if it \
         really has this mark"
    )]
    DomainSymbol,

    /// Not a web address.
    #[error("not a web address; write it as https://name/path")]
    UrlForm,
    /// A scheme that leads to no host.
    #[error("not a scheme that leads to a host; http, https, ftp, ws and wss do")]
    UrlScheme,
    /// No host.
    #[error("a web address without a host; write it as https://name/path")]
    UrlHost,
    /// A blank inside, which browsers drop or rewrite.
    #[error(
        "a blank inside a web address, which browsers read as another address; take it out, or \
         write %20 where it belongs"
    )]
    UrlBlank,
    /// A backslash, which browsers read as a slash.
    #[error(
        "a backslash in a web address, which browsers read as a slash; write / or %5C, whichever \
         is meant"
    )]
    UrlBackslash,
    /// A fragment that names the page: without it the whole site would be accused.
    #[error(
        "names its page behind the #, which is not kept; write the address without it only if all \
         that is before it is meant"
    )]
    UrlFragment,
    /// Two slashes side by side, and no scheme.
    #[error(
        "two slashes, but no scheme in front; write the whole address, beginning with http:// or \
         https://"
    )]
    UrlSlashes,
    /// One address leads to another.
    #[error("more than one address; write each in a row of its own, and only those that are meant")]
    UrlSeveral,
    /// Behind the address stands what is none of it.
    #[error(
        "a mark or a word behind the address, which could say the opposite; write the address \
         alone, if it is meant"
    )]
    UrlTrailing,
    /// A host that browsers read as another than is written.
    #[error("browsers read this host as another than is written; write it as they show it")]
    UrlDisguised,

    /// Not an IP address and not a range.
    #[error("not an IP address; write it as 203.0.113.7, 2001:db8::7 or 203.0.113.0/24")]
    IpForm,
    /// The unspecified address.
    #[error("the unspecified address is nobody's; leave it out")]
    IpUnspecified,
    /// A loopback address.
    #[error("a loopback address is every machine's own; leave it out")]
    IpLoopback,
    /// A multicast or broadcast address.
    #[error("a multicast or broadcast address is no machine's; leave it out")]
    IpMulticast,
    /// An address that means another machine in every network.
    #[error("an address of private networks; leave it out, or allow private addresses")]
    IpPrivate,
    /// A range that is written with an address inside it.
    #[error(
        "the address of one machine and the length of a range; write the address alone, or the \
         range by its first address"
    )]
    IpHostBits,
    /// A range that covers a part of the whole internet.
    #[error("too wide a range; the widest are /8 and, for IPv6, /16")]
    IpWide,

    /// Not an e-mail address.
    #[error("not an e-mail address; write it as name@domain")]
    EmailForm,
    /// All mailboxes of a domain.
    #[error("a wildcard is no mailbox; write the domain, as kind domain")]
    EmailWildcard,

    /// No platform, or none that is known.
    #[error(
        "which platform? write PLATFORM:NAME with telegram, whatsapp, line, facebook, messenger, \
         wechat, viber, zalo, instagram, tiktok, x, discord, signal or other"
    )]
    HandlePlatform,
    /// Not a name that the platform gives.
    #[error("not a name that this platform gives; write it without the leading @")]
    HandleForm,

    /// Neither `android:package` nor `ios:bundle`.
    #[error("which system? write android:PACKAGE or ios:BUNDLE")]
    AppSystem,
    /// Not a package's name or a bundle's.
    #[error("not a package or bundle name; write it as com.example.app")]
    AppForm,

    /// Not a hash that is known here.
    #[error("not a hash that is known here; write sha256:, sha1: or md5: and the digits")]
    FileAlgorithm,
    /// Something else but hexadecimal digits.
    #[error("a hash has hexadecimal digits only")]
    FileDigits,
    /// Not as many digits as the hash has.
    #[error("a wrong number of digits; sha256 has 64, sha1 has 40, md5 has 32")]
    FileLength,
}
