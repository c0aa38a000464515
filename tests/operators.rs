//! Operators who ask for what cannot be, or ask badly: the node says so and goes on.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use kentong_node::control::reply::Release;
use kentong_node::control::request::{Query, Request};
use kentong_protocol::indicator::{Kind, Tlp};

use crate::support::{Federation, domain, entry};

#[test]
fn members_stay_when_the_charter_is_gone() {
    let federation = Federation::running(&["MY", "SG"]);
    let my = federation.node("MY");
    let charter = my.home.join("charter.txt");
    let kept = fs::read(&charter).unwrap();
    fs::remove_file(&charter).unwrap();
    let refused = my.try_ask(Request::ReloadMembers, |_| {}).unwrap_err();
    assert!(refused.contains("charter.txt is gone"), "{refused}");
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert_eq!(my.status().federation.as_deref(), Some("TEST"));
    assert_eq!(my.status().connected, (1, 1).into());
    fs::write(&charter, kept).unwrap();
    my.ask(Request::ReloadMembers, |_| {});
    let value = domain("after.example");
    my.add(&value, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("it still arrives", || sg.has(&value));
}

#[test]
fn what_is_held_is_not_said_to_be_released() {
    let mut federation = Federation::new(&["MY", "SG"]);
    let my = federation.node_mut("MY");
    let policy = "@hold(\"officer\")\npermit (principal, action == Action::\"share\", resource)\n\
        when { resource.tlp == Tlp::\"green\" };\n";
    fs::write(my.home.join("policy/share.cedar"), policy).unwrap();
    my.start();
    let value = domain("held.example");
    my.add(&value, Tlp::Green, &[]);
    let verdicts = my.explain(&value);
    assert_eq!(verdicts[0].outcome, Release::HeldBack);
    let because = &verdicts[0].because;
    assert!(because.contains("once confirmed by officer"), "{because}");
    assert!(because.contains("take @hold away"), "{because}");
}

#[test]
fn silent_operators_do_not_keep_others_out() {
    let mut federation = Federation::new(&["MY"]);
    let my = federation.node_mut("MY");
    my.start();
    let connect = || UnixStream::connect(my.home.join("control.sock")).unwrap();
    let mut silent: Vec<_> = (0..63).map(|_| connect()).collect();
    my.status();
    // A line that is no request is answered, and ends the connection.
    silent[0].write_all(b"{}\n").unwrap();
    let mut answer = String::new();
    silent[0].read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"error\""), "{answer}");
}

#[test]
fn foreign_text_does_nothing_to_a_terminal() {
    let federation = Federation::running(&["MY", "SG"]);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let text = "pay \u{202e}1200\u{2069} now";
    let add = [
        "add",
        "domain",
        "turned.example",
        "--scheme",
        "job",
        "--tlp",
        "green",
    ];
    my.run(&[&add[..], &["--description", text]].concat());
    let value = domain("turned.example");
    sg.until("it arrives", || sg.has(&value));
    let said = |arguments: &[&str]| String::from_utf8(sg.run(arguments).stdout).unwrap();
    let shown = said(&["show", "turned.example"]);
    assert!(shown.contains("pay \\u{202e}1200\\u{2069} now"), "{shown}");
    let json = said(&["show", "turned.example", "--json"]);
    assert!(json.contains("pay \\u202e1200\\u2069 now"), "{json}");
}

#[test]
fn what_is_searched_batch_by_batch_is_found_once_and_as_it_stands() {
    let mut federation = Federation::new(&["MY"]);
    let my = federation.node_mut("MY");
    my.start();
    let entries: Vec<_> = (0..3000)
        .map(|i| entry(&domain(&format!("s{i}.example")), Tlp::Green, &[]))
        .collect();
    for some in entries.chunks(1000) {
        my.assert(some.to_vec());
    }
    my.withdraw(&domain("s7.example"));
    my.run(&[
        "add",
        "domain",
        "s8.example",
        "--scheme",
        "job",
        "--tlp",
        "red",
        "--to",
        "MY",
    ]);
    let all = |all| Query {
        all,
        limit: u64::MAX,
        ..Query::default()
    };
    // RED is shown to nobody whom the configuration does not name.
    assert_eq!(my.query(all(false)).len(), 2998);
    assert_eq!(my.query(all(true)).len(), 2999);
    assert_eq!(my.count("MY", None), 2998);
    assert_eq!(my.count("MY", Some(Kind::Phone)), 0);
    let first = my.ask(
        Request::Query(Query {
            limit: 10,
            ..Query::default()
        }),
        drop,
    );
    assert!(first.more);
    assert_eq!(first.count, 10);
    let id = my.about(&domain("s2999.example"))[0].id.clone();
    let shown = String::from_utf8(my.run(&["show", &id]).stdout).unwrap();
    assert!(shown.starts_with("domain s2999.example"), "{shown}");
    // Many at once: each is answered, if only by being told to come again.
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let asked = my.try_ask(Request::Query(all(false)), drop);
                let busy = |error: &String| error.contains("under way already");
                assert!(asked.as_ref().err().is_none_or(busy), "{asked:?}");
                my.status();
            });
        }
    });
}

#[test]
fn columns_may_say_what_no_option_says() {
    let federation = Federation::new(&["MY"]);
    let my = federation.node("MY");
    let import = |name: &str, content: &str, options: &[&str]| {
        let path = my.home.join(name);
        fs::write(&path, content).unwrap();
        let file = path.to_str().unwrap().to_owned();
        let output = my.command(&[&["import", &file, "--dry-run"], options].concat());
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    let table = "value,scheme,tlp\na.example,job,green\nb.example,,green\nc.example,loan,\n";
    let (code, said) = import("t.csv", table, &[]);
    assert_eq!(code, 0, "{said}");
    for words in [
        "1  would be taken",
        "no scheme; fill the column, or say it for all rows with --scheme",
        "no tlp; fill the column, or say it for all rows with --tlp",
    ] {
        assert!(said.contains(words), "no `{words}` in {said}");
    }
    let (_, said) = import("t.csv", table, &["--scheme", "job", "--tlp", "green"]);
    assert!(said.contains("3  would be taken"), "{said}");
    let (code, said) = import("t.txt", "a.example\n", &["--scheme", "job"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("no column says it, so --tlp must be said"),
        "{said}"
    );
}
