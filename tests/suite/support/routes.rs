//! The routes of the server, read from its own registrations, so that a test of all routes includes new ones.

use actix_web::{
    App, HttpRequest, HttpResponse,
    introspection::{IntrospectionNode, IntrospectionTree, ResourceType},
    test::{TestRequest, call_service, init_service},
    web,
};
use munjigi::http::app;

/// A registered path pattern and its methods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// For example `/api/users/{user_seq}`.
    pub pattern: String,
    /// In alphabetical order.
    pub methods: Vec<String>,
}

/// Every route of the server except its static files, which are not registered individually.
pub async fn routes() -> Vec<Route> {
    let list_path = "/list-of-routes";
    let app = App::new()
        .service(web::resource(list_path).to(list_routes))
        .configure(app::routes(None, true));
    let app = init_service(app).await;
    let answer = call_service(&app, TestRequest::get().uri(list_path).to_request()).await;
    let body = actix_web::body::to_bytes(answer.into_body()).await;
    let body = body.unwrap_or_else(|_| panic!("no list of routes"));
    let found: Vec<(String, Vec<String>)> = serde_json::from_slice(&body).unwrap();
    let mut routes: Vec<Route> = found
        .into_iter()
        .filter(|(pattern, _)| pattern != list_path)
        .map(|(pattern, methods)| Route { pattern, methods })
        .collect();
    routes.sort();
    routes
}

async fn list_routes(request: HttpRequest) -> HttpResponse {
    let tree = request.app_data::<web::Data<IntrospectionTree>>().unwrap();
    let mut found = Vec::new();
    collect_routes(&tree.root, &mut found);
    HttpResponse::Ok().json(found)
}

fn collect_routes(node: &IntrospectionNode, found: &mut Vec<(String, Vec<String>)>) {
    if matches!(node.kind, ResourceType::Resource) {
        let mut methods: Vec<String> = node.methods.iter().map(ToString::to_string).collect();
        methods.sort();
        methods.dedup();
        found.push((node.full_path.clone(), methods));
    }
    for child in &node.children {
        collect_routes(child, found);
    }
}
