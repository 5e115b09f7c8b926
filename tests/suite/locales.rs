//! The messages of the API, `locales/{en,ko}.yml`: both languages have the same keys, and all keys are used. The texts
//! of the admin panel and the checklist are tested in the child modules.

mod checklist;
mod panel;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::json;

use crate::support::App;

type Words = BTreeMap<String, String>;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The entries of a locale file with two levels: `section.key` to text.
fn words(language: &str) -> Words {
    let (mut words, mut section) = (Words::new(), String::new());
    for line in read(&format!("locales/{language}.yml")).lines() {
        if let Some((key, value)) = line.split_once(": ") {
            let value = value.trim().trim_matches('"').to_owned();
            if key.starts_with(' ') {
                let key = format!("{section}.{}", key.trim());
                assert!(
                    words.insert(key.clone(), value).is_none(),
                    "{key} is defined twice"
                );
            }
        } else if let Some(name) = line.strip_suffix(':') {
            name.clone_into(&mut section);
        }
    }
    assert!(
        words.len() > 50,
        "the file of {language} is no longer parsed"
    );
    words
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    let opened = text.split("%{").skip(1);
    opened.map(|rest| rest.split('}').next().unwrap()).collect()
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_placeholders() {
    let (en, ko) = (words("en"), words("ko"));
    assert_eq!(en.keys().collect::<Vec<_>>(), ko.keys().collect::<Vec<_>>());
    for (key, english) in &en {
        let korean = &ko[key];
        assert!(
            !english.trim().is_empty() && !korean.trim().is_empty(),
            "{key} is empty"
        );
        assert_eq!(placeholders(english), placeholders(korean), "{key}");
        assert_ne!(english, korean, "{key} is not translated");
    }
}

/// The quoted texts of a line that look like response codes.
fn codes_in(source: &str) -> BTreeSet<String> {
    let is_code = |text: &&str| {
        text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let quoted = source.split('"').skip(1).step_by(2);
    quoted.filter(is_code).map(str::to_owned).collect()
}

#[test]
fn every_code_has_a_message_and_every_message_a_code() {
    let mut codes = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/api");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The routes of SimpleJWT have no codes of the API.
        if path.is_dir() {
            continue;
        }
        let source = fs::read_to_string(path).unwrap();
        // Line by line, because a quote in a character literal or raw string would invert the rest.
        codes.extend(source.lines().flat_map(codes_in));
    }
    // HTTP methods, not codes.
    for method in ["GET", "POST", "PATCH", "DELETE", "OPTIONS"] {
        codes.remove(method);
    }
    let messages: BTreeSet<String> = words("en")
        .keys()
        .filter_map(|key| key.strip_prefix("code."))
        .map(str::to_owned)
        .collect();
    assert_eq!(codes, messages);
}

#[test]
fn every_message_is_used() {
    let mut sources = read("src/domain/problem.rs");
    sources.push_str(&read("src/http/api/errors.rs"));
    sources.push_str(&read("src/http/api/answer.rs"));
    for key in words("en").keys().filter(|key| !key.starts_with("code.")) {
        assert!(sources.contains(&format!("\"{key}\"")), "{key} is not used");
    }
}

#[test]
fn the_korean_messages_of_the_contract_are_unchanged() {
    let ko = words("ko");
    for (key, message) in [
        ("code.LOGGED_OUT", "로그아웃 완료"),
        (
            "sentence.refresh_token_required",
            "refresh 토큰이 필요합니다",
        ),
        ("code.INVALID_TOKEN", "유효하지 않은 토큰입니다"),
        ("sentence.no_principal", "토큰에 사용자 정보가 없습니다"),
        ("sentence.unknown_user_type", "알 수 없는 사용자 유형"),
        ("code.USER_NOT_FOUND", "사용자를 찾을 수 없습니다"),
        ("code.INVALID_REQUEST", "입력값이 올바르지 않습니다"),
        ("code.USER_LIST", "사용자 목록 조회"),
        ("code.USER_CREATED", "사용자 생성 완료"),
        ("code.NOT_FOUND", "요청한 리소스를 찾을 수 없습니다"),
        (
            "code.RATE_LIMITED",
            "요청이 너무 많습니다. %{n}초 후 재시도하세요",
        ),
        ("code.INTERNAL_ERROR", "서버 내부 오류가 발생했습니다"),
        ("problem.required", "이 필드는 필수입니다."),
    ] {
        assert_eq!(ko[key], message, "{key}");
    }
}

#[tokio::test]
async fn no_response_contains_a_placeholder() {
    let app = App::start();
    let root = app.admin("root").await;
    let body = json!({"email": "x".repeat(300), "name": "", "role": "x", "password": "x", "is_active": 1, "x": 1});
    for language in ["ko", "en"] {
        let answer = root
            .post("/api/users", body.clone())
            .header("accept-language", language)
            .await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        assert!(
            !answer.text.contains("%{") && !answer.text.contains("problem."),
            "{}",
            answer.text
        );
        let page = root
            .get("/api/users?page=0")
            .header("accept-language", language)
            .await;
        assert!(
            !page.text.contains("%{") && !page.text.contains("problem."),
            "{}",
            page.text
        );
    }
}
