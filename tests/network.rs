//! Nodes in networks that make it hard: without UDP, behind a packet filter, or with an environment
//! that would give away the keys of every connection.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, domain, program};

/// Has a node listen on TCP alone, and answers its new card.
fn move_to_tcp(federation: &Federation, node: &Node) -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let address = format!("/ip4/127.0.0.1/tcp/{port}");
    listen(node, &[&address]);
    let passphrase = federation.file("secret", crate::support::PASSPHRASE);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&passphrase, mode).unwrap();
    let secret = passphrase.to_str().unwrap();
    let card = node.run(&["card", "--address", &address, "--passphrase-file", secret]);
    let path = federation.file(&format!("{}.tcp.card", node.member), "");
    fs::write(&path, card.stdout).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Writes in a node's configuration where it listens.
pub(crate) fn listen(node: &Node, addresses: &[&str]) {
    let path = node.home.join("config.toml");
    let config = fs::read_to_string(&path).unwrap();
    let line = config
        .lines()
        .find(|line| line.starts_with("listen = "))
        .unwrap();
    fs::write(
        &path,
        config.replace(line, &format!("listen = {addresses:?}")),
    )
    .unwrap();
}

#[test]
fn members_exchange_over_tcp_alone() {
    let mut federation = Federation::new(&["MY", "SG"]);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let cards = [my, sg].map(|node| move_to_tcp(&federation, node));
    for node in [my, sg] {
        node.run(&["peers", "add", &cards[0], &cards[1]]);
    }
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    assert!(
        my.status().listening[0].contains("/tcp/"),
        "{:?}",
        my.status()
    );
    for (from, to, name) in [(my, sg, "there.example"), (sg, my, "back.example")] {
        let value = domain(name);
        from.add(&value, Tlp::Green, &[]);
        to.until("it arrives", || to.has(&value));
    }
}

#[test]
fn the_rules_of_a_packet_filter_come_from_the_cards() {
    let federation = Federation::new(&["MY", "SG", "TH"]);
    let (my, ip) = (federation.node("MY"), federation.ip);
    let rules = |arguments: &[&str]| {
        let output = my.command(&[&["peers", "firewall"], arguments].concat());
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).unwrap(), output.status.code())
    };
    listen(
        my,
        &["/ip4/0.0.0.0/udp/4747/quic-v1", "/ip4/0.0.0.0/tcp/443"],
    );
    let (text, code) = rules(&[]);
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "# Load with: nft -f FILE\n",
        &format!("{ip} comment \"SG and others\"\n"),
        "udp dport { 4747 } ip saddr @members4 accept\n",
        "udp dport { 4747 } drop\n",
        "tcp dport { 443 } drop\n",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let (text, _) = rules(&["--format", "iptables"]);
    assert!(text.contains(&format!("-A KENTONG -s {ip} ")), "{text}");
    let (text, _) = rules(&["--json"]);
    let row: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(row["firewall"]["format"], "nft");
    // Without SG's file SG is shut out, and that is said.
    fs::remove_file(my.home.join("members/SG.card")).unwrap();
    let (text, _) = rules(&[]);
    assert!(text.contains(&format!("{ip} comment \"TH\"")), "{text}");
    assert!(text.contains("No address of SG is known"), "{text}");
    // What no rule can say is an error with a way out.
    for (addresses, words) in [
        (&["/ip4/0.0.0.0/udp/0/quic-v1"][..], "write a port in"),
        (&[], "listens nowhere"),
    ] {
        listen(my, addresses);
        let (text, code) = rules(&[]);
        assert!(text.contains(words), "{text}");
        assert_eq!(code, Some(2), "{text}");
    }
    fs::remove_file(my.home.join("charter.txt")).unwrap();
    let (text, code) = rules(&[]);
    assert!(text.contains("kentong charter install"), "{text}");
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn nothing_starts_that_would_write_the_keys_of_connections() {
    let federation = Federation::new(&["MY"]);
    let my = federation.node("MY");
    let keys = federation.file("keys.log", "");
    let demo = my.home.join("demo");
    for arguments in [
        vec!["run", "--home", my.home.to_str().unwrap()],
        vec!["demo", "--exit", "--dir", demo.to_str().unwrap()],
    ] {
        for value in [keys.to_str().unwrap(), ""] {
            let output = Command::new(program())
                .args(&arguments)
                .env("SSLKEYLOGFILE", value)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                said.contains("SSLKEYLOGFILE is set"),
                "{arguments:?}: {said}"
            );
            assert!(said.contains("unset it and start again"), "{said}");
            assert_eq!(output.status.code(), Some(2), "{said}");
        }
    }
    assert!(!demo.exists(), "homes were made");
    assert_eq!(fs::read(&keys).unwrap(), b"");
}
