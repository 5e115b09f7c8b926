//! The question before a bulk action: how many sessions of how many accounts end.

use munjigi::domain::account::Role;

use super::bulk::{matching, select};
use crate::support::App;

#[tokio::test]
async fn the_question_names_the_sessions_and_accounts_that_are_cut_off() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.again().await;
    let quiet = app.make_user("quiet", Role::STAFF).await;
    // Sessions in the panel count, those of clients with the same number do not.
    app.signed_in("vera", Role::AUDITOR).await;
    app.client("acme").await;
    app.client("other").await.again().await;

    let ends = async |action: &str, ids: &[i64]| {
        let page = select(&root, "users", action, ids).await;
        page.assert(200).text("#ends")
    };
    assert_eq!(
        ends("deactivate", &[quiet]).await,
        "There are no active sessions."
    );
    assert_eq!(ends("end_sessions", &[bob.seq]).await, "Ends 1 session.");
    assert_eq!(
        ends("delete", &[ann.seq, quiet]).await,
        "Ends 2 sessions of 1 account."
    );
    assert_eq!(
        ends("delete", &[ann.seq, bob.seq]).await,
        "Ends 3 sessions of 2 accounts."
    );

    // All but the own account.
    for (action, query) in [("deactivate", ""), ("delete", "active=yes")] {
        let page = matching(&root, "users", action, query).await;
        assert_eq!(page.text("#ends"), "Ends 4 sessions of 3 accounts.");
    }
    let page = matching(&root, "users", "end_sessions", "search=ann").await;
    assert_eq!(page.text("#ends"), "Ends 2 sessions of 1 account.");
    let page = matching(&root, "clients", "end_sessions", "").await;
    assert_eq!(page.text("#ends"), "Ends 3 sessions of 2 accounts.");

    // Activating ends nothing.
    select(&root, "users", "deactivate", &[bob.seq])
        .await
        .assert(200);
    app.execute("UPDATE users SET is_active = false WHERE name = 'bob'")
        .await;
    let page = select(&root, "users", "activate", &[bob.seq]).await;
    assert!(!page.assert(200).has("#ends"));
}
