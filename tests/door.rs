//! The control socket is for all who may use it: nobody keeps the others out by saying nothing, and who
//! gets no answer is told so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Output;

use kentong_node::control::client::Client;
use kentong_node::control::request::Request;
use kentong_node::control::server::Limits;
use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, domain, entry};

fn connect(node: &Node) -> UnixStream {
    let stream = UnixStream::connect(node.home.join("control.sock")).unwrap();
    // Six times as long as the node waits.
    let most = Some(Limits::default().asking * 6);
    stream.set_read_timeout(most).unwrap();
    stream
}

/// Connections that begin with these bytes and say nothing more, as many as there are places.
fn silent(node: &Node, bytes: &[u8]) -> Vec<UnixStream> {
    let one = |_| {
        let mut stream = connect(node);
        stream.write_all(bytes).unwrap();
        stream
    };
    (0..Limits::default().places).map(one).collect()
}

/// What a command says while these connections are open.
fn beside(idle: Vec<UnixStream>, node: &Node, arguments: &[&str]) -> Output {
    std::thread::scope(|scope| {
        // Closed when it takes too long, which lets the command end.
        let idle = idle;
        let asked = scope.spawn(|| node.command(arguments));
        node.until("the command is answered", || asked.is_finished());
        drop(idle);
        asked.join().unwrap()
    })
}

#[test]
fn silent_connections_keep_nobody_out() {
    let mut federation = Federation::new(&["MY"]);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    for bytes in [&b""[..], b"{\"v\":1,\"reque"] {
        let mut idle = silent(my, bytes);
        idle.extend(silent(my, bytes));
        let output = beside(idle, my, &["status"]);
        assert!(output.status.success(), "{output:?}");
    }
    // Nor do those who ask for much, and read none of it.
    let entries =
        (0..1000).map(|n| entry(&domain(&format!("long-name-{n}.example")), Tlp::Green, &[]));
    my.assert(entries.collect());
    let ask = b"{\"v\":1,\"request\":{\"query\":{\"values\":[],\"kind\":null,\"publisher\":null,\"scheme\":null,\
        \"tlp\":null,\"since\":null,\"all\":true,\"limit\":1000,\"count\":false}}}\n";
    let idle = silent(my, ask);
    let output = beside(idle, my, &["status"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn who_says_nothing_is_told_why_it_is_let_go() {
    let mut federation = Federation::new(&["MY"]);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    let mut idle = connect(my);
    let mut half = connect(my);
    half.write_all(b"{\"v\":1,\"reque").unwrap();
    for stream in [&mut idle, &mut half] {
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.contains("\"code\":\"idle\""), "{said}");
        assert!(said.contains("connect again"), "{said}");
    }
}

/// An import from a slow pipe asks nothing for a long time, and others need its place meanwhile.
#[test]
fn a_client_that_pauses_goes_on_over_another_connection() {
    let mut federation = Federation::new(&["MY"]);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    let mut importing = Client::connect(&my.home, &my.home.join("control.sock")).unwrap();
    let mut add = |name: &str| {
        let request = Request::Assert {
            entries: vec![entry(&domain(name), Tlp::Green, &[])],
            dry_run: false,
            again: false,
        };
        importing.ask(request, drop).unwrap();
    };
    add("before.example");
    let mut others = silent(my, b"");
    my.status();
    // The first of the others has had to go: so has the one that was idle before.
    let mut told = String::new();
    BufReader::new(&mut others[0]).read_line(&mut told).unwrap();
    assert!(told.contains("\"code\":\"idle\""), "{told}");
    add("after.example");
    for name in ["before.example", "after.example"] {
        assert!(my.has(&domain(name)), "{name}");
    }
    assert_eq!(my.count("MY", None), 2);
}
