# Answers questions of the tests about what Python and Supervisor would do.
# In: {"op": name, "args": [...]}. Out: [{"Result": ...} or {"Error": text, "Failed": true}, ...]
import base64, configparser, getopt, io, json, shlex, sys


def ini(text):
    p = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))
    p.read_file(io.TextIOWrapper(io.BytesIO(base64.b64decode(text)), encoding="utf-8"), "web.conf")
    return [[s, p.items(s)] for s in p.sections()]


def words(line):
    return shlex.split(line)


def environment(text):
    lexer = shlex.shlex(text, posix=True)
    lexer.wordchars += "/.+-():"
    tokens = list(lexer)
    pairs = {}
    for i in range(0, len(tokens), 4):
        group = tokens[i:i + 3]
        if len(group) != 3 or group[1] != "=":
            raise ValueError("Unexpected end of key/value pairs in value '%s'" % text)
        pairs[group[0]] = group[2]
    return list(pairs.items())


def expand(arg):
    try:
        return arg["format"] % arg["names"]
    except KeyError as e:
        raise ValueError("KeyError " + str(e))


def options(arg):
    opts, rest = getopt.getopt(arg["args"], arg["short"], arg["long"])
    return [[list(o) for o in opts], rest]


def integer(arg):
    return int(arg["text"], arg["base"])


def represent(text):
    return repr(text)


def datatype(arg):
    from supervisor import datatypes
    r = getattr(datatypes, arg["function"])(arg["text"])
    for name in ("Automatic", "Syslog", "RestartWhenExitUnexpected", "RestartUnconditionally"):
        if r is getattr(datatypes, name):
            return name
    return r


def have_supervisor(_):
    from supervisor import datatypes


def answer(function, arg):
    try:
        return {"Result": function(arg)}
    except Exception as e:
        return {"Error": str(e), "Failed": True}


for line in sys.stdin:
    question = json.loads(line)
    function = globals()[question["op"]]
    print(json.dumps([answer(function, a) for a in question["args"]]), flush=True)
