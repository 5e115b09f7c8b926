//! The fields of users and clients in the API.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::{
    check_property,
    expected::{Outcome, may_be_password, of_text, of_value},
    runtime,
    values::{body, text},
};
use crate::support::{Answer, App, Person};

/// A population, and the fields that its responses contain.
struct Noun {
    name: &'static str,
    fields: &'static [&'static str],
    /// The fields that null or an empty text clears.
    can_be_empty: &'static [&'static str],
    /// The required field that identifies an account.
    required: &'static str,
}

const NOUNS: [Noun; 2] = [
    Noun {
        name: "users",
        fields: &["email", "name", "role", "is_active"],
        can_be_empty: &[],
        required: "email",
    },
    Noun {
        name: "clients",
        fields: &["username", "name", "email", "phone", "is_active"],
        can_be_empty: &["email", "phone"],
        required: "username",
    },
];

struct Setup {
    app: App,
    root: Person,
}

impl Setup {
    async fn new() -> Self {
        let app = App::start();
        let root = app.admin("root").await;
        app.make_user("target", munjigi::domain::account::Role::STAFF)
            .await;
        app.make_client("first").await;
        app.make_client("target").await;
        Self { app, root }
    }

    async fn read(&self, noun: &Noun, seq: i64) -> Map<String, Value> {
        let path = format!("/api/{}/{seq}", noun.name);
        let answer = self.root.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let view = answer.data().as_object().unwrap();
        let kept = view
            .iter()
            .filter(|(name, _)| noun.fields.contains(&name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    async fn count(&self, noun: &Noun) -> i64 {
        let table = if noun.name == "users" {
            "users"
        } else {
            "client_users"
        };
        self.app
            .number(&format!("SELECT COUNT(*) AS number FROM {table}"))
            .await
    }
}

/// The expected result for each field of a request.
fn outcomes(noun: &Noun, sent: &Map<String, Value>) -> Vec<(String, Outcome)> {
    let outcome =
        |(name, value): (&String, &Value)| (name.clone(), of_value(name, value, noun.can_be_empty));
    sent.iter().map(outcome).collect()
}

fn cleared() -> Outcome {
    Outcome::Stored(Value::Null)
}

/// Asserts that the response has an error for each field that must be rejected, and for no field that must be accepted.
fn check_refusal(answer: &Answer, outcomes: &[(String, Outcome)], other_fields: &[&str]) {
    assert_eq!(
        (answer.status, answer.code()),
        (400, "INVALID_REQUEST"),
        "{}",
        answer.text
    );
    let wrong = answer.wrong_fields();
    let with = |wanted: fn(&Outcome) -> bool| {
        let fitting = outcomes.iter().filter(move |(_, outcome)| wanted(outcome));
        fitting
            .map(|(name, _)| name.as_str())
            .chain(other_fields.iter().copied())
    };
    let must: BTreeSet<&str> = with(|outcome| *outcome == Outcome::Refused).collect();
    let may: BTreeSet<&str> = with(Outcome::may_be_refused).collect();
    assert!(
        !wrong.is_empty() && wrong.is_superset(&must) && wrong.is_subset(&may),
        "{outcomes:?} {}",
        answer.text
    );
}

fn must_be_refused(outcomes: &[(String, Outcome)]) -> bool {
    outcomes
        .iter()
        .any(|(_, outcome)| *outcome == Outcome::Refused)
}

/// The fields of an account after the values were stored.
fn with_stored(
    mut account: Map<String, Value>,
    outcomes: Vec<(String, Outcome)>,
) -> Map<String, Value> {
    for (name, outcome) in outcomes {
        if let Outcome::Stored(value) | Outcome::Either(value) = outcome {
            account.insert(name, value);
        }
    }
    account
}

#[test]
fn a_changed_field_is_stored_as_documented_or_refused_by_name_and_unchanged() {
    let runtime = runtime();
    let setup = runtime.block_on(Setup::new());
    for noun in NOUNS {
        let path = format!("/api/{}/2", noun.name);
        check_property(&runtime, 400, body(noun.fields.to_vec()), async |sent| {
            let mut outcomes = outcomes(&noun, &sent);
            if noun.name == "users" {
                for (name, outcome) in &mut outcomes {
                    // The address is removed, which is refused: the user has no username. Other problems are named first.
                    if name == "email" && of_value(name, &sent[name], &["email"]) == cleared() {
                        *outcome = Outcome::Either(Value::Null);
                    }
                }
            }
            let before = setup.read(&noun, 2).await;
            let mut body = Value::Object(sent.clone());
            if !sent.is_empty() {
                body = setup.root.confirmed(body);
            }
            let answer = setup.root.patch(&path, body).await;
            let after = setup.read(&noun, 2).await;
            if sent.is_empty() {
                check_refusal(&answer, &[], &["body"]);
            } else if answer.status == 200 {
                assert!(!must_be_refused(&outcomes), "{outcomes:?}");
                assert_eq!(after, with_stored(before, outcomes));
                return;
            } else {
                check_refusal(&answer, &outcomes, &[]);
            }
            assert_eq!(after, before);
        });
    }
}

#[test]
fn a_new_account_is_stored_as_documented_or_refused_by_name_and_not_created() {
    let runtime = runtime();
    let setup = runtime.block_on(Setup::new());
    for noun in NOUNS {
        let path = format!("/api/{}", noun.name);
        check_property(
            &runtime,
            250,
            body(noun.fields.to_vec()),
            async |mut sent| {
                if noun.name == "users" {
                    sent.insert("password".into(), json!("correct horse battery"));
                }
                let mut outcomes = outcomes(&noun, &sent);
                outcomes.retain(|(name, _)| name != "password");
                // A required field that is null is missing.
                let required: &[&str] = if noun.name == "users" {
                    &["email", "name"]
                } else {
                    &["username"]
                };
                let missing = |name: &&&str| sent.get(**name).is_none_or(Value::is_null);
                let missing: Vec<&str> = required.iter().filter(missing).copied().collect();
                let before = setup.count(&noun).await;
                let mut body = Value::Object(sent.clone());
                if noun.name == "users" {
                    body = setup.root.confirmed(body);
                }
                let answer = setup.root.post(&path, body).await;
                if answer.status != 201 {
                    check_refusal(&answer, &outcomes, &missing);
                    assert_eq!(setup.count(&noun).await, before);
                    return;
                }
                assert!(
                    missing.is_empty() && !must_be_refused(&outcomes),
                    "{outcomes:?}"
                );
                let seq = answer["user_seq"].as_i64().unwrap();
                let fresh = if noun.name == "users" {
                    json!({"role": "staff", "is_active": true})
                } else {
                    // The name defaults to the username.
                    let name = answer["username"].clone();
                    json!({"name": name, "email": null, "phone": null, "is_active": true})
                };
                let fresh = fresh.as_object().unwrap().clone();
                assert_eq!(setup.read(&noun, seq).await, with_stored(fresh, outcomes));
                setup.root.delete(&format!("{path}/{seq}")).await;
            },
        );
    }
}

/// Other spellings of a name: with spaces, in upper case, full width, and decomposed.
fn spellings(name: &str) -> [String; 4] {
    let wide = |c: char| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap(),
        c => c,
    };
    [
        format!(" \u{3000}{name}\t"),
        name.to_ascii_uppercase(),
        name.chars().map(wide).collect(),
        name.nfd().collect(),
    ]
}

#[test]
fn a_name_in_another_spelling_is_taken() {
    let runtime = runtime();
    let setup = runtime.block_on(Setup::new());
    let noun = &NOUNS[1];
    check_property(&runtime, 150, text(), async |name| {
        if !matches!(of_text(noun.required, &name), Outcome::Stored(_)) {
            return;
        }
        let created = setup
            .root
            .post("/api/clients", json!({"username": name}))
            .await;
        let created = created.assert(201, "CLIENT_CREATED");
        for spelling in spellings(name.trim()) {
            if matches!(of_text(noun.required, &spelling), Outcome::Stored(_)) {
                let again = setup
                    .root
                    .post("/api/clients", json!({"username": spelling}))
                    .await;
                let again = again.assert(409, "ALREADY_EXISTS");
                assert_ne!(again.error("username"), "(no error)");
            }
        }
        setup
            .root
            .delete(&format!("/api/clients/{}", created["user_seq"]))
            .await
            .assert(200, "CLIENT_DELETED");
    });
}

/// The username and the parts of the e-mail address of the client `target`, which cannot be its password.
const OWN_WORDS: [&str; 3] = ["target", "client@example.org", "client"];

#[test]
fn a_password_is_significant_to_the_last_character_or_refused_by_name() {
    let runtime = runtime();
    let setup = runtime.block_on(Setup::new());
    check_property(&runtime, 120, text(), async |typed| {
        let set = setup
            .root
            .patch(
                "/api/clients/2",
                json!({"password": typed, "current_password": setup.root.password}),
            )
            .await;
        let length = typed.nfc().count();
        let log_in = async |password: String| {
            let credentials =
                json!({"username": "target", "password": password, "user_type": "client"});
            setup.app.anonymous().post("/auth/login", credentials).await
        };
        if set.status != 200 {
            check_refusal(&set, &[("password".into(), Outcome::Refused)], &[]);
            assert!(!may_be_password(&typed, &OWN_WORDS), "{typed:?}");
            return;
        }
        assert!(may_be_password(&typed, &OWN_WORDS), "{typed:?}");
        log_in(typed.nfd().collect()).await.assert(200, "LOGGED_IN");
        log_in(typed.nfc().collect()).await.assert(200, "LOGGED_IN");
        let shorter: String = typed.nfc().take(length - 1).collect();
        if !shorter.is_empty() {
            log_in(shorter).await.assert(401, "INVALID_CREDENTIALS");
        }
    });
}
