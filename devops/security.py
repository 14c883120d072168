#!/usr/bin/env python3
"""Scans a seeded server with sqlmap and wapiti; ends with `N findings` and status 1 unless there are none.

Starts its own `cellar serve` on a free port of 127.0.0.1 with a temporary data folder. The scanned addresses come from
the route table, so a new route is scanned without anybody thinking of it. Arguments name what to run: sqlmap, wapiti.
"""
import asyncio
import http.cookiejar
import itertools
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CELLAR = ROOT / "target/debug/cellar"
TOOLS = ROOT / "target/venv-security/bin"
PASSWORD = "violet tram at noon"
ROLES = {"vera": "viewer", "otto": "operator", "ada": "admin"}
# What a scanner must not press: it would sign itself out.
KEEP_AWAY = re.compile(r"/logout|/account/sessions|/account/password|/static/")
# Seconds of one crawl, and of one kind of attack; what takes longer is cut and counts as it stands.
CRAWL_SECONDS = 120
ATTACK_SECONDS = 45
# All kinds of attack but those that fetch lists from other servers or guess names of files and passwords.
ATTACKS = "all,-nikto,-wapp,-htp,-buster,-brute_login_form"
# wapiti's names of what it reports for information only.
INFORMATIONAL = {"Fingerprint web technology", "Fingerprint web server", "Information Disclosure - Full Path"}


def cellar(folder, *arguments, **more):
    command = [CELLAR, *arguments, "--data-dir", folder]
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def start(folder):
    """A server with people of each role, a token and devices."""
    for name, role in ROLES.items():
        cellar(folder, "user", "add", name, "--role", role, "--password-stdin", input=PASSWORD)
    cellar(folder, "token", "add", "--user", "ada", "--scope", "read", "--name", "script")
    for device in ("cu-01", "probe-01"):
        cellar(folder, "device", "add", device, "--kind", "probe")
    log = open(Path(folder) / "log", "w")
    # Over TLS, as everybody must who lets others reach a server.
    command = [CELLAR, "serve", "--tls", "--data-dir", folder, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    line = next(line for line in server.stdout if line.startswith("{"))
    authority = Path(folder) / "tls/ca.pem"
    urllib.request.install_opener(opener(authority))
    return server, "https://" + json.loads(line)["http"], authority


def opener(authority, *handlers):
    """Opens pages of a server whose certificate this authority signed."""
    trust = ssl.create_default_context(cafile=authority)
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust), *handlers)


