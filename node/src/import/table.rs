//! Tables: CSV with commas, semicolons or tabs.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::ReadError;
use super::columns::{Column, Columns, HeaderError, Layout};
use super::entry::{Cells, Entry};
use super::lines::{Line, Lines, MAX_LINE};
use super::place::Place;
use super::refused::RowRefused;

/// The most lines that one row with quoted line breaks may have.
const MAX_ROW_LINES: usize = 256;

/// Reads a table, row by row. A quote that never closes costs its own row, not the rest.
#[derive(Debug)]
pub(super) struct Table<R> {
    lines: Lines<R>,
    /// Lines that were read while looking for the end of a quote, to be read again.
    again: VecDeque<Line>,
    separator: char,
    layout: Layout,
    /// A first row that is data.
    first: Option<Entry>,
}

/// One row of fields, or why there are none.
struct Row {
    place: Place,
    text: String,
    fields: Result<Vec<String>, RowRefused>,
}

impl<R: BufRead> Table<R> {
    /// Reads the header. `is_value` tells whether a text would do as a value.
    pub(super) fn new(
        from: R,
        columns: &Columns,
        is_value: impl Fn(&str) -> bool,
    ) -> Result<Self, ReadError> {
        let mut table = Self {
            lines: Lines::new(from),
            again: VecDeque::new(),
            separator: ',',
            layout: Layout {
                columns: Vec::new(),
                ignored: Vec::new(),
                has_header: false,
            },
            first: None,
        };
        let first = table.next_line()?.ok_or(ReadError::NoRows)?;
        if let Ok(text) = &first.text {
            table.separator = separator(text);
        }
        table.again.push_back(first);
        let row = table.next_row()?.ok_or(ReadError::NoRows)?;
        let unreadable = |why: &RowRefused| HeaderError::Unreadable(Box::new(why.clone()));
        let fields = row.fields.as_ref().map_err(unreadable)?;
        table.layout = Layout::new(columns, fields, is_value)?;
        if !table.layout.has_header {
            table.first = Some(table.entry(row));
        }
        Ok(table)
    }

    /// The header's names that say nothing to us.
    pub(super) fn ignored(&self) -> &[String] {
        &self.layout.ignored
    }

    /// Whether there is a column of this meaning.
    pub(super) fn has(&self, column: Column) -> bool {
        self.layout.columns.contains(&Some(column))
    }

    pub(super) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        Ok(self.next_row()?.map(|row| self.entry(row)))
    }

    fn entry(&self, row: Row) -> Entry {
        let columns = &self.layout.columns;
        let cells = row.fields.and_then(|fields| {
            if fields.len() != columns.len() {
                return Err(RowRefused::Fields {
                    found: fields.len(),
                    expected: columns.len(),
                });
            }
            let said: Cells = columns
                .iter()
                .zip(fields)
                .filter_map(|(column, field)| Some(((*column)?, field.trim().to_owned())))
                .filter(|(_, field)| !field.is_empty())
                .collect();
            if said.iter().any(|(column, _)| *column == Column::Value) {
                Ok(said)
            } else {
                Err(RowRefused::NoValue)
            }
        });
        match cells {
            Ok(cells) => Entry {
                cells: Ok(cells),
                ..Entry::value(row.place, &row.text)
            },
            Err(why) => Entry::refused(row.place, &row.text, why),
        }
    }

    /// The next row that is not blank.
    fn next_row(&mut self) -> io::Result<Option<Row>> {
        loop {
            let Some(line) = self.next_line()? else {
                return Ok(None);
            };
            let (place, text) = match Entry::text_of(line) {
                Ok(read) => read,
                Err(Entry { place, text, cells }) => {
                    let fields = cells.map(|_| Vec::new());
                    return Ok(Some(Row {
                        place,
                        text,
                        fields,
                    }));
                }
            };
            if text.trim().is_empty() {
                continue;
            }
            let fields = self.fields(&text)?;
            return Ok(Some(Row {
                place,
                text,
                fields,
            }));
        }
    }

    /// The fields of the row that begins with this line; reads on while a quote is open.
    fn fields(&mut self, first: &str) -> io::Result<Result<Vec<String>, RowRefused>> {
        if !first.contains('"') {
            return Ok(Ok(first.split(self.separator).map(str::to_owned).collect()));
        }
        let mut fields = Fields::new(self.separator);
        fields.feed(first);
        let mut taken = Vec::new();
        let mut length = first.len();
        while fields.open() {
            let next = self.next_line()?;
            let fits = taken.len() < MAX_ROW_LINES && length < MAX_LINE;
            match next {
                Some(line @ Line { text: Ok(_), .. }) if fits => {
                    if let Ok(text) = &line.text {
                        length += text.len() + 1;
                        fields.feed("\n");
                        fields.feed(text);
                    }
                    taken.push(line);
                }
                stopped => {
                    for line in taken.into_iter().chain(stopped).rev() {
                        self.again.push_front(line);
                    }
                    return Ok(Err(RowRefused::OpenQuote));
                }
            }
        }
        Ok(Ok(fields.done()))
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        match self.again.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next_line(),
        }
    }
}

/// The separator of a table with this first line: that which it has most of outside quotes.
fn separator(line: &str) -> char {
    let count = |separator: char| {
        let mut quoted = false;
        line.chars()
            .filter(|c| {
                quoted ^= *c == '"';
                !quoted && *c == separator
            })
            .count()
    };
    // The last of equals wins: a comma unless another is more frequent.
    ['\t', ';', ',']
        .into_iter()
        .max_by_key(|separator| count(*separator))
        .unwrap_or(',')
}

