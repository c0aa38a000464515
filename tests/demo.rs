//! The demo tells the truth: it ends well, and with one node's policy tampered it does not.

use std::process::{Command, Output, Stdio};

use crate::support::program;

fn demo(arguments: &[&str]) -> Output {
    let dir = tempfile::Builder::new().prefix("kt").tempdir().unwrap();
    Command::new(program())
        .args(["demo", "--members", "3", "--exit", "--dir"])
        .arg(dir.path().join("d"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn it_checks_what_it_says() {
    let good = demo(&[]);
    let said = String::from_utf8_lossy(&good.stdout);
    assert!(
        good.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&good.stderr)
    );
    assert!(said.contains("share.cedar line"), "{said}");

    let tampered = tempfile::NamedTempFile::new().unwrap();
    let forbid = "forbid (principal, action == Action::\"share\", resource);\n";
    std::fs::write(tampered.path(), forbid).unwrap();
    let bad = demo(&[
        "--share-policy",
        &format!("SG={}", tampered.path().display()),
    ]);
    let said = String::from_utf8_lossy(&bad.stderr);
    assert!(!bad.status.success());
    assert!(
        said.contains("MY should have domain shared-scheme.example of SG"),
        "{said}"
    );
}
