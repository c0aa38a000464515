//! What people read: tables, and foreign text that can do no harm to a terminal.

use comfy_table::{Table, presets};

/// A table without lines, whose columns have these names.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().copied());
    table
}

/// The text of a table, without what it has at the ends of lines.
pub(super) fn lines(table: &Table) -> String {
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().strip_prefix(' ').unwrap_or("").to_owned())
        .collect();
    lines.join("\n")
}

/// Foreign text with all escaped that could move a cursor or turn the direction of writing.
pub(super) fn plain(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::new();
    for c in text.chars() {
        if c.is_control() || turns(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// `1 member`, `2 members`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_and_even() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c ก"), "a\\u{1b}[2Jb\\u{202e}c ก");
        let mut table = table(&["KIND", "VALUE"]);
        table.add_row(["ip", "x"]);
        table.add_row(["domain", "y"]);
        assert_eq!(lines(&table), "KIND    VALUE\nip      x\ndomain  y");
        assert_eq!(counted(1, "row", "rows"), "1 row");
    }
}
