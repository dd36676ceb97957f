//! A service asks a running one of its kind whether it is ready: for containers, which have no other program to ask with.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long each step of the question may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const ANSWER_LEN_MAX: u64 = 16 * 1024;

/// Asks `/readyz` of what listens at this address on this machine. Gives what it said.
///
/// # Errors
/// What it said when it is not ready, or that it gave no answer.
pub(crate) fn ask(http_addr: &str) -> Result<String, String> {
    let answer = http_addr.parse().map_err(io::Error::other).and_then(get);
    let answer = answer.map_err(|error| format!("{http_addr}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("no status");
    if status == "200" { Ok(body.trim().to_owned()) } else { Err(format!("{status}: {}", body.trim())) }
}

fn get(listens: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&reachable(listens), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Who listens on all addresses is asked on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// The outcome when the server answers so.
    fn ask_one_who_answers(answer: &'static str) -> Result<String, String> {
        let listener = TcpListener::bind("0.0.0.0:0").expect("bound");
        let port = listener.local_addr().expect("address").port();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("answered");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let outcome = ask(&format!("0.0.0.0:{port}"));
        let request = served.join().expect("served");
        assert!(request.starts_with("GET /readyz HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"), "{request}");
        outcome
    }

    #[test]
    fn ready_is_a_status_of_200() {
        let outcome = ask_one_who_answers("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n");
        assert_eq!(outcome.as_deref(), Ok("ready"));
    }

    #[test]
    fn who_is_not_ready_says_why() {
        let outcome = ask_one_who_answers("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"detail\":\"no partitions\"}");
        assert_eq!(outcome, Err("503: {\"detail\":\"no partitions\"}".to_owned()));
    }

    #[test]
    fn an_answer_that_is_no_http_is_not_ready() {
        assert!(ask_one_who_answers("hello\n").is_err());
        assert!(ask_one_who_answers("").is_err());
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("address").to_string();
        drop(listener);
        assert!(ask(&address).expect_err("nobody").starts_with(&address));
    }
}
