//! The behaviours of SimpleJWT's own tests, and further ones, over HTTP against the real library and against munjigi in one
//! run: the same status and body, or the row names its difference in the first table of differences of `docs/simplejwt.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    process::Command,
};

use serde_json::{Map, Value, json};

use super::{
    django_move::import,
    django_site::{SITE_KEY, Site},
    place::{Place, finish, write},
    tools::{in_repository, python},
};

/// Settings of both servers by name: `SIMPLE_JWT` of the site, from which munjigi's configuration is made.
fn settings() -> Vec<(&'static str, Value)> {
    let rotating = |blacklists: bool| json!({"ROTATE_REFRESH_TOKENS": true, "BLACKLIST_AFTER_ROTATION": blacklists});
    let classes = ["AccessToken", "SlidingToken"]
        .map(|class| format!("rest_framework_simplejwt.tokens.{class}"));
    let sliding = json!({"AUTH_TOKEN_CLASSES": classes, "BLACKLIST_AFTER_ROTATION": true});
    let audience = json!({"ISSUER": "https://site.example.org", "AUDIENCE": ["site"]});
    let claims = json!({
        "USER_ID_FIELD": "username", "USER_ID_CLAIM": "login_name", "TOKEN_TYPE_CLAIM": "kind", "JTI_CLAIM": "number",
    });
    vec![
        ("default", json!({"BLACKLIST_AFTER_ROTATION": true})),
        ("rotate", rotating(false)),
        ("rotate_blacklist", rotating(true)),
        ("sliding", sliding),
        (
            "header_name",
            json!({"AUTH_HEADER_NAME": "HTTP_X_ACCESS_TOKEN"}),
        ),
        ("header_type", json!({"AUTH_HEADER_TYPES": ["JWT"]})),
        (
            "header_types",
            json!({"AUTH_HEADER_TYPES": ["JWT", "Bearer"]}),
        ),
        ("inactive", json!({"CHECK_USER_IS_ACTIVE": false})),
        ("check_revoke", json!({"CHECK_REVOKE_TOKEN": true})),
        ("leeway", json!({"LEEWAY": 100})),
        ("hs384", json!({"ALGORITHM": "HS384"})),
        ("hs512", json!({"ALGORITHM": "HS512"})),
        ("audience", audience),
        ("claims", claims),
    ]
}

/// The ids of the table of differences.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(in_repository("docs/simplejwt.md")).unwrap();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| id |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let ids: Vec<String> = rows
        .map(|row| row.split('|').nth(1).unwrap().trim().to_owned())
        .collect();
    let set: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(set.len(), ids.len(), "an id stands there twice: {ids:?}");
    set
}

/// The rows of the table of requests.
fn rows() -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(in_repository("tests/python/simplejwt_cases.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let named = |row: Value| (row["id"].as_str().unwrap().to_owned(), row);
    rows.into_iter().map(named).collect()
}

/// The answers to the rows with these settings.
fn replay(
    site: &Site,
    place: &Place,
    name: &str,
    simple_jwt: &Value,
    ids: &Map<String, Value>,
) -> Vec<Value> {
    let django = site.serve(simple_jwt);
    let text = place.run_with_input(&["config", "from-simplejwt"], &simple_jwt.to_string());
    assert_eq!(text.code, Some(0), "{text:?}");
    write(&place.path("munjigi.toml"), &text.stdout);
    let server = place.serve();
    let claim = |name: &str, default: &str| simple_jwt.get(name).cloned().unwrap_or(default.into());
    let question = json!({
        "django": django.url, "munjigi": format!("http://{}", server.address), "settings": name, "key": SITE_KEY,
        "ids": ids, "password": "비밀번호 of active",
        "id_claim": claim("USER_ID_CLAIM", "user_id"), "type_claim": claim("TOKEN_TYPE_CLAIM", "token_type"),
        "flush": {
            "django": described(&site.command(&["flushexpiredtokens"], simple_jwt)),
            "munjigi": described(&place.command(&["tokens", "flush"])),
        },
    });
    let mut command = Command::new(python());
    command
        .arg("-B")
        .arg(in_repository("tests/python/replay.py"));
    let finished = finish(command, &question.to_string());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    server.stop();
    serde_json::from_str(&finished.stdout).unwrap()
}

/// A command, for the program that replays.
fn described(command: &Command) -> Value {
    let text = |part: &OsStr| Value::from(part.to_str().unwrap());
    let arguments = command.get_args().map(text);
    let argv: Vec<Value> = [text(command.get_program())]
        .into_iter()
        .chain(arguments)
        .collect();
    let env: Map<String, Value> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), text(value?))))
        .collect();
    let directory = command.get_current_dir().map(|path| text(path.as_os_str()));
    json!({"argv": argv, "env": env, "directory": directory})
}

#[test]
#[ignore = "tests/run"]
fn munjigi_answers_as_simplejwt_does_or_the_difference_is_documented() {
    let site = Site::populated();
    let place = Place::new()
        .with("MUNJIGI_DJANGO__SECRET_KEY", SITE_KEY)
        .with("MUNJIGI_DJANGO__ACCEPT_UNBOOKED", "true")
        .with("MUNJIGI_LIMITS__FAILURES", "100")
        .with("MUNJIGI_LIMITS__FAILURES_PER_ADDRESS", "0");
    place.migrate();
    import(&place, &site);
    let users = site.made("users").iter();
    let ids: Map<String, Value> = users
        .map(|user| {
            (
                user["username"].as_str().unwrap().to_owned(),
                user["id"].clone(),
            )
        })
        .collect();
    let (mut rows, documented) = (rows(), documented());
    let (mut wrong, mut shown) = (Vec::new(), BTreeSet::new());
    for (name, simple_jwt) in settings() {
        for result in replay(&site, &place, name, &simple_jwt, &ids) {
            let row = rows.remove(result["id"].as_str().unwrap()).unwrap();
            // Where the library fails, another answer is a difference; ours is never a failure.
            let status = match &result["expected"] {
                Value::Null => result["munjigi"]["status"].as_u64().unwrap(),
                expected if *expected == result["munjigi"] => 200,
                _ => 500,
            };
            let difference = row.get("difference").and_then(Value::as_str);
            let is_right = match difference {
                Some(id) => result["same"] == false && documented.contains(id),
                None => result["same"] == true,
            };
            if !is_right || !(200..500).contains(&status) {
                wrong.push(format!("{result} {difference:?}"));
            }
            shown.extend(difference.map(str::to_owned));
        }
    }
    assert!(rows.is_empty(), "rows with unknown settings: {rows:?}");
    let unused: Vec<&String> = documented.difference(&shown).collect();
    assert!(
        wrong.is_empty() && unused.is_empty(),
        "rows that are not as the tables say:\n{}\ndifferences that no row shows: {unused:?}",
        wrong.join("\n")
    );
}
