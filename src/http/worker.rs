//! What a worker of the server has for itself.

use actix_web::web;

use crate::services::Services;
use crate::services::metrics::requests::WorkerRequests;

/// What the requests of one worker share.
pub(super) struct Worker {
    /// The services. Cores that count the references of one `Arc` in every request wait for each other, so this one is cloned
    /// once for each worker.
    pub services: web::Data<Services>,
    /// Counts the requests.
    pub requests: WorkerRequests,
}

impl Worker {
    pub(super) fn new(services: web::Data<Services>) -> Self {
        Self {
            services,
            requests: WorkerRequests::default(),
        }
    }
}
