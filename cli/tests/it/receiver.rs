//! A receiver of webhooks: a real HTTP server on this machine that answers what it is told to.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tiny_http::{Response, Server};

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// The names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// A server that answers each request with the next of some statuses, then with 204.
pub(crate) struct HttpReceiver {
    pub(crate) url: String,
    received: Receiver<Received>,
    server: std::sync::Arc<Server>,
    worker: Option<JoinHandle<()>>,
}

impl HttpReceiver {
    pub(crate) fn answering(statuses: &[u16]) -> Self {
        let server = std::sync::Arc::new(Server::http("127.0.0.1:0").unwrap());
        let url = format!("http://{}/hooks", server.server_addr().to_ip().unwrap());
        let (sender, received) = channel();
        let (own, statuses) = (std::sync::Arc::clone(&server), statuses.to_vec());
        let worker = std::thread::spawn(move || serve(&own, statuses, &sender));
        Self { url, received, server, worker: Some(worker) }
    }

    /// What came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

fn serve(server: &Server, statuses: Vec<u16>, sender: &Sender<Received>) {
    let mut statuses = statuses.into_iter();
    for mut request in server.incoming_requests() {
        let mut body = String::new();
        request.as_reader().read_to_string(&mut body).unwrap();
        let headers = request
            .headers()
            .iter()
            .map(|own| (own.field.as_str().as_str().to_lowercase(), own.value.to_string()))
            .collect();
        sender.send(Received { headers, body }).unwrap();
        let status = statuses.next().unwrap_or(204);
        request.respond(Response::empty(status)).unwrap();
    }
}

impl Drop for HttpReceiver {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(worker) = self.worker.take() {
            drop(worker.join());
        }
    }
}
