//! MQTT 3.1.1 and 5 side by side: packets as the connection understands them, and the ones it answers with.

use mqtt_protocol_core::mqtt::packet::{
    AssignedClientIdentifier, MaximumQos, Packet, Property, Qos, ReceiveMaximum, RetainAvailable,
    SessionExpiryInterval, SharedSubscriptionAvailable, SubEntry, SubscriptionIdentifierAvailable,
    WildcardSubscriptionAvailable, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, MqttError, PubackReasonCode, SubackReasonCode,
    SubackReturnCode, UnsubackReasonCode,
};
use mqtt_protocol_core::mqtt::{ArcPayload, Version};

use crate::node::gate::Refusal;
use crate::node::window::Verdict;

/// A packet of a device.
pub(super) enum Heard {
    Connect(Connect),
    Publish(Publish),
    Subscribe {
        packet_id: u16,
        wanted: Vec<(String, Qos)>,
    },
    Unsubscribe {
        packet_id: u16,
        filters: Vec<String>,
    },
    Disconnect,
    /// The protocol machine dealt with it: pings, acknowledgements of what the server sent.
    DealtWith,
    /// Nothing a device may send here.
    Unexpected,
}

/// A request to connect.
pub(super) struct Connect {
    pub(super) client_id: String,
    pub(super) user_name: Option<String>,
    pub(super) password: Option<Vec<u8>>,
    /// Whether it asks the server to remember it, which this one does not.
    pub(super) wants_session: bool,
}

/// A message.
pub(super) struct Publish {
    pub(super) topic: String,
    pub(super) payload: Payload,
    pub(super) qos: Qos,
    pub(super) packet_id: Option<u16>,
    pub(super) retain: bool,
}

/// The bytes of a message, shared with the packet they came in.
pub(super) struct Payload(ArcPayload);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl From<Packet> for Heard {
    fn from(packet: Packet) -> Self {
        match packet {
            Packet::V3_1_1Connect(packet) => Self::Connect(Connect {
                client_id: packet.client_id().to_owned(),
                user_name: packet.user_name().map(str::to_owned),
                password: packet.password().map(<[u8]>::to_vec),
                wants_session: !packet.clean_session(),
            }),
            Packet::V5_0Connect(packet) => Self::Connect(Connect {
                client_id: packet.client_id().to_owned(),
                user_name: packet.user_name().map(str::to_owned),
                password: packet.password().map(<[u8]>::to_vec),
                wants_session: packet
                    .props()
                    .iter()
                    .any(|property| matches!(property, Property::SessionExpiryInterval(expiry) if expiry.val() > 0)),
            }),
            Packet::V3_1_1Publish(packet) => Self::Publish(Publish {
                topic: packet.topic_name().to_owned(),
                payload: Payload(packet.payload().clone()),
                qos: packet.qos(),
                packet_id: packet.packet_id(),
                retain: packet.retain(),
            }),
            Packet::V5_0Publish(packet) => Self::Publish(Publish {
                topic: packet.topic_name().to_owned(),
                payload: Payload(packet.payload().clone()),
                qos: packet.qos(),
                packet_id: packet.packet_id(),
                retain: packet.retain(),
            }),
            Packet::V3_1_1Subscribe(packet) => {
                Self::Subscribe { packet_id: packet.packet_id(), wanted: wanted(packet.entries()) }
            }
            Packet::V5_0Subscribe(packet) => {
                Self::Subscribe { packet_id: packet.packet_id(), wanted: wanted(packet.entries()) }
            }
            Packet::V3_1_1Unsubscribe(packet) => Self::Unsubscribe {
                packet_id: packet.packet_id(),
                filters: packet.entries().iter().map(|filter| filter.as_str().to_owned()).collect(),
            },
            Packet::V5_0Unsubscribe(packet) => Self::Unsubscribe {
                packet_id: packet.packet_id(),
                filters: packet.entries().iter().map(|filter| filter.as_str().to_owned()).collect(),
            },
            Packet::V3_1_1Disconnect(_) | Packet::V5_0Disconnect(_) => Self::Disconnect,
            Packet::V3_1_1Pingreq(_) | Packet::V5_0Pingreq(_) | Packet::V3_1_1Puback(_) | Packet::V5_0Puback(_) => {
                Self::DealtWith
            }
            _ => Self::Unexpected,
        }
    }
}

fn wanted(entries: &[SubEntry]) -> Vec<(String, Qos)> {
    entries.iter().map(|entry| (entry.topic_filter().to_owned(), entry.sub_opts().qos())).collect()
}

/// Unacknowledged messages an MQTT 5 device may have; within the window, so that the device waits and not its socket.
const RECEIVE_MAXIMUM: u16 = 1_000;

