# SPDX-License-Identifier: LGPL-2.1-or-later
"""IP cameras of GStreamer's RTSP server, all in one process, each with a port of its own on loopback. The cameras can freeze,
disconnect their clients, change their picture's size, and ask for a password."""

import contextlib
import json
import select
import subprocess
import sys
import threading

import network
import server

ANSWER = 120  # s that the process has for an answer, long enough for a busy machine

ENCODERS = {
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 threads=1 ! rtph264pay name=pay0 pt=96",
    "H265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 option-string=pools=none:frame-threads=1:log-level=none "
            "! h265parse ! rtph265pay name=pay0 pt=96",
    "JPEG": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


class Cameras:
    """Controls the process. Each call returns when the camera has done what was asked."""

    def __init__(self):
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "/usr/bin/python3", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        return self

    def __exit__(self, *_):
        if self._process:
            self._process.kill()
            self._process.communicate()

    def _ask(self, what, name, **more):
        print(json.dumps([what, name, more]), file=self._process.stdin, flush=True)
        assert select.select([self._process.stdout], [], [], ANSWER)[0], f"the RTSP server: no answer to {what} within {ANSWER} s"
        return json.loads(self._process.stdout.readline())

    def add(self, name, codec="H264", size="64x48", rate=10, auth="", password="", delay=0, clock="ntp", port=0, tls=""):
        """Adds a camera, which serves the user `fog`. auth: basic or digest; delay: s from its capture of a frame to
        its sending; clock: the time that the camera reports, a value of rtpbin's ntp-time-source; tls: a file with
        its certificate and key. Returns the camera's URI."""
        port = port or server.free_port(network.Loopback())
        return f"rtsp{'s' if tls else ''}://127.0.0.1:{self._ask('add', name, **{k: v for k, v in locals().items() if k not in ('self', 'name')})}/video"

    def drop(self, name):
        """Closes the camera's connections."""
        return self._ask("drop", name)

    def freeze(self, name, frozen=True):
        """Keeps the camera's connections, but sends no frames."""
        return self._ask("freeze", name, frozen=frozen)

    def resize(self, name, size):
        return self._ask("resize", name, size=size)

    def remove(self, name):
        """Closes the camera's port, as if it were switched off."""
        return self._ask("remove", name)

    def viewers(self, name):
        """Returns the number of the camera's connections."""
        return self._ask("viewers", name)


def serve():
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtsp", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer
    Gst.init(None)
    # PyGObject loads a class or function of a library when it is first used. If two threads do so
    # at the same time, the class may lack its methods from then on. So the server's threads call
    # Python code one after the other, and the class of an argument that only they see is loaded
    # here.
    one_thread = threading.Lock()
    Gst.ElementFactory.make("rtpbin")

    class Media(GstRtspServer.RTSPMedia):
        """Sends RTCP sender reports, which contain the time, early and often."""
        clock = "ntp"

        def do_setup_rtpbin(self, rtpbin):
            with one_thread:
                Gst.util_set_object_arg(rtpbin, "ntp-time-source", self.clock)
                rtpbin.set_property("rtcp-sync-send-time", False)
            return True

    class WrongMedia(Media):
        clock = "running-time"

    def caps(size):
        width, height = size.split("x")
        return Gst.Caps.from_string(f"video/x-raw,format=I420,width={width},height={height}")

    class Camera:
        def __init__(self, codec, size, rate, auth, password, delay, clock, port, tls):
            self.size, self.frozen, self.medias = size, False, []
            self.server = GstRtspServer.RTSPServer(address="127.0.0.1", service=str(port))
            self.factory = GstRtspServer.RTSPMediaFactory(shared=True)
            self.factory.set_media_gtype(Media if clock == "ntp" else WrongMedia)
            late = f"queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 min-threshold-time={int(delay * 1e9)} ! " if delay else ""
            self.factory.set_launch(
                f"( videotestsrc is-live=true ! video/x-raw,framerate={rate}/1 ! valve name=valve ! videoscale ! capsfilter name=size "
                f"! {late}{ENCODERS[codec]} )")
            self.factory.connect("media-configure", self.configure)
            if auth or tls:
                self.protect(auth, password, tls)
            self.server.get_mount_points().add_factory("/video", self.factory)
            self.source = self.server.attach(None)
            self.port = self.server.get_bound_port()

        def protect(self, auth, password, tls):
            keeper, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
            token.set_string("media.factory.role", "viewer")
            if tls:
                keeper.set_tls_certificate(Gio.TlsCertificate.new_from_file(tls))
            if not auth:
                keeper.set_default_token(token)
            if auth == "digest":
                keeper.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
                keeper.add_digest("fog", password, token)
            elif auth == "basic":
                keeper.add_basic(GstRtspServer.RTSPAuth.make_basic("fog", password), token)
            self.server.set_auth(keeper)
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_role_from_structure(Gst.Structure.from_string("viewer,media.factory.access=true,media.factory.construct=true")[0])
            self.factory.set_permissions(permissions)

        def configure(self, factory, media):
            self.medias.append(media)
            media.connect("unprepared", self.medias.remove)
            media.connect("prepared", self.prepared)
            self.apply(media)

        def prepared(self, media):
            with one_thread:
                for i in range(media.n_streams()):
                    media.get_stream(i).get_rtpsession().set_property("rtcp-min-interval", 200_000_000)

        def apply(self, media):
            with one_thread:
                bin = media.get_element()
                bin.get_by_name("size").set_property("caps", caps(self.size))
                bin.get_by_name("valve").set_property("drop", self.frozen)

        def apply_all(self):
            for media in self.medias:
                self.apply(media)
            return True

        def freeze(self, frozen):
            self.frozen = frozen
            return self.apply_all()

        def resize(self, size):
            self.size = size
            return self.apply_all()

        def drop(self):
            return len(self.server.client_filter(lambda server, client: GstRtspServer.RTSPFilterResult.REMOVE) or [])

        def viewers(self):
            return len(self.server.client_filter(None))

        def remove(self):
            GLib.source_remove(self.source)
            self.drop()
            return True

    cameras = {}

    def obey(channel, condition):
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        what, name, more = json.loads(line)
        if what == "add":
            cameras[name] = Camera(**more)
            answer = cameras[name].port
        else:
            answer = getattr(cameras[name], what)(**more)
        print(json.dumps(answer), flush=True)
        return True

    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, obey)
    with contextlib.suppress(KeyboardInterrupt):
        loop.run()


if __name__ == "__main__":
    serve()
