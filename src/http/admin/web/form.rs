//! A form that was sent: by whom, that our own page sent it, and its fields. What is wrong is gathered field by field and
//! shown beside it; what was typed is kept, never a password.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE, web::Bytes};

use crate::{
    domain::{
        language::Language,
        problem::{Problem, Problems},
    },
    http::{
        admin::web::{
            anonymous_page::AnonymousPage,
            csrf,
            error::AdminError,
            page_context::PageContext,
            panel::{Panel, PanelAdmin},
        },
        middleware::origin::is_from_here,
    },
    services::Error,
};

/// Whoever may send forms.
pub(crate) trait Sender: FromRequest<Error = AdminError> + 'static {
    /// His browser's request.
    fn frame(&self) -> &PageContext;
}

impl Sender for Panel {
    fn frame(&self) -> &PageContext {
        self
    }
}

impl Sender for PanelAdmin {
    fn frame(&self) -> &PageContext {
        self
    }
}

impl Sender for AnonymousPage {
    fn frame(&self) -> &PageContext {
        self
    }
}

/// A form, after it was made sure who sent it (session, then role) and that a page of ours did (csrf token, origin).
pub(crate) struct Form<P> {
    /// Who sent it.
    pub(crate) panel: P,
    values: Vec<(String, String)>,
    problems: Problems,
}

impl<P: Sender> FromRequest for Form<P> {
    type Error = AdminError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AdminError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let sender = P::from_request(&request, &mut Payload::None);
        let bytes = Bytes::from_request(&request, payload);
        Box::pin(async move {
            let panel = sender.await?;
            if !is_from_here(request.headers(), panel.frame().services()) {
                return Err(AdminError::ForeignForm);
            }
            let bytes = bytes
                .await
                .map_err(|error| too_large_or_malformed(&error))?;
            let values = fields(&request, &bytes)?;
            let token = values.iter().find(|(name, _)| name == "csrf");
            if !token.is_some_and(|(_, token)| csrf::is_token(&panel.frame().secret, token)) {
                return Err(AdminError::ForeignForm);
            }
            Ok(Self {
                panel,
                values,
                problems: Problems::default(),
            })
        })
    }
}

fn too_large_or_malformed(error: &actix_web::Error) -> AdminError {
    if error.as_response_error().status_code() == 413 {
        AdminError::TooLarge
    } else {
        AdminError::Malformed
    }
}

/// The fields of a form as they were sent.
pub(crate) fn fields(
    request: &HttpRequest,
    bytes: &[u8],
) -> Result<Vec<(String, String)>, AdminError> {
    let media_type = request.headers().get(CONTENT_TYPE);
    let is_form = media_type.is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next();
        essence.is_some_and(|essence| {
            essence
                .trim_ascii()
                .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        })
    });
    if !is_form || std::str::from_utf8(bytes).is_err() {
        return Err(AdminError::Malformed);
    }
    Ok(form_urlencoded::parse(bytes).into_owned().collect())
}

impl<P: Sender> Form<P> {
    /// A field as typed; an empty text when it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        let mut values = self.values.iter();
        values
            .find(|(other, _)| other == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// The values of a field that may be there more than once.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.values.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a box is ticked.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.values.iter().any(|(other, _)| other == name)
    }

    /// A field that must be filled in, read by `parse`.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let text = self.text(name);
        let read = if text.is_empty() {
            Err(Problem::Required)
        } else {
            parse(text)
        };
        read.map_err(|problem| self.problem(name, problem)).ok()
    }

    /// A field that may be left empty, read by `parse`.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let text = self.text(name);
        if text.trim().is_empty() {
            return None;
        }
        parse(text)
            .map_err(|problem| self.problem(name, problem))
            .ok()
    }

    /// Notes a problem of a field.
    pub(crate) fn problem(&mut self, name: &str, problem: Problem) {
        self.problems.add(name, problem);
    }

    /// Whether anything is wrong so far.
    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Takes what the services found wrong with the fields; what is no field's fault is given back.
    pub(crate) fn take(&mut self, error: Error) -> Result<(), AdminError> {
        match error {
            Error::Invalid(problems) => {
                for (field, problems) in problems.iter() {
                    for problem in problems {
                        self.problems.add(field, problem.clone());
                    }
                }
                Ok(())
            }
            Error::AlreadyExists { field } => {
                self.problem(field, Problem::Taken);
                Ok(())
            }
            error => Err(error.into()),
        }
    }

    /// What is wrong, for the page.
    pub(crate) fn errors(&self) -> FieldErrors {
        FieldErrors::new(&self.problems, self.panel.frame().language())
    }
}

/// What is wrong with the fields of a page, in the viewer's words.
#[derive(Default)]
pub(crate) struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
    /// The problems in a language.
    pub(crate) fn new(problems: &Problems, language: Language) -> Self {
        let sentences = |problems: &[Problem]| {
            let sentences = problems.iter().map(|problem| problem.message(language));
            sentences.map(std::borrow::Cow::into_owned).collect()
        };
        Self(
            problems
                .iter()
                .map(|(field, problems)| (field.to_owned(), sentences(problems)))
                .collect(),
        )
    }

    /// What is wrong with one field.
    pub(crate) fn of(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing is wrong.
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}
