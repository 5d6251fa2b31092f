"""Settings of one gateway: from ``CONSENTRY_…`` variables and an optional TOML file, checked once, never changed.

Secrets come from files only, of mode 0600; their contents are read where they are used and never shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from consentry.errors import ConfigurationError

MOST_LANES: Final = 16
FORMS: Final = {
    "lanes": "a whole number from 1 to 16",
    "custodian": "0x and 40 lower-case hexadecimal digits",
    "engine": "embedded or besu",
    "port": "a number from 0 to 65535",
    "key_service": "local, pkcs11:/MODULE?token=LABEL or openbao:https://HOST:PORT/MOUNT",
    "log_store": "s3://BUCKET/PREFIX",
    "documentation": "true or false",
    "max_body_bytes": "a whole number from 1 on",
    "max_upload_bytes": "a whole number from 1 on",
    "session_seconds": "a whole number from 1 to 86400",
    "start_wait_seconds": "a whole number from 0 to 3600",
    "access_wait_seconds": "a whole number from 0 to 60",
    "connections_per_address": "a whole number from 0 on",
    "unproven_per_address": "a whole number from 0 on",
    "requests_about_subject": "a whole number from 0 on",
}
"""What is expected of settings that do not take any text."""
KEY_SERVICE: Final = r"^(local|pkcs11:/[^?]+\?token=[^&]+|openbao:https?://[^/@?#]+/[A-Za-z0-9_./-]+)$"
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """One gateway. Every member may be given as ``CONSENTRY_<NAME>``; variables win over the file."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="CONSENTRY_", frozen=True, extra="forbid"
    )

    state_dir: Path = Field(Path(".consentry"), description="the one folder everything is kept in")
    engine: str = Field("embedded", pattern="^(embedded|besu)$", description="profile of the chain")
    node_url: str = Field("http://127.0.0.1:18545", description="JSON-RPC address of the node")
    manifest: Path | None = Field(None, description="deployment manifest; state_dir/deployment.json if not given")
    custodian: str = Field("", pattern="^(0x[0-9a-f]{40})?$", description="address of this gateway's institution")
    database_url: str = Field("", description="SQLAlchemy URL; SQLite in state_dir if not given")
    database_url_file: Path | None = Field(None, description="file with the SQLAlchemy URL, if it holds a password")
    object_store: str = Field("", description="folder or URL of the object store; state_dir/objects if not given")
    object_store_endpoint: str = Field("", description="address of an S3 server; that of the region if not given")
    object_store_region: str = Field("", description="region of an S3 bucket; that of AWS_REGION if not given")
    object_store_keys_file: Path | None = Field(
        None, description="access key id and secret of an S3 bucket, one a line; those of AWS_… if not given"
    )
    key_service: str = Field(
        "local",
        pattern=KEY_SERVICE,
        description="where subject keys are: local, pkcs11:MODULE?token=LABEL or openbao:ADDRESS/MOUNT",
    )
    key_service_secret_file: Path | None = Field(
        None, description="PIN or token of the key service, unless it is local"
    )
    key_service_ca_file: Path | None = Field(
        None, description="certificate of the authority of an OpenBao server; those of the system if not given"
    )
    lanes: int = Field(1, ge=1, le=MOST_LANES, description="relay accounts that pass accesses on side by side")
    relay_key_file: Path | None = Field(None, description="key of the relay account; state_dir/keys/relay if not given")
    passphrase_file: Path | None = Field(
        None, description="passphrase of the vault; state_dir/keys/passphrase if not given"
    )
    directory_key_file: Path | None = Field(
        None, description="key the codes of patients are hashed under; state_dir/keys/directory if not given"
    )
    log_origin: str = Field(
        "",
        description="name of the ledger log this gateway keeps and signs, e.g. gateway.example.org/log; no log without",
    )
    log_key_file: Path | None = Field(
        None, description="key the ledger log is signed with; state_dir/keys/log if not given"
    )
    log_witnesses: str = Field(
        "", description="witnesses asked for cosignatures: address, space and verifier key of each, commas between"
    )
    log_root_file: Path | None = Field(
        None, description="log root that says how many cosignatures make a checkpoint final"
    )
    log_store: str = Field(
        "",
        pattern="^(s3://[^/]+(/.*)?)?$",
        description="bucket and prefix the tiles of the ledger log are kept in; state_dir/log/tree if not given",
    )
    font_folder: Path | None = Field(
        None, description="folder with Noto Sans SC for papers; the fonts that setup installed if not given"
    )
    paper_certificate_file: Path | None = Field(
        None, description="PKCS#12 file of whoever signs papers; they are not signed if not given"
    )
    paper_passphrase_file: Path | None = Field(None, description="passphrase of the PKCS#12 file")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(18080, description="port to listen on; 0 takes a free one")
    public_origin: str = Field(
        "", description="origin of the patient's page, for passkeys; http://host:port if not given"
    )
    public_host: str = Field("", description="host and port callers use, where it is not host:port")
    gateway_url: str = Field("", description="gateway that commands of users talk to; public_origin if not given")
    documentation: bool = Field(
        default=True, description="whether /docs and /openapi.json are served; not in production"
    )
    max_body_bytes: int = Field(1_048_576, gt=0, description="limit of a JSON body")
    max_upload_bytes: int = Field(8 * 2**30, gt=0, description="limit of an uploaded record")
    session_seconds: int = Field(900, gt=0, le=86_400, description="life of a signed-in session")
    start_wait_seconds: int = Field(
        60, ge=0, le=3600, description="seconds a start waits for a chain, database or key service that does not answer"
    )

    access_wait_seconds: int = Field(
        10,
        ge=0,
        le=60,
        description="seconds until a caller is told to come back for a decision, unless it says how many",
    )
    connections_per_address: int = Field(
        256, ge=0, description="connections one address may have open; 0 for any number, as behind a proxy of one's own"
    )
    unproven_per_address: int = Field(
        50, ge=0, description="requests a second of one address that prove no identity; 0 for any number"
    )
    requests_about_subject: int = Field(
        600, ge=0, description="requests a minute of one institution about one person; 0 for any number"
    )

    _file: ClassVar[Path | None] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Puts arguments before variables before the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls._file)

    @property
    def manifest_path(self) -> Path:
        """Where the deployment manifest is."""
        return self.manifest or self.state_dir / "deployment.json"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force, unless ``database_url_file`` holds it."""
        return self.database_url or f"sqlite+aiosqlite:///{self.state_dir.absolute() / 'gateway.db'}"

    @property
    def objects(self) -> str:
        """Where ciphertext is kept."""
        return self.object_store or (self.state_dir.absolute() / "objects").as_uri()

    @property
    def relay_key(self) -> Path:
        """Where the relay's key is."""
        return self.relay_key_file or self.state_dir / "keys" / "relay"

    @property
    def relay_keys(self) -> tuple[Path, ...]:
        """Where the keys of all lanes are: the relay's, and beside it those of the second to the last."""
        first = self.relay_key
        return (first, *(first.with_name(f"{first.name}-{number}") for number in range(2, self.lanes + 1)))

    @property
    def passphrase(self) -> Path:
        """Where the vault's passphrase is."""
        return self.passphrase_file or self.state_dir / "keys" / "passphrase"

    @property
    def directory_key(self) -> Path:
        """Where the directory's key is."""
        return self.directory_key_file or self.state_dir / "keys" / "directory"

    @property
    def log_key(self) -> Path:
        """Where the key of the ledger log is."""
        return self.log_key_file or self.state_dir / "keys" / "log"

    @property
    def audit_key(self) -> Path:
        """Where the key is that checkpoints of audits are sealed with."""
        return self.state_dir / "keys" / "audit"

    @property
    def log_folder(self) -> Path:
        """Where tree and checkpoints of the ledger log are."""
        return self.state_dir / "log"

    @property
    def origin(self) -> str:
        """The origin passkeys are bound to."""
        return self.public_origin or f"http://{'localhost' if self.host == '127.0.0.1' else self.host}:{self.port}"

    @property
    def gateway(self) -> str:
        """The gateway that commands of users talk to."""
        return self.gateway_url or self.origin

    @property
    def hosts(self) -> frozenset[str]:
        """Values of the Host header under which signed requests are accepted."""
        origin = self.origin.partition("://")[2]
        named = {f"{self.host}:{self.port}", origin, self.public_host}
        return frozenset(named - {""})

    def describe(self) -> dict[str, Any]:
        """Gives every setting for show; a password inside a database URL is left out."""
        shown = {name: str(value) for name, value in self.model_dump().items()}
        scheme, at, rest = shown["database_url"].rpartition("@")
        shown["database_url"] = f"{scheme.partition('://')[0]}://***@{rest}" if at else shown["database_url"]
        return shown


def load_settings(file: Path | None = None, **given: Any) -> Settings:  # noqa: ANN401 - any setting by name
    """Reads the settings.

    Raises:
        ConfigurationError: one is unknown, missing or wrong; the message names it, never its value.
    """
    if file is not None and not file.is_file():
        raise ConfigurationError(f"settings file {file} is missing")
    source = type("SettingsFromFile", (Settings,), {"_file": file}) if file else Settings
    try:
        loaded: Settings = source(**given)
    except ValidationError as error:
        wrong = {".".join(str(part) for part in e["loc"]): e["type"] for e in error.errors()}
        said = ", ".join(f"{name} ({_fault(name, kind)})" for name, kind in sorted(wrong.items()))
        raise ConfigurationError(f"settings cannot be used: {said}") from None
    except ValueError:
        raise ConfigurationError("settings file cannot be read") from None
    return loaded


def _fault(name: str, kind: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such setting"
    return f"expected {FORMS.get(name, 'text')}"
