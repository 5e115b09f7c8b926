//! The tables as printed by `diesel print-schema` for either database, apart from its type aliases. A test compares
//! them.

diesel::table! {
    audit_chain (id) {
        id -> BigInt,
        first_position -> BigInt,
        base_link_mac -> Text,
        last_position -> BigInt,
        last_link_mac -> Text,
        backfilled_id -> BigInt,
        backfill_end_id -> BigInt,
        mac -> Text,
    }
}

diesel::table! {
    audit_chain_links (event_id) {
        event_id -> BigInt,
        event_mac -> Text,
        position -> Nullable<BigInt>,
        link_mac -> Nullable<Text>,
    }
}

diesel::table! {
    audit_events (id) {
        id -> BigInt,
        happened_at -> Timestamp,
        source -> Text,
        actor_type -> Nullable<Text>,
        actor_seq -> Nullable<BigInt>,
        actor_name -> Nullable<Text>,
        action -> Text,
        outcome -> Text,
        subject_type -> Nullable<Text>,
        subject_seq -> Nullable<BigInt>,
        subject_name -> Nullable<Text>,
        session_id -> Nullable<Text>,
        changes -> Text,
        ip_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        request_id -> Nullable<Text>,
        search_text -> Text,
    }
}

diesel::table! {
    audit_outbox (event_id) {
        event_id -> BigInt,
    }
}

