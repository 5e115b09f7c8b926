//! `[simplejwt]` and `[django]`: what is refused.

use super::support::*;
use munjigi::http::api::routes::ENDPOINTS;

#[test]
fn unusable_settings_are_refused() {
    let prefix = |path: &str| format!("[simplejwt]\nprefix = \"{path}\"\n");
    for path in ["", "/", "api", "/api//token", "/a b", "/api/{x}"] {
        refused_for(&[(&prefix(path), "simplejwt.prefix", "not a path")]);
    }
    for (file, key, words) in [
        (
            "[simplejwt]\nusername_field = \"password\"",
            "simplejwt.username_field",
            "USERNAME_FIELD",
        ),
        (
            "[simplejwt]\nsliding_lifetime = \"2d\"\nsliding_refresh_lifetime = \"3d\"",
            "simplejwt.sliding_lifetime",
            "1d",
        ),
        (
            "[simplejwt]\nsliding_refresh_lifetime = \"5m\"",
            "simplejwt.sliding_refresh_lifetime",
            "not longer",
        ),
        (
            "[simplejwt]\nuser_id_claim = \"exp\"",
            "simplejwt.user_id_claim",
            "USER_ID_CLAIM",
        ),
        (
            "[simplejwt]\nuser_id_claim = \"user_seq\"",
            "simplejwt.user_id_claim",
            "tokens.user_id_claim",
        ),
        (
            "[simplejwt]\ntoken_type_claim = \"\"",
            "simplejwt.token_type_claim",
            "token_type",
        ),
        (
            "[simplejwt]\njti_claim = \"sid\"",
            "simplejwt.jti_claim",
            "jti",
        ),
        (
            "[simplejwt]\njti_claim = \"x\"\nrefresh_exp_claim = \"x\"",
            "simplejwt.user_id_claim",
            "different names",
        ),
        (
            "[simplejwt]\njti_claim = \"x\"\n[tokens.extra_claims]\nx = 1",
            "simplejwt.jti_claim",
            "another claim",
        ),
        (
            "[django]\nsecret_key = \"x\"\nsecret_key_file = \"y\"",
            "django.secret_key_file",
            "remove one",
        ),
        (
            "[django]\nalgorithm = \"RS256\"",
            "django.algorithm",
            "HS256",
        ),
        ("[django]\naudience = [\"\"]", "django.audience", "empty"),
        (
            "[django]\naccept_unbooked = true",
            "django.accept_unbooked",
            "django.secret_key",
        ),
        (
            "[tokens]\nauth_header_name = \"a b\"",
            "tokens.auth_header_name",
            "Authorization",
        ),
    ] {
        refused_for(&[(file, key, words)]);
    }
}

#[test]
fn the_prefix_must_not_be_that_of_a_route_of_this_server() {
    for endpoint in ENDPOINTS {
        for below in ["", "/", "/x"] {
            let path = format!("{}{below}", endpoint.path.replace(['{', '}'], ""));
            let file = format!("[simplejwt]\nprefix = \"{path}\"\n");
            refused_for(&[(&file, "simplejwt.prefix", "routes of its own")]);
        }
    }
    for path in ["/account", "/admin", "/docs/x", "/static", "/auth", "/api"] {
        let file = format!("[simplejwt]\nprefix = \"{path}\"\n");
        refused_for(&[(&file, "simplejwt.prefix", "routes of its own")]);
    }
    for path in [
        "/api/token",
        "/api/token/",
        "/auth/jwt",
        "/token",
        "/sso/v1/token",
    ] {
        load(&format!("[simplejwt]\nprefix = \"{path}\"\n"), &[]).unwrap();
    }
}

#[test]
fn the_key_of_django_is_masked() {
    let config = load("[django]\nsecret_key = \"opensesame\"", &[]).unwrap();
    assert!(!config.to_toml().contains("opensesame"));
}
