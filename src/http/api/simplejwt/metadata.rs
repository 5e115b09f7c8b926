//! The answers to `OPTIONS`: the metadata that Django REST framework makes of a view.

use actix_web::{HttpRequest, HttpResponse, http::header::ALLOW};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::http::api::errors::ApiError;
use crate::http::api::simplejwt::body::PASSWORD;
use crate::http::api::simplejwt::refusal::ALLOWED;
use crate::http::middleware::context::services_of;

/// A view of SimpleJWT.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    Obtain,
    Refresh,
    Verify,
    Blacklist,
    ObtainSliding,
    RefreshSliding,
}

impl View {
    fn name_and_description(self) -> (&'static str, &'static str) {
        match self {
            Self::Obtain => (
                "Token Obtain Pair",
                "Takes a set of user credentials and returns an access and refresh JSON web\ntoken pair to prove the authentication of those credentials.",
            ),
            Self::Refresh => (
                "Token Refresh",
                "Takes a refresh type JSON web token and returns an access type JSON web\ntoken if the refresh token is valid.",
            ),
            Self::Verify => (
                "Token Verify",
                "Takes a token and indicates if it is valid.  This view provides no\ninformation about a token's fitness for a particular use.",
            ),
            Self::Blacklist => (
                "Token Blacklist",
                "Takes a token and blacklists it. Must be used with the\n`rest_framework_simplejwt.token_blacklist` app installed.",
            ),
            Self::ObtainSliding => (
                "Token Obtain Sliding",
                "Takes a set of user credentials and returns a sliding JSON web token to\nprove the authentication of those credentials.",
            ),
            Self::RefreshSliding => (
                "Token Refresh Sliding",
                "Takes a sliding JSON web token and returns a new, refreshed version if the\ntoken's refresh period has not expired.",
            ),
        }
    }

    /// The fields, and whether they are in the answer only.
    fn fields(self, username_field: &str) -> Vec<(&str, bool)> {
        match self {
            Self::Obtain | Self::ObtainSliding => vec![(username_field, false), (PASSWORD, false)],
            Self::Refresh => vec![("refresh", false), ("access", true)],
            Self::Blacklist => vec![("refresh", false)],
            Self::Verify | Self::RefreshSliding => vec![("token", false)],
        }
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    description: &'a str,
    renders: [&'a str; 1],
    parses: [&'a str; 3],
    actions: Value,
}

/// `OPTIONS`: `200`.
pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let services = services_of(&request)?;
    let view = request.app_data::<View>().copied().unwrap_or(View::Obtain);
    let mut fields = Map::new();
    for (name, is_read_only) in view.fields(&services.config.simplejwt.username_field) {
        let field = json!({
            "type": "string",
            "required": !is_read_only,
            "read_only": is_read_only,
            "label": label(name),
        });
        fields.insert(name.to_owned(), field);
    }
    let (name, description) = view.name_and_description();
    let mut answer = HttpResponse::Ok();
    answer.insert_header((ALLOW, ALLOWED));
    Ok(answer.json(Metadata {
        name,
        description,
        renders: ["application/json"],
        parses: [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ],
        actions: json!({"POST": fields}),
    }))
}

/// The name of a field as a label: `user_name` as `User name`.
fn label(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
