//! The text of warrants, cards and key files: a title, then `name: value` lines in a fixed order.

/// Why a text is not the form that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The first line is another one; perhaps of a newer version.
    #[error("the first line should be {0:?}")]
    Title(&'static str),
    /// The lines end in a carriage return and a newline.
    #[error(
        "its lines end in carriage returns, which a mail or an editor added: copy the file again, \
         as it is"
    )]
    CarriageReturn,
    /// The text ends before the line that should begin so.
    #[error("the text ends before its {0:?} line: was the end cut off?")]
    Ends(&'static str),
    /// Another line stands where one should begin so.
    #[error("line {line} should begin with {expected:?}")]
    Line {
        /// The number of the line, from one.
        line: usize,
        /// What it should begin with.
        expected: &'static str,
    },
    /// The value after this name is not one that the field can have.
    #[error("the value of {0:?} is not valid")]
    Value(&'static str),
    /// More lines follow where the text should end.
    #[error("line {0} should not be there")]
    Extra(usize),
    /// The values are written in another way than this program writes them (leading zeros,
    /// another order, other folding).
    #[error("the text is not in its one canonical form")]
    NotCanonical,
}

/// Reads a form line by line.
pub(crate) struct Form<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Form<'a> {
    /// Begins after the title.
    pub(crate) fn read(text: &'a str, title: &'static str) -> Result<Self, FormError> {
        let rest = text.strip_prefix(title).ok_or(FormError::Title(title))?;
        if rest.starts_with("\r\n") {
            return Err(FormError::CarriageReturn);
        }
        let rest = rest.strip_prefix('\n').ok_or(FormError::Title(title))?;
        Ok(Self { rest, number: 1 })
    }

    /// The value of a field that must come next.
    pub(crate) fn field(&mut self, name: &'static str) -> Result<&'a str, FormError> {
        match self.optional(name) {
            Some(value) => Ok(value),
            None if self.rest.contains('\n') => Err(FormError::Line {
                line: self.number + 1,
                expected: name,
            }),
            None => Err(FormError::Ends(name)),
        }
    }

    /// The value of a field that may come next.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        let value = line.strip_prefix(name)?.strip_prefix(": ")?;
        self.rest = rest;
        self.number += 1;
        Some(value)
    }

    /// The value of a field, parsed.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
    ) -> Result<T, FormError> {
        self.field(name)?
            .parse()
            .map_err(|_| FormError::Value(name))
    }

    /// What has not been read yet; only key files bind a part of their text.
    #[cfg(feature = "keystore")]
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// Nothing may follow.
    pub(crate) const fn end(&self) -> Result<(), FormError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(FormError::Extra(self.number + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_in_order() {
        let mut form = Form::read("title\na: 1\nb: x y\n", "title").unwrap();
        assert_eq!(form.parsed::<u8>("a"), Ok(1));
        assert_eq!(form.optional("c"), None);
        assert_eq!(form.rest, "b: x y\n");
        assert_eq!(form.end(), Err(FormError::Extra(3)));
        assert_eq!(form.field("b"), Ok("x y"));
        assert_eq!(form.end(), Ok(()));
    }

    #[test]
    fn refused() {
        let check = |text: &str, error| {
            let read = Form::read(text, "title").and_then(|mut form| form.parsed::<u8>("a"));
            assert_eq!(read, Err(error), "{text:?}");
        };
        check("", FormError::Title("title"));
        check("title", FormError::Title("title"));
        check("titles\n", FormError::Title("title"));
        check("title\r\na: 1\r\n", FormError::CarriageReturn);
        check("title\r", FormError::Title("title"));
        check("title\n", FormError::Ends("a"));
        check("title\na: 1", FormError::Ends("a"));
        check(
            "title\na:1\n",
            FormError::Line {
                line: 2,
                expected: "a",
            },
        );
        check("title\na: 256\n", FormError::Value("a"));
    }
}
