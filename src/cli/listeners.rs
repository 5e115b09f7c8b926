//! The sockets that the server listens on: those that a service manager passes (`sd_listen_fds(3)`), otherwise new ones.

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

use crate::cli::error::CliError;
use crate::config::Config;

/// The sockets of the server.
pub(super) struct Listeners {
    /// `server.listen`
    pub(super) main: TcpListener,
    /// `metrics.listen`
    pub(super) metrics: Option<TcpListener>,
    /// `admin.listen`
    pub(super) panel: Option<TcpListener>,
}

/// Sockets that were passed to the process and are not used yet.
pub(super) struct Passed(Vec<(SocketAddr, TcpListener)>);

impl Passed {
    /// Takes the sockets that were passed. It changes the environment, so it is called before there are other threads.
    ///
    /// # Errors
    /// When something else than a TCP socket was passed.
    pub(super) fn take() -> Result<Self, CliError> {
        let mut passed = ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..passed.len() {
            let taken = passed.take_tcp_listener(index).and_then(|listener| {
                let with_address = |listener: TcpListener| Ok((listener.local_addr()?, listener));
                listener.map(with_address).transpose()
            });
            let taken = taken.map_err(|error| {
                CliError::Refused(format!("a passed socket cannot be used: {error}"))
            })?;
            listeners.extend(taken);
        }
        Ok(Self(listeners))
    }

    /// The sockets of these settings. One that was passed is used for the setting with its address.
    ///
    /// # Errors
    /// When an address cannot be listened on, or a socket was passed that no setting has the address of.
    pub(super) fn listeners(mut self, config: &Config) -> Result<Listeners, CliError> {
        let listeners = Listeners {
            main: self.bind(config.server.listen, "server.listen", 8081)?,
            metrics: config
                .metrics
                .listen
                .map(|address| self.bind(address, "metrics.listen", 9465))
                .transpose()?,
            panel: config
                .admin
                .listen
                .map(|address| self.bind(address, "admin.listen", 8082))
                .transpose()?,
        };
        match self.0.first() {
            None => Ok(listeners),
            Some((address, _)) => Err(CliError::Refused(format!(
                "a socket that listens on {address} was passed, but server.listen is {}: set server.listen, admin.listen \
                 or metrics.listen to the address of the socket",
                config.server.listen
            ))),
        }
    }

    fn bind(
        &mut self,
        address: SocketAddr,
        key: &str,
        another: u16,
    ) -> Result<TcpListener, CliError> {
        let is_same = |(passed, _): &(SocketAddr, TcpListener)| {
            *passed == address || (address.port() == 0 && passed.ip() == address.ip())
        };
        match self.0.iter().position(is_same) {
            Some(index) => Ok(self.0.swap_remove(index).1),
            None => bind(address, key, another),
        }
    }
}

fn bind(address: SocketAddr, key: &str, another: u16) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 need special rights".to_owned()
            }
            std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
            _ => error.to_string(),
        };
        let variable = key.to_uppercase().replace('.', "__");
        CliError::Refused(format!(
            "cannot listen on {address}: {reason}. Choose another address with {key}, for example \
             MUNJIGI_{variable}=127.0.0.1:{another}"
        ))
    })
}
