//! An application of which each worker builds only a part at the start, and all routes with the first request for one of the
//! others: building all of them takes a fifth of the time of the start, for each worker.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::Request;
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::{
    Error as ActixError,
    dev::{AppConfig, ServiceResponse},
    error::ErrorInternalServerError,
};
use futures_util::future::{Either, FutureExt, LocalBoxFuture};
use tokio::sync::OnceCell;

/// Makes the application of a worker.
pub(super) struct LazyRoutes<A, F> {
    /// The part that is built at the start.
    pub(super) first: A,
    /// Whether that part has this path.
    pub(super) is_first: fn(&str) -> bool,
    /// Makes the application with all routes.
    pub(super) all: F,
}

/// The application of a worker.
pub(super) struct LazyService<A, F>
where
    A: ServiceFactory<Request>,
{
    first: A::Service,
    is_first: fn(&str) -> bool,
    all: Rc<All<A, F>>,
}

/// All routes, once they were needed.
struct All<A, F>
where
    A: ServiceFactory<Request>,
{
    make: F,
    config: AppConfig,
    service: OnceCell<A::Service>,
}

impl<A, F, I, B> ServiceFactory<Request> for LazyRoutes<A, F>
where
    A: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = ActixError,
        > + 'static,
    F: Fn() -> I + Clone + 'static,
    I: IntoServiceFactory<A, Request> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = ActixError;
    type Config = AppConfig;
    type Service = LazyService<A, F>;
    type InitError = A::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, A::InitError>>;

    fn new_service(&self, config: AppConfig) -> Self::Future {
        let (is_first, make) = (self.is_first, self.all.clone());
        let first = self.first.new_service(config.clone());
        async move {
            let all = All {
                make,
                config,
                service: OnceCell::new(),
            };
            Ok(LazyService {
                first: first.await?,
                is_first,
                all: Rc::new(all),
            })
        }
        .boxed_local()
    }
}

impl<A, F, I, B> Service<Request> for LazyService<A, F>
where
    A: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = ActixError,
        > + 'static,
    F: Fn() -> I + 'static,
    I: IntoServiceFactory<A, Request> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = ActixError;
    type Future = Either<
        <A::Service as Service<Request>>::Future,
        LocalBoxFuture<'static, Result<ServiceResponse<B>, ActixError>>,
    >;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), ActixError>> {
        self.first.poll_ready(context)
    }

    fn call(&self, request: Request) -> Self::Future {
        if (self.is_first)(request.path()) {
            return Either::Left(self.first.call(request));
        }
        let all = Rc::clone(&self.all);
        let answer = async move {
            let make = || (all.make)().into_factory().new_service(all.config.clone());
            let service = all.service.get_or_try_init(make).await;
            // actix-web's applications have no such error.
            let no_service = |_| ErrorInternalServerError("the routes cannot be built");
            service.map_err(no_service)?.call(request).await
        };
        Either::Right(answer.boxed_local())
    }
}
