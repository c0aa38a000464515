//! What foreign text may do to a terminal: nothing.
//!
//! Names, descriptions and reasons come from other members. Control characters would move the
//! cursor or retitle the window; characters that turn the direction of writing would show another
//! account number than the one that is meant.

use std::fmt::Write as _;

/// The text with all escaped that could rewrite or reorder what a terminal shows.
#[must_use]
pub fn plain(text: &str) -> String {
    escaped(text, "")
}

/// The same for text of several lines.
#[must_use]
pub fn plain_lines(text: &str) -> String {
    escaped(text, "\n")
}

/// A JSON document, saying the same with the escapes of JSON.
#[must_use]
pub fn plain_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if misleads(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(shown, "\\u{unit:04x}").expect("writing text succeeds");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

fn escaped(text: &str, kept: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if misleads(c) && !kept.contains(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether the character does something rather than show something. The breaks between words and
/// the joiners of Khmer, Lao, Burmese and Thai (U+200B to U+200D) show nothing and do no harm.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_and_does_nothing() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("MY\u{202e}0021", "MY\\u{202e}0021"),
            ("\u{2067}x\u{2069}\u{61c}", "\\u{2067}x\\u{2069}\\u{61c}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("one\ntwo", "one\\u{a}two"),
            ("ก ខ្មែរ\u{200b} ည", "ก ខ្មែរ\u{200b} ည"),
        ] {
            assert_eq!(plain(text), shown);
        }
        assert_eq!(plain_lines("a\n\u{1b}b\r\n"), "a\n\\u{1b}b\\u{d}\n");
    }

    #[test]
    fn json_still_says_the_same() {
        let text = "x\u{202e}y\u{9b}\u{e0041}\n";
        let json = plain_json(&serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"x\\u202ey\\u009b\\udb40\\udc41\\n\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