def from_many_addresses(url):
    """A way to the server on which each connection comes from another address of the loopback network.

    Whoever tries passwords from one address soon waits a minute for each: a scan would see little else.
    """
    addresses = itertools.cycle(f"127.0.{high}.{low}" for high in range(1, 100) for low in range(1, 250))
    port = urllib.parse.urlparse(url).port

    async def copy(reader, writer):
        try:
            while piece := await reader.read(1 << 16):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def carry(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", port, local_addr=(next(addresses), 0))
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    loop = asyncio.new_event_loop()
    listener = loop.run_until_complete(asyncio.start_server(carry, "127.0.0.1", 0))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


def sign_in(url, authority, name):
    """The cookies of somebody signed in, and a token for forms."""
    jar = http.cookiejar.CookieJar()
    browser = opener(authority, urllib.request.HTTPCookieProcessor(jar))

    def form_token(path):
        return re.search(r'name="csrf" value="([0-9a-f]+)"', browser.open(url + path).read().decode())[1]

    fields = {"name": name, "password": PASSWORD, "back": "/", "csrf": form_token("/login")}
    browser.open(url + "/login", urllib.parse.urlencode(fields).encode())
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    if "__Host-cellar=" not in cookies:
        sys.exit(f"{name} could not sign in: the form of /login has changed")
    return cookies, form_token("/account")


def routes():
    """(method, path) of every route, a number in the place of each parameter."""
    table = (ROOT / "src/web/routes.rs").read_text()
    for method, path in re.findall(r'^    (get|post)\("([^"]+)"', table, re.M):
        yield method, re.sub(r"\{[^}]+\}", "1*", path)


# Fields of forms and addresses by route: what sqlmap tries besides the path itself.
FIELDS = {
    "/batteries": "text=N&technology=lithium&kind=cell&show=live&sort=name&order=asc&page=1",
    "/experiments": "q=N&technology=lithium&battery=1&station=1&profile=1&status=queued&tag=a&since=2026-01-01&until=2026-12-31&sort=name&order=asc&page=1&per_page=50",
    "/profiles": "text=N&sort=name&order=asc&page=1&show=live",
    "/stations": "text=N&unit=cu-01&sort=name&order=asc&page=1&show=live",
    "/audit": "actor=ada&action=add&object=user&from=2026-01-01&to=2026-12-31&before=9",
    "/audit.csv": "actor=ada&action=add&object=user&from=2026-01-01&to=2026-12-31",
    "/devices": "text=cu&after=a",
    "/login": "name=somebody&password=x&back=/",
    "/users/new": "name=someone&full_name=Some One&role=viewer",
    "/users/1*": "full_name=Vera&role=viewer&version=0",
    "/tokens/new": "name=scan&owner=ada&scope=read&days=9",
    "/devices/new": "id=cu-09&kind=probe",
    "/devices/pending/approve": "device=cu-09&secret=00&kind=probe",
    "/": "station=1&probe=a&window=5m",
    "/api/v1/streams/1*/series": "columns=voltage_v&from_us=0&to_us=9&width=100",
    "/api/v1/experiments/1*/series": "columns=voltage_v&from_us=0&to_us=9&width=100",
}


def sqlmap(url, authority, folder):
    cookies, csrf = sign_in(url, authority, "ada")
    url = from_many_addresses(url)
    findings, scanned = [], 0
    for method, path in routes():
        if KEEP_AWAY.search(path) or path in ("/healthz", "/readyz") or path.startswith("/live/"):
            continue
        fields = FIELDS.get(path, "")
        target = url + path + (f"?{fields}" if method == "get" and fields else "")
        if method == "get" and "?" not in target and "*" not in target:
            continue
        command = [
            TOOLS / "sqlmap", "-u", target, "--batch", "--level=3", "--risk=2", "--threads=2", "--flush-session",
            f"--cookie={cookies}", "--skip=cookie,user-agent,referer,host,csrf", "--output-dir", f"{folder}/sqlmap",
            "--ignore-code=401,403,404,409,422,429,500", "--disable-coloring", "--time-sec=2", "--technique=BEU",
        ]
        if method == "post":
            command += ["--method=POST", f"--data={fields + '&' if fields else ''}csrf={csrf}"]
        if path == "/login":
            # The pauses are per name as well.
            command.append("--randomize=name")
        said = subprocess.run(command, capture_output=True, text=True).stdout
        scanned += 1
        found = [line for line in said.splitlines() if "is vulnerable" in line or re.match(r"\s*Type: ", line)]
        print(f"sqlmap {method} {path}: {'; '.join(found) or 'nothing'}", flush=True)
        if not found and "do not appear to be injectable" not in said and "no parameter(s) found" not in said:
            found = ["not scanned: " + (said.strip().splitlines() or ["no output"])[-1]]
            print(f"  {found[0]}")
        findings += [f"sqlmap {method} {path}: {line.strip()}" for line in found]
    print(f"sqlmap: {scanned} requests scanned")
    return findings


def wapiti(url, authority, folder):
    findings = []
    # Signed in before anything is attacked: guessing passwords makes everybody at this address wait.
    cookies = {name: sign_in(url, authority, name)[0] for name in ROLES}
    # The administrator last: what it presses changes what the others may do.
    for name in [None, *ROLES]:
        report = f"{folder}/wapiti-{name}.json"
        command = [
            TOOLS / "wapiti", "-u", url + "/", "-m", ATTACKS, "--scope", "folder", "-f", "json", "-o", report,
            "--flush-session", "--no-bugreport", "--max-scan-time", str(CRAWL_SECONDS),
            "--max-attack-time", str(ATTACK_SECONDS), "--max-links-per-page", "100",
            "-x", url + "/logout", "-x", url + "/account/password", "-x", url + "/account/sessions/end-others",
            "-v", "0", "--store-session", f"{folder}/wapiti", "--store-config", f"{folder}/wapiti-config",
        ]
        if name:
            command += ["-H", f"Cookie: {cookies[name]}"]
        said = subprocess.run(command, capture_output=True, text=True)
        if not os.path.exists(report):
            findings.append(f"wapiti as {name}: no report: {said.stderr[-300:]}")
            continue
        found = json.load(open(report))
        pages = found["infos"]["crawled_pages_nbr"]
        of_role = []
        for kind in ("vulnerabilities", "anomalies"):
            for title, list_of_them in found[kind].items():
                if title in INFORMATIONAL:
                    continue
                of_role += [f"{title}: {one['method']} {one['path']} {one['info']}" for one in list_of_them]
                for one in list_of_them:
                    # What was sent says more than the name of the finding.
                    print(one["http_request"], file=sys.stderr)
        print(f"wapiti as {name or 'nobody'}: {pages} pages, {len(of_role)} findings", *of_role, sep="\n  ", flush=True)
        findings += [f"wapiti as {name or 'nobody'}: {one}" for one in of_role]
    return findings


def main():
    wanted = sys.argv[1:] or ["sqlmap", "wapiti"]
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        server, url, authority = start(folder)
        try:
            for name in wanted:
                findings += {"sqlmap": sqlmap, "wapiti": wapiti}[name](url, authority, folder)
            # A server that fell over answers nothing a scanner could find fault with.
            urllib.request.urlopen(url + "/healthz", timeout=10)
            broken = [line for line in open(f"{folder}/log") if "panicked" in line or "request failed" in line]
            findings += [f"log: {line.strip()}" for line in broken]
        finally:
            server.terminate()
            server.wait()
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
