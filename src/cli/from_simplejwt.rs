//! `munjigi config from-simplejwt`: the dictionary `SIMPLE_JWT` of a Django site, as JSON, becomes a configuration file.
//!
//! Every one of the 34 settings of SimpleJWT 5.5.1 is a key of the configuration, or a comment that says why it is none.
//! Settings that are absent have the library's default, which is written where it differs from ours.

use std::io::Read;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::python_values::{CLASSES, REMOVED, capitalized, is_empty, text, texts, truth};
use crate::cli::toml_file::TomlFile;
use crate::config::{Algorithm, KeyKind, Span, TokensConfig};

/// `tokens.user_id_claim` if SimpleJWT uses the usual name for its own claim.
const OTHER_ID_CLAIM: &str = "account_seq";

/// Reads the dictionary from standard input and prints the file. Settings that cannot be carried over are named on standard
/// error too.
pub(super) fn run() -> Result<ExitCode, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CliError::refused(format!("standard input cannot be read: {error}")))?;
    let settings: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
        CliError::refused(format!(
            "standard input is not the dictionary SIMPLE_JWT as JSON: {error}"
        ))
    })?;
    let written = Settings::read(settings).file.finish();
    output::line(written.text.trim_end())?;
    for name in written.left_out {
        eprintln!("munjigi: {name} is not carried over; the comment in the file says why");
    }
    Ok(ExitCode::SUCCESS)
}

/// The dictionary, and the file that is made from it.
struct Settings {
    values: Map<String, Value>,
    file: TomlFile,
}

impl Settings {
    fn read(values: Map<String, Value>) -> Self {
        let mut settings = Self {
            values,
            file: TomlFile::default(),
        };
        settings.lifetimes();
        settings.rotation();
        settings.keys();
        settings.issuer_and_audience();
        settings.headers();
        settings.claims();
        settings.sliding();
        settings.classes();
        settings.accounts();
        settings.rest();
        settings
    }

    /// The value of a setting, or the library's default.
    fn take(&mut self, name: &str, default: Value) -> Value {
        self.values.remove(name).unwrap_or(default)
    }

    fn span(
        &mut self,
        name: &str,
        default: u32,
        section: &'static str,
        key: &'static str,
    ) -> Option<Span> {
        let value = self.take(name, default.into());
        let seconds = value
            .as_f64()
            .filter(|seconds| (0.0..1e10).contains(seconds));
        let Some(seconds) = seconds else {
            self.file
                .leave_out(name, section, "not a number of seconds");
            return None;
        };
        // SimpleJWT drops fractions of a second.
        let span = Span::from(std::time::Duration::from_secs_f64(seconds.trunc()));
        self.file.set(name, section, key, span.to_string());
        Some(span)
    }

    fn flag(&mut self, name: &str, default: bool, key: &'static str) -> bool {
        let value = self.take(name, default.into());
        let is_on = truth(&value);
        self.file.set(name, "tokens", key, is_on);
        is_on
    }

    fn lifetimes(&mut self) {
        self.span("ACCESS_TOKEN_LIFETIME", 300, "tokens", "access_lifetime");
        let refresh = self.span(
            "REFRESH_TOKEN_LIFETIME",
            86_400,
            "tokens",
            "refresh_lifetime",
        );
        if let Some(refresh) = refresh.filter(|refresh| *refresh > Span::days(90)) {
            self.file.set(
                "REFRESH_TOKEN_LIFETIME",
                "tokens",
                "session_lifetime",
                refresh.to_string(),
            );
            self.file.warn(
                "a session ends after this time, however often it is refreshed; SimpleJWT knows no such end",
            );
        }
        self.span("LEEWAY", 0, "tokens", "leeway");
    }

    fn rotation(&mut self) {
        let rotates = self.flag("ROTATE_REFRESH_TOKENS", false, "rotate_refresh_tokens");
        if !rotates {
            self.file.warn(
                "unsafe: a stolen refresh token stays valid until it expires, and nobody notices; `true` is the default here",
            );
        }
        let blacklists = self.flag(
            "BLACKLIST_AFTER_ROTATION",
            false,
            "blacklist_after_rotation",
        );
        if rotates && !blacklists {
            self.file.warn(
                "unsafe: every refresh leaves one more valid token; `true` is the default here",
            );
        }
        self.flag("UPDATE_LAST_LOGIN", false, "update_last_login");
    }

