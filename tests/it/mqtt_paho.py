"""Publishes the lines of a file with paho, QoS 1, and ends well once all are acknowledged.

Usage: mqtt_paho.py 3|5 PORT DEVICE SECRET FILE
"""

import sys
import threading

import paho.mqtt.client as mqtt

version, port, device, secret, path = sys.argv[1:]
PATIENCE_S = 15
protocol = mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311


def make_client(password):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="paho", protocol=protocol)
    client.username_pw_set(device, password)
    return client


# A wrong password is refused.
refused = threading.Event()
wrong = make_client("wrong")
wrong.on_connect = lambda _client, _data, _flags, reason, _properties: reason.is_failure and refused.set()
wrong.connect("127.0.0.1", int(port))
wrong.loop_start()
assert refused.wait(PATIENCE_S), "the wrong password was not refused"
wrong.disconnect()
wrong.loop_stop()

connected, subscribed, welcomed = threading.Event(), [], threading.Event()
client = make_client(secret)
client.max_inflight_messages_set(100)
client.on_connect = lambda _client, _data, _flags, reason, _properties: reason.is_failure or connected.set()
client.on_subscribe = lambda _client, _data, _mid, reasons, _properties: subscribed.extend(reasons)
client.on_message = lambda _client, _data, message: message.topic.endswith("/down/welcome") and welcomed.set()
client.connect("127.0.0.1", int(port), keepalive=5)
client.loop_start()
assert connected.wait(PATIENCE_S), "not connected"
client.subscribe([(f"cellar/v1/{device}/down/#", 1), ("cellar/v1/another/down/#", 1)])
client.publish(f"cellar/v1/{device}/up/hello", '{"boot":7,"kind":"unit"}', qos=1).wait_for_publish(PATIENCE_S)
assert welcomed.wait(PATIENCE_S), "no welcome"
assert [reason.is_failure for reason in subscribed] == [False, True], subscribed
with open(path, encoding="utf-8") as file:
    messages = [client.publish(f"cellar/v1/{device}/up/samples", line, qos=1) for line in file.read().splitlines()]
for message in messages:
    message.wait_for_publish(PATIENCE_S)
    assert message.is_published(), "a message was not acknowledged"
client.disconnect()
client.loop_stop()
