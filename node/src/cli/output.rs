//! What people read: tables, and numbers of things.

use comfy_table::{Table, presets};

pub(super) use crate::terminal::plain;

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

/// `1 member`, `2 members`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even() {
        let mut table = table(&["KIND", "VALUE"]);
        table.add_row(["ip", "x"]);
        table.add_row(["domain", "y"]);
        assert_eq!(lines(&table), "KIND    VALUE\nip      x\ndomain  y");
        assert_eq!(counted(1, "row", "rows"), "1 row");
    }
}
