//! Ports for servers that keep theirs while they are down.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    sync::Mutex,
};

/// UDP sockets that keep the ports reserved until this process ends.
static RESERVED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A free TCP port below those that the kernel gives to outgoing connections. A UDP socket with the same number reserves
/// it: other test processes, which do the same, choose another.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(20_000..32_000);
        let Ok(reservation) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            RESERVED.lock().unwrap().push(reservation);
            return port;
        }
    }
}
