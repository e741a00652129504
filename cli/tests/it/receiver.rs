//! A receiver of webhooks: a real HTTP server on this machine that answers what it is told to.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tiny_http::{Header, Response, Server};

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

/// A status, and when to come again, if that is said.
pub(crate) type Answer = (u16, Option<&'static str>);

/// A server that answers each request with the next of some statuses, then with 204.
pub(crate) struct HttpReceiver {
    pub(crate) url: String,
    received: Receiver<Received>,
    server: std::sync::Arc<Server>,
    worker: Option<JoinHandle<()>>,
}

impl HttpReceiver {
    pub(crate) fn answering(statuses: &[u16]) -> Self {
        let answers: Vec<Answer> = statuses.iter().map(|status| (*status, None)).collect();
        Self::asking(&answers)
    }

    /// One that also says when to come again.
    pub(crate) fn asking(answers: &[Answer]) -> Self {
        let server = std::sync::Arc::new(Server::http("127.0.0.1:0").unwrap());
        let url = format!("http://{}/hooks", server.server_addr().to_ip().unwrap());
        let (sender, received) = channel();
        let (own, answers) = (std::sync::Arc::clone(&server), answers.to_vec());
        let worker = std::thread::spawn(move || serve(&own, answers, &sender));
        Self { url, received, server, worker: Some(worker) }
    }

    /// What came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

fn serve(server: &Server, answers: Vec<Answer>, sender: &Sender<Received>) {
    let mut answers = answers.into_iter();
    for mut request in server.incoming_requests() {
        let mut body = String::new();
        request.as_reader().read_to_string(&mut body).unwrap();
        let headers = request
            .headers()
            .iter()
            .map(|own| (own.field.as_str().as_str().to_lowercase(), own.value.to_string()))
            .collect();
        sender.send(Received { headers, body }).unwrap();
        let (status, retry_after) = answers.next().unwrap_or((204, None));
        let header = |text| Header::from_bytes("Retry-After", text).unwrap();
        let response = Response::empty(status);
        let response =
            retry_after.into_iter().fold(response, |own, text| own.with_header(header(text)));
        request.respond(response).unwrap();
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
