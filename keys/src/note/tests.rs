use super::*;

use proptest::prelude::*;

/// The example of the Go note package's documentation, from which the C2SP format comes.
const NEUMANN_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN: &str = "If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
";

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn verifier(text: &str, key_type: KeyType, key: &SigningKey) -> VerifierKey {
    VerifierKey::new(name(text), key_type, key.public_key())
}

#[test]
fn published_note() {
    let note = Note::parse(NEUMANN.as_bytes()).unwrap();
    let neumann: VerifierKey = NEUMANN_KEY.parse().unwrap();
    assert_eq!(note.is_signed_by(&neumann), Ok(()));
    assert!(note.text().ends_with("problem is.\n"));
    assert_eq!(note.bytes(), NEUMANN.as_bytes());
    assert_eq!(note.signatures().len(), 1);
    assert_eq!(note.signatures()[0].key_id(), neumann.key_id());

    let changed = NEUMANN.replace("cryptography", "cryptologie!");
    let note = Note::parse(changed.as_bytes()).unwrap();
    assert_eq!(
        note.is_signed_by(&neumann),
        Err(NoteVerifyError::BadSignature)
    );
}

/// The example note of the C2SP specification: several lines, an empty line inside the text.
#[test]
fn published_note_with_an_empty_line() {
    let note = Note::parse(
        "Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"
        .as_bytes(),
    )
    .unwrap();
    assert!(note.text().starts_with("Ognuno"));
    assert!(note.text().ends_with("sole:\n\ned è subito sera.\n"));
    assert_eq!(note.signatures()[0].bytes().len(), 64);
}

/// The example of the tlog-cosignature specification: a witness's line holds a time.
#[test]
fn published_cosignature_line() {
    let line: NoteSignature = "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==".parse().unwrap();
    let (time, signature) = line.bytes().split_first_chunk().unwrap();
    assert_eq!(u64::from_be_bytes(*time), 1_679_315_147);
    assert_eq!(signature.len(), 64);
}

#[test]
fn sign_and_add() {
    let (a, b) = (key(1), key(2));
    let signed = Note::sign("text\n", &[(&name("a"), &a)]).unwrap();
    let parsed = Note::parse(signed.bytes()).unwrap();
    assert_eq!(parsed, signed);

    let both = signed.add_signature(&name("b"), &b).unwrap();
    for (text, key, line) in [("a", &a, 0), ("b", &b, 1)] {
        let verifier = verifier(text, KeyType::Ed25519, key);
        assert_eq!(both.line_of(&verifier), Ok(line));
        assert_eq!(both.is_signed_by(&verifier), Ok(()));
    }
    assert_eq!(both.add_signature(&name("b"), &b).unwrap(), both);
}

#[test]
fn who_signed() {
    let (a, b) = (key(1), key(2));
    let note = Note::sign("text\n", &[(&name("a"), &a)]).unwrap();
    for (key, expected) in [
        (verifier("a", KeyType::Ed25519, &a), Ok(())),
        (
            verifier("b", KeyType::Ed25519, &a),
            Err(NoteVerifyError::NotSigned),
        ),
        (
            verifier("a", KeyType::Ed25519, &b),
            Err(NoteVerifyError::NotSigned),
        ),
        (
            verifier("a", KeyType::Cosignature, &a),
            Err(NoteVerifyError::WrongKeyType),
        ),
    ] {
        assert_eq!(note.is_signed_by(&key), expected, "{key}");
    }

    // A line that claims the key but was made over another text.
    let stray = Note::sign("other\n", &[(&name("a"), &a)]).unwrap();
    let stray = stray.signatures()[0].clone();
    let key_a = verifier("a", KeyType::Ed25519, &a);
    let twice = note.with_signature(stray.clone()).unwrap();
    assert_eq!(twice.is_signed_by(&key_a), Err(NoteVerifyError::Repeated));
    let only = Note::sign("text\n", &[(&name("b"), &b)])
        .unwrap()
        .with_signature(stray)
        .unwrap();
    assert_eq!(
        only.is_signed_by(&key_a),
        Err(NoteVerifyError::BadSignature)
    );
    assert_eq!(
        only.is_signed_by(&verifier("b", KeyType::Ed25519, &b)),
        Ok(())
    );
}

const CHECKPOINT: &str = "example.com/log\n3\nAAAA\n";

#[test]
fn cosignatures() {
    let (log, witness) = (key(1), key(2));
    let note = Note::sign(CHECKPOINT, &[(&name("example.com/log"), &log)]).unwrap();
    let key_w = verifier("w", KeyType::Cosignature, &witness);
    assert_eq!(
        note.verify_cosignature(&key_w),
        Err(NoteVerifyError::NotSigned)
    );

    // Built by hand: key id, time, and Ed25519 over header, time line and text.
    let line = note.cosign(&name("w"), &witness, 1_679_315_147);
    let message = format!("cosignature/v1\ntime 1679315147\n{CHECKPOINT}");
    let mut by_hand = 1_679_315_147_u64.to_be_bytes().to_vec();
    by_hand.extend_from_slice(witness.sign_plain(message.as_bytes()).as_bytes());
    assert_eq!(line.bytes(), by_hand);
    assert_eq!(line.key_id(), key_w.key_id());
    assert_eq!(line.to_string().parse(), Ok(line.clone()));

    let once = note.with_signature(line).unwrap();
    assert_eq!(once.verify_cosignature(&key_w), Ok(1_679_315_147));
    assert_eq!(
        once.verify_cosignature(&verifier("w", KeyType::Ed25519, &witness)),
        Err(NoteVerifyError::WrongKeyType)
    );
    let earlier = note.cosign(&name("w"), &witness, 5);
    let twice = once.with_signature(earlier.clone()).unwrap();
    assert_eq!(twice.verify_cosignature(&key_w), Ok(1_679_315_147));

    // The time is signed too.
    let mut changed = earlier.clone();
    changed.bytes[7] ^= 1;
    let bad = twice.with_signature(changed).unwrap();
    assert_eq!(
        bad.verify_cosignature(&key_w),
        Err(NoteVerifyError::BadSignature)
    );
    let mut late = earlier.clone();
    late.bytes[0] = 0x80;
    let bad = once.with_signature(late).unwrap();
    assert_eq!(
        bad.verify_cosignature(&key_w),
        Err(NoteVerifyError::BadTime)
    );
    let mut short = earlier;
    short.bytes = [1, 2, 3].into();
    let bad = note.with_signature(short).unwrap();
    assert_eq!(
        bad.verify_cosignature(&key_w),
        Err(NoteVerifyError::BadSignature)
    );

    let far = note.cosign(&name("w"), &witness, u64::MAX);
    let far = note.with_signature(far).unwrap();
    assert_eq!(far.verify_cosignature(&key_w), Ok(i64::MAX as u64));
}

