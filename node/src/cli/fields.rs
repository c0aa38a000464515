//! What an operator says about an indicator, by options that several commands share.

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_protocol::bounded::{BoundedText, BoundedVec};
use kentong_protocol::indicator::{
    Assertion, Basis, Confidence, Country, Fields, Local, Loss, Recipient, Scheme, Tlp,
};
use kentong_protocol::time::Timestamp;

use crate::config::Defaults;
use crate::import::Column;

/// How sure an agency is that does not say: as likely as not.
const CONFIDENCE: u8 = 50;

// No doc comment: clap would take it for that of the command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "What is said about it")]
pub(super) struct FieldArgs {
    /// The scam that it belongs to, as in phishing, loan or mule-account.
    #[arg(long)]
    scheme: Option<Scheme>,
    /// How far it may travel: clear, green, amber, amber+strict or red.
    #[arg(long)]
    tlp: Option<Tlp>,
    /// How sure you are, from 0 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    confidence: Option<u8>,
    /// Who may have it: members and groups, as in SG,TH,banks. AMBER and above go to nobody else.
    #[arg(
        long,
        visible_alias = "releasable-to",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    to: Vec<Recipient>,
    /// When it was seen first, as in 2026-01-31 or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    first_seen: Option<Timestamp>,
    /// When it was seen last.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    last_seen: Option<Timestamp>,
    /// Until when it holds; otherwise for as long as is usual for its kind.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    valid_until: Option<Timestamp>,
    /// What victims lost by it, as in "12500.50 MYR".
    #[arg(long, value_name = "AMOUNT")]
    loss: Option<Loss>,
    /// The countries whose people it aims at, as in MY,SG.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    country: Vec<Country>,
    /// The law under which it is shared.
    #[arg(long, value_name = "TEXT", value_parser = text::<128>)]
    legal_basis: Option<BoundedText<128>>,
    /// A word to sort by. May be given several times.
    #[arg(long, value_name = "WORD", value_parser = text::<64>)]
    tag: Vec<BoundedText<64>>,
    /// A sentence about it, for those who receive it.
    #[arg(long, value_name = "TEXT", value_parser = text::<1024>)]
    description: Option<BoundedText<1024>>,
    /// Where more can be read. May be given several times.
    #[arg(long, value_name = "TEXT", value_parser = text::<512>)]
    reference: Vec<BoundedText<512>>,
    /// What it rests on: reported, or predicted from others.
    #[arg(long, value_name = "BASIS", value_parser = basis)]
    basis: Option<Basis>,
    /// Your own case number. Never leaves this node.
    #[arg(long, value_name = "TEXT", value_parser = text::<128>)]
    case_number: Option<BoundedText<128>>,
    /// Notes for your own analysts. Never leave this node.
    #[arg(long, value_name = "TEXT", value_parser = text::<4096>)]
    notes: Option<BoundedText<4096>>,
    /// Who or what reported it. Never leaves this node.
    #[arg(long, value_name = "TEXT", value_parser = text::<256>)]
    source: Option<BoundedText<256>>,
}

impl FieldArgs {
    /// Whether nothing is said at all.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is said, where the configuration speaks for what is not; and what neither says, which
    /// the rows of a file then must. Not yet checked as a whole: the rows may add to it.
    pub(super) fn draft(self, defaults: &Defaults) -> Result<(Fields, Vec<Column>)> {
        let (scheme, tlp) = (self.scheme.or(defaults.scheme), self.tlp.or(defaults.tlp));
        let mut unsaid = Vec::new();
        unsaid.extend(scheme.is_none().then_some(Column::Scheme));
        unsaid.extend(tlp.is_none().then_some(Column::Tlp));
        // Stand-ins that are never published: each row is asked for what is unsaid.
        let (scheme, tlp) = (scheme.unwrap_or(Scheme::Other), tlp.unwrap_or(Tlp::Red));
        let percent = self
            .confidence
            .or(defaults.confidence)
            .unwrap_or(CONFIDENCE);
        let mut draft = Fields::new(scheme, Confidence::try_from(percent)?, tlp);
        draft.releasable_to = several(self.to, "--to")?;
        draft.first_seen = self.first_seen;
        draft.last_seen = self.last_seen;
        draft.valid_until = self.valid_until;
        draft.loss = self.loss;
        draft.countries = several(self.country, "--country")?;
        draft.legal_basis = self.legal_basis;
        draft.tags = several(self.tag, "--tag")?;
        draft.description = self.description;
        draft.references = several(self.reference, "--reference")?;
        draft.basis = self.basis.unwrap_or(Basis::Reported);
        let local = Local {
            case_number: self.case_number,
            notes: self.notes,
            source: self.source,
        };
        draft.local = (local != Local::default()).then_some(local);
        Ok((draft, unsaid))
    }

    /// What is said, checked as a whole.
    pub(super) fn assertion(self, defaults: &Defaults) -> Result<Assertion> {
        let (draft, unsaid) = self.draft(defaults)?;
        if !unsaid.is_empty() {
            return Err(missing(&unsaid));
        }
        Ok(Assertion::try_from(draft)?)
    }
}

