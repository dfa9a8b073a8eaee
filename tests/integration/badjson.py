# SPDX-License-Identifier: LGPL-2.1-or-later
"""JSON texts, as bytes by name, that parsers get wrong. BAD ones are no valid documents; a GOOD one has its own name
in the field `good`."""

BAD = {
    "nothing": b" ", "only a BOM": b"\xef\xbb\xbf", "BOM before": b'\xef\xbb\xbf{"a":1}', "UTF-16": '{"a":1}'.encode("utf-16"),
    "lists nested 100,000 deep": b'{"a":' + b"[" * 100000, "closed, too": b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}",
    "objects nested 100,000 deep": b'{"a":' * 100000, "1,000 deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "lone high surrogate": rb'{"a":"\ud800"}', "lone low surrogate": rb'{"a":"\udc00"}', "reversed pair": rb'{"a":"\ude00\ud83d"}',
    "surrogate in a name": rb'{"\ud800":1}', "surrogate as UTF-8": b'{"a":"\xed\xa0\x80"}', "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "beyond Unicode": b'{"a":"\xf4\xbf\xbf\xbf"}', "invalid UTF-8": b'{"a":"\xff"}', "UTF-8 cut": b'{"a":"\xe2\x82"}',
    "trailing NUL": b'{"a":1}\0', "NUL within": b'{"a":\0 1}', "NUL in a text": b'{"a":"x\0y"}', "NUL in a name": rb'{"a\u0000b":1}',
    "trailing text": b'{"a":1}x', "two documents": b'{"a":1}{"a":2}', "trailing comma": b'{"a":1,}', "comma first": b'{,"a":1}',
    "two commas": b'{"a":1,,"b":2}', "list with comma": b'{"a":[1,]}', "no colon": b'{"a" 1}', "two colons": b'{"a"::1}',
    "no comma": b'{"a":1 "b":2}', "no value": b'{"a":}', "no quotes": b"{a:1}", "single quotes": b"{'a':1}", "a number as name": b"{1:1}",
    "huge number": b'{"a":' + b"9" * 10000 + b"}", "huge exponent": b'{"a":1e' + b"9" * 1000 + b"}", "huge negative": b'{"a":-1e999999}',
    "too small": b'{"a":1e-999999}', "beyond 64 bits": b'{"a":9223372036854775808}', "leading zero": b'{"a":012}',
    "negative leading zero": b'{"a":-012}', "plus": b'{"a":+1}', "point first": b'{"a":.5}', "point last": b'{"a":1.}', "hexadecimal": b'{"a":0x1F}',
    "exponent empty": b'{"a":1e}', "minus alone": b'{"a":-}', "two points": b'{"a":1.2.3}', "Infinity cut": b'{"a":-Inf}',
    "tab in a text": b'{"a":"\t"}', "line in a text": b'{"a":"\n"}', "escape unknown": rb'{"a":"\x00"}', "escape cut": b'{"a":"\\',
    "u cut": rb'{"a":"\u12"}', "u no hexadecimal": rb'{"a":"\u12g4"}', "text without end": b'{"a":"', "word cut": b'{"a":tru}',
    "capital word": b'{"a":True}', "comment": b'{"a":1/*x*/}', "comment behind": b'{"a":1}//', "a list": b"[]", "a text": b'"a"', "a word": b"null",
    "brackets crossed": b'{"a":[1}', "closed twice": b'{"a":1}}', "not closed": b'{"a":1', "no-break space": b'{"a":\xc2\xa01}',
    "form feed": b'{"a":\x0c1}', "date of no day": b'{"a":{"$date":"2026-02-30T00:00:00Z"}}', "decimal of nonsense": b'{"a":{"$numberDecimal":"x"}}',
    "code with NUL": rb'{"a":{"$code":"x\u0000y"}}', "binary of nonsense": b'{"a":{"$binary":{"base64":"!","subType":"00"}}}',
}

GOOD = {
    name: b'{"good":"' + name.encode() + b'","a":' + value + b"}" for name, value in {
        "nested 50 deep": b"[" * 50 + b"]" * 50, "pair of surrogates": rb'"\ud83d\ude00"', "NUL escaped": rb'"x\u0000y"', "noncharacter": rb'"\uffff"',
        "100,000 numbers": b"[" + b"1," * 99999 + b"1]", "long text": b'"' + b"x" * 1000000 + b'"', "minus zero": b"-0", "exponent": b"1E+2",
        "64 bits": b"9223372036854775807", "white space": b" \t\r\n1 \n", "empty name": b'{"":1}', "DEL": b'"\x7f"', "escapes": rb'"\"\\\/\b\f\n\r\t"',
        "BOM in a text": b'"\xef\xbb\xbf"', "line separator": b'"\xe2\x80\xa8"', "null": b"null", "many digits": b"0." + b"1" * 1000}.items()}
