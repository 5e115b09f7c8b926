//! The races. Each goes on in rounds for as long as it is told; between two rounds everybody comes to rest and the clock is
//! advanced, so that within a round every repeat of an honest client falls into the grace window.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use futures_util::future::{join, join_all};
use munjigi::{config::Span, domain::account::Role};
use serde_json::json;

use super::{
    field::{Field, settings},
    log::Asked,
    players::{Account, Line, change_role, deactivate},
};
use crate::support::Random;

const DAY: Duration = Duration::from_hours(24);
/// Longer than the grace window, and much shorter than an access token lives.
const PAUSE: Duration = Duration::from_secs(11);

async fn begun(field: &Field, account: &Account, random: &mut Random) -> Line {
    let instance = field.any(random);
    account
        .log_in(field, instance)
        .await
        .expect("nobody has deactivated it")
}

async fn three(field: &Field, account: &Account, random: &mut Random) -> Vec<Line> {
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(begun(field, account, random).await);
    }
    lines
}

/// Three tabs of a client beside something else.
async fn beside(field: &Field, line: &Line, random: &mut Random, other: impl Future<Output = ()>) {
    let tabs = (0..3).map(|_| line.tab(field, random.fork(), 8));
    join(join_all(tabs), other).await;
}

/// Clients that only refresh, and settle what was lost.
async fn refreshes(field: &Field, lines: &[Line], random: &mut Random) {
    let mut sources: Vec<_> = lines.iter().map(|_| random.fork()).collect();
    join_all(lines.iter().zip(&mut sources).map(async |(line, random)| {
        beside(field, line, random, async {}).await;
        line.resolve(field, random).await;
    }))
    .await;
}

/// One in four rounds, when the grace window is over, one of them turns out to have been robbed.
async fn now_and_then_a_thief(
    field: &Field,
    lines: &mut Vec<Line>,
    account: &Account,
    random: &mut Random,
) {
    if random.one_in(4) {
        let line = lines.remove(0);
        line.is_stolen(field, random).await;
        lines.push(begun(field, account, random).await);
    }
}

/// Clients that log out while their tabs refresh.
async fn log_outs(field: &Field, account: &Account, random: &mut Random) {
    let mut sources: Vec<_> = (0..3).map(|_| random.fork()).collect();
    join_all(sources.iter_mut().map(async |random| {
        let line = begun(field, account, random).await;
        let source = random.fork();
        beside(field, &line, random, line.log_out(field, source)).await;
    }))
    .await;
}

/// A deactivation, and then other roles, each beside refreshes and log-ins.
async fn administered(field: &Field, root: &Account, account: &Account, random: &mut Random) {
    let admin = begun(field, root, random).await;
    let line = begun(field, account, random).await;
    let (source, mut knocking) = (random.fork(), random.fork());
    let met = RefCell::new(Vec::new());
    let knocks = async {
        for _ in 0..6 {
            let instance = field.any(&mut knocking);
            let line = account.log_in(field, instance).await;
            met.borrow_mut().extend(line);
        }
    };
    let off = deactivate(field, &admin, account, &line, source);
    beside(field, &line, random, async {
        _ = join(off, knocks).await;
    })
    .await;
    for line in met.into_inner() {
        line.all_is_refused(field).await;
    }
    let line = begun(field, account, random).await;
    let source = random.fork();
    beside(
        field,
        &line,
        random,
        change_role(field, &admin, account, source),
    )
    .await;
    line.resolve(field, random).await;
}

#[tokio::test]
async fn refresh_beside_refresh() {
    let (seconds, mut random) = settings("refresh ∥ refresh");
    let field = Field::new(1, seconds, |_| ());
    let ann = Account::new(&field, "ann", Role::Staff).await;
    let mut lines = three(&field, &ann, &mut random).await;
    while field.goes_on() {
        refreshes(&field, &lines, &mut random).await;
        field.apps[0].advance(PAUSE);
        now_and_then_a_thief(&field, &mut lines, &ann, &mut random).await;
    }
    field.judge("refresh ∥ refresh").await;
}

#[tokio::test]
async fn refresh_beside_log_out() {
    let (seconds, mut random) = settings("refresh ∥ logout");
    let field = Field::new(1, seconds, |_| ());
    let ann = Account::new(&field, "ann", Role::Staff).await;
    while field.goes_on() {
        log_outs(&field, &ann, &mut random).await;
        field.apps[0].advance(PAUSE);
    }
    field.judge("refresh ∥ logout").await;
}

