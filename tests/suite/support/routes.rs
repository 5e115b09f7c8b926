//! Which routes the server has: asked of its own registrations, so that a new one cannot be forgotten.

use actix_web::{
    App, HttpRequest, HttpResponse,
    introspection::{IntrospectionNode, IntrospectionTree, ResourceType},
    test::{TestRequest, call_service, init_service},
    web,
};
use munjigi::http::app;

/// A path as it is registered, with the methods that it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Such as `/api/users/{user_seq}`.
    pub pattern: String,
    /// In alphabetical order.
    pub methods: Vec<String>,
}

/// Every route that the server registers, but for its static files, which are no routes of their own.
pub async fn routes() -> Vec<Route> {
    let root = tempfile::tempdir().unwrap();
    let asked = "/routes-are-asked-here";
    let app = App::new()
        .service(web::resource(asked).to(tell))
        .configure(app::routes(root.path()));
    let app = init_service(app).await;
    let answer = call_service(&app, TestRequest::get().uri(asked).to_request()).await;
    let body = actix_web::body::to_bytes(answer.into_body()).await;
    let body = body.unwrap_or_else(|_| panic!("no routes"));
    let told: Vec<(String, Vec<String>)> = serde_json::from_slice(&body).unwrap();
    let mut routes: Vec<Route> = told
        .into_iter()
        .filter(|(pattern, _)| pattern != asked)
        .map(|(pattern, methods)| Route { pattern, methods })
        .collect();
    routes.sort();
    routes
}

async fn tell(request: HttpRequest) -> HttpResponse {
    let tree = request.app_data::<web::Data<IntrospectionTree>>().unwrap();
    let mut told = Vec::new();
    gather(&tree.root, &mut told);
    HttpResponse::Ok().json(told)
}

fn gather(node: &IntrospectionNode, told: &mut Vec<(String, Vec<String>)>) {
    if matches!(node.kind, ResourceType::Resource) {
        let mut methods: Vec<String> = node.methods.iter().map(ToString::to_string).collect();
        methods.sort();
        methods.dedup();
        told.push((node.full_path.clone(), methods));
    }
    for child in &node.children {
        gather(child, told);
    }
}