    fn keys(&mut self) {
        let value = self.take("ALGORITHM", "HS256".into());
        let name = text(&value);
        let known = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name);
        match known {
            Some(algorithm) => {
                self.file
                    .set("ALGORITHM", "tokens", "algorithm", name.clone());
                if algorithm.kind() == KeyKind::Secret {
                    self.file.set("ALGORITHM", "django", "algorithm", name);
                } else {
                    self.file.leave_out(
                        "ALGORITHM",
                        "django",
                        "only tokens with HS256, HS384 or HS512 can be exchanged; with this algorithm everybody logs in again",
                    );
                }
            }
            None => self.file.leave_out(
                "ALGORITHM",
                "tokens",
                "not one of the algorithms of munjigi",
            ),
        }
        self.values.remove("SIGNING_KEY");
        self.file.note(
            "SIGNING_KEY",
            "django",
            "give it, or else Django's SECRET_KEY, as MUNJIGI_DJANGO__SECRET_KEY or in a file:\n\
             # secret_key_file = \"django.key\"",
        );
        if !is_empty(&self.take("VERIFYING_KEY", Value::Null)) {
            self.file.leave_out(
                "VERIFYING_KEY",
                "django",
                "munjigi signs with keys of its own, see `munjigi keys list`",
            );
        }
        if !is_empty(&self.take("JWK_URL", Value::Null)) {
            self.file.leave_out(
                "JWK_URL",
                "django",
                "tokens of another server are not accepted; munjigi has /.well-known/jwks.json",
            );
        }
    }

    fn issuer_and_audience(&mut self) {
        let issuer = self.take("ISSUER", Value::Null);
        if issuer.is_string() {
            self.file.set("ISSUER", "tokens", "issuer", text(&issuer));
            self.file.set("ISSUER", "django", "issuer", text(&issuer));
        } else if !issuer.is_null() {
            self.file.leave_out("ISSUER", "tokens", "not a text");
        }
        let audience = self.take("AUDIENCE", Value::Null);
        if audience.is_null() {
            return;
        }
        match texts(&audience) {
            Some(audience) => {
                self.file
                    .set("AUDIENCE", "tokens", "audience", audience.clone());
                self.file.set("AUDIENCE", "django", "audience", audience);
            }
            None => self
                .file
                .leave_out("AUDIENCE", "tokens", "neither a text nor a list of texts"),
        }
    }

    fn headers(&mut self) {
        let types = self.take("AUTH_HEADER_TYPES", json!(["Bearer"]));
        match texts(&types) {
            Some(types) => self
                .file
                .set("AUTH_HEADER_TYPES", "tokens", "auth_header_types", types),
            None => self
                .file
                .leave_out("AUTH_HEADER_TYPES", "tokens", "not a list of texts"),
        }
        let name = text(&self.take("AUTH_HEADER_NAME", "HTTP_AUTHORIZATION".into()));
        match name.strip_prefix("HTTP_") {
            Some("AUTHORIZATION") => {}
            Some(name) => {
                let words: Vec<String> = name.split('_').map(capitalized).collect();
                self.file.set(
                    "AUTH_HEADER_NAME",
                    "tokens",
                    "auth_header_name",
                    words.join("-"),
                );
            }
            None => self.file.leave_out(
                "AUTH_HEADER_NAME",
                "tokens",
                "does not begin with HTTP_, so that no header has this name",
            ),
        }
    }

    fn claims(&mut self) {
        let id = text(&self.take("USER_ID_CLAIM", "user_id".into()));
        if id == TokensConfig::default().user_id_claim {
            self.file
                .set("USER_ID_CLAIM", "tokens", "user_id_claim", OTHER_ID_CLAIM);
            self.file
                .warn("tokens of clients and services have this claim too, which Django takes for the id of a user");
        }
        self.file
            .set("USER_ID_CLAIM", "simplejwt", "user_id_claim", id);
        let field = text(&self.take("USER_ID_FIELD", "id".into()));
        let known = match field.as_str() {
            "id" | "pk" | "user_seq" => "user_seq",
            "username" | "email" => field.as_str(),
            _ => "external_id",
        };
        self.file
            .set("USER_ID_FIELD", "simplejwt", "user_id_field", known);
        match known {
            "external_id" => {
                self.file
                    .warn("the import must map this column: `--map user.external_id=…`");
            }
            "user_seq" => {}
            _ => {
                self.file.warn("unsafe: if a name is given to another user, tokens that are still valid give that user's rights");
            }
        }
        for (name, default, key) in [
            ("TOKEN_TYPE_CLAIM", "token_type", "token_type_claim"),
            ("JTI_CLAIM", "jti", "jti_claim"),
            (
                "SLIDING_TOKEN_REFRESH_EXP_CLAIM",
                "refresh_exp",
                "refresh_exp_claim",
            ),
        ] {
            let value = self.take(name, default.into());
            if value.is_string() {
                self.file.set(name, "simplejwt", key, text(&value));
            } else {
                self.file.leave_out(
                    name,
                    "simplejwt",
                    "unsafe: without this claim SimpleJWT accepts refresh tokens as access tokens, or fails; it is kept",
                );
            }
        }
    }

    fn sliding(&mut self) {
        let path = |class: &str| format!("rest_framework_simplejwt.tokens.{class}");
        let classes = self.take("AUTH_TOKEN_CLASSES", json!([path("AccessToken")]));
        let classes = texts(&classes).unwrap_or_default();
        let is_sliding = classes.contains(&path("SlidingToken"));
        self.file
            .set("AUTH_TOKEN_CLASSES", "simplejwt", "sliding", is_sliding);
        let known = [path("AccessToken"), path("SlidingToken")];
        if classes.is_empty() || classes.iter().any(|class| !known.contains(class)) {
            self.file.leave_out(
                "AUTH_TOKEN_CLASSES",
                "simplejwt",
                "has Python classes of your own, or none; access tokens are accepted in any case",
            );
        }
        self.span(
            "SLIDING_TOKEN_LIFETIME",
            300,
            "simplejwt",
            "sliding_lifetime",
        );
        self.span(
            "SLIDING_TOKEN_REFRESH_LIFETIME",
            86_400,
            "simplejwt",
            "sliding_refresh_lifetime",
        );
    }

    fn classes(&mut self) {
        for (name, default, why) in CLASSES {
            let value = self.take(name, Value::Null);
            let is_default = !default.is_empty() && text(&value).ends_with(default);
            if !is_empty(&value) && !is_default {
                self.file.leave_out(name, "simplejwt", why);
            }
        }
    }

    fn accounts(&mut self) {
        if !truth(&self.take("CHECK_USER_IS_ACTIVE", true.into())) {
            self.file.leave_out(
                "CHECK_USER_IS_ACTIVE",
                "tokens",
                "unsafe: the tokens of inactive accounts are always refused here",
            );
        }
        let is_revoking = truth(&self.take("CHECK_REVOKE_TOKEN", false.into()));
        let claim = self.take("REVOKE_TOKEN_CLAIM", Value::Null);
        if !is_revoking {
            return;
        }
        self.file.note(
            "CHECK_REVOKE_TOKEN",
            "tokens",
            "a change of password always ends the sessions of the account here",
        );
        let claim = if is_empty(&claim) {
            "hash_password".to_owned()
        } else {
            text(&claim)
        };
        self.file
            .set("REVOKE_TOKEN_CLAIM", "django", "revoke_token_claim", claim);
    }

    /// What is left of the dictionary is no setting.
    fn rest(&mut self) {
        for (name, _) in std::mem::take(&mut self.values) {
            let removed = REMOVED.iter().find(|(removed, _)| *removed == name);
            let why = match removed {
                Some((_, instead)) => format!("SimpleJWT has removed this setting; see {instead}"),
                None => "not a setting of SimpleJWT 5.5.1, which ignores it".to_owned(),
            };
            // A name is printed in one line, whatever it contains.
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            self.file.leave_out(&name, "simplejwt", &why);
        }
    }
}
