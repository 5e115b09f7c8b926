//! The races. Each runs in rounds for its duration, and until requests of its two sides have overlapped. The clock is
//! advanced only between rounds, when all requests are answered, so that every retry within a round is in the grace
//! period.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use futures_util::future::{join, join_all};
use munjigi::{
    config::{Algorithm, Span},
    domain::account::Role,
};
use serde_json::json;

use super::{
    clients::{Account, Client, change_role, deactivate},
    log::Request,
    run::{RaceRun, settings},
};
use crate::support::Random;

const DAY: Duration = Duration::from_hours(24);
/// Longer than the grace period, and much shorter than the lifetime of an access token.
const PAUSE: Duration = Duration::from_secs(11);

async fn logged_in_client(run: &RaceRun, account: &Account, random: &mut Random) -> Client {
    let instance = run.any(random);
    account
        .log_in(run, instance)
        .await
        .expect("the account is active")
}

async fn three(run: &RaceRun, account: &Account, random: &mut Random) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(logged_in_client(run, account, random).await);
    }
    clients
}

/// Three tabs of a client, at the same time as something else.
async fn concurrently(
    run: &RaceRun,
    client: &Client,
    random: &mut Random,
    other: impl Future<Output = ()>,
) {
    let tabs = (0..3).map(|_| client.tab(run, random.fork(), 8));
    join(join_all(tabs), other).await;
}

/// Clients that refresh at the same time, and retry until each has an unused refresh token.
async fn refreshes(run: &RaceRun, clients: &[Client], random: &mut Random) {
    let mut sources: Vec<_> = clients.iter().map(|_| random.fork()).collect();
    join_all(
        clients
            .iter()
            .zip(&mut sources)
            .map(async |(client, random)| {
                concurrently(run, client, random, async {}).await;
                client.resolve(run, random).await;
            }),
    )
    .await;
}

/// In one of four rounds, after the grace period, replays a used token of a client, and replaces the client.
async fn sometimes_replay(
    run: &RaceRun,
    clients: &mut Vec<Client>,
    account: &Account,
    random: &mut Random,
) {
    if random.one_in(4) {
        let client = clients.remove(0);
        client.replay(run, random).await;
        clients.push(logged_in_client(run, account, random).await);
    }
}

/// Clients that log out while their tabs refresh.
async fn log_outs(run: &RaceRun, account: &Account, random: &mut Random) {
    let mut sources: Vec<_> = (0..3).map(|_| random.fork()).collect();
    join_all(sources.iter_mut().map(async |random| {
        let client = logged_in_client(run, account, random).await;
        let source = random.fork();
        concurrently(run, &client, random, client.log_out(run, source)).await;
    }))
    .await;
}

/// A deactivation, and then changes of role, each at the same time as refreshes and logins.
async fn administered(run: &RaceRun, root: &Account, account: &Account, random: &mut Random) {
    let admin = logged_in_client(run, root, random).await;
    let client = logged_in_client(run, account, random).await;
    let (source, mut login_random) = (random.fork(), random.fork());
    let found = RefCell::new(Vec::new());
    let logins = async {
        for _ in 0..6 {
            let instance = run.any(&mut login_random);
            let client = account.log_in(run, instance).await;
            found.borrow_mut().extend(client);
        }
    };
    let deactivation = deactivate(run, &admin, account, &client, source);
    concurrently(run, &client, random, async {
        _ = join(deactivation, logins).await;
    })
    .await;
    for client in found.into_inner() {
        client.present_all_tokens(run).await;
    }
    let client = logged_in_client(run, account, random).await;
    let source = random.fork();
    concurrently(
        run,
        &client,
        random,
        change_role(run, &admin, account, source),
    )
    .await;
    client.resolve(run, random).await;
}

