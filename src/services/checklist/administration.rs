//! Administrators: whether there are any, whether they are active, and how long their sessions in the panel last.

use crate::config::{AdminConfig, SecondFactorDuty, Span};
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::{Inputs, days};
use crate::services::checklist::rows::{Administrators, NAMED};
use crate::services::checklist::text::LocalizedText;
use crate::services::checklist::unknown::Unknown;

// Each pair: the highest value that is fine, and the value beyond which it is a problem.
const IDLE: (Span, Span) = (Span::hours(2), Span::days(1));
const ABSOLUTE: (Span, Span) = (Span::days(1), Span::days(7));
const LINK: (Span, Span) = (Span::days(1), Span::days(7));

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let (rows, admin) = (&inputs.rows.administrators, &inputs.config.admin);
    vec![
        Unknown::or(Check::Administrators, rows, administrators),
        Unknown::or(Check::IdleAdministrators, rows, |rows| idle(inputs, rows)),
        Unknown::or(Check::SecondFactor, rows, |rows| {
            second_factor(inputs, rows)
        }),
        Unknown::or(Check::LostApps, &inputs.rows.lost_apps, |apps| {
            lost_apps(*apps)
        }),
        Unknown::or(Check::Roles, rows, roles),
        panel_sessions(admin),
        link_lifetime(admin),
    ]
}

fn administrators(rows: &Administrators) -> Finding {
    let (level, advice) = match rows.active {
        0 => (Level::Problem, "administrators.advice_none"),
        1 => (Level::Advice, "administrators.advice_one"),
        _ => (Level::Ok, "administrators.advice_one"),
    };
    let found = LocalizedText::new("administrators.found").with("count", rows.active);
    Finding::new(Check::Administrators, level, found, advice)
}

fn second_factor(inputs: &Inputs, rows: &Administrators) -> Finding {
    let check = Check::SecondFactor;
    if rows.without_factor == 0 {
        return Finding::ok(check, "second_factor.all");
    }
    let found = LocalizedText::new("second_factor.found").with("count", rows.without_factor);
    let advice = match inputs.config.login.second_factor {
        SecondFactorDuty::Optional => "second_factor.advice",
        // They set one up at their next login.
        SecondFactorDuty::Administrators | SecondFactorDuty::All => "second_factor.advice_duty",
    };
    Finding::new(check, Level::Advice, found, advice)
}

fn lost_apps(apps: usize) -> Finding {
    if apps == 0 {
        return Finding::ok(Check::LostApps, "lost_apps.none");
    }
    let found = LocalizedText::new("lost_apps.found").with("count", apps);
    Finding::new(Check::LostApps, Level::Advice, found, "lost_apps.advice")
}

fn roles(rows: &Administrators) -> Finding {
    let names = &rows.unknown_roles;
    if names.is_empty() {
        return Finding::ok(Check::Roles, "roles.none");
    }
    let found = LocalizedText::new("roles.found").with("names", names.join(", "));
    Finding::new(Check::Roles, Level::Advice, found, "roles.advice")
}

fn idle(inputs: &Inputs, Administrators { idle, .. }: &Administrators) -> Finding {
    let check = Check::IdleAdministrators;
    if !inputs.config.tokens.update_last_login {
        let found = "idle_administrators.not_recorded";
        let advice = "idle_administrators.advice_not_recorded";
        return Finding::new(check, Level::Advice, found, advice);
    }
    if idle.is_empty() {
        return Finding::ok(check, "idle_administrators.none");
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
    let advice = "idle_administrators.advice";
    Finding::new(check, Level::Advice, found, advice)
}

fn panel_sessions(admin: &AdminConfig) -> Finding {
    let idle = Level::up_to(admin.session_idle, IDLE);
    let absolute = Level::up_to(admin.session_absolute, ABSOLUTE);
    let found = LocalizedText::new("panel_sessions.found")
        .with("idle", admin.session_idle)
        .with("absolute", admin.session_absolute);
    let (level, advice) = (idle.max(absolute), "panel_sessions.advice");
    Finding::new(Check::PanelSessions, level, found, advice)
}

fn link_lifetime(admin: &AdminConfig) -> Finding {
    let level = Level::up_to(admin.link_lifetime, LINK);
    let found = LocalizedText::value(admin.link_lifetime);
    Finding::new(Check::LinkLifetime, level, found, "link_lifetime.advice")
}
