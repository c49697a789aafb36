"""Where a city keeps its things: files beside city.yaml, resolved in one place."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.config import CityFile, SqliteJournalConfig
from citypatrol.clock import Ts
from citypatrol.signing import sign_evidence

_KEY_BYTES: Final = 32
_LINK_LIFE_S: Final = 30 * 24 * 3600
"""How long a signed picture address stays good: a unit may open a ticket weeks later."""


@dataclass(frozen=True, slots=True)
class Places:
    """``folder``: of city.yaml, to which every path in it is relative."""

    file: CityFile
    folder: Path

    def of(self, name: str) -> Path:
        return self.folder / name

    @property
    def journal(self) -> Path:
        """Of the SQLite form."""
        config = self.file.journal
        name = config.path if isinstance(config, SqliteJournalConfig) else "data/journal.db"
        return self.of(name)

    @property
    def dead(self) -> Path:
        """Beside the journal: what cannot go on lies where what goes on does."""
        return self.journal.with_name("dead.db")

    @property
    def modes(self) -> Path:
        """Who switched the mode of the city, and when."""
        return self.journal.with_name("modes.jsonl")

    @property
    def taught(self) -> Path:
        """The file of what people have taught cameras to take no notice of."""
        return self.journal.with_name("taught.json")

    @property
    def learned(self) -> Path:
        """The folder of what the watches of cameras have learned."""
        return self.journal.with_name("learned")

    @property
    def history(self) -> Path:
        return self.of(self.file.history.path)

    @property
    def evidence(self) -> Path:
        return self.of(self.file.evidence.path)

    @property
    def tickets_url(self) -> str:
        """A relative SQLite path is relative to city.yaml, as everything in it."""
        text = self.file.tickets.url.reveal()
        try:
            url = make_url(text)
        except ArgumentError:
            return text
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return text
        path = self.folder.absolute() / url.database
        return url.set(database=str(path)).render_as_string(hide_password=False)

    def evidence_key(self) -> bytes:
        """The key that signs addresses of pictures; made at the first start, readable by us only.

        Raises OSError.
        """
        path = self.evidence / "signing.key"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
            if len(key) == _KEY_BYTES:
                return key
            # A start that was cut short between making the file and filling it.
            path.unlink()
            return self.evidence_key()
        with os.fdopen(handle, "wb") as file:
            key = secrets.token_bytes(_KEY_BYTES)
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return key

    def callback_url(self, unit: str) -> str:
        return f"{self.file.http.url}/api/v1/callbacks/{unit}"


@dataclass(frozen=True, slots=True)
class EvidenceLinks:
    """Signed addresses of pictures, for those who have no token."""

    key: bytes
    public_url: str

    def __call__(self, sha: str, at: Ts) -> str:
        expires = at // 1000 + _LINK_LIFE_S
        signature = sign_evidence(self.key, sha, expires)
        return f"{self.public_url}/evidence/{sha}.jpg?expires={expires}&signature={signature}"