/// The complaint that nothing says these.
pub(super) fn missing(unsaid: &[Column]) -> anyhow::Error {
    let options: Vec<_> = unsaid.iter().map(|column| format!("--{column}")).collect();
    anyhow!(
        "{} must be said, as in --scheme phishing --tlp green; or set it for good under \
         [defaults] in config.toml",
        options.join(" and ")
    )
}

fn several<T, const N: usize>(items: Vec<T>, option: &str) -> Result<BoundedVec<T, N>> {
    match BoundedVec::new(items) {
        Ok(items) => Ok(items),
        Err(error) => bail!("{option}: {error}; leave some out"),
    }
}

/// A day, which begins at midnight UTC, or a moment.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let midnight = || Timestamp::from_rfc3339(&format!("{text}T00:00:00Z"));
    Timestamp::from_rfc3339(text)
        .or_else(midnight)
        .ok_or_else(|| "not a time; write 2026-01-31 or 2026-01-31T12:00:00Z".into())
}

fn text<const N: usize>(text: &str) -> Result<BoundedText<N>, String> {
    BoundedText::new(text).map_err(|error| format!("it {error}; write it shorter, on one line"))
}

fn basis(text: &str) -> Result<Basis, String> {
    let all = [Basis::Reported, Basis::Predicted];
    let found = all.into_iter().find(|basis| basis.as_str() == text);
    found.ok_or_else(|| "neither reported nor predicted".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        fields: FieldArgs,
    }

    fn said(line: &str, defaults: Defaults) -> Result<Assertion> {
        let words = std::iter::once("x").chain(line.split_whitespace());
        Line::try_parse_from(words)?.fields.assertion(&defaults)
    }

    #[test]
    fn said_and_missing() {
        let all = Defaults {
            tlp: Some(Tlp::Green),
            scheme: Some(Scheme::Loan),
            confidence: Some(80),
        };
        let check = |line: &str, defaults, expected: Result<(Scheme, Tlp, u8), &str>| {
            let found = said(line, defaults);
            let found = found
                .as_ref()
                .map(|said| (said.scheme, said.tlp, said.confidence.percent()));
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{line}"),
                (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
                (found, expected) => panic!("{line}: {found:?} instead of {expected:?}"),
            }
        };
        let none = Defaults::default();
        check("", none, Err("--scheme and --tlp must be said"));
        check("--tlp green", none, Err("--scheme must be said"));
        check("--scheme job", none, Err("--tlp must be said"));
        check("--tlp green", none, Err("config.toml"));
        check(
            "--tlp white --scheme job",
            none,
            Ok((Scheme::Job, Tlp::Clear, 50)),
        );
        check("", all, Ok((Scheme::Loan, Tlp::Green, 80)));
        check("--confidence 7", all, Ok((Scheme::Loan, Tlp::Green, 7)));
        check("--confidence 101", all, Err("101"));
        check("--tlp amber", all, Err("--releasable-to"));
        check(
            "--tlp amber --to SG,banks",
            all,
            Ok((Scheme::Loan, Tlp::Amber, 80)),
        );
        check(
            "--tlp amber --releasable-to SG",
            all,
            Ok((Scheme::Loan, Tlp::Amber, 80)),
        );
        check(
            "--tlp amber --to Sg",
            all,
            Err("neither a member nor a group"),
        );
        check("--last-seen yesterday", all, Err("2026-01-31"));
        check(
            "--first-seen 2026-02-01 --last-seen 2026-01-31",
            all,
            Err("first seen later"),
        );
        check(
            "--basis guessed",
            all,
            Err("neither reported nor predicted"),
        );
        check("--loss 7", all, Err("12500.50 MYR"));
        assert!(FieldArgs::default().is_empty());
    }

    #[test]
    fn every_field_arrives() {
        let line = "--tlp amber --scheme job --to TH,SG --first-seen 2026-01-01 \
            --last-seen 2026-01-02T03:04:05Z --valid-until 2027-01-01 --country my --legal-basis L \
            --tag b --tag a --description D --reference R --basis predicted --case-number C \
            --notes N --source S";
        let said = said(line, Defaults::default()).unwrap();
        assert_eq!(format!("{:?}", said.releasable_to), "[SG, TH]");
        assert_eq!(said.first_seen.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(said.last_seen.unwrap().to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(
            said.valid_until.unwrap().to_string(),
            "2027-01-01T00:00:00Z"
        );
        assert_eq!(
            format!("{:?} {:?}", said.tags, said.references),
            "[\"a\", \"b\"] [\"R\"]"
        );
        assert_eq!(said.countries.len(), 1);
        assert_eq!(
            (said.basis, said.legal_basis.as_deref()),
            (Basis::Predicted, Some("L"))
        );
        assert_eq!(said.description.as_deref(), Some("D"));
        let local = said.local.as_ref().unwrap();
        assert_eq!(local.case_number.as_deref(), Some("C"));
        assert_eq!(
            (local.notes.as_deref(), local.source.as_deref()),
            (Some("N"), Some("S"))
        );
    }
}
