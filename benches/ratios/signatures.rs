//! What the algorithms cost against HS256: signing an access token, and verifying one that is not in the cache of verified
//! tokens, and one that is.

use std::{hint::black_box, time::Instant};

use munjigi::{
    clock::{Clock, Timestamp},
    config::{Algorithm, TokensConfig},
    domain::{
        account::{Account, Role},
        principal::{Principal, UserSeq, UserType},
        session::{Jti, SessionId},
    },
    tokens::{SigningKey, TokenSession, Tokens},
};

use crate::{
    Result,
    options::Options,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// The algorithms that are compared with HS256.
const COMPARED: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
/// Number of tokens in a round.
const TOKENS: u32 = 2_000;

/// A time of a round.
type Time = fn(&Times) -> f64;

/// What is measured, and its time.
const MEASURED: [(&str, Time); 3] = [
    ("signing a token with", |times| times.sign),
    (
        "verifying a token that is not in the cache, with",
        |times| times.verify,
    ),
    ("verifying a token that is in the cache, with", |times| {
        times.cached
    }),
];

/// Microseconds for a token.
struct Times {
    sign: f64,
    verify: f64,
    cached: f64,
}

/// Measures microseconds per token.
pub fn measure(options: &Options, _: &WorkDir) -> Result<Vec<Row>> {
    let baseline = tokens(Algorithm::Hs256)?;
    let mut rows = Vec::new();
    for algorithm in COMPARED {
        let subject = tokens(algorithm)?;
        let (mut of_subject, mut of_baseline) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            of_subject.push(round(&subject)?);
            of_baseline.push(round(&baseline)?);
        }
        for (what, time) in MEASURED {
            let name = format!("{what} {}, against HS256", algorithm.as_str());
            let [subject, baseline] = [&of_subject, &of_baseline]
                .map(|rounds| rounds.iter().map(time).collect::<Vec<f64>>());
            rows.push(Row::ratio(&name, "µs", &subject, &baseline, Target::None));
        }
    }
    Ok(rows)
}

fn tokens(algorithm: Algorithm) -> Result<Tokens> {
    let key = SigningKey::generate(algorithm)?;
    Ok(Tokens::new(TokensConfig::default(), key))
}

fn round(tokens: &Tokens) -> Result<Times> {
    let now = Clock::System.now();
    let account = account()?;
    let begun = Instant::now();
    let issued: Result<Vec<String>> = (0..TOKENS).map(|_| issue(tokens, &account, now)).collect();
    let issued = issued?;
    let sign = microseconds(begun);
    let verify = verify(tokens, &issued, now)?;
    let cached = self::verify(tokens, &issued, now)?;
    Ok(Times {
        sign,
        verify,
        cached,
    })
}

fn account() -> Result<Account> {
    let number = UserSeq::new(1).ok_or("no number")?;
    Ok(Account {
        principal: Principal::user(number),
        email: Some("ann@example.org".to_owned()),
        username: None,
        external_id: None,
        name: "Ann Lee".to_owned(),
        role: Some(Role::STAFF),
        is_active: true,
        claims: None,
        email_verified_at: None,
    })
}

fn issue(tokens: &Tokens, account: &Account, now: Timestamp) -> Result<String> {
    let (session, jti) = (SessionId::new(now), Jti::new(now));
    let expires_at = tokens.refresh_expiry(UserType::User, now);
    let session = TokenSession {
        id: &session,
        status: None,
        authentication: None,
    };
    let issued = tokens.issue_access(account, &session, &jti, now, expires_at)?;
    Ok(issued.token)
}

fn verify(tokens: &Tokens, issued: &[String], now: Timestamp) -> Result<f64> {
    let begun = Instant::now();
    for token in issued {
        black_box(tokens.read_access(black_box(token), now)?);
    }
    Ok(microseconds(begun))
}

fn microseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(TOKENS)
}
