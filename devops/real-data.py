#!/usr/bin/env python3
"""Fetches measured vendor files for the importer's tests into tests/data/real/ (not in the repository).

They are part of three published Python packages. Every package and every file is checked against its SHA-256, and each
package's licence is laid beside its files. Files that are there already are kept. Without a network this says so and
ends well, except with CI=true. See tests/data/README.md.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "tests/data/real"
MEMBER_BYTES_MAX = 64 * 1024 * 1024  # the largest file is under 1 MB; anything above is not what we want
DOWNLOAD_S_MAX = 300

# package name, version: (sha256 of its source distribution, {path in it: (name here, sha256)})
PACKAGES = {
    ("celljar", "0.2.1"): (
        "7813e401d974f99f1430c247aef1ab1b0fd5095be4fe0900837e822c314bd12c",
        {
            "data/raw/ornl_leaf/cell-discharge-bitrode-1c.csv": (
                "cell-discharge-bitrode-1c.csv",
                "a82c1ab866871d9ce7f7f2d77c3cd9f6df327186de97bcd4dad64dba38d30ab6",
            ),
        },
    ),
    ("battery-data-toolkit", "0.4.6"): (
        "f62a073703d6652e53162fcbb3ebbf0f5f7036e127021d5beddf7c5c245f9797",
        {
            "tests/files/arbin_example.csv": (
                "arbin_example_battdat.csv",
                "2c32d4c479104e42f1ae26d30dc2660c890856a171aa1aa5c2d6004916fb1caa",
            ),
            "tests/files/batterydata/p492-13-raw.csv": (
                "p492-13-raw.csv",
                "70a8a067e20f6ca3a66b7b2fe3d424162d3da23fa67c41cddb3fa5377e3be3d0",
            ),
            "tests/files/batterydata/p492-13-summary.csv": (
                "p492-13-summary.csv",
                "1674adce03a5103e911873a5213bcfff2ebf6f8fa2f1ee2bfdf5f0155d2e36f0",
            ),
        },
    ),
    ("navani", "0.1.22"): (
        "b7ceaa51435f12340518727cc4e56c07e53228c66db4b1e2a1017cfd7a832043",
        {
            "Example_data/maccor_example.txt": (
                "maccor_example.txt",
                "1336e25f58ee41450c4d1b5dd5d4c543318464f25174189351eeaa78bfa3dcb4",
            ),
            "Example_data/test_missing_required.bdf": (
                "test_missing_required.bdf",
                "2bd22111fa7577e5e2b06c314b0258787d07fa018b7abb2102606fd1a4c6f8d0",
            ),
            "Example_data/test_with_capacity.bdf": (
                "test_with_capacity.bdf",
                "8b696ceba36629cae7d84a54c8af15f987529206a22b17e38328c67366257cdb",
            ),
            "Example_data/test_with_capacity.bdf.parquet": (
                "test_with_capacity.bdf.parquet",
                "f8c2f06e7c34b85d468f9c0de9cb327baefa369aeb75cb966449663ceadbe51a",
            ),
        },
    ),
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def is_here(name: str, digest: str) -> bool:
    file = TARGET / name
    return file.is_file() and sha256(file.read_bytes()) == digest


def missing_packages() -> dict:
    """The packages of which a file or the licence is not here yet."""
    return {
        (name, version): (digest, members)
        for (name, version), (digest, members) in PACKAGES.items()
        if not (TARGET / f"{name}.LICENSE").is_file() or not all(is_here(*member) for member in members.values())
    }


def download(packages: dict, folder: Path) -> None:
    """Lets pip fetch the source distributions; it compares the hash before it opens one."""
    requirements = folder / "requirements.txt"
    requirements.write_text(
        "".join(f"{name}=={version} --hash=sha256:{digest}\n" for (name, version), (digest, _) in packages.items())
    )
    venv = ROOT / "target/venv/bin/python"  # made by devops/test-setup.sh; it always has a pip
    subprocess.run(
        [str(venv) if venv.exists() else sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        + ["--disable-pip-version-check", "--retries", "1", "--timeout", "20", "--no-binary", ",".join(name for name, _ in packages)]
        + ["--require-hashes", "--requirement", str(requirements), "--dest", str(folder)],
        check=True,
        timeout=DOWNLOAD_S_MAX,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def extract(archive: Path, members: dict, licence: str) -> None:
    """Reads the wanted members only, as bytes: no path from the archive ever becomes a path here."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            if not member.isfile() or member.size > MEMBER_BYTES_MAX or not (path in members or path == "LICENSE"):
                continue
            content = tar.extractfile(member).read()
            name, digest = members.get(path, (licence, sha256(content)))
            if sha256(content) != digest:
                sys.exit(f"{archive.name}: {path} is not the file that was expected")
            (TARGET / name).write_bytes(content)


def main() -> None:
    packages = missing_packages()
    if not packages:
        return
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            download(packages, folder)
        except (OSError, subprocess.SubprocessError) as error:
            reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            print(f"The vendor files for the importer's tests could not be fetched: {reason}", file=sys.stderr)
            sys.exit(1 if os.environ.get("CI") == "true" else 0)
        for (name, version), (_, members) in packages.items():
            archive = folder / f"{name.replace('-', '_')}-{version}.tar.gz"
            extract(archive, members, f"{name}.LICENSE")
    if missing_packages():
        sys.exit("A wanted file is in none of the packages")
    print(f"Vendor files for the importer's tests are in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
