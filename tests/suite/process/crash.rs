//! `kill -9` under a load of refreshes and logouts: everything that was answered still holds after a restart.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    client::{Client, Pair},
    place::Place,
};
use crate::support::Random;

const SESSIONS: usize = 16;
const ROUNDS: u64 = 4;

/// What the holder of a session knows when the server is killed.
struct Session {
    /// The latest pair received.
    pair: Pair,
    /// Refresh tokens whose successor was received.
    used: Vec<String>,
    /// The pairs of logouts with a response.
    logged_out: Vec<Pair>,
    /// The request without a response.
    in_flight: Option<Request>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Request {
    Refresh,
    LogOut,
    LogIn,
}

impl Session {
    fn new(pair: Pair) -> Self {
        Self {
            pair,
            used: Vec::new(),
            logged_out: Vec::new(),
            in_flight: None,
        }
    }

    /// Refreshes until the server is gone; from time to time logs out and in again.
    fn run(&mut self, client: &mut Client, random: &mut Random) {
        loop {
            let ends = random.below(40) == 0;
            self.in_flight = Some(if ends {
                Request::LogOut
            } else {
                Request::Refresh
            });
            let answer = if ends {
                client.try_log_out(&self.pair)
            } else {
                let body = serde_json::json!({"refresh": self.pair.refresh});
                client.try_post("/auth/refresh", &[], &body)
            };
            let Ok(answer) = answer else { return };
            assert_eq!(answer.status, 200, "{answer:?}");
            if ends {
                self.logged_out.push(self.pair.clone());
                self.in_flight = Some(Request::LogIn);
                let body =
                    serde_json::json!({"username": EMAIL, "password": super::place::PASSWORD});
                let Ok(answer) = client.try_post("/auth/login", &[], &body) else {
                    return;
                };
                self.pair = Pair::of(&answer);
            } else {
                let next = Pair::of(&answer);
                self.used
                    .push(std::mem::replace(&mut self.pair, next).refresh);
            }
            self.in_flight = None;
        }
    }

    /// Checks what must hold after the restart; returns the session if it is still active.
    fn check(self, client: &mut Client) -> Option<Pair> {
        let refused = |client: &mut Client, token: &str| {
            let body = serde_json::json!({"token": token});
            let answer = client.try_post("/auth/verify", &[], &body).unwrap();
            assert_eq!(answer.status, 401, "{answer:?}");
        };
        let ended = self.in_flight == Some(Request::LogIn);
        let active = if ended {
            None
        } else {
            let me = client.get("/api/me", &self.pair.access).status;
            let answer = client.refresh(&self.pair.refresh);
            match (self.in_flight, answer.status) {
                (_, 200) => {
                    assert_eq!(me, 200, "a session that can be refreshed can be used");
                    // If the refresh was done before the kill and only the response was lost, this is its successor, and
                    // every retry returns the same.
                    let next = Pair::of(&answer);
                    let repeat = Pair::of(&client.refresh(&self.pair.refresh));
                    assert_eq!(repeat.refresh, next.refresh);
                    refused(client, &self.pair.refresh);
                    Some(next)
                }
                (Some(Request::LogOut), 401) => {
                    assert_eq!(me, 401, "the log-out was done by half");
                    None
                }
                lost => panic!("an answered request is lost: {lost:?}, {answer:?}"),
            }
        };
        for token in &self.used {
            refused(client, token);
        }
        for pair in &self.logged_out {
            refused(client, &pair.refresh);
            assert_eq!(client.get("/api/me", &pair.access).status, 401);
        }
        active
    }
}

const EMAIL: &str = "staff@example.org";

#[test]
fn answered_requests_survive_a_kill() {
    // An attempt without a result when the server is killed stays counted: enough of them would lock the account.
    let place = Place::new().with("MUNJIGI_LIMITS__FAILURES", "100");
    place.user(EMAIL, "staff");
    let mut server = place.serve();
    let mut random = Random::new(20_261_123);
    let mut pairs: Vec<Pair> = Vec::new();
    let (mut rotations, mut log_outs, mut open) = (0, 0, 0);
    let mut rounds = 0;
    // On a busy machine it takes more rounds until enough requests were answered.
    while rounds < ROUNDS || rotations <= 100 || log_outs == 0 {
        assert!(rounds < 20 * ROUNDS, "no load");
        rounds += 1;
        while pairs.len() < SESSIONS {
            pairs.push(server.client().session(EMAIL));
        }
        let mut sessions: Vec<Session> = pairs.drain(..).map(Session::new).collect();
        let (together, killed) = (Barrier::new(SESSIONS + 1), AtomicBool::new(false));
        let mut server_to_kill = Some(server);
        thread::scope(|scope| {
            for (number, session) in (0..).zip(&mut sessions) {
                let mut client = server_to_kill.as_ref().unwrap().client();
                let (together, killed) = (&together, &killed);
                scope.spawn(move || {
                    let mut random = Random::new(rounds * 1000 + number);
                    together.wait();
                    session.run(&mut client, &mut random);
                    assert!(killed.load(Ordering::SeqCst), "it stopped by itself");
                });
            }
            together.wait();
            thread::sleep(Duration::from_millis(150 + random.below(350)));
            killed.store(true, Ordering::SeqCst);
            server_to_kill.take().unwrap().kill();
        });
        server = place.serve();
        let mut client = server.client();
        for session in sessions {
            rotations += session.used.len();
            log_outs += session.logged_out.len();
            open += usize::from(session.in_flight.is_some());
            pairs.extend(session.check(&mut client));
        }
    }
    println!(
        "{rounds} kills: {rotations} rotations and {log_outs} log-outs were answered, {open} requests were not"
    );
    server.stop();
}
