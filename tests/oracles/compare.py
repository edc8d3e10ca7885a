#!/usr/bin/python3
"""Compares how a gateway reads what is malformed with how nginx and h11 do.

judge.py: what is compared, and what is not held against the gateway. parties.py: the servers. inputs.py: what they
read."""
import argparse
import asyncio
import collections
import os
import re
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import inputs # noqa: E402
import judge # noqa: E402
import parties # noqa: E402

AT_ONCE = 24
TRIES = 3           # where a machine that stalls may be what is wrong
TRIALS = 300        # to make an input smaller
TROUBLE = re.compile(r".*(?:libmicrohttpd sees|Sanitizer|runtime error|crash).*")


class Comparison:
    def __init__(self, postern, nginx, shown):
        self.postern, self.nginx, self.shown, self.serial = postern, nginx, shown, 0
        self.failures = collections.defaultdict(list)
        self.exempt, self.strict = collections.Counter(), collections.defaultdict(lambda: collections.defaultdict(list))
        self.counts = collections.Counter()

    async def read(self, item):
        self.serial += 1
        source = parties.address_of(self.serial)
        postern, nginx = await asyncio.gather(self.postern.read(source, item), self.nginx.read(source, item))
        courses = {"postern": postern, "nginx": nginx, "h11": parties.h11_course(item)}
        return judge.judge(item, courses), courses

    async def look_at(self, seed, number):
        item = inputs.make(seed, number)
        for _ in range(TRIES):
            verdict, courses = await self.read(item)
            if not judge.may_be_a_stall(verdict):
                break
            self.counts["asked again"] += 1
        self.count(seed, number, item, verdict, courses)
        for kind, what in verdict.problems:
            self.failures[kind].append(f"{seed}/{number}")
            await self.show(seed, number, item, kind, what, courses)
        return item, verdict, courses

    def count(self, seed, number, item, verdict, courses):
        gateway = courses["postern"]
        self.counts["inputs"] += 1
        self.counts["valid"] += not item.wrong
        self.counts["requests of the plugin"] += len(gateway.requests)
        self.counts["refused by the gateway"] += bool(gateway.stop)
        self.counts["refused by nginx"] += bool(courses["nginx"].stop)
        self.counts["refused by h11"] += bool(courses["h11"].stop)
        self.counts["ended by time-out"] += gateway.waited
        self.exempt.update(verdict.exempt)
        further = [name for name in ("nginx", "h11") if len(courses[name].requests) > len(gateway.requests)]
        if further:
            row = self.strict[gateway.stop or "(no answer)"]
            row["both" if len(further) == 2 else further[0]].append(f"{seed}/{number}")

    async def show(self, seed, number, item, kind, what, courses):
        if sum(map(len, self.failures.values())) > self.shown:
            return
        print(f"\nFAILED: {judge.PROPERTIES[kind]}\n  {what}\n  --seed {seed} --only {number}: {', '.join(item.wrong)}")
        print(f"  sent: {item.pieces}")
        for name, course in courses.items():
            print(f"  {name}: {course}")
        print(f"  smaller: {await self.minimise(item, kind, courses)}", flush=True)

    async def minimise(self, item, kind, courses):
        """The shortest text found that fails for the same reason, in one piece; None: it takes the pieces."""
        stops = {name: course.stop for name, course in courses.items()}

        async def fails(text):
            verdict, courses = await self.read(inputs.Input([text], False, True, ["a part"], []))
            return any(problem == kind for problem, _ in verdict.problems) and \
                all(course.stop == stops[name] for name, course in courses.items())

        data, trials = item.data(), 0
        if kind in ("valid", "ends", "gateway") or not await fails(data):
            return None
        size = len(data) // 2
        while size > 0 and trials < TRIALS:
            at = 0
            while at < len(data) and trials < TRIALS:
                trials += 1
                shorter = data[:at] + data[at + size:]
                if shorter and await fails(shorter):
                    data = shorter
                else:
                    at += size
            size //= 2
        return data

    def end(self):
        """After the servers have stopped: what only comes to light then."""
        self.postern.record.take("")
        late = sum(map(len, self.postern.record.lines.values()))
        if late:
            self.failures["gateway"].append(f"{late} requests have come after the end of their connection")
        self.failures["gateway"] += [found[0] for found in TROUBLE.finditer(self.postern.words())]


