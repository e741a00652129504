//! A mail server on this machine: the protocol is a library's, the mailbox is a channel.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use mailin::{Action, Handler, Response, SessionBuilder, response};

/// A mail that came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

/// A server that refuses recipients as it is told to, then takes everything.
pub(crate) struct MailServer {
    pub(crate) url: String,
    received: Receiver<Received>,
    /// Its port, to wake it up for its end.
    address: std::net::SocketAddr,
    is_over: Arc<Mutex<bool>>,
    worker: Option<std::thread::JoinHandle<()>>,
}

/// How a server refuses a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 451: it may be tried again.
    Passing,
    /// 550: there is no such mailbox.
    Lasting,
}

#[derive(Clone)]
struct Mailbox {
    sender: Sender<Received>,
    refusals: Arc<Mutex<Vec<Refusal>>>,
    mail: Received,
}

impl Handler for Mailbox {
    fn rcpt(&mut self, to: &str) -> Response {
        match self.refusals.lock().unwrap().pop() {
            Some(Refusal::Passing) => response::INTERNAL_ERROR,
            Some(Refusal::Lasting) => response::NO_MAILBOX,
            None => {
                self.mail.to.push(to.to_owned());
                response::OK
            }
        }
    }

    fn data(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.mail.text.push_str(&String::from_utf8_lossy(line));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.sender.send(std::mem::take(&mut self.mail)).unwrap();
        response::OK
    }
}

impl MailServer {
    /// A server that refuses so often, in this order.
    pub(crate) fn refusing(refusals: &[Refusal]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = channel();
        let refusals = Arc::new(Mutex::new(refusals.iter().rev().copied().collect()));
        let mailbox = Mailbox { sender, refusals, mail: Received::default() };
        let is_over = Arc::new(Mutex::new(false));
        let over = Arc::clone(&is_over);
        let worker = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if *over.lock().unwrap() {
                    return;
                }
                let mailbox = mailbox.clone();
                std::thread::spawn(move || drop(serve(&stream.unwrap(), mailbox)));
            }
        });
        let url = format!("smtp://{address}");
        Self { url, received, address, is_over, worker: Some(worker) }
    }

    /// What came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

fn serve(stream: &TcpStream, mailbox: Mailbox) -> std::io::Result<()> {
    let mut session =
        SessionBuilder::new("localhost").build(IpAddr::V4(Ipv4Addr::LOCALHOST), mailbox);
    let mut out = stream;
    session.greeting().write_to(&mut out)?;
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let answer = session.process(&line);
        line.clear();
        if answer.action != Action::NoReply {
            answer.write_to(&mut out)?;
            out.flush()?;
        }
        if answer.action == Action::Close {
            break;
        }
    }
    Ok(())
}

impl Drop for MailServer {
    fn drop(&mut self) {
        *self.is_over.lock().unwrap() = true;
        drop(TcpStream::connect(self.address));
        if let Some(worker) = self.worker.take() {
            drop(worker.join());
        }
    }
}
