//! The scopes of a service on its pages: those of the admin API as boxes with a text, all others as words.

use crate::domain::admin_scope::AdminScope;
use crate::domain::problem::Problem;
use crate::domain::service::Scopes;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::PanelAdmin;

/// The scopes of a form.
#[derive(Default)]
pub(crate) struct ScopeFields {
    /// The scopes as words, without those that have a box.
    pub words: String,
    /// The scopes whose box is checked.
    checked: Vec<String>,
}

impl ScopeFields {
    /// As they were entered.
    pub(crate) fn of(form: &Form<PanelAdmin>) -> Self {
        let checked = form.all("admin_scopes").into_iter();
        Self {
            words: form.text("scopes").to_owned(),
            checked: checked.map(str::to_owned).collect(),
        }
    }

    /// Those of a service.
    pub(crate) fn of_service(scopes: &Scopes) -> Self {
        let has_box = |scope: &&str| AdminScope::NAMES.contains(scope);
        let (checked, words): (Vec<&str>, Vec<&str>) = scopes.iter().partition(has_box);
        Self {
            words: words.join(" "),
            checked: checked.into_iter().map(str::to_owned).collect(),
        }
    }

    /// All of them.
    pub(crate) fn parse(&self) -> Result<Scopes, Problem> {
        Scopes::parse(&format!("{} {}", self.words, self.checked.join(" ")))
    }

    /// The scopes of the admin API with their texts, and whether they are checked.
    pub(crate) fn choices(&self, l: &Layout) -> Vec<(&'static str, String, bool)> {
        let is_checked = |name: &str| self.checked.iter().any(|one| one == name);
        let names = AdminScope::NAMES.iter();
        names
            .map(|name| (*name, l.word("admin_scope", name), is_checked(name)))
            .collect()
    }

    /// The texts and names of those of the admin API.
    pub(crate) fn of_admin_api(&self, l: &Layout) -> Vec<(String, &'static str)> {
        let choices = self.choices(l).into_iter();
        choices
            .filter_map(|(name, text, is_checked)| is_checked.then_some((text, name)))
            .collect()
    }
}
