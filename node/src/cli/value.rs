//! What an operator writes for a value, to canonical values.

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_protocol::indicator::{Country, Kind, Reading, Value, ValueError};

use super::output::plain;
use super::workplace::Workplace;

// No doc comment: clap would take it for that of the command.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ReadingArgs {
    /// The country whose way of writing numbers is meant, as in MY for 012-345 6789. Otherwise
    /// what the configuration says.
    #[arg(long, value_name = "COUNTRY")]
    region: Option<Country>,
    /// Take addresses of private networks too, such as 192.168.0.1.
    #[arg(long)]
    allow_private: bool,
}

impl ReadingArgs {
    /// How values are read here.
    pub(super) fn reading(&self, place: &Workplace) -> Result<Reading> {
        let region = match self.region {
            Some(region) => Some(region),
            None => place.config()?.region,
        };
        Ok(Reading {
            region,
            allow_private: self.allow_private,
        })
    }
}

/// The one value of a kind that a text means.
pub(super) fn of_kind(kind: Kind, written: &str, how: &Reading) -> Result<Value> {
    Value::parse(kind, written, how).map_err(|error| no_value(kind, written, error))
}

/// The same, of a value that somebody is to be accused by: in no way that its writer did not see.
pub(super) fn to_publish(kind: Kind, written: &str, how: &Reading) -> Result<Value> {
    Value::accuse(kind, written, how).map_err(|error| no_value(kind, written, error))
}

fn no_value(kind: Kind, written: &str, error: ValueError) -> anyhow::Error {
    anyhow!("`{}` as {kind}: {error}", plain(written))
}

/// All that a text could mean, the likeliest first; at least one.
pub(super) fn readings(kind: Option<Kind>, written: &str, how: &Reading) -> Result<Vec<Value>> {
    if let Some(kind) = kind {
        return Ok(vec![of_kind(kind, written, how)?]);
    }
    let values = Value::detect(written, how);
    if values.is_empty() {
        bail!(
            "`{}` looks like no kind of indicator; say which with --kind, as in --kind sms-sender, \
             and for national numbers the country, as in --region MY",
            plain(written)
        );
    }
    Ok(values)
}

/// How a text was read, for people.
pub(super) fn in_words(written: &str, values: &[Value]) -> String {
    let all: Vec<_> = values
        .iter()
        .map(|value| plain(&value.to_string()))
        .collect();
    format!("`{}`, read as {}", plain(written), all.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_refused() {
        let how = Reading {
            region: "MY".parse().ok(),
            allow_private: false,
        };
        let check = |kind, written: &str, expected: Result<&str, &str>| {
            let found = readings(kind, written, &how);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(in_words(written, &found), expected),
                (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
                (found, expected) => panic!("{written}: {found:?} instead of {expected:?}"),
            }
        };
        let phone = "`012-345 6789`, read as phone +60123456789";
        check(Some(Kind::Phone), "012-345 6789", Ok(phone));
        check(
            None,
            "evil[.]example",
            Ok("`evil[.]example`, read as domain evil.example"),
        );
        check(None, "not anything", Err("--kind"));
        check(Some(Kind::Ip), "evil.example", Err("as ip"));
    }
}
