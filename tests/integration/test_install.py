# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the build folder and the installed plugins in the ways in which a user uses them."""

import os
import re
import subprocess

import pytest
from pipeline import BUILD, TOP

ELEMENTS = ["ipcamerasrc", "camerabranch", "kafkasink", "kafkasrc", "haarfacecount", "mongosink", "feedbackrate"]


def run(command, **variables):
    home = {name: value for name, value in os.environ.items() if not name.startswith("GST_")}
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        env={**home, **variables})


@pytest.mark.parametrize("element", ELEMENTS)
def test_gst_inspect_in_the_build_leaves_the_users_registry_alone(tmp_path, element):
    done = run(["meson", "devenv", "-C", BUILD, "gst-inspect-1.0", element], HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "stats" in done.stdout and "LGPL" in done.stdout
    assert not (tmp_path / ".cache" / "gstreamer-1.0").exists()


def test_the_plugins_are_installed_and_load(tmp_path):
    done = run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", tmp_path])
    assert done.returncode == 0, done.stdout
    plugins = sorted(tmp_path.glob("**/gstreamer-1.0/libgst*.so"))
    assert [plugin.stem for plugin in plugins] == [
        "libgstfeedback", "libgsthaar", "libgsthealth", "libgstipcamera", "libgstkafka", "libgstmongo"]
    for name in [*ELEMENTS, "health"]:
        done = run(
            ["gst-inspect-1.0", name], GST_PLUGIN_PATH_1_0=str(plugins[0].parent),
            GST_REGISTRY_1_0=str(tmp_path / "registry"))
        assert done.returncode == 0, done.stdout


PROGRAM = """
#include <gstkafkameta.h>
int main (int argc, char **argv) {
  GstBuffer *buffer;
  gst_init (&argc, &argv);
  gst_kafka_meta_register ();
  buffer = gst_buffer_new ();
  gst_structure_set (gst_kafka_meta_ensure (buffer), "target-topic", G_TYPE_STRING, "chosen", NULL);
  g_print ("%s", gst_structure_get_string (gst_kafka_meta_peek (buffer), "target-topic"));
  gst_buffer_unref (buffer);
  return 0;
}
"""


def test_a_program_of_another_project_compiles_and_uses_the_kafka_meta(tmp_path):
    assert run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", tmp_path / "root"]).returncode == 0
    (tmp_path / "meta.c").write_text(PROGRAM)
    pkgconfig = next(tmp_path.glob("root/**/gst-fog.pc")).parent
    flags = run(
        ["pkg-config", "--cflags", "--libs", "gst-fog"], PKG_CONFIG_PATH=str(pkgconfig),
        PKG_CONFIG_SYSROOT_DIR=str(tmp_path / "root"))
    assert flags.returncode == 0, flags.stdout
    # pkg-config puts the sysroot before GStreamer's folders too, where it doesn't belong
    flags = re.sub(rf"{tmp_path}/root/usr/(?!local)", "/usr/", flags.stdout).split()
    done = run(["gcc", tmp_path / "meta.c", "-o", tmp_path / "meta", *flags])
    assert done.returncode == 0, done.stdout
    assert run([tmp_path / "meta"]).stdout == "chosen"


def test_faces_are_counted_in_a_build_without_opencv(tmp_path):
    """A plugin built without OpenCV doesn't link to it, still counts faces, and names the missing engine in an
    error."""
    for command in (
            ["meson", "setup", "--auto-features=disabled", "-Dhaar=enabled", tmp_path, TOP],
            ["ninja", "-C", tmp_path, "gst-plugins/haar/libgsthaar.so"]):
        done = run(command)
        assert done.returncode == 0, done.stdout
    plugin = tmp_path / "gst-plugins" / "haar" / "libgsthaar.so"
    assert "opencv" not in run(["ldd", plugin]).stdout
    picture = TOP / "pipelines" / "scene" / "portrait.jpg"
    counts = {
        engine: run(
            ["gst-launch-1.0", "-m", "filesrc", f"location={picture}", "!", "jpegdec", "!",
             "haarfacecount", f"engine={engine}", "!", "fakesink"],
            GST_PLUGIN_PATH_1_0=str(plugin.parent), GST_REGISTRY_1_0=str(tmp_path / "registry"))
        for engine in ("auto", "opencv")}
    assert counts["auto"].returncode == 0 and "faces=(uint)1" in counts["auto"].stdout, counts["auto"].stdout
    assert counts["opencv"].returncode != 0
    assert "built without the engine opencv" in counts["opencv"].stdout
