//! `[language]`: the default language.

use serde::{Deserialize, Serialize};

use crate::domain::language::Language;

/// The default language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LanguageConfig {
    /// Used if a request accepts none of the supported languages.
    pub default: Language,
}
