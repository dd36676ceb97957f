//! The `--health` check: requests the readiness of a running service over HTTP.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// Maximum duration of each step: connect, write, read.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum bytes of a response that are read.
const RESPONSE_LEN_MAX: u64 = 16 * 1024;

/// Requests `/readyz` from the service that listens on this address. Returns the response's body.
///
/// # Errors
/// Status and body of a service that is not ready, or the reason why there is no response.
pub(super) fn check(http_addr: &str) -> Result<String, String> {
    let response = http_addr.parse().map_err(io::Error::other).and_then(get);
    let response = response.map_err(|error| format!("{http_addr}: {error}"))?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    let status = head.split(' ').nth(1).unwrap_or("no status");
    if status == "200" { Ok(body.trim().to_owned()) } else { Err(format!("{status}: {}", body.trim())) }
}

fn get(listens: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&reachable(listens), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut response = Vec::new();
    stream.take(RESPONSE_LEN_MAX).read_to_end(&mut response)?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

/// Replaces the unspecified address, which means all interfaces, by loopback.
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

    /// Checks a server that sends this response.
    fn check_server(response: &'static str) -> Result<String, String> {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).expect("a request");
            stream.write_all(response.as_bytes()).expect("the response is sent");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let checked = check(&format!("0.0.0.0:{port}"));
        let request = server.join().expect("the server does not panic");
        assert!(request.starts_with("GET /readyz HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"), "{request}");
        checked
    }

    #[test]
    fn status_200_is_ready() {
        let checked = check_server("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n");
        assert_eq!(checked.as_deref(), Ok("ready"));
    }

    #[test]
    fn other_status_is_not_ready_with_reason() {
        let checked = check_server("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"detail\":\"no partitions\"}");
        assert_eq!(checked, Err("503: {\"detail\":\"no partitions\"}".to_owned()));
    }

    #[test]
    fn malformed_response_is_not_ready() {
        assert!(check_server("hello\n").is_err());
        assert!(check_server("").is_err());
    }

    #[test]
    fn closed_port_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        assert!(check(&address).expect_err("no server").starts_with(&address));
    }
}
