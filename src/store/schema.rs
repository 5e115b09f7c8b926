//! The tables, as `diesel print-schema` gives them for either database (but for its type aliases). A test compares.

diesel::table! {
    audit_chain (id) {
        id -> BigInt,
        first_position -> BigInt,
        base_seal -> Text,
        last_position -> BigInt,
        last_seal -> Text,
        adopted -> BigInt,
        adopt_to -> BigInt,
        mark -> Text,
    }
}

diesel::table! {
    audit_events (id) {
        id -> BigInt,
        happened_at -> Timestamp,
        door -> Text,
        actor_type -> Nullable<Text>,
        actor_seq -> Nullable<BigInt>,
        actor_name -> Nullable<Text>,
        action -> Text,
        outcome -> Text,
        subject_type -> Nullable<Text>,
        subject_seq -> Nullable<BigInt>,
        subject_name -> Nullable<Text>,
        changes -> Text,
        ip_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        request_id -> Nullable<Text>,
        search_text -> Text,
        session_id -> Nullable<Text>,
    }
}

diesel::table! {
    audit_seals (event_id) {
        event_id -> BigInt,
        mark -> Text,
        position -> Nullable<BigInt>,
        seal -> Nullable<Text>,
    }
}

diesel::table! {
    blacklisted_tokens (jti) {
        jti -> Text,
        session_id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        reason -> Text,
        blacklisted_at -> Timestamp,
        expires_at -> Timestamp,
        successor -> Nullable<Text>,
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
    }
}

diesel::table! {
    client_users (id) {
        id -> BigInt,
        username -> Text,
        username_normalized -> Text,
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
        search_text -> Nullable<Text>,
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
        seen_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    otp_challenges (id) {
        id -> Text,
        username_normalized -> Text,
        user_seq -> Nullable<BigInt>,
        code_hash -> Text,
        attempts -> BigInt,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    otp_deliveries (id) {
        id -> Text,
        user_seq -> BigInt,
        channel -> Text,
        recipient -> Nullable<Text>,
        outcome -> Text,
        reason -> Nullable<Text>,
        delivered_at -> Timestamp,
        expires_at -> Timestamp,
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
    }
}

diesel::table! {
    rate_limits (bucket) {
        bucket -> Text,
        hits -> BigInt,
        expires_at -> Timestamp,
        kind -> Nullable<Text>,
        user_type -> Nullable<Text>,
        subject -> Nullable<Text>,
        locked_at -> Nullable<Timestamp>,
        locked_until -> Nullable<Timestamp>,
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
        expires_at -> Timestamp,
        absolute_expires_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
        last_ip_address -> Nullable<Text>,
        last_user_agent -> Nullable<Text>,
        access_expires_at -> Nullable<Timestamp>,
        access_used_at -> Nullable<Timestamp>,
        reused_jti -> Nullable<Text>,
        refreshes -> Nullable<BigInt>,
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
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Text,
        email_normalized -> Text,
        name -> Text,
        name_normalized -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        is_active -> Bool,
        last_login_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        search_text -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    audit_chain,
    audit_events,
    audit_seals,
    blacklisted_tokens,
    browser_sessions,
    client_users,
    jobs,
    otp_challenges,
    otp_deliveries,
    outstanding_tokens,
    panel_preferences,
    rate_limits,
    revocations,
    sessions,
    set_up_links,
    users,
);