#[tokio::test]
async fn refresh_beside_refresh() {
    let (seconds, mut random) = settings("refresh ∥ refresh");
    let run = RaceRun::new(1, seconds, |_| ());
    let ann = Account::new(&run, "ann", Role::STAFF).await;
    let mut clients = three(&run, &ann, &mut random).await;
    while run.is_running(Request::is_refresh, Request::is_refresh) {
        refreshes(&run, &clients, &mut random).await;
        run.apps[0].advance(PAUSE);
        sometimes_replay(&run, &mut clients, &ann, &mut random).await;
    }
    run.check(
        "refresh ∥ refresh",
        Request::is_refresh,
        Request::is_refresh,
    )
    .await;
}

#[tokio::test]
async fn refresh_beside_log_out() {
    let (seconds, mut random) = settings("refresh ∥ logout");
    let run = RaceRun::new(1, seconds, |_| ());
    let ann = Account::new(&run, "ann", Role::STAFF).await;
    while run.is_running(Request::is_refresh, Request::is_logout) {
        log_outs(&run, &ann, &mut random).await;
        run.apps[0].advance(PAUSE);
    }
    run.check("refresh ∥ logout", Request::is_refresh, Request::is_logout)
        .await;
}

#[tokio::test]
async fn refresh_beside_deactivation_and_change_of_role() {
    let (seconds, mut random) = settings("refresh ∥ deactivate");
    let run = RaceRun::new(1, seconds, |_| ());
    let root = Account::new(&run, "root", Role::ADMIN).await;
    let ann = Account::new(&run, "ann", Role::STAFF).await;
    while run.is_running(Request::is_refresh, Request::is_change) {
        administered(&run, &root, &ann, &mut random).await;
        run.apps[0].advance(PAUSE);
    }
    run.check(
        "refresh ∥ deactivate",
        Request::is_refresh,
        Request::is_change,
    )
    .await;
}

#[tokio::test]
async fn refresh_beside_flush() {
    let (seconds, mut random) = settings("refresh ∥ flush");
    let run = RaceRun::new(1, seconds, |config| {
        config.tokens.session_lifetime = Span::days(365);
    });
    let ann = Account::new(&run, "ann", Role::STAFF).await;
    let (mut clients, mut flushed, mut days) = (Vec::new(), 0, 0);
    while run.is_running(Request::is_refresh, Request::is_flush) || flushed == 0 {
        if clients.is_empty() || days > 300 {
            days = 0;
            clients = three(&run, &ann, &mut random).await;
        }
        let is_refreshing = Cell::new(true);
        let flushing = async {
            let mut rows = 0;
            while is_refreshing.get() {
                rows += run.flush().await;
            }
            rows
        };
        let round = async {
            refreshes(&run, &clients, &mut random).await;
            is_refreshing.set(false);
        };
        flushed += join(flushing, round).await.0;
        // After three rounds the tokens of this round have expired, except the newest of each session.
        run.apps[0].advance(DAY * 11);
        days += 11;
        for client in &clients {
            client.refresh_once(&run, &mut random).await;
        }
    }
    run.flush().await;
    println!("refresh ∥ flush: {flushed} rows flushed");
    run.check("refresh ∥ flush", Request::is_refresh, Request::is_flush)
        .await;
}

#[tokio::test]
async fn refresh_beside_change_of_key_on_two_instances() {
    let (seconds, mut random) = settings("refresh ∥ change of the key");
    let run = RaceRun::new(2, seconds, |_| ());
    let ann = Account::new(&run, "ann", Role::STAFF).await;
    let clients = three(&run, &ann, &mut random).await;
    let mut round = 0;
    while run.is_running(Request::is_refresh, Request::is_change_of_key) {
        // The first change is from HS256, the first key, to EdDSA.
        let algorithm = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Es384][round % 3];
        round += 1;
        let is_changing = Cell::new(true);
        let change = async {
            run.change_key(algorithm).await;
            is_changing.set(false);
        };
        let refreshing = async {
            while is_changing.get() && !clients.iter().any(Client::has_ended) {
                refreshes(&run, &clients, &mut random).await;
            }
        };
        join(change, refreshing).await;
        run.apps[0].advance(PAUSE);
    }
    let ended = clients.iter().any(Client::has_ended);
    assert!(!ended, "a change of the key logged a client out");
    run.check(
        "refresh ∥ change of the key",
        Request::is_refresh,
        Request::is_change_of_key,
    )
    .await;
}

