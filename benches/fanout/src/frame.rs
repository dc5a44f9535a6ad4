//! The part of WebSocket frames (RFC 6455) that this client needs.

use crate::Result;

/// Opcode of a text message.
pub const TEXT: u8 = 0x1;
/// Opcode of a close frame.
pub const CLOSE: u8 = 0x8;
/// Opcode of a ping, which is answered by a [`PONG`] with the same payload.
pub const PING: u8 = 0x9;
/// Opcode of the answer to a [`PING`].
pub const PONG: u8 = 0xA;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// A frame from the server.
pub struct Frame<'a> {
    /// Opcode.
    pub opcode: u8,
    /// Payload.
    pub payload: &'a [u8],
    /// Bytes of the whole frame.
    pub size: usize,
}

/// The first frame of `bytes`, if it is complete.
pub fn parse(bytes: &[u8]) -> Result<Option<Frame<'_>>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & FINAL == 0 || second & MASKED != 0 {
        return Err("a fragmented or masked frame, which this client does not read".into());
    }
    let (header, length) = match (second, rest) {
        (126, [a, b, ..]) => (4, u16::from_be_bytes([*a, *b]).into()),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        (126 | 127, _) => return Ok(None),
        (length, _) => (2, u64::from(*length)),
    };
    let size = usize::try_from(length)?.checked_add(header).ok_or("a frame of impossible length")?;
    let frame = |payload| Frame { opcode: first & 0x0F, payload, size };
    Ok(bytes.get(header..size).map(frame))
}

/// Appends a frame to the server. Its mask is zero, which is one of the possible ones and leaves the payload as it is.
pub fn write(into: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    into.push(FINAL | opcode);
    match u16::try_from(payload.len()) {
        Ok(length @ ..126) => into.push(MASKED | length as u8),
        Ok(length) => {
            into.push(MASKED | 126);
            into.extend(length.to_be_bytes());
        }
        Err(_) => {
            into.push(MASKED | 127);
            into.extend((payload.len() as u64).to_be_bytes());
        }
    }
    into.extend([0; 4]);
    into.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_server(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, TEXT, payload);
        bytes[1] &= !MASKED;
        let header = bytes.len() - payload.len() - 4;
        bytes.drain(header..header + 4);
        bytes
    }

    #[test]
    fn frames_of_every_length_are_read_once_they_are_whole() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let bytes = from_server(&payload);
            let frame = parse(&bytes).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.payload, frame.size), (TEXT, &payload[..], bytes.len()));
            for cut in [0, 1, 2, 9, bytes.len() - 1] {
                assert!(parse(&bytes[..cut.min(bytes.len() - 1)]).unwrap().is_none());
            }
        }
    }

    #[test]
    fn a_fragment_is_an_error() {
        assert!(parse(&[TEXT, 0]).is_err());
    }
}
