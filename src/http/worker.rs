//! What a worker of the server has for itself.

use std::{borrow::Cow, cell::OnceCell};

use actix_web::{
    HttpRequest,
    dev::{ResourceMap, ServiceRequest},
    http::Uri,
    web,
};

use crate::services::Services;
use crate::services::metrics::requests::WorkerRequests;

/// What the requests of one worker share.
pub(super) struct Worker {
    /// The services. Cores that count the references of one `Arc` in every request wait for each other, so this one is cloned
    /// once for each worker.
    pub services: web::Data<Services>,
    /// Counts the requests.
    pub requests: WorkerRequests,
    /// The routes, from the first request on.
    routes: OnceCell<ResourceMap>,
    /// Whether none of the routes has parameters, so that the path of a request is its pattern.
    is_fixed: bool,
}

impl Worker {
    pub(super) fn new(services: web::Data<Services>, is_fixed: bool) -> Self {
        Self {
            services,
            requests: WorkerRequests::default(),
            routes: OnceCell::new(),
            is_fixed,
        }
    }

    /// Remembers the routes of the server.
    pub(super) fn see_routes(&self, request: &ServiceRequest) {
        self.routes.get_or_init(|| request.resource_map().clone());
    }

    /// The pattern of a request. Empty if there is none.
    pub(super) fn pattern<'a>(&self, request: &'a HttpRequest) -> Cow<'a, str> {
        if self.is_fixed {
            return request.path().into();
        }
        request.match_pattern().unwrap_or_default().into()
    }

    /// The pattern of an address, for a request that has been dropped. Empty if there is none.
    pub(super) fn pattern_of(&self, uri: &Uri) -> String {
        let routes = self.routes.get();
        routes
            .and_then(|routes| routes.match_pattern(uri.path()))
            .unwrap_or_default()
    }
}
