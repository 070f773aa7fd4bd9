"""The service behind all requests: the versions of the model, their queues, and their replacement by a reload."""

import asyncio
import gc
import hashlib
import logging
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from .bundles.manifest import MANIFEST
from .bundles.opening import open_classifier
from .bundles.reading import Bundle, load_bundles
from .model.classifier import Classifier
from .model.errors import SentimentError, damaged
from .queues.admission import Admission
from .queues.batcher import Batcher
from .queues.explainer import Explainer
from .settings import PREFIX, Settings, error_messages
from .telemetry.memory import resident_bytes
from .telemetry.metrics import Metrics, VersionMetrics

EXPLAINED_SHARE = 8
"""One review of this many may be one that is being explained or waits for it, in a queue of their own."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class ServedVersion:
    """One version of the model. A request takes it once, at the start, so that a reload cannot change it halfway."""

    bundle: Bundle
    classifier: Classifier
    batcher: Batcher
    metrics: VersionMetrics


class Service:
    """Everything a request may need.

    Args:
        settings: The settings.
        bundles: The bundles to serve, the default version first.
        metrics: The metrics to update.

    Attributes:
        key_digests: The SHA-256 digests of the valid API keys.
        waiting: Limits the reviews in the queues of all versions.
        explainer: Explains predictions.
        versions: Version -> what serves it; the default version first.
        draining: Whether the service is stopping: it still answers, but new traffic should go elsewhere.

    Raises:
        SentimentError: A bundle cannot be served.
    """

    def __init__(self, settings: Settings, bundles: Iterable[Bundle], metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.waiting = Admission(settings.max_waiting)
        self.explainer = Explainer(settings.max_waiting // EXPLAINED_SHARE, settings.deadline)
        self.draining = False
        self.versions: dict[str, ServedVersion] = {}
        self._serve(settings, self._open_all(bundles))
        gc.freeze()  # exempts loaded objects from garbage collection, as they live until the next reload

    @property
    def default(self) -> ServedVersion:
        """The version for requests that name none."""
        return next(iter(self.versions.values()))

    @property
    def name(self) -> str:
        """The model's name, which all versions share."""
        return self.default.bundle.manifest.name

    @property
    def digests(self) -> dict[str, str]:
        """Version -> digest of its bundle; for the log."""
        return {version: served.bundle.digest for version, served in self.versions.items()}

    async def reload(self) -> None:
        """Read the API keys again and load the bundles that the settings name now, then swap both.

        If a key is invalid or a bundle cannot be served, nothing changes. Requests in progress finish with the version
        that they began with.
        """
        try:
            settings, bundles = await asyncio.to_thread(reloaded, self.settings)
            versions = await asyncio.to_thread(self._open_all, bundles)
        except SentimentError as error:
            log.error("reload rejected", extra={"reason": str(error), "serving": list(self.versions)})
            self.metrics.reloaded(loaded=False)
            return
        self._serve(settings, versions)
        del bundles, versions
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self.metrics.reloaded(loaded=True)
        log.info("reloaded", extra={"bundles": self.digests})

    def _open_all(self, bundles: Iterable[Bundle]) -> dict[str, ServedVersion]:
        """Open bundles; those that are already in service stay."""
        versions = {}
        for bundle in bundles:
            name = bundle.manifest.version
            version = self.versions.get(name)
            if version is None or version.bundle.digest != bundle.digest:
                classifier = open_classifier(bundle, self.settings.runtime)
                metrics = VersionMetrics(self.metrics, name)
                batcher = Batcher(classifier, self.waiting, self.settings.deadline, metrics.observe)
                version = ServedVersion(bundle, classifier, batcher, metrics)
            versions[name] = version
        names = {version.bundle.manifest.name: version.bundle for version in versions.values()}
        if len(names) > 1:
            *_, other = names.values()
            raise damaged(other.folder / MANIFEST, f"the versions have different names: {', '.join(names)}")
        return versions

    def _serve(self, settings: Settings, versions: dict[str, ServedVersion]) -> None:
        for version in self.versions.values():
            self.metrics.serving(version.bundle, self.settings.runtime, served=False)
        for version in versions.values():
            self.metrics.serving(version.bundle, self.settings.runtime, served=True)
        self.settings, self.versions = settings, versions
        self.key_digests = [hashlib.sha256(key.encode()).digest() for key in settings.all_keys]

    def observe(self, connections: int) -> None:
        """Update the gauges and count dropped log lines; called once per second.

        Args:
            connections: Open client connections.
        """
        self.metrics.waiting.set(self.waiting.count)
        self.metrics.explaining.set(self.explainer.admission.count)
        self.metrics.connections.set(connections)
        self.metrics.memory.set(resident_bytes())
        self.metrics.count_dropped_lines()

    def begin_draining(self) -> None:
        """Signal that traffic should go elsewhere from now on, but keep answering."""
        self.draining = True
        self.metrics.workers_ready.set(0)


def reloaded(settings: Settings) -> tuple[Settings, list[Bundle]]:
    """Read the API keys again, and load and verify the bundles that the settings name now.

    Raises:
        SentimentError: The file of keys cannot be read, a key is invalid, or a bundle is missing or damaged.
    """
    try:
        settings = Settings(**dict(settings))  # reads the file of keys
    except ValidationError as error:
        raise SentimentError("; ".join(error_messages(error))) from error
    warn_of_exposed_keys(settings)
    return settings, load_bundles(settings.model_dir, settings.model_version)


def warn_of_exposed_keys(settings: Settings) -> None:
    """Log a warning if every user of the machine can read the file of API keys."""
    with suppress(OSError):
        if settings.api_keys_file and settings.api_keys_file.stat().st_mode & stat.S_IROTH:
            log.warning(f"every user can read {PREFIX}API_KEYS_FILE; `chmod o-r` prevents it")
