//! Values of `[tokens]` that are rejected by the checks: keys and claims.

use super::support::*;

#[test]
fn an_unknown_algorithm_or_a_rotation_that_cannot_be_is_rejected() {
    refused_for(&[
        (
            "[tokens]\nalgorithm = 'none'",
            "tokens.algorithm",
            "unsigned tokens: give one of `HS256`",
        ),
        (
            "[tokens]\nalgorithm = 'hs256'",
            "tokens.algorithm",
            "give one of `HS256`",
        ),
        (
            "[tokens]\nrotate_keys_every = '59m'",
            "tokens.rotate_keys_every",
            "1h to 3650d",
        ),
        (
            "[tokens]\nrotate_keys_every = '1h'\njwks_max_age = '2h'",
            "tokens.rotate_keys_every",
            "is shorter than `tokens.jwks_max_age` (2h)",
        ),
        (
            "[tokens]\nrotate_keys_every = '90d'\nkeys = ['k']",
            "tokens.rotate_keys_every",
            "the keys are files",
        ),
        (
            "[tokens]\njwks_max_age = '25h'",
            "tokens.jwks_max_age",
            "0s to 1d",
        ),
    ]);
}

#[test]
fn claims_with_a_reserved_name_are_rejected() {
    refused_for(&[
        (
            "[tokens]\nuser_id_claim = 'sub'",
            "tokens.user_id_claim",
            "`user_seq`",
        ),
        (
            "[tokens]\nuser_id_claim = 'email'",
            "tokens.user_id_claim",
            "reserved claim: give another name",
        ),
        (
            "[tokens]\nuser_id_claim = 'a b'",
            "tokens.user_id_claim",
            "1 to 64",
        ),
        (
            "[tokens]\nuser_id_claim = ''",
            "tokens.user_id_claim",
            "1 to 64",
        ),
        (
            "[tokens.extra_claims]\nexp = 1",
            "tokens.extra_claims.exp",
            "another name",
        ),
        (
            "[tokens.extra_claims]\nuser_seq = 1",
            "tokens.extra_claims.user_seq",
            "another name",
        ),
        (
            "[tokens.extra_claims]\nrole = 'x'",
            "tokens.extra_claims.role",
            "another name",
        ),
        (
            "[tokens.extra_claims]\na = [1]",
            "tokens.extra_claims.a",
            "text, a number",
        ),
        (
            "[tokens.extra_claims]\na = nan",
            "tokens.extra_claims.a",
            "text, a number",
        ),
        ("[tokens]\naudience = ['']", "tokens.audience", "empty"),
        (
            "[tokens]\nauth_header_types = []",
            "tokens.auth_header_types",
            "1 to 8",
        ),
        (
            "[tokens]\nauth_header_types = ['Bearer x']",
            "tokens.auth_header_types",
            "RFC 9110",
        ),
    ]);
}
