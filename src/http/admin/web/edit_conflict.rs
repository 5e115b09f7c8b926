//! A form that was opened before somebody else changed the same person. It carries along what stood in its fields, so that
//! what changed meanwhile is told before it is overwritten. Saving again overwrites it knowingly.

use crate::http::admin::web::{
    events::{field_text, value_text},
    form::Form,
    layout::Layout,
    panel::PanelAdmin,
};

/// What stands in the fields of a person.
#[derive(Clone, Default)]
pub(crate) struct Fields(Vec<(&'static str, String)>);

/// A field that changed while the form was open, in the viewer's words.
pub(crate) struct Meanwhile {
    /// The field's name.
    pub field: String,
    /// What stood there when the form was opened; empty where nothing did, as in the others.
    pub was: String,
    /// What stands there now.
    pub now: String,
    /// What was typed.
    pub typed: String,
}

impl Fields {
    /// Their names and values.
    pub(crate) fn new(fields: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// The same fields as they are typed.
    fn typed(&self, form: &Form<PanelAdmin>) -> Self {
        let typed = |(name, _): &(&'static str, String)| (*name, form.text(name).to_owned());
        Self(self.0.iter().map(typed).collect())
    }

    /// The same fields as they stood when the form was opened; a form that does not say so was opened just now.
    pub(crate) fn seen(&self, form: &Form<PanelAdmin>) -> Self {
        let seen = |(name, now): &(&'static str, String)| {
            let hidden = format!("was_{name}");
            let value = if form.is(&hidden) {
                form.text(&hidden)
            } else {
                now
            };
            (*name, value.to_owned())
        };
        Self(self.0.iter().map(seen).collect())
    }

    /// The fields that stand otherwise now than when the form was opened, and than they are typed.
    pub(crate) fn changed_meanwhile(&self, form: &Form<PanelAdmin>, l: &Layout) -> Vec<Meanwhile> {
        let (seen, typed) = (self.seen(form), self.typed(form));
        let mut changed = Vec::new();
        for (((field, now), (_, was)), (_, typed)) in self.0.iter().zip(&seen.0).zip(&typed.0) {
            if now != was && now != typed {
                changed.push(Meanwhile {
                    field: field_text(l, field),
                    was: value_text(l, field, was),
                    now: value_text(l, field, now),
                    typed: value_text(l, field, typed),
                });
            }
        }
        changed
    }

    /// What the form carries along.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = (String, &str)> {
        let fields = self.0.iter();
        fields.map(|(name, value)| (format!("was_{name}"), value.as_str()))
    }
}
