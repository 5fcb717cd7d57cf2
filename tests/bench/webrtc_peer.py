#!/usr/bin/python3
"""webrtc_peer POLICY WIDTHxHEIGHT FPS KBPS FILM OUT: GStreamer's webrtcbin as one side of a call, as tests/browser/gst_peer.py
and with its lines on standard input and output: FILM, bare I420, is played for ever, a sighting (sightings.h) of each
picture that is shown is written to the file OUT. Lost packets are asked for again, lost pictures for a key frame."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../browser"))
import gst_peer
from gi.repository import Gst, GstWebRTC

SIZE, FPS, KBPS, FILM, OUT = sys.argv[2:]
WIDTH, HEIGHT = map(int, SIZE.split("x"))
gst_peer.PIPELINE = f"""
webrtcbin name=w bundle-policy={{policy}}
multifilesrc location={FILM} loop=true blocksize={WIDTH * HEIGHT * 3 // 2}
  ! rawvideoparse format=i420 width={WIDTH} height={HEIGHT} framerate={FPS}/1 ! identity sync=true
  ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=3000 bitrate={KBPS} threads=1
  ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency
  ! application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload={{video}} ! w.
audiotestsrc is-live=true freq=440 samplesperbuffer=480 ! audioconvert ! audioresample
  ! opusenc bitrate=32000 frame-size=10 inband-fec=true ! rtpopuspay
  ! application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload={{audio}} ! w.
"""
gst_peer.VIDEO_IN = """queue ! rtph264depay request-keyframe=true ! h264parse ! avdec_h264 max-threads=1 ! videoconvert
  ! video/x-raw,format=GRAY8 ! appsink name=pictures emit-signals=true sync=false max-buffers=1 drop=true"""


class Peer(gst_peer.Peer):
    def __init__(self):
        super().__init__()
        self.out = open(OUT, "a", buffering=1)

    def create(self, kind):
        for index in range(2):
            transceiver = self.web.emit("get-transceiver", index)
            if transceiver:
                transceiver.set_property("do-nack", True)
        super().create(kind)

    def on_picture(self, sink):
        sample = sink.emit("pull-sample")
        now = time.monotonic_ns() // 1000
        form, buffer = sample.get_caps().get_structure(0), sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        number = gst_peer.number_of(data, form.get_value("width"), form.get_value("height"))
        self.out.write(f"{now} {number or 0} -1\n")
        return Gst.FlowReturn.OK


peer = Peer()
peer.loop.run()
if peer.pipeline:
    peer.pipeline.set_state(Gst.State.NULL)
