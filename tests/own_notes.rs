//! What an agency keeps to itself stands in its own answers: case number, notes and source are in no copy
//! that others may read, and the copies never take the place of the whole.

use kentong_node::control::reply::{Indicator, Proof, Release, Reply, State};
use kentong_node::control::request::{Entry, Query, Request, What};
use kentong_protocol::bounded::BoundedText;
use kentong_protocol::indicator::{Assertion, Local, Tlp, Value};

use crate::support::{Federation, Node, domain, entry};

/// Released to three audiences in turn: whether a copy or the whole is shown was left to a hash.
const MANY: usize = 36;

fn name(number: usize) -> Value {
    domain(&format!("noted-{number}.example"))
}

/// An indicator with all that stays here.
fn noted(number: usize, tlp: Tlp, to: &[&str]) -> Entry {
    let value = name(number);
    let Entry { assertion, .. } = entry(&value, tlp, to);
    let mut draft = assertion.into_draft();
    draft.local = Some(Local {
        case_number: BoundedText::new(format!("2026/{number}")).ok(),
        notes: BoundedText::new(format!("asked the bank about {number}")).ok(),
        source: BoundedText::new(format!("caller {number}")).ok(),
    });
    let assertion = Assertion::try_from(draft).unwrap();
    Entry { value, assertion }
}

/// One row of MY itself, with all that stays here.
fn check(rows: &[Indicator], number: usize, state: State, how: &str) {
    let [row] = rows else {
        panic!("{how} {number}: {rows:?}")
    };
    let head = (&*row.publisher, row.state, row.proof);
    assert_eq!(head, ("MY", state, Proof::Own), "{how} {number}");
    let Some(says) = &row.says else {
        assert_eq!(state, State::Withdrawn, "{how} {number}");
        return;
    };
    let kept = [&says.case_number, &says.notes, &says.source];
    let expected = [
        format!("2026/{number}"),
        format!("asked the bank about {number}"),
        format!("caller {number}"),
    ];
    assert_eq!(
        kept,
        expected
            .each_ref()
            .map(|text| Some(text.clone()))
            .each_ref(),
        "{how} {number}"
    );
    assert!(says.stripped.is_empty(), "{how} {number}: {says:?}");
}

fn show(node: &Node, what: What) -> Vec<Indicator> {
    let mut rows = Vec::new();
    node.ask(Request::Show { what }, |reply| match reply {
        Reply::Indicator(row) => rows.push(*row),
        other => panic!("{other:?}"),
    });
    rows
}

/// Every way in which MY is asked for its own indicator.
fn check_all(my: &Node, number: usize, state: State) {
    let value = name(number);
    let rows = my.about(&value);
    check(&rows, number, state, "query");
    check(
        &show(my, What::Values(vec![value.clone()])),
        number,
        state,
        "show",
    );
    check(
        &show(my, What::Id(rows[0].id.clone())),
        number,
        state,
        "show by id",
    );
    // As what covers another.
    let below = domain(&format!("login.{}", value.as_str()));
    check(&my.about(&below), number, state, "query below");
    let said = my.run(&["show", value.as_str(), "--json"]).stdout;
    let said = String::from_utf8(said).unwrap();
    let kept = said.contains(&format!("\"case_number\":\"2026/{number}\""));
    assert_eq!(kept, state != State::Withdrawn, "{said}");
}

fn all(node: &Node) -> Vec<Indicator> {
    node.query(Query {
        all: true,
        limit: u64::MAX,
        publisher: Some("MY".parse().unwrap()),
        ..Query::default()
    })
}

