//! The files of a charter, alone and beside others who write them.

use std::os::unix::fs::PermissionsExt as _;

use kentong_keys::SigningKey;
use kentong_protocol::charter::{Draft, Says, UnverifiedNotice};
use kentong_protocol::time::Timestamp;
use tempfile::TempDir;

use super::*;

const MEMBERS: [&str; 3] = ["MY", "SG", "TH"];

fn root(name: &str) -> SigningKey {
    let mut seed = [7; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(seed)
}

fn signed(draft: Draft, names: &[&str]) -> UnverifiedCharter {
    let draft = draft.build().unwrap();
    names.iter().fold(draft, |charter, name| {
        charter.sign(&name.parse().unwrap(), &root(name)).unwrap()
    })
}

fn renaming(chain: &Chain, to: &str) -> Draft {
    Draft::after(chain.in_force(), Timestamp::EPOCH).rename(&"MY".parse().unwrap(), to)
}

/// A home as a node that knew no later versions left it.
fn old_home() -> (TempDir, Home, Chain) {
    let dir = TempDir::new().unwrap();
    let home = Home::create(&dir.path().join("home")).unwrap();
    assert_eq!(chain(&home).unwrap(), None);
    let draft = Draft::new("old".parse().unwrap(), [1; 16], Timestamp::EPOCH);
    let draft = MEMBERS.iter().fold(draft, |draft, name| {
        draft.member(name.parse().unwrap(), *name, root(name).public_key(), [])
    });
    let first = signed(draft, &MEMBERS);
    std::fs::write(home.charter(), first.bytes()).unwrap();
    let chain = chain(&home).unwrap().unwrap();
    (dir, home, chain)
}

#[test]
fn an_old_home_goes_on() {
    let (_dir, home, mut known) = old_home();
    let two = signed(renaming(&known, "x"), &["MY", "SG"]);
    let (step, found) = take(&home, &mut known, vec![two]).unwrap();
    assert_eq!((step, found), (Ok(Step::New), Vec::new()));
    assert_eq!(chain(&home).unwrap(), Some(known));
    let mode = std::fs::metadata(home.charter()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn second_votes_are_kept_as_evidence() {
    let (_dir, home, mut known) = old_home();
    let one = signed(renaming(&known, "x"), &["TH"]);
    let other = signed(renaming(&known, "y"), &["MY", "TH"]);
    assert_eq!(see(&home, &known, &one).unwrap(), []);
    let three = signed(renaming(&known, "z"), &["SG"]);
    let (step, found) = take(&home, &mut known, vec![other, three]).unwrap();
    let same = ChainError::SameRound {
        version: 2,
        round: 1,
    };
    assert_eq!((step, found.len()), (Err(same), 1));
    assert_eq!(found[0].member().as_str(), "TH");
    assert_eq!(std::fs::read_dir(home.evidence()).unwrap().count(), 1);
    // A damaged file of votes keeps nobody from going on.
    std::fs::write(home.ballots(), "x").unwrap();
    assert_eq!(ballots(&home).unwrap(), Ballots::default());
}

#[test]
fn who_writes_at_the_same_time_loses_nothing() {
    let (_dir, home, known) = old_home();
    let votes = ["MY", "SG", "TH"].map(|name| signed(renaming(&known, "x"), &[name]));
    std::thread::scope(|scope| {
        for vote in &votes {
            let (home, known) = (&home, &known);
            scope.spawn(move || {
                for _ in 0..50 {
                    see(home, known, vote).unwrap();
                }
            });
        }
    });
    let joined = ballots(&home).unwrap().joined(&votes[0]);
    assert_eq!(joined.signers().len(), 3);
}

#[test]
fn notices_and_severed_members_are_kept() {
    let (_dir, home, mut known) = old_home();
    let th: MemberName = "TH".parse().unwrap();
    let until = Timestamp::EPOCH.plus(60);
    let says = Says::Suspended { until };
    let notice =
        UnverifiedNotice::draft(known.in_force(), th.clone(), says, Timestamp::EPOCH).unwrap();
    let notice = notice.sign(&known, &"MY".parse().unwrap(), &root("MY"));
    let notice = notice.unwrap().verify(&known).unwrap();
    assert!(keep_notice(&home, &known, notice.clone()).unwrap());
    assert!(!keep_notice(&home, &known, notice).unwrap());
    assert_eq!(notices(&home, &known).unwrap().iter().count(), 1);
    // The next version settles it.
    let two = signed(renaming(&known, "x"), &["MY", "SG"]);
    take(&home, &mut known, vec![two]).unwrap().0.unwrap();
    assert_eq!(std::fs::read_to_string(home.notices()).unwrap(), "");
    assert_eq!(notices(&home, &known).unwrap(), Notices::default());

    assert_eq!(severed(&home).unwrap(), BTreeSet::new());
    let list = BTreeSet::from([th.clone()]);
    let changed = change_severed(&home, |severed| severed.insert(th)).unwrap();
    assert_eq!(changed, (true, list.clone()));
    assert_eq!(severed(&home).unwrap(), list);
    for damaged in ["", "kentong severed v2\nTH\n", "kentong severed v1\nth\n"] {
        std::fs::write(home.severed(), damaged).unwrap();
        let error = severed(&home).unwrap_err();
        assert!(matches!(error, CharterFilesError::Severed { .. }));
    }
    std::fs::write(home.charter(), "damaged").unwrap();
    let error = chain(&home).unwrap_err().to_string();
    assert!(error.contains("install it again"), "{error}");
}

/// Every file of a home, with its bytes.
fn files(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(home.root()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn nobody_writes_while_another_has_its_turn() {
    let (_dir, home, known) = old_home();
    let vote = signed(renaming(&known, "x"), &["MY"]);
    let paper = || Paper::Charter(Box::new(vote.clone()));
    let th: MemberName = "TH".parse().unwrap();
    let until = Timestamp::EPOCH.plus(60);
    let says = Says::Suspended { until };
    let notice =
        UnverifiedNotice::draft(known.in_force(), th.clone(), says, Timestamp::EPOCH).unwrap();
    let notice = notice.sign(&known, &"MY".parse().unwrap(), &root("MY"));
    let notice = notice.unwrap().verify(&known).unwrap();
    let before = files(&home);
    let theirs = turn::take(home.root(), Wait::ASecond).unwrap();
    let now = Timestamp::EPOCH;
    let failures = [
        see(&home, &known, &vote).map(drop),
        take(&home, &mut known.clone(), vec![vote.clone()]).map(drop),
        keep_notice(&home, &known, notice).map(drop),
        change_severed(&home, |severed| severed.insert(th)).map(drop),
        begin_chain(&home, &known),
        take_paper(&home, paper(), now, Wait::ASecond).map(drop),
        take_paper(&home, paper(), now, Wait::NotAtAll).map(drop),
    ];
    for (number, failed) in failures.into_iter().enumerate() {
        let is_turn = matches!(failed, Err(CharterFilesError::Turn(_)));
        assert!(is_turn, "{number}: {failed:?}");
    }
    assert_eq!(files(&home), before, "nothing was written");
    drop(theirs);
    let taken = take_paper(&home, paper(), now, Wait::NotAtAll).unwrap();
    assert!(
        taken.news,
        "nothing of it was kept before, so it is still news"
    );
    assert_eq!(ballots(&home).unwrap().joined(&vote).signers().len(), 1);
}

#[test]
fn a_second_first_charter_does_not_take_the_place_of_the_first() {
    let (_dir, home, known) = old_home();
    let before = files(&home);
    let error = begin_chain(&home, &known).unwrap_err();
    assert!(
        matches!(error, CharterFilesError::Begun { .. }),
        "{error:?}"
    );
    assert_eq!(files(&home), before);
}
