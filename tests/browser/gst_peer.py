#!/usr/bin/python3
"""gst_peer POLICY: GStreamer's webrtcbin with that bundle-policy as the other side of a call: a tone and a test picture
out; of what comes in, the test camera's number and the sound's level. One JSON object a line, both ways.

in:  {"offer": true}  {"type", "sdp"}  {"candidate", "index"}
out: {"type", "sdp"}  {"candidate", "index"}  {"number": N}  {"level_db": X}  {"error": text}
exit 77: what it needs is not installed."""
import json
import os
import sys

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstSdp", "1.0")
    gi.require_version("GstWebRTC", "1.0")
    from gi.repository import GLib, Gst, GstSdp, GstWebRTC
except (ImportError, ValueError) as error:
    print(error)
    sys.exit(77)

Gst.init(None)
NEEDED = "webrtcbin nicesrc dtlssrtpenc x264enc avdec_h264 opusenc opusdec level rtph264pay rtpopuspay".split()
MISSING = [name for name in NEEDED if not Gst.ElementFactory.find(name)]
if MISSING:
    print("no GStreamer element " + " ".join(MISSING))
    sys.exit(77)

# The picture first: sound is not always the first line.
PIPELINE = """
webrtcbin name=w bundle-policy={policy}
videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=15/1 ! videoconvert
  ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=500
  ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency
  ! application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload={video} ! w.
audiotestsrc is-live=true freq=440 ! audioconvert ! audioresample ! opusenc ! rtpopuspay
  ! application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload={audio} ! w.
"""
VIDEO_IN = """queue ! rtph264depay ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=GRAY8
  ! appsink name=pictures emit-signals=true sync=false max-buffers=1 drop=true"""
AUDIO_IN = "queue ! rtpopusdepay ! opusdec ! audioconvert ! level interval=200000000 ! fakesink sync=false"


def say(**message):
    os.write(1, (json.dumps(message) + "\n").encode())  # from several threads


def number_of(data, width, height):
    """As tests/browser/pattern.mjs: 40 cells a row, marked, with a checksum."""
    side = (width // 40) & ~1
    if side < 4:
        return None

    def light(index):
        x, y = index % 40 * side + side // 4, index // 40 * side + side // 4
        cells = [data[row * width + x : row * width + x + side // 2] for row in range(y, y + side // 2)]
        return sum(map(sum, cells)) / sum(map(len, cells)) > 125

    bits = [light(index) for index in range(80)]
    crc = 0xFFFF
    for bit in bits[4:64]:
        flip = bool(crc >> 15 & 1) != bit
        crc = crc << 1 & 0xFFFF
        if flip:
            crc ^= 0x1021
    value = lambda some: int("".join("01"[bit] for bit in some), 2)
    if bits[:4] != [True, False, True, False] or value(bits[64:]) != crc:
        return None
    return value(bits[4:36])


class Peer:
    def __init__(self):
        self.loop = GLib.MainLoop()
        self.pipeline = self.web = None
        self.input = b""
        GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_IN | GLib.IO_HUP, self.on_input)

    def start(self, video, audio, offers):
        self.pipeline = Gst.parse_launch(PIPELINE.format(policy=sys.argv[1], video=video, audio=audio))
        self.web = self.pipeline.get_by_name("w")
        self.web.connect("on-ice-candidate", lambda _, index, text: say(candidate=text, index=index))
        self.web.connect("pad-added", self.on_pad)
        if offers:
            self.web.connect("on-negotiation-needed", lambda _: self.create("offer"))
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_message(self, _, message):
        if message.type == Gst.MessageType.ERROR:
            say(error=str(message.parse_error()))
        elif message.type == Gst.MessageType.ELEMENT and message.get_structure().get_name() == "level":
            say(level_db=message.get_structure().get_value("rms")[0])

    def on_pad(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        video = pad.get_current_caps().get_structure(0).get_string("media") == "video"
        chain = Gst.parse_bin_from_description(VIDEO_IN if video else AUDIO_IN, True)
        self.pipeline.add(chain)
        if video:
            chain.get_by_name("pictures").connect("new-sample", self.on_picture)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def on_picture(self, sink):
        sample = sink.emit("pull-sample")
        form, buffer = sample.get_caps().get_structure(0), sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        number = number_of(data, form.get_value("width"), form.get_value("height"))
        if number is not None:
            say(number=number)
        return Gst.FlowReturn.OK

    def created(self, promise, kind):
        promise.wait()
        reply = promise.get_reply()  # what it holds lives as long as it does
        description = reply.get_value(kind)
        text = description.sdp.as_text()
        self.web.emit("set-local-description", description, Gst.Promise.new())
        say(type=kind, sdp=text)

    def create(self, kind):
        promise = Gst.Promise.new_with_change_func(self.created, kind)
        self.web.emit(f"create-{kind}", None, promise)

    def on_description(self, kind, text):
        if kind == "offer" and not self.pipeline:
            types = {line.split()[0][2:]: line.split()[3] for line in text.splitlines() if line[:2] == "m="}
            self.start(types["video"], types["audio"], False)
        _, message = GstSdp.SDPMessage.new_from_text(text)
        what = GstWebRTC.WebRTCSDPType.OFFER if kind == "offer" else GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(what, message)
        after = (lambda *_: self.create("answer")) if kind == "offer" else (lambda *_: None)
        self.web.emit("set-remote-description", description, Gst.Promise.new_with_change_func(after))

    def on_input(self, *_):
        more = os.read(sys.stdin.fileno(), 65536)
        if not more:
            self.loop.quit()
            return False
        *lines, self.input = (self.input + more).split(b"\n")
        for line in lines:
            self.on_line(json.loads(line))
        return True

    def on_line(self, message):
        if "offer" in message:
            self.start(97, 96, True)
        elif "sdp" in message:
            self.on_description(message["type"], message["sdp"])
        elif "candidate" in message:
            self.web.emit("add-ice-candidate", message["index"], message["candidate"])


if __name__ == "__main__":
    peer = Peer()
    peer.loop.run()
    if peer.pipeline:
        peer.pipeline.set_state(Gst.State.NULL)