diesel::table! {
    blacklisted_tokens (jti) {
        jti -> Text,
        session_id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        reason -> Text,
        successor -> Nullable<Text>,
        blacklisted_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    browser_sessions (id) {
        id -> Text,
        token_hash -> Text,
        user_seq -> BigInt,
        ip_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamp,
        last_used_at -> Timestamp,
        expires_at -> Timestamp,
        absolute_expires_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
        authenticated_at -> Nullable<Timestamp>,
        shown_once -> Nullable<Text>,
    }
}

diesel::table! {
    client_users (id) {
        id -> BigInt,
        username -> Text,
        username_normalized -> Text,
        external_id -> Nullable<Text>,
        name -> Text,
        name_normalized -> Text,
        email -> Nullable<Text>,
        email_normalized -> Nullable<Text>,
        phone -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        is_active -> Bool,
        last_login_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        search_text -> Text,
        claims -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    deliveries (id) {
        id -> Text,
        kind -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        channel -> Text,
        recipient -> Nullable<Text>,
        state -> Text,
        reason -> Nullable<Text>,
        attempts -> BigInt,
        created_at -> Timestamp,
        heartbeat_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    device_tokens (nonce) {
        nonce -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        issued_at -> Timestamp,
        expires_at -> Timestamp,
        presented_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    django_tokens (jti) {
        jti -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        expires_at -> Timestamp,
        blacklisted_at -> Nullable<Timestamp>,
        session_id -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_keys (key_mac) {
        key_mac -> Text,
        request_mac -> Text,
        answer -> Nullable<Text>,
        locked_until -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    imported_accounts (user_type, user_seq) {
        user_type -> Text,
        user_seq -> BigInt,
        source -> Text,
        fields -> Text,
        imported_at -> Timestamp,
        tokens_not_before -> Nullable<Timestamp>,
    }
}

diesel::table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        state -> Text,
        started_by -> Nullable<Text>,
        total -> BigInt,
        done -> BigInt,
        stop_requested -> Bool,
        details -> Text,
        started_at -> Timestamp,
        heartbeat_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    otp_challenges (id) {
        id -> Text,
        user_seq -> BigInt,
        requested_by -> Text,
        code_hash -> Text,
        attempts -> BigInt,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    outstanding_tokens (jti) {
        jti -> Text,
        session_id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    panel_preferences (user_seq) {
        user_seq -> BigInt,
        language -> Nullable<Text>,
        theme -> Text,
        time_zone -> Nullable<Text>,
        views -> Nullable<Text>,
    }
}

diesel::table! {
    passkey_challenges (challenge_hash) {
        challenge_hash -> Text,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    passkey_handles (handle) {
        handle -> Text,
        user_type -> Text,
        user_seq -> BigInt,
    }
}

diesel::table! {
    passkeys (id) {
        id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        credential_id -> Text,
        public_key -> Text,
        sign_count -> BigInt,
        name -> Text,
        transports -> Text,
        is_backup_eligible -> Bool,
        is_backed_up -> Bool,
        created_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    rate_limits (bucket) {
        bucket -> Text,
        kind -> Nullable<Text>,
        user_type -> Nullable<Text>,
        subject -> Nullable<Text>,
        hits -> BigInt,
        expires_at -> Timestamp,
        locked_at -> Nullable<Timestamp>,
        locked_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    recovery_codes (user_type, user_seq, code_hash) {
        user_type -> Text,
        user_seq -> BigInt,
        code_hash -> Text,
        created_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    revocations (id) {
        id -> BigInt,
        xact -> BigInt,
        session_id -> Nullable<Text>,
        user_type -> Text,
        user_seq -> BigInt,
        reason -> Text,
        revoked_at -> Timestamp,
        expires_at -> Timestamp,
        status_index -> Nullable<BigInt>,
    }
}

diesel::table! {
    schema_compatibility (id) {
        id -> BigInt,
        oldest_version -> Text,
    }
}

diesel::table! {
    second_factor_challenges (id_hash) {
        id_hash -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        purpose -> Text,
        is_set_up -> Bool,
        method -> Text,
        attempts -> BigInt,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    services (id) {
        id -> BigInt,
        name -> Text,
        description -> Text,
        secret_hash -> Text,
        scopes -> Text,
        is_active -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        method -> Text,
        ip_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamp,
        last_used_at -> Timestamp,
        last_ip_address -> Nullable<Text>,
        last_user_agent -> Nullable<Text>,
        refreshes -> Nullable<BigInt>,
        expires_at -> Timestamp,
        absolute_expires_at -> Timestamp,
        access_expires_at -> Nullable<Timestamp>,
        access_used_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
        reused_jti -> Nullable<Text>,
        kid -> Nullable<Text>,
        status_index -> Nullable<BigInt>,
        authenticated_at -> Nullable<Timestamp>,
        amr -> Nullable<Text>,
    }
}

diesel::table! {
    set_up_links (token_hash) {
        token_hash -> Text,
        purpose -> Text,
        user_type -> Nullable<Text>,
        user_seq -> Nullable<BigInt>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
        email -> Nullable<Text>,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        state -> Text,
        private_key -> Text,
        public_jwk -> Nullable<Text>,
        master_key_id -> Text,
        created_at -> Timestamp,
        published_at -> Timestamp,
        activated_at -> Nullable<Timestamp>,
        retired_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        expires_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    status_indexes (id) {
        id -> BigInt,
        next_index -> BigInt,
    }
}

diesel::table! {
    totp_factors (user_type, user_seq) {
        user_type -> Text,
        user_seq -> BigInt,
        sealed_secret -> Text,
        last_used_step -> BigInt,
        created_at -> Timestamp,
        confirmed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Nullable<Text>,
        email_normalized -> Nullable<Text>,
        username -> Nullable<Text>,
        username_normalized -> Nullable<Text>,
        external_id -> Nullable<Text>,
        name -> Text,
        name_normalized -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        is_active -> Bool,
        last_login_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        search_text -> Text,
        claims -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> BigInt,
        endpoint_id -> BigInt,
        message_id -> Text,
        event_type -> Text,
        account -> Nullable<Text>,
        body -> Text,
        state -> Text,
        attempts -> BigInt,
        due_at -> Timestamp,
        retry_until -> Timestamp,
        created_at -> Timestamp,
        attempted_at -> Nullable<Timestamp>,
        reason -> Nullable<Text>,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    webhook_endpoints (id) {
        id -> BigInt,
        name -> Text,
        url -> Text,
        events -> Text,
        secret -> Text,
        previous_secret -> Nullable<Text>,
        previous_until -> Nullable<Timestamp>,
        is_active -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    audit_chain,
    audit_chain_links,
    audit_events,
    audit_outbox,
    blacklisted_tokens,
    browser_sessions,
    client_users,
    deliveries,
    device_tokens,
    django_tokens,
    idempotency_keys,
    imported_accounts,
    jobs,
    otp_challenges,
    outstanding_tokens,
    panel_preferences,
    passkey_challenges,
    passkey_handles,
    passkeys,
    rate_limits,
    recovery_codes,
    revocations,
    schema_compatibility,
    second_factor_challenges,
    services,
    sessions,
    set_up_links,
    signing_keys,
    status_indexes,
    totp_factors,
    users,
    webhook_deliveries,
    webhook_endpoints,
);
