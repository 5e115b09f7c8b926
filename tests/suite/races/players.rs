//! Who takes part in a race: an honest client with several tabs that share their tokens and lose answers, one that logs
//! out, and the administrator of both.

use std::{cell::RefCell, collections::HashSet, time::Duration};

use munjigi::domain::account::Role;
use serde_json::json;

use super::{
    field::Field,
    log::{Asked, LocalizedText},
};
use crate::support::{Answer, Random, password_of};

/// Somebody with a password.
#[derive(Clone, Debug)]
pub struct Account {
    /// The number.
    pub seq: i64,
    /// As tokens name it.
    pub sub: String,
    name: String,
}

impl Account {
    /// A new one.
    pub async fn new(field: &Field, name: &str, role: Role) -> Self {
        let seq = field.apps[0].make_user(name, role).await;
        Self {
            seq,
            sub: format!("user:{seq}"),
            name: name.to_owned(),
        }
    }

    /// Tries to log in.
    pub async fn log_in(&self, field: &Field, instance: usize) -> Option<Line> {
        let login = format!("{}@example.org", self.name);
        let body = json!({"username": login, "password": password_of(&self.name)});
        let call = field.remote(instance).post("/auth/login", body);
        let (told, answer) = field
            .ask(instance, Asked::LogIn(self.sub.clone()), call)
            .await;
        matches!(told, LocalizedText::Accepted(_)).then(|| Line::new(&answer))
    }
}

/// What the tabs of a client share.
pub struct Line(RefCell<Held>);

struct Held {
    access: String,
    refresh: String,
    /// Refresh tokens that were sent, whatever came back.
    sent: HashSet<String>,
    over: bool,
}

impl Line {
    fn new(answer: &Answer) -> Self {
        Self(RefCell::new(Held {
            access: answer.text_of("access"),
            refresh: answer.text_of("refresh"),
            sent: HashSet::new(),
            over: false,
        }))
    }

    /// The access token.
    pub fn access(&self) -> String {
        self.0.borrow().access.clone()
    }

    /// The refresh token.
    pub fn token(&self) -> String {
        self.0.borrow().refresh.clone()
    }

    /// Whether it was told that its session is over.
    pub fn is_over(&self) -> bool {
        self.0.borrow().over
    }

    fn keep(&self, told: &LocalizedText, answer: &Answer) {
        let mut held = self.0.borrow_mut();
        match told {
            LocalizedText::Accepted(_) => {
                held.access = answer.text_of("access");
                held.refresh = answer.text_of("refresh");
            }
            LocalizedText::Refused(_) => held.over = true,
            _ => {}
        }
    }

    /// One refresh; the answer is kept, thrown away, or not waited for.
    async fn refresh(&self, field: &Field, random: &mut Random) {
        let (token, instance) = (self.token(), field.any(random));
        self.0.borrow_mut().sent.insert(token.clone());
        if random.one_in(10) {
            let asked = Asked::Refresh(super::log::Token::read(&token));
            let patience = Duration::from_micros(random.below(3_000));
            let call = field.remote(instance).refresh(&token);
            field.ask_briefly(instance, asked, call, patience).await;
            return;
        }
        let (told, answer) = field.refresh(instance, &token).await;
        let is_lost = random.one_in(8);
        if !is_lost || matches!(told, LocalizedText::Refused(_)) {
            self.keep(&told, &answer);
        }
    }

    /// One tab: so many calls and refreshes, on whichever instance.
    pub async fn tab(&self, field: &Field, mut random: Random, steps: u32) {
        for _ in 0..steps {
            if self.is_over() {
                return;
            }
            if random.one_in(3) {
                let instance = field.any(&mut random);
                let told = field.try_out(instance, &self.access()).await;
                // One from before a role change: the session goes on.
                if told == LocalizedText::Refused("TOKEN_EXPIRED".into()) {
                    self.refresh(field, &mut random).await;
                }
            } else {
                self.refresh(field, &mut random).await;
            }
        }
    }

    /// Repeats what was lost until there is a token that was never sent, and a call is accepted.
    pub async fn resolve(&self, field: &Field, random: &mut Random) {
        while !self.is_over() {
            let token = self.token();
            let is_new = !self.0.borrow().sent.contains(&token);
            if is_new
                && matches!(
                    field.try_out(0, &self.access()).await,
                    LocalizedText::Accepted(_)
                )
            {
                return;
            }
            self.0.borrow_mut().sent.insert(token.clone());
            let (told, answer) = field.refresh(field.any(random), &token).await;
            self.keep(&told, &answer);
        }
    }

    /// The morning after: a fresh pair.
    pub async fn freshen(&self, field: &Field, random: &mut Random) {
        let token = self.token();
        self.0.borrow_mut().sent.insert(token.clone());
        let (told, answer) = field.refresh(field.any(random), &token).await;
        self.keep(&told, &answer);
    }

    /// Logs out in the middle of it all; then no instance may take anything of the session.
    pub async fn log_out(&self, field: &Field, mut random: Random) {
        tokio::time::sleep(Duration::from_micros(random.below(15_000))).await;
        let instance = field.any(&mut random);
        let (access, refresh) = (self.access(), self.token());
        let session = super::log::Token::read(&refresh).session;
        let call = field
            .remote(instance)
            .post("/auth/logout", json!({"refresh": refresh}))
            .bearer(&access);
        field.ask(instance, Asked::End(session), call).await;
        field.until_refused(&access).await;
        self.all_is_refused(field).await;
    }

    /// Asks once more for everything that the client has; whether that is right is the checker's to say.
    pub async fn all_is_refused(&self, field: &Field) {
        let sent: Vec<String> = self.0.borrow().sent.iter().take(5).cloned().collect();
        for instance in 0..field.apps.len() {
            field.try_out(instance, &self.access()).await;
            field.refresh(instance, &self.token()).await;
            for token in &sent {
                field.refresh(instance, token).await;
            }
        }
    }

    /// A thief who shows the oldest token that was sent, after the grace window.
    pub async fn is_stolen(&self, field: &Field, random: &mut Random) {
        let Some(token) = self.0.borrow().sent.iter().min().cloned() else {
            return;
        };
        let instance = field.any(random);
        let asked = Asked::Replay(super::log::Token::read(&token));
        field
            .ask(instance, asked, field.remote(instance).refresh(&token))
            .await;
        self.all_is_refused(field).await;
        field.until_refused(&self.access()).await;
    }
}

/// The administrator's part of a round: the account is deactivated, and people go on trying to log in.
pub async fn deactivate(
    field: &Field,
    root: &Line,
    account: &Account,
    line: &Line,
    mut random: Random,
) {
    tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
    let instance = field.any(&mut random);
    let asked = Asked::Deactivate(account.sub.clone());
    field
        .administer(instance, &root.access(), account.seq, asked)
        .await;
    field.until_refused(&line.access()).await;
    tokio::time::sleep(Duration::from_micros(random.below(5_000))).await;
    let asked = Asked::Activate(account.sub.clone());
    field
        .administer(field.any(&mut random), &root.access(), account.seq, asked)
        .await;
    // Only the end of the sessions can refuse them now.
    line.all_is_refused(field).await;
}

/// The account's role changes and changes back; its sessions go on.
pub async fn change_role(field: &Field, root: &Line, account: &Account, mut random: Random) {
    for role in ["auditor", "staff"] {
        tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
        let asked = Asked::SetRole(account.sub.clone(), role.to_owned());
        let instance = field.any(&mut random);
        field
            .administer(instance, &root.access(), account.seq, asked)
            .await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
