//! A liveness check of a Kafka broker: one handwritten `ApiVersions` request over TCP, so that no client library is
//! needed.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const CONNECT: Duration = Duration::from_secs(3);

/// Short, because a starting broker accepts connections before it responds, and the caller retries.
const ANSWER: Duration = Duration::from_millis(500);

const CORRELATION_ID: [u8; 4] = *b"saga";

/// `ApiVersions` version 0, which every broker supports: size, key 18, version 0, correlation id, no client id.
const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, b's', b'a', b'g', b'a', 0xff, 0xff];

/// Sends one request to the broker at `address`, `host:port`.
///
/// # Errors
/// The connection fails, or the response takes longer than half a second or is not that of a Kafka broker.
pub fn check(address: &str) -> Result<()> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream.write_all(&REQUEST).with_context(|| format!("{address} does not take a request"))?;
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).with_context(|| format!("{address} is open but does not answer as Kafka does"))?;
    ensure!(answer[4..8] == CORRELATION_ID, "{address} answers, but it is not Kafka");
    let error = i16::from_be_bytes([answer[8], answer[9]]);
    ensure!(error == 0, "{address} answers with Kafka's error code {error}");
    Ok(())
}

/// Connects to the first of a comma-separated list of `host:port` that can be reached.
///
/// # Errors
/// No address can be reached. Returns the error of the last.
pub fn reach_any(addresses: &str) -> Result<()> {
    let mut last = Err(anyhow::anyhow!("no address"));
    for address in addresses.split(',').map(str::trim).filter(|address| !address.is_empty()) {
        last = connect(address).map(drop);
        if last.is_ok() {
            return Ok(());
        }
    }
    last
}

fn connect(address: &str) -> Result<TcpStream> {
    let mut last = None;
    let resolved = address.to_socket_addrs().with_context(|| format!("`{address}` is not a host:port"))?;
    for socket in resolved {
        match TcpStream::connect_timeout(&socket, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    let error = last.with_context(|| format!("`{address}` has no address"))?;
    Err(error).with_context(|| format!("cannot connect to {address}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn server_that_answers(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("address").to_string();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 14];
            stream.read_exact(&mut request).expect("a request");
            stream.write_all(answer).expect("answered");
        });
        address
    }

    #[test]
    fn probe_accepts_a_kafka_response() {
        check(&server_that_answers(b"\0\0\0\x0asaga\0\0\0\0\0\0")).expect("a broker");
    }

    #[test]
    fn probe_rejects_an_error_code() {
        let error = check(&server_that_answers(b"\0\0\0\x0asaga\0\x23\0\0\0\0")).expect_err("error 35");
        assert!(error.to_string().contains("error code 35"), "{error}");
    }

    #[test]
    fn probe_rejects_another_server() {
        let error = check(&server_that_answers(b"HTTP/1.1 400 Bad Request\r\n")).expect_err("not Kafka");
        assert!(error.to_string().contains("not Kafka"), "{error}");
    }

    #[test]
    fn unreachable_address_is_named() {
        let port = crate::process::ports::free().expect("a port");
        let error = reach_any(&format!("127.0.0.1:{port}")).expect_err("nobody listens");
        assert!(error.to_string().contains(&format!("cannot connect to 127.0.0.1:{port}")), "{error}");
    }

    #[test]
    fn one_reachable_address_suffices() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("address");
        let port = crate::process::ports::free().expect("a port");
        reach_any(&format!("127.0.0.1:{port}, {address}")).expect("the second");
    }
}