/// Changing these bytes is a change of format. Computed with Python's `cryptography`.
#[test]
fn golden_cosigned_checkpoint() {
    let golden = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/keys/cosigned-checkpoint.txt"
    ));
    let (log, witness) = (key(1), key(2));
    let note = Note::sign(CHECKPOINT, &[(&name("example.com/log"), &log)]).unwrap();
    let line = note.cosign(&name("example.com/witness"), &witness, 1_679_315_147);
    assert_eq!(note.with_signature(line).unwrap().as_str(), golden);
}

#[test]
fn refused() {
    let long_line = format!("x\n\n— a {}\n", "AAAA".repeat(Note::MAX_LEN / 4));
    let many = format!("x\n\n{}", "— a AAAAAAA=\n".repeat(Note::MAX_SIGNATURES + 1));
    for (bad, error) in [
        ("", NoteError::NoSignature),
        ("text\n", NoteError::NoSignature),
        ("text\n— a AAAAAAA=\n", NoteError::NoSignature),
        ("text\n\n", NoteError::Unfinished),
        ("text\n\n— a AAAAAAA=", NoteError::Unfinished),
        ("text\n\n— a AAAAAAA=\n\n", NoteError::Unfinished),
        ("text\n\n\n", NoteError::Unfinished),
        ("text\n\n- a AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n— a AAAAAAA=\n— a\n", NoteError::SignatureLine(2)),
        ("text\n\n— a  AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n—  AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n— a+b AAAAAAA=\n", NoteError::SignatureLine(1)),
        ("text\n\n— a AAAAAA==\n", NoteError::SignatureLine(1)),
        ("text\n\n— a AAAAAAB=\n", NoteError::SignatureLine(1)),
        ("text\n\n— a AAAAAAA\n", NoteError::SignatureLine(1)),
        ("text\r\n\n— a AAAAAAA=\n", NoteError::Control),
        (many.as_str(), NoteError::TooManySignatures),
        (long_line.as_str(), NoteError::TooLong),
    ] {
        let shown: String = bad.chars().take(40).collect();
        assert_eq!(Note::parse(bad.as_bytes()), Err(error), "{shown:?}");
    }
    assert_eq!(
        Note::parse(b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n"),
        Err(NoteError::NotUtf8)
    );
    // The positive control of the rows above.
    assert!(Note::parse("text\n\n— a AAAAAAA=\n".as_bytes()).is_ok());
}

#[test]
fn refused_to_sign() {
    let (a, name) = (key(1), name("a"));
    let signers = [(&name, &a)];
    let long = format!("{}\n", "x".repeat(Note::MAX_LEN));
    for (text, error) in [
        ("no newline", NoteError::Unfinished),
        ("tab\t\n", NoteError::Control),
        (long.as_str(), NoteError::TooLong),
    ] {
        assert_eq!(Note::sign(text, &signers), Err(error));
    }
    assert_eq!(Note::sign("text\n", &[]), Err(NoteError::NoSignature));
    let many = vec![signers[0]; Note::MAX_SIGNATURES + 1];
    assert_eq!(
        Note::sign("text\n", &many),
        Err(NoteError::TooManySignatures)
    );
}

proptest! {
    #[test]
    fn never_panics_and_keeps_the_bytes(
        text in "[a\n—è ]{0,12}\n",
        lines in prop::collection::vec("(— )?[a+é ]{0,3} [A=/+]{0,16}", 0..4),
        garbage in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let joined = format!("{text}\n{}\n", lines.join("\n"));
        for bytes in [joined.as_bytes(), &garbage] {
            if let Ok(note) = Note::parse(bytes) {
                prop_assert_eq!(note.bytes(), bytes);
                let again = Note::assemble(note.text(), note.signatures().to_vec()).unwrap();
                prop_assert_eq!(again, note);
            }
        }
    }

    #[test]
    fn what_is_signed_parses(text in "([^\\p{Cc}]{0,20}\n){1,6}", seed: [u8; 32]) {
        let (key, name) = (SigningKey::from_seed(seed), name("example.com/a"));
        let note = Note::sign(&text, &[(&name, &key)]).unwrap();
        let parsed = Note::parse(note.bytes()).unwrap();
        prop_assert_eq!(parsed.text(), &text);
        let verifier = VerifierKey::new(name, KeyType::Ed25519, key.public_key());
        prop_assert_eq!(parsed.is_signed_by(&verifier), Ok(()));
    }
}