#[test]
fn case_number_and_notes_stand_in_all_answers() {
    let federation = Federation::running(&["MY", "SG", "TH", "VN"]);
    let [my, sg, th, vn] = ["MY", "SG", "TH", "VN"].map(|name| federation.node(name));
    let to = |number: usize| match number % 3 {
        0 => noted(number, Tlp::Green, &[]),
        1 => noted(number, Tlp::Amber, &["SG", "TH"]),
        _ => noted(number, Tlp::AmberStrict, &["VN"]),
    };
    my.assert((0..MANY).map(to).collect());
    let third = MANY as u64 / 3;
    for (reader, count) in [(sg, 2 * third), (th, 2 * third), (vn, 2 * third)] {
        reader.until("it has its own", || reader.count("MY", None) == count);
    }
    // Some go to fewer from now on: to the others they ceased, here they stand.
    let narrowed = [0, 3, 6];
    my.assert(
        narrowed
            .map(|number| noted(number, Tlp::AmberStrict, &["TH"]))
            .into(),
    );
    // Some are withdrawn, everywhere.
    let withdrawn = [1, 2, 9];
    withdrawn
        .iter()
        .for_each(|number| my.withdraw(&name(*number)));
    sg.until("SG has heard", || !sg.has(&name(0)) && !sg.has(&name(1)));
    vn.until("VN has heard", || !vn.has(&name(2)) && !vn.has(&name(9)));
    for number in 0..MANY {
        let state = if withdrawn.contains(&number) {
            State::Withdrawn
        } else {
            State::InForce
        };
        check_all(my, number, state);
        let here = all(my).into_iter();
        let here: Vec<_> = here
            .filter(|row| row.value == name(number).as_str())
            .collect();
        check(&here, number, state, "query --all");
    }
    let left = (MANY - withdrawn.len()) as u64;
    assert_eq!(my.count("MY", None), left);
    // And nobody else has any of it.
    for reader in [sg, th, vn] {
        for row in all(reader) {
            let says = row.says.as_ref();
            let local = says.map(|says| (&says.case_number, &says.notes, &says.source));
            assert!(
                local.is_none_or(|local| local == (&None, &None, &None)),
                "{row:?}"
            );
        }
    }
}

/// The home is lost after the backup, and two of four readers are away: what the others give back is not
/// stored before more have answered. Until then copies are all that there is, and better than nothing.
#[test]
fn a_restored_home_answers_from_copies_what_it_has_not_whole() {
    let mut federation = Federation::running(&["MY", "ID", "PH", "SG", "TH"]);
    let my = federation.node("MY");
    my.assert(
        (0..6)
            .map(|number| noted(number, Tlp::Green, &[]))
            .collect(),
    );
    let readers = ["ID", "PH", "SG", "TH"].map(|name| federation.node(name));
    for reader in readers {
        reader.until("it has all", || reader.count("MY", None) == 6);
    }
    let backup = federation.file("MY.backup", "");
    std::fs::remove_file(&backup).unwrap();
    my.run(&["backup", backup.to_str().unwrap()]);
    // What the backup lacks: indicators, and a withdrawal of one that it has.
    my.assert(
        (6..9)
            .map(|number| noted(number, Tlp::Green, &[]))
            .collect(),
    );
    my.withdraw(&name(0));
    for reader in readers {
        reader.until("it has all", || reader.count("MY", None) == 8);
    }
    for away in ["ID", "PH"] {
        federation.node_mut(away).stop();
    }
    let my = federation.node_mut("MY");
    my.kill();
    std::fs::remove_dir_all(&my.home).unwrap();
    let secret = my.passphrase.to_str().unwrap().to_owned();
    let restored = [
        "restore",
        backup.to_str().unwrap(),
        "--passphrase-file",
        &secret,
    ];
    my.run(&restored);
    my.start();
    let my = federation.node("MY");
    my.until("what is lost came back", || !my.about(&name(8)).is_empty());
    assert!(my.status().recovery.is_some(), "it is not stored yet");

    (1..6).for_each(|number| check_all(my, number, State::InForce));
    check_all(my, 0, State::Withdrawn);
    for number in 6..9 {
        let rows = my.about(&name(number));
        let [row] = rows.as_slice() else {
            panic!("{rows:?}")
        };
        assert_eq!((row.state, row.proof), (State::InForce, Proof::Own));
        assert_eq!(row.says.as_ref().unwrap().case_number, None);
        assert_eq!(show(my, What::Id(row.id.clone())).len(), 1);
        assert!(
            my.explain(&name(number))
                .iter()
                .all(|row| row.outcome == Release::Released)
        );
    }
    assert_eq!(my.count("MY", None), 8, "a search finds the same");
    let states = all(my).into_iter().map(|row| row.state);
    assert_eq!(states.filter(|state| *state == State::Withdrawn).count(), 1);

    for back in ["ID", "PH"] {
        federation.node_mut(back).start();
    }
    let my = federation.node("MY");
    my.until("it is stored", || my.status().recovery.is_none());
    (1..6).for_each(|number| check_all(my, number, State::InForce));
    assert_eq!(my.count("MY", None), 8);
}
