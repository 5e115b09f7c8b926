//! The fields of an account that is imported.

use crate::domain::text_enum::text_enum;

text_enum! {
    /// A field of an account in the source of an import.
    ImportField {
        /// The key of the account: a number, or another text.
        Id = "id",
        /// The id in another system.
        ExternalId = "external_id",
        /// The e-mail address.
        Email = "email",
        /// Whether the e-mail address is verified; it is without this field.
        EmailVerified = "email_verified",
        /// The username.
        Username = "username",
        /// The name.
        Name = "name",
        /// The first name, if there is no column of the name.
        FirstName = "first_name",
        /// The last name, if there is no column of the name.
        LastName = "last_name",
        /// The telephone number.
        Phone = "phone",
        /// The role, a word.
        Role = "role",
        /// Whether the account may log in.
        IsActive = "is_active",
        /// Whether the user may log in to Django's admin site.
        IsStaff = "is_staff",
        /// Whether the user has all permissions in Django.
        IsSuperuser = "is_superuser",
        /// The password hash.
        Password = "password",
        /// The time of the last login.
        LastLogin = "last_login",
        /// The time of creation.
        CreatedAt = "created_at",
        /// The claims of the account's own, a JSON object.
        Claims = "claims",
    }
}

impl ImportField {
    /// The usual names of its column, in lower case; the first that a table has is taken.
    #[must_use]
    pub fn usual_columns(self) -> &'static [&'static str] {
        match self {
            Self::Id => &["id", "user_seq"],
            Self::ExternalId => &["external_id"],
            Self::Email => &["email", "email_address", "mail", "e_mail"],
            Self::Username => &["username", "user_name", "login", "login_id"],
            Self::Name => &["name", "full_name", "display_name"],
            Self::FirstName => &["first_name"],
            Self::LastName => &["last_name"],
            Self::Phone => &["phone", "phone_number", "mobile"],
            Self::Role => &["role"],
            Self::IsActive => &["is_active", "active"],
            Self::IsStaff => &["is_staff"],
            Self::IsSuperuser => &["is_superuser"],
            Self::Password => &["password"],
            Self::LastLogin => &["last_login", "last_login_at"],
            Self::CreatedAt => &["date_joined", "created_at", "joined_at"],
            // A site may mean something else by it.
            Self::EmailVerified | Self::Claims => &[],
        }
    }
}

/// A row of the source, as text. A truth value is `true`, `t`, `1` or another word; a time is in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceAccount {
    values: [Option<String>; ImportField::ALL.len()],
}

impl SourceAccount {
    /// The value of a field; `None` if it is empty or has no column.
    #[must_use]
    pub fn get(&self, field: ImportField) -> Option<&str> {
        self.values[field as usize]
            .as_deref()
            .filter(|value| !value.trim().is_empty())
    }

    /// Sets the value of a field.
    pub fn set(&mut self, field: ImportField, value: Option<String>) {
        self.values[field as usize] = value;
    }
}

/// A token of the source that has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceToken {
    /// Its id.
    pub jti: String,
    /// The key of its account; `None` if the account was deleted.
    pub owner: Option<String>,
    /// When it expires, as text in UTC.
    pub expires_at: String,
    /// Since when it is blacklisted, as text in UTC.
    pub blacklisted_at: Option<String>,
    /// The signed token. Only its claims are read.
    pub token: String,
}
