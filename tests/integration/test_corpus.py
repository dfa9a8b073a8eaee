# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes public collections of valid and invalid documents through mongosink, reads them back from another database server, and
compares them byte by byte."""

import json
import struct

import bson
import bson.json_util
import bson.raw_bson
import bson_corpus
import pymongo
import pytest
from broken_json import BROKEN, EITHER, NO_DOCUMENT, SOUND
from messages import values

# These cases of the corpus are refused, because libbson can't write code with a NUL from JSON.
REFUSED = [
    ("code.json", "Embedded nulls"),
    ("code_w_scope.json", "Unicode and embedded null in code string, empty scope"),
]
VALID, GARBAGE = bson.encode({"foo": "bar"}), b"\xde\xad\xbe\xef"
RAW = bson.CodecOptions(document_class=bson.raw_bson.RawBSONDocument)
CAPS = {"canonical_extjson": "application/x-ndjson", "relaxed_extjson": "application/x-ndjson", "canonical_bson": "application/bson"}


def numbered_json(text, number):
    rest = text.strip()[1:].strip()
    return f'{{"_id":{number}{"" if rest == "}" else ","}{rest}'.replace("\n", " ").encode() + b"\n"


def numbered_bson(encoded, number):
    body = b"\x10_id\0" + struct.pack("<i", number) + encoded[4:]
    return struct.pack("<i", 4 + len(body)) + body


def store(launch, uri, database, path, caps):
    line = f"filesrc location={path} ! {caps} ! mongosink uri={uri} database={database}"
    storing = launch(line)
    assert storing.wait(120) == 0, storing.output()
    return {document["_id"]: bytes(document.raw)
            for document in pymongo.MongoClient(uri)[database].get_collection("events", RAW).find()}


def as_stored_directly(uri, database, encoded):
    """Returns the document that the server stores if a document is written without mongosink; None if the server refuses it."""
    collection = pymongo.MongoClient(uri)[database].get_collection("direct", RAW)
    number = struct.unpack_from("<i", encoded, 9)[0]
    try:
        # uses a raw command, because insert_one() would decode the document first, and fail at
        # dates that Python can't represent.
        collection.database.command({"insert": "direct", "documents": [bson.raw_bson.RawBSONDocument(encoded)]})
        found = collection.find_one({"_id": number})
    except pymongo.errors.PyMongoError:
        return None
    return bytes(found.raw) if found else None


def same(form, stored, wanted):
    if form != "relaxed_extjson":
        return stored == wanted
    options = bson.json_util.RELAXED_JSON_OPTIONS
    return stored is not None and wanted is not None and bson.json_util.dumps(
        bson.raw_bson.RawBSONDocument(stored), json_options=options) == bson.json_util.dumps(
            bson.raw_bson.RawBSONDocument(wanted), json_options=options)


@pytest.mark.parametrize("form", CAPS)
def test_valid_cases_of_the_bson_corpus_are_stored_unchanged(secantus, fresh, launch, tmp_path, form):
    """The stored document equals the written one, or the document that the server stores if it is written without mongosink."""
    uri = secantus.uri
    cases = [case for case in bson_corpus.cases("valid") if form in case and not case.get("lossy")]
    wanted = [numbered_bson(bytes.fromhex(case["canonical_bson"]), number) for number, case in enumerate(cases)]
    content = wanted if form == "canonical_bson" else [numbered_json(case[form], number) for number, case in enumerate(cases)]
    path = tmp_path / "corpus"
    path.write_bytes(b"".join(content))
    stored = store(launch, uri, fresh, path, CAPS[form])
    changed, by_server = [], 0
    for number, case in enumerate(cases):
        if same(form, stored.get(number), wanted[number]):
            continue
        direct = as_stored_directly(uri, fresh, wanted[number])
        by_server += 1
        if direct == wanted[number] or (direct is not None and not same(form, stored.get(number), direct)):
            changed.append((case["file"], case["description"]))
            assert number not in stored, f"{case['description']} is stored as another value"
    print(f"{form}: {len(cases)} cases, {len(stored)} stored, {by_server} refused or stored differently by the server itself")
    assert changed == (REFUSED if form == "canonical_extjson" else [])


def test_invalid_cases_of_the_bson_corpus_are_refused(secantus, fresh, launch, tmp_path):
    lines, cases = [], list(bson_corpus.cases("parseErrors"))
    for number, case in enumerate(cases):
        text = json.dumps({"d": {"$numberDecimal": case["string"]}}) if case["bson_type"] == "0x13" else case["string"]
        lines.append(numbered_json(text, number))
    path = tmp_path / "corpus"
    path.write_bytes(b"".join(lines))
    stored = store(launch, secantus.uri, fresh, path, "application/x-ndjson")
    # Of the invalid cases only a $date with a number is accepted, because Extended JSON version 1
    # writes dates like that, and it is unambiguous.
    assert [cases[number]["description"] for number in sorted(stored)] == ["Bad $date (number, not string or hash)"]


# Texts that mongosink stores although they aren't strictly valid JSON, such as Python's NaN or a
# repeated name.
KEPT = {name: (BROKEN | EITHER)[name] for name in [
    "nested 50 deep", "a name twice", "NUL escape", "minus zero", "a long fraction", "non-character", "not a number", "infinity"]}


def test_broken_json(secantus, fresh, launch, tmp_path):
    """Each document is sent in a buffer of its own: mongosink refuses each invalid one and stores each valid one."""
    good = {name: b'{"good":"%b","a":%b}' % (name.encode(), value) for name, value in SOUND.items()}
    good |= {name: b'{"good":"%b","a":%b}' % (name.encode(), value) for name, value in KEPT.items()}
    bad = [*NO_DOCUMENT.values()]
    for name, value in [*BROKEN.items(), *EITHER.items()]:
        bad += [] if name in KEPT else [b'{"a":%b}' % value]
    directory = tmp_path / "json"
    directory.mkdir()
    texts = [*bad, *good.values()]
    for number, text in enumerate(texts):
        (directory / f"{number:04}").write_bytes(text)
    storing = launch(
        f"multifilesrc location={directory}/%04d stop-index={len(texts) - 1} caps=application/json ! "
        f"mongosink uri={secantus.uri} database={fresh}")
    assert storing.wait(120) == 0, storing.output()
    stored = list(pymongo.MongoClient(secantus.uri)[fresh].events.find())
    print(f"{len(bad)} bad, {len(good)} good, {len(stored)} stored")
    assert sorted(document.get("good", str(document)) for document in stored) == sorted(good)


def test_invalid_bson_leaves_by_the_pad_rejects_unchanged(secantus, kafka, fresh, launch):
    """Sends each of the corpus' decodeErrors as a message between valid ones: each valid one is stored, and each invalid one leaves by the pad rejects unchanged."""
    bad = [bytes.fromhex(case["bson"]) for case in bson_corpus.cases("decodeErrors")]
    assert len(bad) > 50
    for name in (fresh, fresh + "-dead"):
        kafka.create_topic(name, 1)
    producer = kafka.producer()
    for number, value in enumerate(bad):
        for one in (value, bson.encode({"_id": number})):
            producer.produce(fresh, one, headers={"gst-caps": "application/bson", "number": str(number)})
    assert producer.flush(120) == 0
    storing = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} group-id={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"mongosink name=store uri={secantus.uri} database={fresh} "
        f"store.rejects ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-dead")
    assert storing.wait(120) == 0, storing.output()
    stored = [document["_id"] for document in pymongo.MongoClient(secantus.uri)[fresh].events.find()]
    rejected = values(kafka, fresh + "-dead")
    print(f"decodeErrors: {len(bad)} cases, {len(rejected)} refused")
    # A buffer may hold several documents. One of the invalid cases begins with a valid document.
    assert [one for one in stored if not isinstance(one, int)] == [f"{fresh}:0:{2 * bad.index(VALID + GARBAGE)}"]
    assert sorted(one for one in stored if isinstance(one, int)) == list(range(len(bad)))
    # The order of the rejects isn't fixed, because documents that the server refuses leave
    # mongosink later than documents that mongosink refuses.
    assert all(any(one in value for value in bad) for one in rejected)
    assert sorted(b"".join(rejected)) == sorted(b"".join(bad).replace(VALID + GARBAGE, GARBAGE))
