//! How an input of the API is declared: a field of a body or a parameter of a query. A handler reads an input through its
//! declaration, and the table of endpoints, the tests, the fuzz targets and `docs/api.md` are read from or compared with it.

use crate::domain::principal::UserType;
use crate::domain::problem::Problem;

/// What values an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text {
        /// What the text is, such as `email` or `password`; `None` for any text.
        format: Option<&'static str>,
        /// The most characters, where there is a limit besides that of the body.
        max: Option<usize>,
    },
    /// `true` or `false`; in a query also `1` or `0`, in any case of letters.
    Boolean,
    /// A JSON object; in a form, its text.
    Object,
    /// What a browser answers about a passkey, a JSON object; in a form, its text.
    Credential,
    /// A whole number.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
        /// The value when the parameter is missing.
        default: i64,
    },
    /// A list of objects, each an account of this population; in a form, its JSON text.
    Items(UserType),
    /// One of the configured roles.
    Role,
    /// One or more of the configured roles, separated by commas.
    Roles,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One or more of these words, separated by commas.
    AnyOf(&'static [&'static str]),
    /// Names of these columns, separated by commas, each with an optional `-` for descending order.
    Ordering(&'static [&'static str]),
}

/// Whether an input must be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must be sent.
    Required,
    /// It may be missing; `null` is the same.
    Optional,
    /// It may be missing; `null` is its empty value.
    Nullable,
    /// One of the fields with this presence must be sent.
    Alternative,
    /// It must be sent unless the refresh token is in the cookie (`tokens.transport`).
    UnlessCookie,
}

/// The declaration of an input that is read as a `T`.
pub struct Input<T> {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub kind: Kind,
    /// One line for the documentation.
    pub description: &'static str,
    /// Reads it from text.
    pub(super) parse: fn(&str) -> Result<T, Problem>,
    /// What `parse` finds wrong with a text.
    pub(super) check: fn(&str) -> Option<Problem>,
}

/// An input of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub kind: Kind,
    /// One line for the documentation.
    pub description: &'static str,
    /// Whether it must be sent.
    pub presence: Presence,
    check: fn(&str) -> Option<Problem>,
}

impl Field {
    /// What is wrong with a text as its value.
    #[must_use]
    pub fn problem(&self, text: &str) -> Option<Problem> {
        (self.check)(text)
    }
}

impl<T> Input<T> {
    const fn with(&self, presence: Presence) -> Field {
        Field {
            name: self.name,
            kind: self.kind,
            description: self.description,
            presence,
            check: self.check,
        }
    }

    /// Must be sent to the endpoint.
    pub(super) const fn required(&self) -> Field {
        self.with(Presence::Required)
    }

    /// May be missing.
    pub(super) const fn optional(&self) -> Field {
        self.with(Presence::Optional)
    }

    /// May be missing, and emptied by `null`.
    pub(super) const fn nullable(&self) -> Field {
        self.with(Presence::Nullable)
    }

    /// One of several of which one must be sent.
    pub(super) const fn alternative(&self) -> Field {
        self.with(Presence::Alternative)
    }

    /// Must be sent unless the refresh token is in the cookie.
    pub(super) const fn unless_cookie(&self) -> Field {
        self.with(Presence::UnlessCookie)
    }
}

/// Declares inputs as constants. The doc comment, one line, is also the description.
macro_rules! inputs {
    ($(#[doc = $description:literal] $constant:ident: $type:ty = $name:literal, $kind:expr, $parse:expr;)+) => {
        $(
            #[doc = $description]
            pub(in crate::http) const $constant: $crate::http::api::input::Input<$type> = $crate::http::api::input::Input {
                name: $name,
                kind: $kind,
                description: $description.trim_ascii(),
                parse: $parse,
                check: |text| $parse(text).err(),
            };
        )+
    };
}
pub(super) use inputs;

/// The inputs of an endpoint, and which of them its handler has read.
///
/// Where debug assertions are on, as in tests, a handler panics that reads an input that its endpoint does not declare, reads
/// it with another presence, or ends without reading all of them.
pub(super) struct Declared {
    fields: &'static [Field],
    read: Vec<&'static str>,
}

impl Declared {
    /// Nothing has been read.
    pub(super) fn new(fields: &'static [Field]) -> Self {
        Self {
            fields,
            read: Vec::new(),
        }
    }

    /// Whether there is an input of this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// The names of the inputs.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.fields.iter().map(|field| field.name)
    }

    /// Notes that an input is read with one of these presences.
    pub(super) fn note(&mut self, name: &'static str, presences: &[Presence]) {
        if cfg!(debug_assertions) {
            let field = self.fields.iter().find(|field| field.name == name);
            debug_assert!(
                field.is_some_and(|field| presences.contains(&field.presence)),
                "`{name}` is read as {presences:?}, but declared as {field:?}"
            );
            self.read.push(name);
        }
    }

    /// Notes that a handler looks at an input without reading its value.
    pub(super) fn note_any(&mut self, name: &'static str) {
        use Presence::{Alternative, Nullable, Optional, Required, UnlessCookie};
        self.note(
            name,
            &[Required, Optional, Nullable, Alternative, UnlessCookie],
        );
    }

    /// Checks that every input has been read.
    pub(super) fn assert_complete(&self) {
        debug_assert!(
            self.names().all(|name| self.read.contains(&name)),
            "declared {:?}, read {:?}",
            self.fields,
            self.read
        );
    }
}

/// The names of the columns that a list can be ordered by.
pub(super) const fn names<C: Copy, const N: usize>(
    columns: &[(&'static str, C); N],
) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = columns[at].0;
        at += 1;
    }
    names
}