#[tokio::test]
async fn code_beside_code() {
    let (seconds, mut random) = settings("OTP ∥ OTP");
    let run = RaceRun::new(2, seconds, |_| ());
    for name in ["acme", "umbra"] {
        run.apps[0].make_client(name).await;
    }
    let mut round = 0;
    while run.is_running(Request::is_code, Request::is_code) {
        let name = ["acme", "umbra"][round % 2];
        round += 1;
        let asking = run
            .remote(0)
            .post("/clients/otp/request", json!({"username": name}));
        let challenge = asking.await.assert(200, "OTP_SENT").text_of("challenge_id");
        let code = run.apps[0].codes(round).await.pop().unwrap();
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        // As many attempts as the limit allows.
        let tries: Vec<_> = (0..5)
            .map(|number| {
                (
                    run.any(&mut random),
                    if number == 3 { &wrong } else { &code },
                )
            })
            .collect();
        let outcome = join_all(tries.into_iter().map(async |(instance, code)| {
            let body = json!({"challenge_id": challenge, "code": code});
            let call = run.remote(instance).post("/clients/otp/verify", body);
            run.ask(instance, Request::Code(challenge.clone()), call)
                .await
        }))
        .await;
        let accepted: Vec<_> = outcome
            .iter()
            .filter(|(_, answer)| answer.status == 200)
            .collect();
        assert_eq!(accepted.len(), 1, "one login with the code is accepted");
        let access = accepted[0].1.text_of("access");
        run.call_with(run.any(&mut random), &access).await;
        run.refresh(run.any(&mut random), &accepted[0].1.text_of("refresh"))
            .await;
        // The hourly limit on requests for codes has been reset.
        run.apps[0].advance(Duration::from_hours(2));
    }
    run.check("OTP ∥ OTP", Request::is_code, Request::is_code)
        .await;
}

#[tokio::test]
async fn everything_on_two_instances() {
    everything_on_two("two instances", Algorithm::Hs256).await;
}

/// The tokens from before the change of the key are verified with one key, the others with the other.
#[tokio::test]
async fn everything_on_two_instances_with_two_eddsa_keys() {
    everything_on_two("two instances, EdDSA", Algorithm::EdDsa).await;
}

async fn everything_on_two(race: &str, algorithm: Algorithm) {
    let (seconds, mut random) = settings(race);
    let run = RaceRun::new(2, seconds * 2, |config| {
        config.tokens.algorithm = algorithm;
    });
    let root = Account::new(&run, "root", Role::ADMIN).await;
    let mut accounts = Vec::new();
    for name in ["ann", "bob", "eve"] {
        accounts.push(Account::new(&run, name, Role::STAFF).await);
    }
    let mut clients = three(&run, &accounts[0], &mut random).await;
    if algorithm != Algorithm::Hs256 {
        run.change_key(algorithm).await;
    }
    while run.is_running(Request::is_refresh, Request::is_revocation) {
        let (mut one, mut two, mut three) = (random.fork(), random.fork(), random.fork());
        let other_accounts = join(
            refreshes(&run, &clients, &mut one),
            log_outs(&run, &accounts[1], &mut two),
        );
        join(
            other_accounts,
            administered(&run, &root, &accounts[2], &mut three),
        )
        .await;
        run.apps[0].advance(PAUSE);
        sometimes_replay(&run, &mut clients, &accounts[0], &mut random).await;
    }
    run.check(race, Request::is_refresh, Request::is_revocation)
        .await;
}
