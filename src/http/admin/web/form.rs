//! Submitted forms: the sender's session and role, the CSRF check, the fields. Problems are collected per field and shown beside
//! it; entered values are kept, except passwords.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::CONTENT_TYPE};

use crate::domain::language::Language;
use crate::domain::otp::OtpCode;
use crate::domain::password::{Password, PasswordPolicy};
use crate::domain::problem::{Problem, Problems};
use crate::domain::text::clean;
use crate::http::admin::paths;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::csrf;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::page_context::PageContext;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::middleware::origin::{self, Foreign};
use crate::http::request_body;
use crate::services::Error;
use crate::services::accounts::reauthentication::Reproof;
use crate::services::auth::browser_sessions::StepUp;
use crate::services::second_factors::passkey_challenges::Purpose;
use crate::services::second_factors::passkey_proofs::PasskeyAnswer;
use crate::services::second_factors::proof::FactorProof;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// An extractor of a form's sender.
pub(crate) trait Sender: FromRequest<Error = AdminError> + 'static {
    fn page_context(&self) -> &PageContext;
}

impl Sender for Panel {
    fn page_context(&self) -> &PageContext {
        self
    }
}

impl Sender for PanelAdmin {
    fn page_context(&self) -> &PageContext {
        self
    }
}

impl Sender for PageContext {
    fn page_context(&self) -> &PageContext {
        self
    }
}

/// A form that passed the checks of session, role, origin and CSRF token, in this order.
pub(crate) struct Form<P> {
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
        let bytes = request_body::read(request.clone(), payload.take());
        Box::pin(async move {
            let panel = sender.await?;
            check_origin(&request, panel.page_context())?;
            let bytes = bytes.await;
            let bytes = bytes.map_err(|error| AdminError::from_framework(&error))?;
            let values = fields(&request, &bytes)?;
            let token = values.iter().find(|(name, _)| name == "csrf");
            if !token.is_some_and(|(_, token)| csrf::is_token(&panel.page_context().secret, token))
            {
                let error = opened_over_http(&request, panel.page_context());
                return Err(error.unwrap_or(AdminError::ForeignForm));
            }
            Ok(Self {
                panel,
                values,
                problems: Problems::default(),
            })
        })
    }
}

/// Refuses a form that a page of another origin sent.
fn check_origin(request: &HttpRequest, context: &PageContext) -> Result<(), AdminError> {
    let Err(foreign) = origin::check(request.headers(), context.server()) else {
        return Ok(());
    };
    if let Some(error) = opened_over_http(request, context) {
        return Err(error);
    }
    foreign.log(&context.context.id);
    Err(match foreign {
        Foreign::Site => AdminError::ForeignForm,
        Foreign::Origin { origin, host } => {
            AdminError::ForeignOrigin(format!("Origin: {origin}, Host: {host}"))
        }
    })
}

/// The error of a form whose page was opened over http instead of https, so that its cookie does not come back.
fn opened_over_http(request: &HttpRequest, context: &PageContext) -> Option<AdminError> {
    let server = context.server();
    if !origin::is_http_instead(request.headers(), server) {
        return None;
    }
    let url = server.public_url.as_ref()?;
    let url = url.as_str().trim_end_matches('/');
    let path = match panel_path(request.path()) {
        Some(_) => paths::DASHBOARD,
        None => request.path(),
    };
    Some(AdminError::OpenHttps(format!("{url}{path}")))
}

/// The fields of a form.
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
    /// The value of a field; empty if it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        let mut values = self.values.iter();
        values
            .find(|(other, _)| other == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// The values of a repeated field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.values.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a field is present: a checkbox is checked.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.values.iter().any(|(other, _)| other == name)
    }

    /// Replaces the value of a field.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.values.retain(|(other, _)| other != name);
        self.values.push((name.to_owned(), value));
    }

    /// A required field. An empty one is a problem.
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

    /// An optional field.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let text = self.text(name);
        if clean(text).is_empty() {
            return None;
        }
        parse(text)
            .map_err(|problem| self.problem(name, problem))
            .ok()
    }

    /// The proof of the viewer, in the field `current`; none if none is asked for or entered.
    pub(crate) fn proof(&mut self, step_up: StepUp) -> Option<Reproof> {
        match step_up {
            StepUp::Recent => None,
            StepUp::Password => {
                let password = self.optional("current", Password::parse_presented);
                password.map(Reproof::Password)
            }
            StepUp::Factor { passkey: true } if !self.text("current_passkey").is_empty() => {
                let proof = self.passkey_proof();
                if proof.is_none() {
                    self.problem("current", Problem::WrongFactor);
                }
                proof.map(Reproof::Factor)
            }
            StepUp::Factor { .. } => {
                let code = self.optional("current", OtpCode::parse);
                code.map(|code| Reproof::Factor(FactorProof::of_code(code)))
            }
        }
    }

    /// The viewer's passkey, in the field `current_passkey`.
    fn passkey_proof(&self) -> Option<FactorProof> {
        let context = self.panel.page_context();
        let party = RelyingParty::of_panel(context.server())?;
        let purpose = Purpose::Reauthentication(context.secret.clone());
        let answer = PasskeyAnswer::parse(party, purpose, self.text("current_passkey"));
        answer.ok().map(FactorProof::Passkey)
    }

    /// Adds a problem of a field.
    pub(crate) fn problem(&mut self, name: &str, problem: Problem) {
        self.problems.add(name, problem);
    }

    /// Whether any field has a problem so far.
    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Adds the problems that the services found; other errors are returned.
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
            Error::CurrentPasswordRequired => {
                self.problem("current", Problem::Required);
                Ok(())
            }
            error => Err(error.into()),
        }
    }

    /// The value of a result; none where the services found problems with the fields.
    pub(crate) fn checked<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, AdminError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => self.take(error).map(|()| None),
        }
    }

    /// A new password that was entered twice, in the fields `password` and `repeat`.
    pub(crate) fn new_password(&mut self) -> Option<Password> {
        let password = self.required("password", Password::parse);
        let repeated = self.text("repeat");
        if password.is_some() && repeated != self.text("password") {
            let problem = if repeated.is_empty() {
                Problem::Required
            } else {
                Problem::PasswordMismatch
            };
            self.problem("repeat", problem);
            self.check_policy(password.as_ref(), &[]);
            return None;
        }
        password
    }

    /// Adds the rules that a new password violates, for forms whose other problems keep the services from checking them.
    pub(crate) fn check_policy(&mut self, password: Option<&Password>, own_words: &[&str]) {
        let Some(password) = password else { return };
        let login = &self.panel.page_context().services().config.login;
        let policy = PasswordPolicy {
            min_length: login.min_password_length,
            site_names: &login.site_names,
        };
        for problem in policy.check(password, own_words) {
            self.problem("password", problem);
        }
    }

    /// The problems for the page.
    pub(crate) fn errors(&self) -> FieldErrors {
        FieldErrors::new(&self.problems, self.panel.page_context().language())
    }
}

/// The problems of fields in the viewer's language.
#[derive(Default)]
pub(crate) struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
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

    /// The problems of one field.
    pub(crate) fn of(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}
