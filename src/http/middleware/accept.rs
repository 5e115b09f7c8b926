//! Which form of an error a request asks for in its header `Accept` (RFC 9110 section 12.5.1).

use actix_web::{
    HttpMessage,
    http::header::{ACCEPT, Accept, Header, Quality},
};

use crate::config::ServerConfig;

/// The media type of problem details (RFC 9457).
pub(crate) const PROBLEM: &str = "application/problem+json";

/// The path of the page that explains the codes.
const EXPLANATIONS: &str = "/docs";

/// The form of an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// The envelope that every answer of the API has.
    #[default]
    Envelope,
    /// That of Django REST framework, on the routes of SimpleJWT, whatever the header says.
    RestFramework,
    /// Problem details (RFC 9457).
    Problem {
        /// What the `type` of each begins with, before `#` and its code.
        explanations: String,
    },
}

impl ErrorForm {
    /// Problem details if the header names them, and ranks nothing that JSON is part of above them; otherwise the envelope.
    pub(crate) fn of(request: &impl HttpMessage, server: &ServerConfig) -> Self {
        if !names_problem(request) || !prefers_problem(request) {
            return Self::Envelope;
        }
        let url = server.public_url.as_ref();
        let base = url.map_or("", |url| url.as_str().trim_end_matches('/'));
        Self::Problem {
            explanations: format!("{base}{EXPLANATIONS}"),
        }
    }
}

/// A quick look, because nearly all requests do not.
fn names_problem(request: &impl HttpMessage) -> bool {
    let mut values = request.headers().get_all(ACCEPT);
    values.any(|value| {
        value
            .as_bytes()
            .windows(4)
            .any(|four| four.eq_ignore_ascii_case(b"prob"))
    })
}

fn prefers_problem(request: &impl HttpMessage) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let quality = |range: &str| {
        let ranges = accept.iter().filter(|one| one.item.essence_str() == range);
        ranges.map(|one| one.quality).max()
    };
    // The most specific range counts.
    let json = ["application/json", "application/*", "*/*"];
    let json = json.into_iter().find_map(quality).unwrap_or(Quality::ZERO);
    quality(PROBLEM).is_some_and(|problem| problem > Quality::ZERO && problem >= json)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn problem_details_are_sent_to_those_who_prefer_them() {
        for (accept, expected) in [
            ("application/problem+json", true),
            ("Application/Problem+JSON; charset=utf-8", true),
            ("application/problem+json, application/json", true),
            ("application/json, application/problem+json", true),
            (
                "application/json;q=0.5, application/problem+json;q=0.6",
                true,
            ),
            ("application/problem+json, */*;q=0.1", true),
            (
                "application/problem+json;q=0.5, application/*;q=0.8, application/json;q=0.1",
                true,
            ),
            ("application/json, application/problem+json;q=0.9", false),
            ("application/problem+json;q=0.9, */*", false),
            ("application/problem+json;q=0", false),
            ("application/problem+json;q=0, */*;q=0", false),
            ("application/problem+xml", false),
            ("application/json", false),
            ("application/*", false),
            ("*/*", false),
            ("problem", false),
            (";;;,,q=prob", false),
            ("", false),
        ] {
            let request = TestRequest::default()
                .insert_header((ACCEPT, accept))
                .to_srv_request();
            assert_eq!(prefers_problem(&request), expected, "{accept}");
            let form = ErrorForm::of(&request, &ServerConfig::default());
            assert_eq!(form != ErrorForm::Envelope, expected, "{accept}");
        }
        let request = TestRequest::default().to_srv_request();
        assert!(!prefers_problem(&request));
    }
}
