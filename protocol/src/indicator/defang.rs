//! Making defanged values whole again.
//!
//! Reports break addresses up so that nobody follows them by accident: `hxxps://evil[.]example`,
//! `victim(at)mail(dot)example`. The project's own table, because the crates that do this take
//! only some of the forms that the source lists in use have.

use std::borrow::Cow;

/// What stands in brackets, and what for.
const MARKS: [(&str, &str); 6] = [
    (".", "."),
    ("dot", "."),
    (":", ":"),
    ("://", "://"),
    ("@", "@"),
    ("at", "@"),
];

/// Schemes as they are broken, and whole.
const SCHEMES: [(&str, &str); 8] = [
    ("hxxps:", "https:"),
    ("hxxp:", "http:"),
    ("h**ps:", "https:"),
    ("h**p:", "http:"),
    ("hxtps:", "https:"),
    ("hxtp:", "http:"),
    ("fxps:", "ftps:"),
    ("fxp:", "ftp:"),
];

/// Undoes what was done to a value so that it leads nowhere: `hxxp`, `[.]`, `(dot)`, `[at]`,
/// `[:]//` and their like in round, square and curly brackets. Whole values stay as they are.
#[must_use]
pub fn refang(written: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(written);
    // Whole only when nothing is left to do: `[[.]]` hides a mark in a mark. Each round is shorter.
    while let Some(shorter) = without_marks(&text) {
        text = Cow::Owned(shorter);
    }
    for (broken, whole) in SCHEMES {
        if let Some(start) = text.get(..broken.len())
            && start.eq_ignore_ascii_case(broken)
        {
            let rest = text.get(broken.len()..).unwrap_or_default();
            return Cow::Owned(format!("{whole}{rest}"));
        }
    }
    text
}

/// The text without bracketed marks, if it has any.
fn without_marks(text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(open) = rest.find(['[', '(', '{']) {
        let (before, bracketed) = rest.split_at(open);
        whole.push_str(before);
        let mark = MARKS.iter().find_map(|(broken, mark)| {
            let end = broken.len() + 1;
            let inside = bracketed.get(1..end)?;
            let close = match bracketed.as_bytes().first()? {
                b'[' => "]",
                b'(' => ")",
                _ => "}",
            };
            let after = bracketed.get(end..)?.strip_prefix(close)?;
            inside.eq_ignore_ascii_case(broken).then_some((mark, after))
        });
        if let Some((mark, after)) = mark {
            whole.push_str(mark);
            rest = after;
        } else {
            let (bracket, after) = bracketed.split_at(1);
            whole.push_str(bracket);
            rest = after;
        }
    }
    whole.push_str(rest);
    (whole.len() < text.len()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_whole() {
        for (written, whole) in [
            ("hxxps://evil[.]example/a", "https://evil.example/a"),
            ("HXXP[:]//evil(.)example", "http://evil.example"),
            ("h**p[://]evil{dot}example", "http://evil.example"),
            ("victim(at)mail[DOT]example", "victim@mail.example"),
            ("198[.]51[.]100[.]7", "198.51.100.7"),
            ("2001[:]db8::7", "2001:db8::7"),
            ("evil[[.]]example", "evil.example"),
            ("http://[2001:db8::7]/", "http://[2001:db8::7]/"),
            ("(02) 8123-4567", "(02) 8123-4567"),
            ("[.é]", "[.é]"),
            ("[", "["),
            ("x hxxp:", "x hxxp:"),
        ] {
            assert_eq!(refang(written), whole, "{written:?}");
            assert!(matches!(refang(whole), Cow::Borrowed(_)), "{whole:?}");
        }
    }
}
