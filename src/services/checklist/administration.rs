//! Administrators: whether there are any, whether they are active, and how long their sessions in the panel last.

use crate::config::{AdminConfig, Span};
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::{Inputs, days};
use crate::services::checklist::rows::NAMED;
use crate::services::checklist::text::LocalizedText;

// Each pair: the highest value that is fine, and the value beyond which it is a problem.
const IDLE: (Span, Span) = (Span::hours(2), Span::days(1));
const ABSOLUTE: (Span, Span) = (Span::days(1), Span::days(7));
const LINK: (Span, Span) = (Span::days(1), Span::days(7));

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let mut findings = vec![administrators(inputs), idle(inputs)];
    findings.extend(of_settings(&inputs.config.admin));
    findings
}

/// The findings that need only the configuration.
pub(super) fn of_settings(admin: &AdminConfig) -> Vec<Finding> {
    vec![panel_sessions(admin), link_lifetime(admin)]
}

fn administrators(inputs: &Inputs) -> Finding {
    let check = Check::Administrators;
    let count = match &inputs.rows.administrators {
        Err(unknown) => return unknown.finding(check),
        Ok(administrators) => administrators.active,
    };
    let (level, advice) = match count {
        0 => (Level::Problem, "administrators.advice_none"),
        1 => (Level::Advice, "administrators.advice_one"),
        _ => (Level::Ok, "administrators.advice_one"),
    };
    let found = LocalizedText::new("administrators.found").with("count", count);
    Finding::new(check, level, found, LocalizedText::new(advice))
}

fn idle(inputs: &Inputs) -> Finding {
    let check = Check::IdleAdministrators;
    let idle = match &inputs.rows.administrators {
        Err(unknown) => return unknown.finding(check),
        Ok(administrators) => &administrators.idle,
    };
    if !inputs.config.tokens.update_last_login {
        let found = LocalizedText::new("idle_administrators.not_recorded");
        let advice = LocalizedText::new("idle_administrators.advice_not_recorded");
        return Finding::new(check, Level::Advice, found, advice);
    }
    if idle.is_empty() {
        return Finding::ok(check, LocalizedText::new("idle_administrators.none"));
    }
    let shown = idle.iter().take(NAMED).map(|(email, last)| match last {
        Some(at) => format!("{email} ({}d)", days(inputs.now.since(*at))),
        None => format!("{email} (–)"),
    });
    let mut names = shown.collect::<Vec<_>>().join(", ");
    if idle.len() > NAMED {
        names.push_str(", …");
    }
    let found = LocalizedText::new("idle_administrators.found").with("names", names);
    Finding::new(
        check,
        Level::Advice,
        found,
        LocalizedText::new("idle_administrators.advice"),
    )
}

fn panel_sessions(admin: &AdminConfig) -> Finding {
    let idle = Level::up_to(&admin.session_idle, &IDLE.0, &IDLE.1);
    let absolute = Level::up_to(&admin.session_absolute, &ABSOLUTE.0, &ABSOLUTE.1);
    let found = LocalizedText::new("panel_sessions.found")
        .with("idle", admin.session_idle)
        .with("absolute", admin.session_absolute);
    let advice = LocalizedText::new("panel_sessions.advice");
    Finding::new(Check::PanelSessions, idle.max(absolute), found, advice)
}

fn link_lifetime(admin: &AdminConfig) -> Finding {
    let level = Level::up_to(&admin.link_lifetime, &LINK.0, &LINK.1);
    let found = LocalizedText::value(admin.link_lifetime);
    Finding::new(
        Check::LinkLifetime,
        level,
        found,
        LocalizedText::new("link_lifetime.advice"),
    )
}