/// The answer to a log-in. The maximum packet size is added by the protocol machine.
pub(super) fn connected(version: Version, connect: &Connect, assigned_id: &str) -> Result<Packet, MqttError> {
    if version == Version::V3_1_1 {
        let connack = v3_1_1::Connack::builder().session_present(false).return_code(ConnectReturnCode::Accepted);
        return Ok(connack.build()?.into());
    }
    let mut properties: Vec<Property> = vec![
        MaximumQos::new(1)?.into(),
        ReceiveMaximum::new(RECEIVE_MAXIMUM)?.into(),
        RetainAvailable::new(0)?.into(),
        WildcardSubscriptionAvailable::new(1)?.into(),
        SharedSubscriptionAvailable::new(0)?.into(),
        SubscriptionIdentifierAvailable::new(0)?.into(),
    ];
    if connect.client_id.is_empty() {
        properties.push(AssignedClientIdentifier::new(assigned_id)?.into());
    }
    if connect.wants_session {
        properties.push(SessionExpiryInterval::new(0)?.into());
    }
    let connack = v5_0::Connack::builder().session_present(false).reason_code(ConnectReasonCode::Success);
    Ok(connack.props(properties).build()?.into())
}

/// The refusal of a connection.
pub(super) fn not_connected(version: Version, refusal: Refusal) -> Result<Packet, MqttError> {
    if version == Version::V3_1_1 {
        let code = match refusal {
            Refusal::Wrong => ConnectReturnCode::BadUserNameOrPassword,
            Refusal::Unavailable => ConnectReturnCode::ServerUnavailable,
        };
        return Ok(v3_1_1::Connack::builder().session_present(false).return_code(code).build()?.into());
    }
    let code = match refusal {
        Refusal::Wrong => ConnectReasonCode::BadUserNameOrPassword,
        Refusal::Unavailable => ConnectReasonCode::ServerUnavailable,
    };
    Ok(v5_0::Connack::builder().session_present(false).reason_code(code).build()?.into())
}

/// The acknowledgement of a message.
pub(super) fn puback(version: Version, packet_id: u16, verdict: Verdict) -> Result<Packet, MqttError> {
    if version == Version::V3_1_1 {
        return Ok(v3_1_1::Puback::builder().packet_id(packet_id).build()?.into());
    }
    let puback = v5_0::Puback::builder().packet_id(packet_id);
    Ok(match verdict {
        Verdict::Committed => puback.build()?,
        Verdict::Forbidden => puback.reason_code(PubackReasonCode::NotAuthorized).build()?,
    }
    .into())
}

/// The answer to a SUBSCRIBE: the granted quality, `None` where it is refused.
pub(super) fn suback(version: Version, packet_id: u16, granted: &[Option<Qos>]) -> Result<Packet, MqttError> {
    if version == Version::V3_1_1 {
        let code = |granted: &Option<Qos>| match granted {
            Some(Qos::AtMostOnce) => SubackReturnCode::SuccessMaximumQos0,
            Some(_) => SubackReturnCode::SuccessMaximumQos1,
            None => SubackReturnCode::Failure,
        };
        let codes = granted.iter().map(code).collect();
        return Ok(v3_1_1::Suback::builder().packet_id(packet_id).return_codes(codes).build()?.into());
    }
    let code = |granted: &Option<Qos>| match granted {
        Some(Qos::AtMostOnce) => SubackReasonCode::GrantedQos0,
        Some(_) => SubackReasonCode::GrantedQos1,
        None => SubackReasonCode::NotAuthorized,
    };
    let codes = granted.iter().map(code).collect();
    Ok(v5_0::Suback::builder().packet_id(packet_id).reason_codes(codes).build()?.into())
}

/// The answer to an UNSUBSCRIBE: whether each subscription existed.
pub(super) fn unsuback(version: Version, packet_id: u16, existed: &[bool]) -> Result<Packet, MqttError> {
    if version == Version::V3_1_1 {
        return Ok(v3_1_1::Unsuback::builder().packet_id(packet_id).build()?.into());
    }
    let code = |existed: &bool| {
        if *existed { UnsubackReasonCode::Success } else { UnsubackReasonCode::NoSubscriptionExisted }
    };
    let codes = existed.iter().map(code).collect();
    Ok(v5_0::Unsuback::builder().packet_id(packet_id).reason_codes(codes).build()?.into())
}

/// A message of the server; with a packet id it is sent at QoS 1.
pub(super) fn publish(
    version: Version,
    topic: &str,
    payload: Vec<u8>,
    packet_id: Option<u16>,
) -> Result<Packet, MqttError> {
    let qos = if packet_id.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce };
    if version == Version::V3_1_1 {
        let publish = v3_1_1::Publish::builder().topic_name(topic)?.qos(qos).payload(payload);
        return Ok(publish.packet_id(packet_id).build()?.into());
    }
    let publish = v5_0::Publish::builder().topic_name(topic)?.qos(qos).payload(payload);
    Ok(publish.packet_id(packet_id).build()?.into())
}

/// A goodbye with its reason; MQTT 3.1.1 has none.
pub(super) fn goodbye(version: Version, reason: DisconnectReasonCode) -> Option<Packet> {
    let is_v5 = version == Version::V5_0;
    is_v5.then(|| v5_0::Disconnect::builder().reason_code(reason).build().ok()).flatten().map(Into::into)
}
