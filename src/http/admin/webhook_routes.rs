//! Every path of the pages of webhooks.

use actix_web::Resource;

use crate::http::admin::pages::{webhook_deliveries, webhook_list, webhooks};
use crate::http::admin::web::resource::{get, post, resource};
use crate::http::admin::webhook_paths;

/// The routes.
pub(super) fn pages() -> Vec<Resource> {
    let number = "{number:\\d+}";
    vec![
        resource(webhook_paths::WEBHOOKS, [get(webhook_list::list)]),
        resource(webhook_paths::WEBHOOKS_EXPORT, [get(webhook_list::export)]),
        resource(
            webhook_paths::NEW_WEBHOOK,
            [get(webhooks::new_form), post(webhooks::create)],
        ),
        resource(
            webhook_paths::webhook(number),
            [get(webhooks::show), post(webhooks::update)],
        ),
        resource(
            webhook_paths::webhook_secret(number),
            [get(webhooks::confirm_secret), post(webhooks::rotate_secret)],
        ),
        resource(
            webhook_paths::shown_webhook_secret(number),
            [get(webhooks::show_secret)],
        ),
        resource(
            webhook_paths::activate_webhook(number),
            [post(webhooks::activate)],
        ),
        resource(
            webhook_paths::deactivate_webhook(number),
            [
                get(webhooks::confirm_deactivation),
                post(webhooks::deactivate),
            ],
        ),
        resource(
            webhook_paths::delete_webhook(number),
            [get(webhooks::confirm_delete), post(webhooks::delete)],
        ),
        resource(
            webhook_paths::test_webhook(number),
            [post(webhook_deliveries::test)],
        ),
        resource(
            webhook_paths::resend_webhook(number),
            [post(webhook_deliveries::resend)],
        ),
        resource(
            webhook_paths::resend_dead_webhooks(number),
            [post(webhook_deliveries::resend_dead)],
        ),
    ]
}
