"""What is compared, and what is not held against the gateway."""
import re


def has(pattern):
    return lambda data: re.search(pattern, data) is not None


# Refusals that are not about where a request ends, or that RFC 9112 does not bear out: who, why (all of what parties.py
# calls the reason), what the input has to have in it, and what speaks against it. Nothing that follows is compared.
EXEMPT = (
    ("nginx", r"400 client sent invalid method", has(rb""),
     "it knows capitals, '-' and '_'; any token is a method: RFC 9110 section 9.1 (h11 sees to what is none)"),
    ("nginx", r"400 client sent invalid host header",
     has(rb"(?i)\nhost:(?:[ \t]*\.?[ \t]*|[^\r\n]*(?:\.\.|\t)[^\r\n]*)\r\n"),
     "not framing; an empty Host is a valid one, and so are dots, or tabs around it: RFC 9112 sections 3.2, 5.1"),
    ("nginx", r"400 client sent invalid request", has(rb"(?i) https?://[^ /?]*[^ /?a-z0-9.:\[\]-]"),
     "not framing; a host may have other characters: RFC 3986 section 3.2.2"),
    ("nginx", r"400 client sent invalid request", has(rb"OPTIONS \* HTTP/1"),
     "not framing; OPTIONS has that target: RFC 9112 section 3.2.4"),
    ("nginx", r"400 client sent invalid Content-Length header|501 client sent unknown Transfer-Encoding",
     has(rb"(?i)\n(?:content-length|transfer-encoding):(?=[^\r\n]*\t)[ \t]*(?:\d+|chunked)[ \t]*\r\n"),
     "tabs around a value are no part of it: RFC 9112 section 5.1"),
    ("h11", r"no request line received", has(rb"(?:^|\r\n)\r\n"),
     "empty lines before a request are to be ignored: RFC 9112 section 2.2"),
    ("h11", r"illegal request line", has(rb"[ /][\x21-\x7e]*[\x80-\xff][\x21-\xff]* HTTP/1\.\d\r\n"),
     "not framing; a target with bytes from 0x80 on has one reading, and browsers send them"),
    ("h11", r"body: illegal chunk header", has(rb"\n[0-9A-Fa-f]+[ \t]+;"),
     "white space before the semicolon of an extension is bad, but to be read: RFC 9112 section 7.1.1"),
    ("h11", r"body: (?:bad|conflicting|multiple|Only) (?:Content-Length|Transfer-Encoding).*",
     has(rb"\n0+[^\n]*\r\n(?:[^\r\n]+\r\n)*(?i:content-length|transfer-encoding):"),
     "a trailer is no header, and nobody is given it: RFC 9112 section 7.1.2"),
)

# Answers of nginx that say that something else went wrong, not with the request.
STALLED = re.compile(r"(408|499|500|502|503|504)\b")


class Verdict:
    """Problems, each of a kind of PROPERTIES."""

    def __init__(self):
        self.problems, self.exempt, self.stalled = [], set(), False


PROPERTIES = {
    "nginx": "what nginx refuses for its framing reaches no plugin, nor does what follows",
    "h11": "what h11 refuses for its framing reaches no plugin, nor does what follows",
    "like nginx": "a plugin sees the requests that nginx passes on",
    "like h11": "a plugin sees the requests that h11 sees",
    "valid": "what is valid is accepted by all three",
    "ends": "every connection is answered and ended",
    "gateway": "the gateway finds nothing odd itself, and ends well",
}


def exemption(name, stop, data):
    return next((row for row in EXEMPT if row[0] == name and re.fullmatch(row[1], stop) and row[2](data)), None)


def path_of(target):
    """An absolute-form target as the path that it means: nginx passes that on (RFC 9112 section 3.2.2)."""
    path = re.sub(rb"(?i)^https?://[^/?]*", b"", target)
    return path if path.startswith(b"/") or (path and path == target and target[:1] != b"?") else b"/" + path


def comparable(course):
    return [(method, path_of(target), body) for method, target, body in course.requests]


def compare(verdict, name, gateway, course, data):
    seen, at = comparable(course), 0
    own = sum(status > 200 for status in gateway.statuses) # it may go on after its own answers: 204, 431
    exempt = exemption(name, course.stop, data) if course.stop else None
    if exempt:
        verdict.exempt.add(exempt)
    for request in comparable(gateway):
        while own > 0 and at < len(seen) and seen[at] != request:
            at, own = at + 1, own - 1
        if at == len(seen):
            if course.stop and not exempt:
                verdict.problems.append((name, f"{request} has reached the plugin: {course.stop}"))
            elif not course.stop and not course.closes:
                verdict.problems.append((f"like {name}", f"{request} is none"))
            return
        if seen[at] != request:
            verdict.problems.append((f"like {name}", f"{request} is {seen[at]}"))
            return
        at += 1


def judge(item, courses):
    """`courses`: by name, "postern" among them."""
    verdict, gateway = Verdict(), courses["postern"]
    for name, course in courses.items():
        if not item.wrong and course.requests != item.requests:
            verdict.problems.append(("valid", f"{name}: {course.requests} {course.stop}"))
        if course.hangs:
            verdict.problems.append(("ends", name))
        if name != "postern":
            if STALLED.match(course.stop):
                verdict.stalled = True
            compare(verdict, name, gateway, course, item.data())
    # It bounds sizes, and 1.0 wants a Host by itself: neither is framing.
    if "<html>" in gateway.stop and gateway.statuses[-1] not in (413, 414, 431) and "header req" not in gateway.stop:
        verdict.problems.append(("gateway", f"libmicrohttpd refuses what was let through: {gateway.stop}"))
    return verdict


def may_be_a_stall(verdict):
    """Whether it is worth asking again: the machine, not the gateway, may have been late."""
    return verdict.stalled or any(kind in ("valid", "ends") for kind, _ in verdict.problems)
