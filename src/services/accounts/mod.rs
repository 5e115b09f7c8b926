//! Internal users and external clients: create, change, delete, list, set passwords, and bulk changes.

pub mod all_sessions;
pub mod bulk;
pub mod bulk_request;
pub mod bulk_work;
pub mod by_service;
pub mod change_notices;
pub mod changes;
pub mod client_user_changes;
pub mod client_users;
pub mod current_password;
pub mod email_change;
pub mod first_admin_link;
pub mod invitations;
pub mod lifecycle;
pub mod lists;
pub mod login_status;
pub mod own_account;
pub mod password_links;
pub mod reauthentication;
pub mod reset_request;
pub mod role_renaming;
pub mod step_up;
pub mod taken;
pub mod user_changes;
pub mod users;
