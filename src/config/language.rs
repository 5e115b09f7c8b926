//! `[language]`: the language for callers who name none. The languages themselves are [`crate::domain::language`]'s.

use serde::{Deserialize, Serialize};

use crate::domain::language::Language;

/// The language for callers who name none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LanguageConfig {
    /// What is spoken when a caller asks for no language, or for none that munjigi speaks.
    pub default: Language,
}
