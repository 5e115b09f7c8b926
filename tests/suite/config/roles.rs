//! `[roles]`.

use munjigi::domain::account::Role;

use super::support::*;

const ADMIN: &str = "admin = { panel = \"write\", api = \"write\" }";

#[test]
fn a_section_replaces_the_built_in_roles() {
    let file =
        format!("[roles]\n{ADMIN}\n\"team.lead\" = {{ api = \"read\", label_ko = \"팀장\" }}");
    let config = load(&file, &[]).unwrap();
    assert_eq!(config.roles.names(), ["admin", "team.lead"]);
    assert!(!config.roles.contains(&Role::STAFF));
    let rights = config.roles.rights(&Role::parse("team.lead").unwrap());
    assert_eq!(
        (rights.panel, rights.api),
        (PanelAccess::None, ApiAccess::Read)
    );
    assert_eq!(load(&config.to_toml(), &[]), Ok(config));
    assert_eq!(load("[roles]", &[]).unwrap().roles, RolesConfig::default());
}

#[test]
fn wrong_roles_are_refused() {
    for (line, key, words) in [
        ("\"team lead\" = {}", "roles.team lead", "A-Z a-z 0-9 _ - ."),
        (
            "boss = { panel = \"all\" }",
            "roles.boss.panel",
            "`none`, `read`, `write`",
        ),
        (
            "boss = { web = \"read\" }",
            "roles.boss",
            "unknown key `web`",
        ),
        ("boss = \"write\"", "roles.boss", ""),
        (
            "boss = { label_en = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" }",
            "roles.boss.label_en",
            "1 to 50",
        ),
    ] {
        let message = load(&format!("[roles]\n{ADMIN}\n{line}"), &[]).unwrap_err();
        assert!(
            message.contains(key) && message.contains(words),
            "{line}: {message}"
        );
    }
    refused_for(&[(
        "[roles]\nadmin = { panel = \"write\", api = \"read\" }",
        "roles",
        "no role has all rights",
    )]);
    refused_env(
        "MUNJIGI_ROLES__ADMIN",
        "write",
        "MUNJIGI_ROLES__ADMIN: roles can be set in the file only: write them below `[roles]`",
    );
}
