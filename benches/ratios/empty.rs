//! The baseline: an actix server with as many workers as munjigi and a handler that does nothing.

use std::{io::Read, net::Ipv4Addr};

use actix_web::{App, HttpResponse, HttpServer, web};

use crate::Result;

/// Serves until standard input ends, which happens when the benchmark process ends.
pub fn serve(port: u16) -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let workers = std::thread::available_parallelism()?.get();
    actix_web::rt::System::new().block_on(async move {
        let app = || App::new().default_service(web::to(async || HttpResponse::Ok().finish()));
        HttpServer::new(app)
            .workers(workers)
            .disable_signals()
            .bind((Ipv4Addr::LOCALHOST, port))?
            .run()
            .await
    })?;
    Ok(())
}
