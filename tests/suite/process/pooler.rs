//! Connection poolers in front of Postgres: session mode works, transaction mode is refused with the reason.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::{database::on_postgres, place::Place};

/// A message of the protocol with its type and length.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
    let mut whole = head.to_vec();
    whole.resize(length + 1, 0);
    stream.read_exact(&mut whole[5..]).ok()?;
    Some(whole)
}

/// The first message of a client, which has no type.
fn startup(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length).ok()?;
    let mut whole = length.to_vec();
    whole.resize(u32::from_be_bytes(length) as usize, 0);
    client.read_exact(&mut whole[4..]).ok()?;
    Some(whole)
}

/// A connection to the server after its start, and what the server sent meanwhile.
fn connect(server: SocketAddr, startup: &[u8]) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(startup).unwrap();
    let mut greeting = Vec::new();
    loop {
        let next = message(&mut stream).unwrap();
        greeting.extend_from_slice(&next);
        if next[0] == b'Z' {
            return (stream, greeting);
        }
    }
}

/// Passes a client's messages to a server connection that all clients share, which it holds until a transaction ends.
fn serve(mut client: TcpStream, shared: &Mutex<TcpStream>) {
    while let Some(first) = message(&mut client) {
        if first[0] == b'X' {
            return;
        }
        let mut server = shared.lock().unwrap();
        let mut next = first;
        loop {
            server.write_all(&next).unwrap();
            let is_answered = matches!(next[0], b'S' | b'Q');
            if is_answered && !answer(&mut server, &mut client) {
                break;
            }
            match message(&mut client) {
                Some(following) => next = following,
                None => return,
            }
        }
    }
}

/// Passes the answer on; whether a transaction is open then.
fn answer(server: &mut TcpStream, client: &mut TcpStream) -> bool {
    loop {
        let next = message(server).unwrap();
        // The client may be gone.
        let _ = client.write_all(&next);
        if next[0] == b'Z' {
            return next[5] != b'I';
        }
    }
}

/// A pooler in transaction mode with one server connection; returns its port.
fn transaction_pooler(server: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut shared: Option<(Arc<Mutex<TcpStream>>, Vec<u8>)> = None;
        for mut client in listener.incoming().flatten() {
            let Some(startup) = startup(&mut client) else {
                continue;
            };
            let (stream, greeting) = shared.get_or_insert_with(|| {
                let (stream, greeting) = connect(server, &startup);
                (Arc::new(Mutex::new(stream)), greeting)
            });
            client.write_all(greeting).unwrap();
            let stream = Arc::clone(stream);
            thread::spawn(move || serve(client, &stream));
        }
    });
    port
}

#[test]
#[ignore = "tests/run"]
fn a_pooler_in_transaction_mode_is_refused_with_the_reason_only_on_postgres() {
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let place = Place::new();
    place.user("ann@example.org", "admin");
    let mut url = url::Url::parse(&place.database.url()).unwrap();
    let server = url.socket_addrs(|| Some(5432)).unwrap()[0];
    url.set_port(Some(transaction_pooler(server))).unwrap();
    let place = place.with("DATABASE_URL", url.as_str());
    for command in [
        &["serve"][..],
        &["migrate"],
        &["user", "list"],
        &["user", "unlock", "--email", "ann@example.org"],
    ] {
        let refused = place.run(command);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        for part in ["pooler in transaction mode", "session mode"] {
            assert!(refused.stderr.contains(part), "{refused:?}");
        }
    }
    let check = place.run(&["check"]);
    assert!(check.stdout.contains("transaction mode"), "{check:?}");
}
