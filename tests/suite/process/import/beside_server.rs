//! An import beside a running server, which notices what it changed.

use serde_json::json;

use super::super::client::Pair;
use super::super::place::{PASSWORD, Place};
use super::super::server::eventually;
use super::site::Site;

#[test]
fn a_user_whom_the_site_deactivated_is_refused_by_a_running_server_after_the_import() {
    let (place, site, mut url) = (Place::new(), Site::stock(), String::new());
    place.migrate();
    site.user(7, "ann", "ann@example.org");
    assert_eq!(place.run(&site.import(&mut url, &[])).code, Some(0));
    let set = [
        "user",
        "set-password",
        "--password-stdin",
        "--email",
        "ann@example.org",
    ];
    place.done(&set, PASSWORD);

    let server = place.serve();
    let mut client = server.client();
    let body = json!({"username": "ann", "password": PASSWORD, "user_type": "user"});
    let pair = Pair::of(&client.post("/auth/login", &[], &body));
    assert_eq!(
        client.get("/api/me", &pair.access).body["data"]["user_seq"],
        7
    );

    site.set(7, &format!("is_active = {}", site.truth(false)));
    let report = place.json(&site.import(&mut url, &[]), "");
    assert_eq!(report["users"]["updated"], 1, "{report}");
    // Until it has read the change, the server accepts the token.
    eventually(|| client.get("/api/me", &pair.access).status == 401);
    assert_eq!(client.refresh(&pair.refresh).status, 401);
    server.stop();
}