/// Splits a row as RFC 4180 says; a quote inside an unquoted field is a character like others.
struct Fields {
    separator: char,
    done: Vec<String>,
    field: String,
    state: Quoting,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    /// At the beginning of a field.
    Start,
    /// In a field without quotes, or after a closing one.
    Plain,
    /// Between quotes.
    Inside,
    /// After a quote inside: the end, or half of a doubled one.
    Closing,
}

impl Fields {
    const fn new(separator: char) -> Self {
        Self {
            separator,
            done: Vec::new(),
            field: String::new(),
            state: Quoting::Start,
        }
    }

    fn feed(&mut self, text: &str) {
        for c in text.chars() {
            self.state = match (self.state, c) {
                (Quoting::Start, '"') => Quoting::Inside,
                (Quoting::Inside, '"') => Quoting::Closing,
                (Quoting::Closing, '"') | (Quoting::Inside, _) => {
                    self.field.push(c);
                    Quoting::Inside
                }
                (_, c) if c == self.separator => {
                    self.done.push(std::mem::take(&mut self.field));
                    Quoting::Start
                }
                // Blanks before a quote are customary after a comma.
                (Quoting::Start, ' ') => Quoting::Start,
                (_, c) => {
                    self.field.push(c);
                    Quoting::Plain
                }
            };
        }
    }

    fn open(&self) -> bool {
        self.state == Quoting::Inside
    }

    fn done(mut self) -> Vec<String> {
        self.done.push(self.field);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], columns: &Columns) -> Vec<(Place, Result<String, RowRefused>)> {
        let mut table = Table::new(text, columns, |text| text.contains('.')).unwrap();
        let mut found = Vec::new();
        while let Some(entry) = table.next_entry().unwrap() {
            let cells = entry.cells.map(|cells| {
                let cells = cells
                    .iter()
                    .map(|(column, text)| format!("{column}={text}"));
                cells.collect::<Vec<_>>().join("|")
            });
            found.push((entry.place, cells));
        }
        found
    }

    fn check(text: &str, expected: &[(u64, Result<&str, RowRefused>)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, cells)| (Place::Line(*line), cells.clone().map(str::to_owned)))
            .collect();
        assert_eq!(
            read(text.as_bytes(), &Columns::ByHeader),
            expected,
            "{text}"
        );
    }

    #[test]
    fn rows() {
        let both = Ok("value=a.example|description=x");
        check("value,description\na.example,x\n", &[(2, both.clone())]);
        check(
            "description;value\r\n\r\nx;a.example",
            &[(3, Ok("description=x|value=a.example"))],
        );
        check(
            "value\tother\tdescription\na.example\t1\tx",
            &[(2, both.clone())],
        );
        check(
            "\u{feff}\"value\", \"description\"\n\"a.example\", \"x\"\n",
            &[(2, both)],
        );
        check(
            "value,description\na.example,\n",
            &[(2, Ok("value=a.example"))],
        );
        check("value,description\n,x\n", &[(2, Err(RowRefused::NoValue))]);
        check("pattern\n1.2\n", &[(2, Ok("value=1.2"))]);
        check("1.1\n1.2\n", &[(1, Ok("value=1.1")), (2, Ok("value=1.2"))]);
    }

    #[test]
    fn a_bad_row_is_refused_alone() {
        let fields = |found| Err(RowRefused::Fields { found, expected: 2 });
        check(
            "value,description\na,b,c\na\nb.example,x\n",
            &[
                (2, fields(3)),
                (3, fields(1)),
                (4, Ok("value=b.example|description=x")),
            ],
        );
        let quoted = "value,description\na,\"one, \"\"two\"\"\nthree\"\nb,5\" pipe\n";
        check(
            quoted,
            &[
                (2, Ok("value=a|description=one, \"two\"\nthree")),
                (4, Ok("value=b|description=5\" pipe")),
            ],
        );
        check(
            "value,description\na,\"never closed\nb,y\nc,z\n",
            &[
                (2, Err(RowRefused::OpenQuote)),
                (3, Ok("value=b|description=y")),
                (4, Ok("value=c|description=z")),
            ],
        );
        // A quote that closes too late for one row.
        let rows = "b,y\n".repeat(MAX_ROW_LINES + 1);
        let late = format!("value,description\na,\"open\n{rows}\"\n");
        let found = read(late.as_bytes(), &Columns::ByHeader);
        assert_eq!(found.len(), MAX_ROW_LINES + 3);
        assert_eq!(found.iter().filter(|(_, cells)| cells.is_err()).count(), 2);
        let broken = b"value,description\na,\"x\n\xff\nb,y\n";
        let found = read(broken, &Columns::ByHeader);
        let refused: Vec<_> = found
            .iter()
            .filter_map(|(_, cells)| cells.as_ref().err())
            .collect();
        assert_eq!(refused, [&RowRefused::OpenQuote, &RowRefused::NotUtf8]);
    }

    #[test]
    fn by_position() {
        let columns = Columns::positions("-,value").unwrap();
        let found = read(b"x,a.example\ny,b.example\n", &columns);
        assert_eq!(found[0], (Place::Line(1), Ok("value=a.example".into())));
        assert_eq!(found.len(), 2);
    }
}