#[tokio::test]
async fn refresh_beside_deactivation_and_change_of_role() {
    let (seconds, mut random) = settings("refresh ∥ deactivate");
    let field = Field::new(1, seconds, |_| ());
    let root = Account::new(&field, "root", Role::Admin).await;
    let ann = Account::new(&field, "ann", Role::Staff).await;
    while field.goes_on() {
        administered(&field, &root, &ann, &mut random).await;
        field.apps[0].advance(PAUSE);
    }
    field.judge("refresh ∥ deactivate").await;
}

#[tokio::test]
async fn refresh_beside_flush() {
    let (seconds, mut random) = settings("refresh ∥ flush");
    let field = Field::new(1, seconds, |config| {
        config.tokens.session_lifetime = Span::days(365);
    });
    let ann = Account::new(&field, "ann", Role::Staff).await;
    let (mut lines, mut flushed, mut days) = (Vec::new(), 0, 0);
    while field.goes_on() || flushed == 0 {
        if lines.is_empty() || days > 300 {
            days = 0;
            lines = three(&field, &ann, &mut random).await;
        }
        let playing = Cell::new(true);
        let flushing = async {
            let mut rows = 0;
            while playing.get() {
                rows += field.flush().await;
            }
            rows
        };
        let play = async {
            refreshes(&field, &lines, &mut random).await;
            playing.set(false);
        };
        flushed += join(flushing, play).await.0;
        // Three rounds later the tokens of this one have expired, but for those that each line ends with.
        field.apps[0].advance(DAY * 11);
        days += 11;
        for line in &lines {
            line.freshen(&field, &mut random).await;
        }
    }
    field.flush().await;
    println!("refresh ∥ flush: {flushed} rows flushed");
    field.judge("refresh ∥ flush").await;
}

#[tokio::test]
async fn code_beside_code() {
    let (seconds, mut random) = settings("OTP ∥ OTP");
    let field = Field::new(2, seconds, |_| ());
    for name in ["acme", "umbra"] {
        field.apps[0].make_client(name).await;
    }
    let mut round = 0;
    while field.goes_on() {
        let name = ["acme", "umbra"][round % 2];
        round += 1;
        let asking = field
            .remote(0)
            .post("/clients/otp/request", json!({"username": name}));
        let challenge = asking.await.assert(200, "OTP_SENT").text_of("challenge_id");
        let code = field.apps[0].codes(round).await.pop().unwrap();
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        // As many as are heard at all.
        let tries: Vec<_> = (0..5)
            .map(|number| {
                (
                    field.any(&mut random),
                    if number == 3 { &wrong } else { &code },
                )
            })
            .collect();
        let told = join_all(tries.into_iter().map(async |(instance, code)| {
            let body = json!({"challenge_id": challenge, "code": code});
            let call = field.remote(instance).post("/clients/otp/verify", body);
            field
                .ask(instance, Asked::Code(challenge.clone()), call)
                .await
        }))
        .await;
        let won: Vec<_> = told
            .iter()
            .filter(|(_, answer)| answer.status == 200)
            .collect();
        assert_eq!(won.len(), 1, "of the right ones, one");
        let access = won[0].1.text_of("access");
        field.try_out(field.any(&mut random), &access).await;
        field
            .refresh(field.any(&mut random), &won[0].1.text_of("refresh"))
            .await;
        // Codes are given out again, and the hour's count has gone.
        field.apps[0].advance(Duration::from_hours(2));
    }
    field.judge("OTP ∥ OTP").await;
}

#[tokio::test]
async fn everything_on_two_instances() {
    let (seconds, mut random) = settings("two instances");
    let field = Field::new(2, seconds * 2, |_| ());
    let root = Account::new(&field, "root", Role::Admin).await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "eve"] {
        people.push(Account::new(&field, name, Role::Staff).await);
    }
    let mut lines = three(&field, &people[0], &mut random).await;
    while field.goes_on() {
        let (mut one, mut two, mut three) = (random.fork(), random.fork(), random.fork());
        let quiet = join(
            refreshes(&field, &lines, &mut one),
            log_outs(&field, &people[1], &mut two),
        );
        join(quiet, administered(&field, &root, &people[2], &mut three)).await;
        field.apps[0].advance(PAUSE);
        now_and_then_a_thief(&field, &mut lines, &people[0], &mut random).await;
    }
    field.judge("two instances").await;
}
