//! The fields of an account that imports compare: as the source has them now, as the last import wrote them, and as they are
//! here. A field is changed only where the source has changed it and nobody has changed it here.

use serde::{Deserialize, Serialize};

use crate::domain::import::ImportField;
use crate::services::import::values::digest_of;
use crate::store::client_users::ClientRow;
use crate::store::users::UserRow;

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet(u32);

impl FieldSet {
    pub(super) fn insert(&mut self, field: ImportField) {
        self.0 |= 1 << field as u32;
    }

    pub(super) fn remove(&mut self, field: ImportField) {
        self.0 &= !(1 << field as u32);
    }

    pub(super) fn contains(self, field: ImportField) -> bool {
        self.0 & (1 << field as u32) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The fields as texts. Stored as JSON; a password is stored as a digest of its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email_verified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_active: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claims: Option<String>,
}

/// The fields that are compared.
const COMPARED: [ImportField; 10] = [
    ImportField::ExternalId,
    ImportField::Email,
    ImportField::EmailVerified,
    ImportField::Username,
    ImportField::Name,
    ImportField::Phone,
    ImportField::Role,
    ImportField::IsActive,
    ImportField::Password,
    ImportField::Claims,
];

impl Fields {
    /// The stored JSON; one that cannot be read has no fields.
    pub(super) fn from_stored(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn get(&self, field: ImportField) -> Option<&String> {
        match field {
            ImportField::ExternalId => self.external_id.as_ref(),
            ImportField::Email => self.email.as_ref(),
            ImportField::EmailVerified => self.email_verified.as_ref(),
            ImportField::Username => self.username.as_ref(),
            ImportField::Name => self.name.as_ref(),
            ImportField::Phone => self.phone.as_ref(),
            ImportField::Role => self.role.as_ref(),
            ImportField::IsActive => self.is_active.as_ref(),
            ImportField::Password => self.password.as_ref(),
            ImportField::Claims => self.claims.as_ref(),
            _ => None,
        }
    }

    fn set(&mut self, field: ImportField, value: Option<String>) {
        match field {
            ImportField::ExternalId => self.external_id = value,
            ImportField::Email => self.email = value,
            ImportField::EmailVerified => self.email_verified = value,
            ImportField::Username => self.username = value,
            ImportField::Name => self.name = value,
            ImportField::Phone => self.phone = value,
            ImportField::Role => self.role = value,
            ImportField::IsActive => self.is_active = value,
            ImportField::Password => self.password = value,
            ImportField::Claims => self.claims = value,
            _ => {}
        }
    }

    /// The same with the values of `last` for fields that are not to be compared.
    pub(super) fn keeping(&self, skipped: FieldSet, last: &Self) -> Self {
        let mut fields = self.clone();
        for field in COMPARED
            .into_iter()
            .filter(|field| skipped.contains(*field))
        {
            fields.set(field, last.get(field).cloned());
        }
        fields
    }
}

impl From<&UserRow> for Fields {
    fn from(row: &UserRow) -> Self {
        Self {
            external_id: row.external_id.clone(),
            email: row.email.clone(),
            email_verified: row.account().email_verified().map(|is| is.to_string()),
            username: row.username.clone(),
            name: Some(row.name.clone()),
            phone: None,
            role: Some(row.role.to_string()),
            is_active: Some(row.is_active.to_string()),
            password: row.password_hash.as_deref().map(digest_of),
            claims: row.claims.as_ref().map(|claims| claims.as_str().to_owned()),
        }
    }
}

impl From<&ClientRow> for Fields {
    fn from(row: &ClientRow) -> Self {
        Self {
            external_id: row.external_id.clone(),
            email: row.email.clone(),
            email_verified: row.account().email_verified().map(|is| is.to_string()),
            username: Some(row.username.clone()),
            name: Some(row.name.clone()),
            phone: row.phone.clone(),
            role: None,
            is_active: Some(row.is_active.to_string()),
            password: row.password_hash.as_deref().map(digest_of),
            claims: row.claims.as_ref().map(|claims| claims.as_str().to_owned()),
        }
    }
}

/// The differences of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Fields that take the value of the source.
    pub(super) changed: FieldSet,
    /// Fields that were changed in the source and here.
    pub(super) kept: FieldSet,
    /// The source has removed the only name that the account here logs in by: it is kept.
    pub(super) keeps_login: bool,
}

/// Compares the source `now`, what the `last` import wrote, and the account `here`.
pub(super) fn compare(now: &Fields, last: &Fields, here: &Fields) -> Differences {
    let mut found = Differences::default();
    for field in COMPARED {
        let (new, old, current) = (now.get(field), last.get(field), here.get(field));
        if new == old || new == current {
            continue;
        }
        if current == old {
            found.changed.insert(field);
        } else {
            found.kept.insert(field);
        }
    }
    let remains = |field| {
        let fields = if found.changed.contains(field) {
            now
        } else {
            here
        };
        fields.get(field).is_some()
    };
    if !remains(ImportField::Email) && !remains(ImportField::Username) {
        for field in [ImportField::Email, ImportField::Username] {
            if found.changed.contains(field) {
                found.changed.remove(field);
                found.kept.insert(field);
                found.keeps_login = true;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_changed_only_where_the_source_changed_it_and_nobody_here() {
        let of = |name: &str, phone: &str| Fields {
            name: Some(name.into()),
            phone: Some(phone.into()),
            ..Fields::default()
        };
        let last = of("Ann", "1");
        let changed = |now: &Fields, here: &Fields| {
            let found = compare(now, &last, here);
            let name = ImportField::Name;
            (found.changed.contains(name), found.kept.contains(name))
        };
        assert_eq!(changed(&of("Ann Lee", "1"), &last), (true, false));
        assert_eq!(changed(&last, &of("Anna", "1")), (false, false));
        assert_eq!(
            changed(&of("Ann Lee", "1"), &of("Anna", "1")),
            (false, true)
        );
        assert_eq!(changed(&of("Anna", "1"), &of("Anna", "1")), (false, false));
        let mut phone = FieldSet::default();
        phone.insert(ImportField::Phone);
        assert_eq!(of("Ann", "2").keeping(phone, &last), last);
    }
}