# --- the report -----------------------------------------------------------------------------------------------------


def print_counts(comparison, seconds):
    counts = comparison.counts
    print(f"{counts['inputs']} inputs in {seconds:.0f} s, {counts['valid']} of them valid; "
          f"{counts['requests of the plugin']} requests have reached the plugin")
    print("refused: " + ", ".join(f"{counts['refused by ' + who]} by {who}" for who in ("the gateway", "nginx", "h11")))
    print(f"the gateway's time-out ended {counts['ended by time-out']}; asked again: {counts['asked again']}")
    if comparison.strict:
        print("\nnot passed on, though others do:\n  both nginx  h11  why, and examples")
    for why, row in sorted(comparison.strict.items(), key=lambda pair: -sum(map(len, pair[1].values()))):
        both, nginx, h11 = (row[who] for who in ("both", "nginx", "h11"))
        print(f"  {len(both):4} {len(nginx):5} {len(h11):4}  {why}: {', '.join(map(str, (both + nginx + h11)[:3]))}")
    if comparison.exempt:
        print("\nrefusals of others that count for nothing:")
    for (name, _, _, why), count in comparison.exempt.most_common():
        print(f"  {count:4}  {name}: {why}")


def conclude(comparison):
    failed = 0
    print()
    for kind, text in judge.PROPERTIES.items():
        found = comparison.failures[kind]
        failed += bool(found)
        print(f"{'FAILED' if found else 'passed'}: {text}" + (f": {', '.join(map(str, found[:20]))}" if found else ""))
    checks = len(judge.PROPERTIES)
    print(f"{100 * (checks - failed) // checks}%: Checks: {checks}, Failures: {failed}, Errors: 0")
    return failed == 0


# --- the run --------------------------------------------------------------------------------------------------------


async def run(arguments, folder):
    postern = parties.Postern(folder, arguments.build)
    nginx = parties.Nginx(folder)
    comparison = Comparison(postern, nginx, arguments.show)
    begun = time.monotonic()
    numbers = iter([(arguments.seed[0], n) for n in arguments.only] or
                   [(seed, n) for n in range(arguments.inputs) for seed in arguments.seed])

    async def work():
        for seed, number in numbers:
            if time.monotonic() - begun > arguments.seconds:
                break
            item, verdict, courses = await comparison.look_at(seed, number)
            if arguments.only:
                print(f"{number}: {', '.join(item.wrong) or 'valid'}\n  sent: {item.pieces}")
                print("".join(f"  {name}: {course}\n" for name, course in courses.items()), verdict.problems)

    try:
        async with nginx:
            await asyncio.gather(*(work() for _ in range(arguments.at_once)))
    except OSError as error:
        comparison.failures["gateway"].append(f"a server cannot be asked: {error}")
    finally:
        status = postern.server.stop()
        nginx.server.stop()
    if status != 0:
        comparison.failures["gateway"].append(f"it has ended with {status}:\n{postern.words()[-4000:]}")
    if not arguments.only and not comparison.counts["valid"]:
        comparison.failures["valid"].append("none has been tried")
    comparison.end()
    print_counts(comparison, time.monotonic() - begun)
    return conclude(comparison)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", default="build", help="where postern has been built (build)")
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="of what is generated (1)")
    parser.add_argument("--inputs", type=int, default=3000, help="of each seed (3000)")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop then, if not done before")
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="NUMBER", help="these inputs, in full")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="so many failures in full (10)")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help=f"connections to each server ({AT_ONCE})")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postern-oracles-") as folder:
        os.chmod(folder, 0o755)
        return 0 if asyncio.run(run(arguments, folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
