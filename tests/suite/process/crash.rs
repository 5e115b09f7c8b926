//! `kill -9` in the middle of a storm of refreshes and log-outs: what was answered holds after the next start.

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

/// What a session's holder knows when the server is killed.
struct Session {
    /// The newest pair that was answered.
    pair: Pair,
    /// Refresh tokens whose successor was answered.
    used: Vec<String>,
    /// The pairs of log-outs that were answered.
    logged_out: Vec<Pair>,
    /// What was asked for and not answered.
    in_flight: Option<Asked>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
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

    /// Refreshes until the server is gone; every so often logs out, and begins another session.
    fn storm(&mut self, client: &mut Client, random: &mut Random) {
        loop {
            let ends = random.below(40) == 0;
            self.in_flight = Some(if ends { Asked::LogOut } else { Asked::Refresh });
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
                self.in_flight = Some(Asked::LogIn);
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

    /// What must hold at the next start; gives the session that goes on, if one does.
    fn check(self, client: &mut Client) -> Option<Pair> {
        let refused = |client: &mut Client, token: &str| {
            let body = serde_json::json!({"token": token});
            let answer = client.try_post("/auth/verify", &[], &body).unwrap();
            assert_eq!(answer.status, 401, "{answer:?}");
        };
        let ended = self.in_flight == Some(Asked::LogIn);
        let alive = if ended {
            None
        } else {
            let me = client.get("/api/me", &self.pair.access).status;
            let answer = client.refresh(&self.pair.refresh);
            match (self.in_flight, answer.status) {
                (_, 200) => {
                    assert_eq!(me, 200, "a session that can be refreshed can be used");
                    // Was it done before the kill, and only the answer lost, then this is that successor; and so is that
                    // of every repeat.
                    let next = Pair::of(&answer);
                    let repeat = Pair::of(&client.refresh(&self.pair.refresh));
                    assert_eq!(repeat.refresh, next.refresh);
                    refused(client, &self.pair.refresh);
                    Some(next)
                }
                (Some(Asked::LogOut), 401) => {
                    assert_eq!(me, 401, "half a log-out");
                    None
                }
                lost => panic!("what was answered is lost: {lost:?}, {answer:?}"),
            }
        };
        for token in &self.used {
            refused(client, token);
        }
        for pair in &self.logged_out {
            refused(client, &pair.refresh);
            assert_eq!(client.get("/api/me", &pair.access).status, 401);
        }
        alive
    }
}

const EMAIL: &str = "staff@example.org";

#[test]
fn what_was_answered_before_a_kill_holds_after_it() {
    // A try that was not judged when the server was killed stays counted: enough of them would lock the account.
    let place = Place::new().with("MUNJIGI_LIMITS__FAILURES", "100");
    place.user(EMAIL, "staff");
    let mut server = place.serve();
    let mut random = Random::new(20_261_123);
    let mut pairs: Vec<Pair> = Vec::new();
    let (mut rotations, mut log_outs, mut open) = (0, 0, 0);
    for round in 0..ROUNDS {
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
                    let mut random = Random::new(round * 1000 + number);
                    together.wait();
                    session.storm(&mut client, &mut random);
                    assert!(killed.load(Ordering::SeqCst), "it ended by itself");
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
        "{ROUNDS} kills: {rotations} rotations and {log_outs} log-outs were answered, {open} requests were not"
    );
    assert!(rotations > 100 && log_outs > 0, "no storm");
    server.stop();
}
