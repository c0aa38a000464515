use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use tempfile::TempDir;

use super::*;

const SOON: Patience = Patience {
    silence: Duration::from_millis(200),
    notice: 10,
};
const PATIENT: Patience = Patience {
    silence: Duration::from_secs(60),
    notice: 10,
};

/// A home with a socket, and the listener on it.
fn door() -> (TempDir, PathBuf, UnixListener) {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    (dir, socket, listener)
}

fn connect(dir: &TempDir, patience: Patience) -> Result<Client, ClientError> {
    Client::with_patience(dir.path(), &dir.path().join("control.sock"), patience)
}

fn write(stream: &mut UnixStream, reply: &Reply) {
    let mut line = serde_json::to_vec(reply).unwrap();
    line.push(b'\n');
    stream.write_all(&line).unwrap();
}

fn idle() -> Reply {
    Reply::Error(Failure {
        code: Code::Idle,
        message: "idle".into(),
        next: "ask again".into(),
    })
}

fn count(number: u64) -> Reply {
    Reply::Done(Done {
        count: number,
        ..Done::default()
    })
}

/// Has a test that waits for what never comes fail.
fn soon<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || tell.send(wait()));
    let told = told.recv_timeout(Duration::from_secs(20));
    told.expect("it ends in time")
}

/// What comes of a request to a node that the home of `dir` has.
fn ask(dir: &TempDir, patience: Patience, request: Request) -> Result<Done, ClientError> {
    let (home, socket) = (dir.path().to_owned(), dir.path().join("control.sock"));
    soon(move || Client::with_patience(&home, &socket, patience)?.ask(request, drop))
}

/// Reads a request.
fn read(stream: &UnixStream) {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.contains("status"), "{line}");
}

#[test]
fn a_connection_that_was_let_go_is_opened_again() {
    let (dir, _, listener) = door();
    let node = std::thread::spawn(move || {
        for number in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            read(&stream);
            write(&mut stream, &count(number));
            // Before, after or while the next request comes.
            write(&mut stream, &idle());
        }
        let (mut stream, _) = listener.accept().unwrap();
        write(&mut stream, &idle());
        drop(stream);
        let (mut stream, _) = listener.accept().unwrap();
        read(&stream);
        write(&mut stream, &count(3));
    });
    let mut client = connect(&dir, PATIENT).unwrap();
    for number in 0..4 {
        let done = client.ask(Request::Status, drop).unwrap();
        assert_eq!(done.count, number);
    }
    node.join().unwrap();
}

#[test]
fn a_node_that_lets_everybody_go_is_not_asked_for_ever() {
    let (dir, _, listener) = door();
    let node = std::thread::spawn(move || {
        for _ in 0..TRIES {
            let (mut stream, _) = listener.accept().unwrap();
            write(&mut stream, &idle());
        }
        listener
    });
    let error = ask(&dir, PATIENT, Request::Status);
    assert!(
        matches!(error, Err(ClientError::Crowded { .. })),
        "{error:?}"
    );
    drop(node.join().unwrap());
}

#[test]
fn what_comes_in_the_middle_of_an_answer_brings_no_request_again() {
    let (dir, _, listener) = door();
    let node = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read(&stream);
        write(&mut stream, &Reply::Working { seconds: 1 });
        write(&mut stream, &idle());
        listener
    });
    let error = ask(&dir, PATIENT, Request::Status);
    assert!(matches!(error, Err(ClientError::Refused(_))), "{error:?}");
    drop(node.join().unwrap());
}

#[test]
fn a_node_that_says_nothing_is_given_up_with_words() {
    let (dir, _, _listener) = door();
    std::fs::write(dir.path().join("lock"), "999999999\n").unwrap();
    let error = ask(&dir, SOON, Request::Status);
    let words = error.unwrap_err().to_string();
    for said in ["does not answer", "0.2 s", "999999999", "then try again"] {
        assert!(words.contains(said), "{words}");
    }
}

#[test]
fn a_request_that_nobody_reads_is_given_up_too() {
    let (dir, _, _listener) = door();
    // More than the socket holds.
    let request = Request::GoAhead {
        note: "x".repeat(4 << 20),
    };
    let error = ask(&dir, SOON, request);
    assert!(
        matches!(error, Err(ClientError::Silent { .. })),
        "{error:?}"
    );
}

#[test]
fn a_door_that_is_full_is_not_waited_at_for_ever() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("control.sock");
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    // So many wait to be let in that the next one waits in `connect` itself.
    let mut waiting = Vec::new();
    let error = loop {
        let (home, socket) = (dir.path().to_owned(), path.clone());
        match soon(move || Client::with_patience(&home, &socket, SOON)) {
            Ok(client) => waiting.push(client),
            Err(error) => break error,
        }
        assert!(waiting.len() < 100);
    };
    assert!(matches!(error, ClientError::Silent { .. }), "{error:?}");
}

#[test]
fn work_that_goes_on_is_waited_for_and_told_of_once() {
    static TOLD: AtomicU64 = AtomicU64::new(0);
    let patience = Patience {
        silence: Duration::from_secs(1),
        notice: 10,
    };
    let (dir, _, listener) = door();
    let node = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read(&stream);
        // Longer than a silent node is waited for, without ever being silent for so long.
        for seconds in 0..15 {
            write(&mut stream, &Reply::Working { seconds });
            std::thread::sleep(patience.silence / 10);
        }
        write(&mut stream, &count(7));
    });
    let client = connect(&dir, patience).unwrap();
    let mut client = client.telling(|seconds| {
        TOLD.fetch_add(seconds, Ordering::SeqCst);
    });
    assert_eq!(client.ask(Request::Status, drop).unwrap().count, 7);
    assert_eq!(TOLD.load(Ordering::SeqCst), patience.notice);
    node.join().unwrap();
}
