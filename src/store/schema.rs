//! The tables, as `diesel print-schema` gives them for either database (but for its type aliases). A test compares.

diesel::table! {
    blacklisted_tokens (jti) {
        jti -> Text,
        session_id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        reason -> Text,
        blacklisted_at -> Timestamp,
        expires_at -> Timestamp,
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
    rate_limits (bucket) {
        bucket -> Text,
        hits -> BigInt,
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
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    blacklisted_tokens,
    client_users,
    otp_challenges,
    outstanding_tokens,
    rate_limits,
    sessions,
    users,
);
